"""`openusage enable`, `disable` and `order`."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest import mock

from click.testing import Result
from twisted.trial.unittest import SynchronousTestCase

from openusage.providers.registry import builtin_providers
from tests.test_cli import folders, run

KNOWN = [provider.id for provider in builtin_providers()]


class ChooseTests(SynchronousTestCase):
    """The three commands, on a settings file."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        self.settings = self.base / "config" / "settings.json"

    def write(self, **settings: Any) -> None:
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(json.dumps(settings))

    def plugins(self) -> Any:
        return json.loads(self.settings.read_text())["plugins"]

    def call(self, *arguments: str) -> Result:
        return run(*arguments, env=folders(self.base))

    def done(self, *arguments: str) -> list[str]:
        result = self.call(*arguments)
        self.assertEqual((result.exit_code, result.stderr), (0, ""))
        return result.stdout.splitlines()

    def test_enable(self) -> None:
        """Enabling makes the file if need be and prints every provider with its state."""
        lines = self.done("enable", "codex")

        self.assertEqual(self.plugins(), {"enabled": ["codex"]})
        self.assertEqual([line.split()[0] for line in lines], KNOWN)
        states = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
        self.assertEqual((states["codex"], states["claude"]), ("enabled", "when found"))

    def test_disable(self) -> None:
        """Disabling takes back what was enabled."""
        self.write(plugins={"enabled": ["codex", "claude"]}, autoUpdateInterval=7, more=1)

        lines = self.done("disable", "codex", "codex")

        self.assertEqual(self.plugins(), {"enabled": ["claude"], "disabled": ["codex"]})
        self.assertIn("disabled", next(line for line in lines if line.startswith("codex")))
        kept = json.loads(self.settings.read_text())
        self.assertEqual((kept["autoUpdateInterval"], kept["more"]), (7, 1))

    def test_enable_again(self) -> None:
        """Enabling takes back what was disabled."""
        self.write(plugins={"disabled": ["codex"]})

        self.done("enable", "codex")

        self.assertEqual(self.plugins(), {"enabled": ["codex"], "disabled": []})

    def test_order(self) -> None:
        """Those given go first, the others keep their order; ids of others are not lost."""
        self.write(plugins={"order": ["gone", "codex"]})

        lines = self.done("order", "claude")

        self.assertEqual(self.plugins(), {"order": ["claude", "gone", "codex"]})
        self.assertEqual([line.split()[0] for line in lines[:2]], ["claude", "codex"])

    def test_idempotent(self) -> None:
        """What is so already is not written again."""
        for arguments in (("enable", "codex"), ("disable", "claude"), ("order", "codex")):
            with self.subTest(arguments=arguments):
                first = self.done(*arguments)
                self.settings.write_text(self.settings.read_text() + "\n\n")
                before = self.settings.read_text()

                self.assertEqual(self.done(*arguments), first)
                self.assertEqual(self.settings.read_text(), before)

    def test_account(self) -> None:
        """A declared account is as good as a provider, and enabled unless disabled."""
        self.write(accounts=[{"id": "claude-work", "provider": "claude"}])

        lines = self.done("order", "claude-work")

        self.assertEqual(lines[0].split(), ["claude-work", "enabled"])

    def test_unknown(self) -> None:
        """An unknown id is a usage error that lists the known ones; nothing is written."""
        for command in ("enable", "disable", "order"):
            with self.subTest(command=command):
                result = self.call(command, "claude", "nix")

                self.assertEqual((result.exit_code, result.stdout), (2, ""))
                self.assertEqual(
                    result.stderr,
                    f"openusage: no provider 'nix'; there are: {', '.join(KNOWN)}\n",
                )
                self.assertFalse(self.settings.exists())

    def test_folder(self) -> None:
        """Settings in another folder than the usual one are edited there."""
        other = self.base / "other"

        self.done("disable", "codex", "--config-dir", str(other))

        self.assertEqual(
            json.loads((other / "settings.json").read_text()), {"plugins": {"disabled": ["codex"]}}
        )
        self.assertFalse(self.settings.exists())

    def test_no_ids(self) -> None:
        """Without ids it is a usage error."""
        for command in ("enable", "disable", "order"):
            self.assertEqual(self.call(command).exit_code, 2)

    def test_bad_settings(self) -> None:
        """Settings that are not valid are named by line and key, and left alone."""
        self.settings.parent.mkdir(parents=True)
        self.settings.write_text('{\n"plugins": {"order": 1}}')

        result = self.call("enable", "claude")

        self.assertEqual(result.exit_code, 2)
        self.assertIn("openusage: settings.json, line 2: plugins.order", result.stderr)
        self.assertEqual(self.settings.read_text(), '{\n"plugins": {"order": 1}}')

    def test_cannot_write(self) -> None:
        """A file that cannot be written is told without a traceback."""
        self.base.mkdir()
        (self.base / "config").write_text("in the way")

        result = self.call("enable", "claude")

        self.assertEqual(result.exit_code, 2)
        self.assertRegex(result.stderr, r"^openusage: settings.json: cannot be (read|written) \(")

    def test_account_problem(self) -> None:
        """An account of no provider is told, and the rest goes on."""
        self.write(accounts=[{"id": "x", "provider": "nix"}])

        result = self.call("enable", "claude")

        self.assertEqual(result.exit_code, 0)
        self.assertIn("openusage: account x: no provider 'nix'", result.stderr)


class LookUpTests(SynchronousTestCase):
    """`look_up`, which all commands that need to know the providers use."""

    def test_broken_provider(self) -> None:
        """An installed provider that cannot be used is told, and the others go on."""
        base = Path(self.mktemp())
        broken = EntryPoint("mine", "no.such.module:Mine", "openusage.providers")

        with mock.patch("openusage.providers.registry.entry_points", return_value=[broken]):
            result = run("enable", "codex", env=folders(base))

        self.assertEqual(result.exit_code, 0)
        self.assertIn("openusage: provider mine is skipped: ", result.stderr)
