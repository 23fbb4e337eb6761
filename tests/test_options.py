"""The options of `twistd openusage`."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from openusage.listening import DEFAULT
from openusage.options import Options, endpoint_from


def parsed(*arguments: str) -> Options:
    options = Options()
    options.parseOptions(list(arguments))
    return options


class OptionsTests(SynchronousTestCase):
    """`Options`."""

    def test_defaults(self) -> None:
        """Without options the usual port of loopback is taken, and the settings decide the rest."""
        options = parsed()

        self.assertEqual((options["listen"], options["interval"]), ([DEFAULT], None))

    def test_all(self) -> None:
        """Every option is taken over; `--listen` may be given again."""
        options = parsed(
            *("--listen", "tcp:1", "-l", "unix:/tmp/x", "--interval", "7"),
            *("--config-dir", "conf", "--data-dir", "data"),
        )

        self.assertEqual(options["listen"], ["tcp:1", "unix:/tmp/x:mode=600"])
        self.assertEqual(options["interval"], 7)
        self.assertEqual(options.folders().settings, Path.cwd() / "conf" / "settings.json")
        self.assertEqual(options.folders().cache.parent, Path.cwd() / "data")

    def test_refused(self) -> None:
        """What is wrong ends with 2 and one line that names the option and what is allowed."""
        cases = [
            (["--interval", "0"], "--interval must be a whole number of minutes from 1 to 60"),
            (["--interval", "x"], "--interval"),
            (["--interval", "61"], "1 to 60"),
            (["--bogus"], "--bogus"),
            (["more"], "more"),
        ]
        for arguments, words in cases:
            said = io.StringIO()
            with redirect_stderr(said):
                ended = self.assertRaises(SystemExit, parsed, *arguments)
            self.assertEqual(ended.code, 2)
            self.assertIn(words, said.getvalue())
            self.assertEqual(said.getvalue().count("\n"), 1)

    def test_in_code(self) -> None:
        """Made in code, nothing listens by itself and an interval is checked the same."""
        self.assertEqual(Options.of()["listen"], [])
        self.assertEqual(Options.of(listen=["unix:/s"])["listen"], ["unix:/s:mode=600"])
        self.assertRaises(UsageError, Options.of, interval=0)


class EndpointFromTests(SynchronousTestCase):
    """`endpoint_from`."""

    def test_refused(self) -> None:
        """What is no endpoint is refused in words that show one."""
        for text in ("", "6736", "tcp:x", "nonsense:1", "ssl:1:privateKey=/none:certKey=/none"):
            error = self.assertRaises(UsageError, endpoint_from, MemoryReactorClock(), text)
            self.assertIn(DEFAULT, str(error))
