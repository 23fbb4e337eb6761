"""Tests for `openusage.host.appstate`."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import skipIf

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import appstate, sqlite
from openusage.host.appstate import read_items, write_item
from openusage.testing import fake_host

TABLE = "CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)"


class Case(SynchronousTestCase):
    """An application's database, in a folder whose name needs care in a URI."""

    def setUp(self) -> None:
        self.patch(sqlite, "BUSY", 0.05)
        self.patch(appstate, "BUSY", 0.05)
        self.home = Path(self.mktemp()).absolute()
        self.path = self.home / ".config/An App 100%#1?/state.vscdb"
        self.path.parent.mkdir(parents=True)
        self.host = fake_host(self.home)

    def make(self, *rows: tuple[str, object]) -> sqlite3.Connection:
        """The application's own connection to a database with these rows."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(connection.close)
        connection.execute(TABLE)
        connection.executemany("INSERT INTO ItemTable VALUES (?, ?)", rows)
        return connection

    def items(self, *keys: str, path: Path | None = None) -> Mapping[str, str]:
        """What is read."""
        work = read_items(self.host, path or self.path, *keys)
        return self.successResultOf(Deferred.fromCoroutine(work))

    def write(self, value: str = "new") -> Any:
        """The Deferred of a write, which has fired."""
        return Deferred.fromCoroutine(write_item(self.host, self.path, "k", value))

    def rows(self) -> list[tuple[str, object]]:
        """All that is stored."""
        with closing(sqlite3.connect(self.path)) as connection:
            return list(connection.execute("SELECT key, value FROM ItemTable ORDER BY key"))


class ReadItemsTests(Case):
    """`read_items`."""

    def test_values(self) -> None:
        """A text is had as it was stored: as TEXT or as bytes, in UTF-8 or UTF-16."""
        text = '{"apiKey":"schlüssel"}'
        for value, expected in (
            (text, text),
            (text.encode(), text),
            (text.encode("utf-8-sig"), text),
            (text.encode("utf-16-le"), text),
            (text.encode("utf-16"), text),
            (b"\xff{}", "\ufffd{}"),
            (b"", ""),
            ("", ""),
        ):
            with self.subTest(value=value):
                self.path.unlink(missing_ok=True)
                self.make(("k", value)).close()
                self.assertEqual(self.items("k"), {"k": expected})

    def test_no_text(self) -> None:
        """What is no text is missing."""
        self.make(("null", None), ("number", 7), ("share", 0.5))

        self.assertEqual(self.items("null", "number", "share"), {})

    def test_keys(self) -> None:
        """Of several keys those that are there are had, and no others."""
        self.make(("a", "1"), ("b", "2"), ("c", "3"))

        self.assertEqual(self.items("c", "a", "d"), {"a": "1", "c": "3"})
        self.assertEqual(self.items("' OR 1 --"), {})
        self.assertEqual(self.items(), {})

    def test_no_file(self) -> None:
        """Without a database there is nothing, which is nothing to remark."""
        self.assertEqual(self.items("k"), {})
        self.assertEqual(self.items("k", path=self.path / "below"), {})
        self.assertEqual(self.host.visit.notes, [])
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_no_table(self) -> None:
        """A database of another kind is remarked, by its place below the home folder."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("CREATE TABLE Other (key TEXT)")

        self.assertEqual(self.items("k"), {})

        (note,) = self.host.visit.notes
        self.assertTrue(note.startswith("~/.config/An App 100%#1?/state.vscdb cannot be read: "))
        self.assertIn("no such table", note)
        self.assertNotIn(str(self.home), note)

    def test_no_database(self) -> None:
        """A file of another kind, and a folder, are remarked as well."""
        self.path.write_bytes(b"not a database" * 100)
        for path in (self.path, self.path.parent):
            with self.subTest(path=path.name):
                self.host.visit.notes.clear()
                self.assertEqual(self.items("k", path=path), {})
                self.assertEqual(len(self.host.visit.notes), 1)
                self.assertNotIn(str(self.home), self.host.visit.notes[0])

    def test_locked(self) -> None:
        """A database that the application has locked is read as it lies on the disk."""
        self.make(("k", "old")).execute("BEGIN EXCLUSIVE")

        self.assertEqual(self.items("k"), {"k": "old"})
        self.assertEqual(self.host.visit.notes, [])

    def test_left_alone(self) -> None:
        """Reading changes neither the file nor the folder."""
        writer = self.make(("k", "v"))
        writer.execute("PRAGMA journal_mode = WAL")
        writer.close()
        before = self.path.read_bytes()

        self.assertEqual(self.items("k"), {"k": "v"})

        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])


class WriteItemTests(Case):
    """`write_item`."""

    def test_replaced(self) -> None:
        """The value takes the place of the old one; the other rows stay."""
        self.make(("a", "1"), ("k", "old"), ("z", b"\x00"))

        self.assertIsNone(self.successResultOf(self.write()))

        self.assertEqual(self.rows(), [("a", "1"), ("k", "new"), ("z", b"\x00")])
        self.assertEqual(self.items("k"), {"k": "new"})

    def test_added(self) -> None:
        """A value for a key that was not there is added."""
        self.make(("a", "1"))
        self.successResultOf(self.write())

        self.assertEqual(self.rows(), [("a", "1"), ("k", "new")])

    def test_beside_the_application(self) -> None:
        """The application, which has the database open, sees the new value."""
        connection = self.make(("k", "old"))
        connection.execute("PRAGMA journal_mode = WAL")
        self.successResultOf(self.write())

        found = connection.execute("SELECT value FROM ItemTable WHERE key = 'k'").fetchall()
        self.assertEqual(found, [("new",)])

    def test_relative(self) -> None:
        """A relative path starts in the working folder."""
        self.make(("k", "old"))
        self.path = Path(os.path.relpath(self.path))

        self.successResultOf(self.write())

        self.assertEqual(self.rows(), [("k", "new")])

    @skipIf(os.name == "nt", "names are text there")
    def test_undecodable_name(self) -> None:
        """A folder whose name is no text will do."""
        self.path = self.home / os.fsdecode(b"caf\xe9") / "state.vscdb"
        self.path.parent.mkdir()
        self.make(("k", "old"))

        self.successResultOf(self.write())

        self.assertEqual(self.rows(), [("k", "new")])

    def assert_refused(self) -> None:
        """The write fails as writing a file does, and the words hold no path."""
        error = self.failureResultOf(self.write("PLANTED"), OSError)
        self.assertIn("state.vscdb", error.getErrorMessage())
        self.assertNotIn(str(self.home), error.getErrorMessage())
        self.assertNotIn("PLANTED", error.getErrorMessage())

    def test_no_file(self) -> None:
        """A database that is not there is not made."""
        self.assert_refused()

        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_no_table(self) -> None:
        """A database of another kind is left as it is."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("CREATE TABLE Other (key TEXT)")
        before = self.path.read_bytes()

        self.assert_refused()

        self.assertEqual(self.path.read_bytes(), before)

    def test_locked(self) -> None:
        """What the application has locked is left as it is."""
        self.make(("k", "old")).execute("BEGIN EXCLUSIVE")

        self.assert_refused()

        self.assertEqual(self.items("k"), {"k": "old"})
