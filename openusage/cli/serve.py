"""`openusage serve`: the service in the foreground, for those who do not want twistd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from twisted.application.service import IService
from twisted.python.usage import UsageError

from openusage.cli.flags import CONFIG_DIR, DATA_DIR
from openusage.cli.running import log_to_stderr, stop_on_signals
from openusage.cli.trouble import WRONG_USE, give_up
from openusage.listening import DEFAULT
from openusage.options import Options
from openusage.service import build
from openusage.settings import SettingsError

__all__ = ["run_service", "serve"]

_EXAMPLES = """\b
Examples:
  openusage serve
  openusage serve --interval 10 --listen unix:/run/user/1000/openusage.sock
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--listen", "-l", multiple=True, metavar="ENDPOINT", help=f"Where. [default: {DEFAULT}]"
)
@CONFIG_DIR
@DATA_DIR
@click.option(
    "--interval", "-i", metavar="MINUTES", help="1 to 60. [default: the settings', else 5]"
)
@click.option("--verbose", is_flag=True, help="Log for debugging.")
def serve(verbose: bool, **options: str | Sequence[str] | None) -> None:
    """Probe on a schedule and serve the answers over HTTP.

    Runs until it is interrupted and logs to stderr. `twistd openusage` runs the same service as a
    daemon. --listen takes the server endpoints of Twisted and may be repeated.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - importing it chooses it

    checked = Options()
    checked.parseOptions(list(_arguments(options)))
    try:
        service = build(reactor, checked)
    except (SettingsError, UsageError) as error:
        give_up(str(error), WRONG_USE)
    log_to_stderr(verbose=verbose)
    run_service(reactor, service)


def run_service(reactor: Any, service: IService) -> None:
    """Run `service` until the reactor is told to stop; returns when the service has stopped too."""
    stop_on_signals(reactor)
    reactor.callWhenRunning(service.startService)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()


def _arguments(options: Mapping[str, str | Sequence[str] | None]) -> Iterator[str]:
    """`options` as twistd would be given them: there they are checked, and nowhere else."""
    for name, value in options.items():
        values = [value] if isinstance(value, str) else value or ()
        yield from (f"--{name.replace('_', '-')}={each}" for each in values)
