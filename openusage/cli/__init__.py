"""The `openusage` command. Each subcommand is a module, imported when it is asked for.

Data goes to stdout, words to stderr. The exit status is 0 done, 1 failed, 2 usage error or unknown
provider, 3 no credentials, 4 provider refused or unreachable.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click

from openusage._version import __version__

__all__ = ["COMMANDS", "commands", "main"]

COMMANDS = {
    "status": "Show how much of each plan is used.",
    "probe": "Ask one provider now and show its answer.",
    "providers": "List the providers, and where each was found on this machine.",
    "serve": "Probe on a schedule and serve the answers over HTTP.",
    "enable": "Always show these providers.",
    "disable": "Never show these providers.",
    "order": "Show these providers first, in this order.",
}
"""Every subcommand with its one sentence, so that the help needs none of their modules."""

_MODULES = dict.fromkeys(("enable", "disable", "order"), "choose")
_EXAMPLES = """\b
Examples:
  openusage status
  openusage probe claude --json
  openusage serve --interval 10
"""


class _Commands(click.Group):
    """Subcommands that are imported when they are run or their own help is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"openusage.cli.{_MODULES.get(cmd_name, cmd_name)}")
        return cast(click.Command, getattr(module, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    name="openusage",
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="openusage", message="%(prog)s %(version)s")
def commands() -> None:
    """How much of your AI coding plans is used."""


def main() -> None:
    """Run the command line of this process and exit."""
    commands(prog_name="openusage")
