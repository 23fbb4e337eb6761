"""Tests for `openusage.providers.stored`."""

from __future__ import annotations

import errno
import json
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.host.files import Files
from openusage.model import NotLoggedInError
from openusage.providers.stored import Missing, not_logged_in, stored_object, stored_text
from openusage.testing import fake_host, run_inline


class ClosedFiles(Files):
    """Files that may not be read; `number` is the system's."""

    number = errno.EACCES

    async def read(self, path: Path, limit: int = 0) -> bytes:
        raise OSError(self.number, "Permission denied", str(path))


class SilentFiles(Files):
    """Files that fail without a word."""

    async def read(self, path: Path, limit: int = 0) -> bytes:
        raise OSError


class Case(SynchronousTestCase):
    """A home folder with a file in it, or none."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.path = self.home / ".tool" / "login.json"
        self.path.parent.mkdir(parents=True)
        self.host: Host = fake_host(self.home, env={"TOOL_HOME": str(self.home.parent / "away")})

    def text(self, *variables: str, path: Path | None = None) -> str | Missing:
        work = stored_text(self.host, path or self.path, *variables)
        return self.successResultOf(Deferred.fromCoroutine(work))

    def found(self, *variables: str, path: Path | None = None) -> dict[str, object] | Missing:
        work = stored_object(self.host, path or self.path, *variables)
        return self.successResultOf(Deferred.fromCoroutine(work))


class StoredTextTests(Case):
    """`stored_text`."""

    def test_text(self) -> None:
        """The text is given as it is, but for a byte-order mark and what is no UTF-8."""
        self.path.write_bytes(b"\xef\xbb\xbf one\r\ntwo \xff\n")
        self.assertEqual(self.text(), " one\r\ntwo \ufffd\n")

    def test_empty(self) -> None:
        """An empty file holds an empty text."""
        self.path.write_bytes(b"")
        self.assertEqual(self.text(), "")

    def test_missing(self) -> None:
        """A file that is not there, or whose folder is none, was not found."""
        self.assertEqual(self.text(), Missing("~/.tool/login.json was not found"))
        (self.home / "file").write_text("")
        below = self.home / "file" / "login.json"
        self.assertEqual(self.text(path=below), Missing("~/file/login.json was not found"))

    def test_elsewhere(self) -> None:
        """A place outside the home folder is named by the variable that leads there."""
        away = self.home.parent / "away" / "login.json"
        named = Missing("$TOOL_HOME/login.json was not found")
        self.assertEqual(self.text("TOOL_HOME", path=away), named)
        self.assertEqual(self.text(path=away), Missing("login.json was not found"))

    def test_unreadable(self) -> None:
        """What cannot be read says why, in the system's words, without a path of the machine."""
        self.path.mkdir()
        self.assertEqual(
            self.text(), Missing("~/.tool/login.json cannot be read (Invalid argument)")
        )
        self.host = evolve(self.host, files=ClosedFiles(run_inline))
        self.assertEqual(
            self.text(), Missing("~/.tool/login.json cannot be read (Permission denied)")
        )
        self.host = evolve(self.host, files=SilentFiles(run_inline))
        self.assertEqual(self.text(), Missing("~/.tool/login.json cannot be read (OSError)"))

    def test_too_large(self) -> None:
        """A file that no login is as large as is not read."""
        with self.path.open("wb") as file:
            file.truncate(8 * 2**20 + 1)
        missing = self.text()
        assert isinstance(missing, Missing)
        self.assertIn("~/.tool/login.json cannot be read (", missing.reason)


class StoredObjectTests(Case):
    """`stored_object`."""

    def test_object(self) -> None:
        """An object is found as it is or in hex."""
        text = json.dumps({"token": "ä"}, ensure_ascii=False)
        for form in (text, f"\ufeff{text}\n", text.encode().hex(), f"0X{text.encode().hex()}"):
            self.path.write_text(form, "utf-8")
            self.assertEqual(self.found(), {"token": "ä"})

    def test_no_object(self) -> None:
        """Anything else is said to be none, and not what it is."""
        for text in ("", "[]", "null", '"PLANTED"', "{PLANTED", "PLANTED", "[" * 100_000):
            self.path.write_text(text)
            self.assertEqual(self.found(), Missing("~/.tool/login.json is no JSON object"))

    def test_elsewhere(self) -> None:
        """Here too a variable names the place, whatever is wrong there."""
        away = self.home.parent / "away" / "login.json"
        self.assertEqual(
            self.found("TOOL_HOME", path=away), Missing("$TOOL_HOME/login.json was not found")
        )
        away.parent.mkdir(exist_ok=True)
        away.write_text("[]")
        self.assertEqual(
            self.found("TOOL_HOME", path=away), Missing("$TOOL_HOME/login.json is no JSON object")
        )


class NotLoggedInTests(SynchronousTestCase):
    """`not_logged_in`."""

    def test_places(self) -> None:
        """Each place is named with what is wrong there, in order."""
        error = not_logged_in("Not logged in. Run `x`.", Missing("a was not found"), Missing("b c"))
        self.assertIsInstance(error, NotLoggedInError)
        self.assertEqual(str(error), "Not logged in. Run `x`. (a was not found; b c.)")

    def test_none(self) -> None:
        """Without any the message stands alone."""
        self.assertEqual(str(not_logged_in("Not logged in.")), "Not logged in.")
