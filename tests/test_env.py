"""Tests for `openusage.host.env`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.env import Env


class EnvTests(SynchronousTestCase):
    """`Env`."""

    def get(self, value: str) -> str | None:
        return Env({"TOKEN": value}, "linux").get("TOKEN")

    def test_get(self) -> None:
        """A variable's value is found under its exact name."""
        env = Env({"CODEX_HOME": "/srv/codex"}, "linux")

        self.assertEqual(env.get("CODEX_HOME"), "/srv/codex")
        self.assertIsNone(env.get("codex_home"))
        self.assertIsNone(env.get("CODEX"))

    def test_blank(self) -> None:
        """A variable that is set to nothing but white space counts as unset."""
        for value in ("", "   ", "\t\n", "\x1b[0m", "\x07"):
            self.assertIsNone(self.get(value), value)

    def test_last_line(self) -> None:
        """Of several lines the last that is not blank is the value, trimmed."""
        self.assertEqual(self.get("Welcome back!\n  sk-1 \r\n \n"), "sk-1")

    def test_terminal_sequences(self) -> None:
        """Colours, titles and other escape sequences of terminals are no part of a value."""
        for value in (
            "\x1b[1;32msk-1\x1b[0m",
            "\x1b]0;my title\x07sk-1",
            "\x1b]8;;https://example.com\x1b\\sk-1",
            "\x1b(Bsk-1\x1b=",
            "\x9b31msk-1",
        ):
            self.assertEqual(self.get(value), "sk-1", value)

    def test_control_characters(self) -> None:
        """Control characters, which no header may hold, are removed."""
        self.assertEqual(self.get("s\x00k\x7f-\x851\x08"), "sk-1")

    def test_inner_space(self) -> None:
        """White space within the value stays, since paths may have it."""
        self.assertEqual(self.get("/home/ada/My Files"), "/home/ada/My Files")

    @given(st.text())
    @settings(deadline=None, max_examples=200)
    def test_any_value(self, value: str) -> None:
        """Whatever is set, the value is `None` or a trimmed line without control characters."""
        found = self.get(value)

        if found is not None:
            self.assertEqual(found, found.strip())
            self.assertTrue(found)
            self.assertFalse([c for c in found if ord(c) < 32 or 127 <= ord(c) < 160])

    def test_flag(self) -> None:
        """A flag is on when set to anything but the usual words for no."""
        for value in ("1", "true", "YES", "anything"):
            self.assertTrue(Env({"USE_STAGING": value}, "linux").flag("USE_STAGING"), value)
        for value in ("0", "false", "No", "OFF", " off ", ""):
            self.assertFalse(Env({"USE_STAGING": value}, "linux").flag("USE_STAGING"), value)
        self.assertFalse(Env({}, "linux").flag("USE_STAGING"))

    def test_overlay(self) -> None:
        """An overlay replaces, adds and takes away, and leaves the original alone."""
        env = Env({"A": "1", "B": "2"}, "linux")

        over = env.overlay({"A": "one", "B": None, "C": "3", "D": None})

        self.assertEqual(over.variables, {"A": "one", "C": "3"})
        self.assertEqual(env.variables, {"A": "1", "B": "2"})
        self.assertEqual(over.platform, "linux")

    def test_windows(self) -> None:
        """On Windows upper and lower case in a name make no difference."""
        env = Env({"Path": "C:\\bin"}, "win32")

        self.assertEqual(env.get("PATH"), "C:\\bin")
        self.assertEqual(env.get("path"), "C:\\bin")
        self.assertEqual(env.overlay({"pATH": "D:\\"}).variables, {"PATH": "D:\\"})
        self.assertIsNone(env.overlay({"path": None}).get("Path"))

    def test_repr(self) -> None:
        """Values, which may be secrets, are not printed."""
        self.assertNotIn("sk-1", repr(Env({"TOKEN": "sk-1"}, "linux")))
