"""The command as a whole, and what the tests of its parts share."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

import openusage
from openusage import __version__
from openusage.cli import COMMANDS, commands

ROOT = Path(openusage.__file__).parent.parent


def folders(base: Path) -> dict[str, str | None]:
    """An environment in which everything of ours and of the person lies below `base`."""
    return {
        "HOME": str(base / "home"),
        "USERPROFILE": str(base / "home"),
        "OPENUSAGE_CONFIG_DIR": str(base / "config"),
        "OPENUSAGE_DATA_DIR": str(base / "data"),
        "COLUMNS": None,
        "NO_COLOR": None,
        "TERM": None,
        "CLAUDE_CONFIG_DIR": None,
        "CODEX_HOME": None,
    }


def run(*arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
    """The command with `arguments`, in this process; stdout and stderr are kept apart."""
    # click 8.1 mixes the two unless told not to; later ones never do and know no such option.
    apart = "mix_stderr" in inspect.signature(CliRunner).parameters
    options: dict[str, Any] = {"mix_stderr": False} if apart else {}
    return CliRunner(**options).invoke(commands, list(arguments), env=env)


def child_env(base: Path, **more: str) -> dict[str, str]:
    """The environment of a child for which `folders(base)` hold."""
    env = {name: value for name, value in {**os.environ, **folders(base)}.items() if value}
    return {**env, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **more}


def run_child(
    base: Path, *arguments: str, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`python -m openusage` with `arguments`, for a person all of whose files are below `base`."""
    (base / "home").mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "openusage", *arguments],
        env=child_env(base, **(more or {})),
        cwd=base,
        capture_output=True,
        timeout=60,
        check=False,
    )


class CommandsTests(SynchronousTestCase):
    """`commands`"""

    def test_version(self) -> None:
        """The version is that of the package."""
        result = run("--version")

        self.assertEqual((result.exit_code, result.stdout), (0, f"openusage {__version__}\n"))

    def test_help(self) -> None:
        """The help has every command with its sentence, and examples."""
        result = run("--help")

        self.assertEqual(result.exit_code, 0)
        for name, sentence in COMMANDS.items():
            self.assertRegex(result.stdout, rf"(?m)^  {name} +{sentence}$")
        self.assertIn("\n    openusage probe claude --json\n", result.stdout)

    def test_sentences(self) -> None:
        """The sentence of the overview is that of the command's own help."""
        for name, sentence in COMMANDS.items():
            with self.subTest(name=name):
                result = run(name, "--help")

                self.assertEqual(result.exit_code, 0)
                self.assertEqual(result.stdout.splitlines()[2].strip(), sentence)
                self.assertLessEqual(max(map(len, result.stdout.splitlines())), 80)

    def test_unknown(self) -> None:
        """A command that does not exist is a usage error, and nothing goes to stdout."""
        result = run("stauts")

        self.assertEqual((result.exit_code, result.stdout), (2, ""))
        self.assertIn("No such command 'stauts'", result.stderr)

    def test_module(self) -> None:
        """`python -m openusage` is the same command under the same name."""
        base = Path(self.mktemp()).absolute()

        done = run_child(base, "--help")

        self.assertEqual(done.stdout.decode().splitlines(), run("--help").stdout.splitlines())


class LightnessTests(SynchronousTestCase):
    """What is imported, which is most of the time that a short command takes."""

    def test_status(self) -> None:
        """`status` needs neither Twisted nor cattrs while a service answers."""
        script = (
            "import sys, openusage.cli.status\n"
            "print([m for m in ('twisted', 'klein', 'treq', 'cattrs') if m in sys.modules])"
        )

        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=60,
            check=True,
        )

        self.assertEqual(done.stdout.strip(), b"[]")

    def test_help(self) -> None:
        """Every subcommand is found, each in a module of its own kind."""
        context = click.Context(commands)
        for name in COMMANDS:
            command = commands.get_command(context, name)

            self.assertIsNotNone(command)
            self.assertEqual(command and command.name, name)
        self.assertIsNone(commands.get_command(context, "text"))
        self.assertTrue(import_module("openusage.cli.text"))
