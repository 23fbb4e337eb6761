"""Tests for `openusage.host.sqlite`."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from unittest import skipIf

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import sqlite as module
from openusage.host.sqlite import Sqlite, SqliteError, column_text
from openusage.testing import run_inline

ALL = "SELECT key, value FROM ItemTable ORDER BY key"


class SqliteTests(SynchronousTestCase):
    """`Sqlite`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.path = self.folder / "state 100%#1?.vscdb"
        self.patch(module, "BUSY", 0.05)

    def connect(self, *, wal: bool = False) -> sqlite3.Connection:
        """A writer's connection to a database with one row."""
        writer = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(writer.close)
        if wal:
            writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE ItemTable (key TEXT, value BLOB)")
        writer.execute("INSERT INTO ItemTable VALUES ('a', 'one')")
        return writer

    def query(self, sql: str = ALL, *parameters: object, path: Path | None = None) -> Any:
        work = Sqlite(run_inline).query(path or self.path, sql, parameters)
        return self.successResultOf(Deferred.fromCoroutine(work))

    def refusal(self, sql: str = ALL, path: Path | None = None) -> str:
        work = Sqlite(run_inline).query(path or self.path, sql)
        failure = self.failureResultOf(Deferred.fromCoroutine(work), SqliteError)
        message = failure.getErrorMessage()
        self.assertNotIn(str(self.folder), message)
        return str(message)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def test_rows(self) -> None:
        """Rows are dicts by column name, with values of the types that were stored."""
        writer = self.connect()
        writer.execute("INSERT INTO ItemTable VALUES ('b', ?)", (b"\xff\x00",))
        writer.execute("INSERT INTO ItemTable VALUES ('c', NULL)")

        rows = self.query()

        self.assertEqual(
            rows,
            [
                {"key": "a", "value": "one"},
                {"key": "b", "value": b"\xff\x00"},
                {"key": "c", "value": None},
            ],
        )

    def test_parameters(self) -> None:
        """Parameters are put in safely, and a query without rows gives none."""
        self.connect()

        self.assertEqual(len(self.query("SELECT * FROM ItemTable WHERE key = ?", "a")), 1)
        self.assertEqual(self.query("SELECT * FROM ItemTable WHERE key = ?", "' OR 1"), [])

    def test_damaged_text(self) -> None:
        """Text that is not UTF-8 is had with U+FFFD in it."""
        self.connect().execute("UPDATE ItemTable SET value = CAST(x'6fff' AS TEXT)")

        self.assertEqual(self.query(), [{"key": "a", "value": "o\ufffd"}])

    def test_relative_path(self) -> None:
        """A relative path starts in the working folder."""
        self.connect()

        self.assertEqual(len(self.query(path=Path(os.path.relpath(self.path)))), 1)

    def test_wal_in_use(self) -> None:
        """A database in WAL mode shows what its writer committed, and no more."""
        writer = self.connect(wal=True)
        writer.execute("INSERT INTO ItemTable VALUES ('b', 'two')")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO ItemTable VALUES ('c', 'three')")

        self.assertEqual([row["key"] for row in self.query()], ["a", "b"])

    def test_wal_left_alone(self) -> None:
        """A database in WAL mode that nobody has open is read without making its log."""
        self.connect(wal=True).close()
        self.assertEqual(self.names(), [self.path.name])

        self.assertEqual(len(self.query()), 1)

        self.assertEqual(self.names(), [self.path.name])

    @skipIf(os.name == "nt", "needs POSIX permissions")
    def test_read_only_folder(self) -> None:
        """A database in WAL mode whose folder nobody may write to is read."""
        self.connect(wal=True).close()
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)

        self.assertEqual(len(self.query()), 1)

    def test_locked(self) -> None:
        """A database that stays locked is read as it lies on the disk, after a bounded wait."""
        writer = self.connect()
        writer.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()

        self.assertEqual(self.query(), [{"key": "a", "value": "one"}])

        self.assertLess(time.monotonic() - began, 5)

    def test_missing(self) -> None:
        """A missing database is an error and stays missing."""
        message = self.refusal()

        self.assertEqual(message, f"{self.path.name}: No such file or directory")
        self.assertEqual(self.names(), [])

    def test_no_database(self) -> None:
        """A file that is no database, a folder and an impossible name are errors."""
        self.path.write_bytes(b"SQLite but not really, and long enough for a header " * 20)

        self.assertEqual(self.refusal(), f"{self.path.name}: file is not a database")
        self.assertIn("not a regular file", self.refusal(path=self.folder))
        self.assertIn("no possible file name", self.refusal(path=self.folder / "a\0b"))

    def test_damaged(self) -> None:
        """A database that was cut short is an error."""
        writer = self.connect()
        writer.executemany("INSERT INTO ItemTable VALUES (?, ?)", [("k", "v" * 999)] * 99)
        writer.close()
        self.path.write_bytes(self.path.read_bytes()[:5000])

        self.assertIn("malformed", self.refusal())

    def test_unknown_table(self) -> None:
        """A query that the database cannot answer is an error, which says so once."""
        self.connect()

        self.assertEqual(
            self.refusal("SELECT * FROM cookies"), f"{self.path.name}: no such table: cookies"
        )

    def test_two_reasons(self) -> None:
        """When the fallback fails for another reason, both are told."""
        writer = self.connect(wal=True)
        writer.execute("CREATE TABLE late (x)")
        copy = self.folder / "copy"  # of all but the index of the log, without which it is no use
        shutil.copy(self.path, copy)
        shutil.copy(f"{self.path}-wal", f"{copy}-wal")

        self.assertEqual(
            self.refusal("SELECT * FROM late", copy),
            "copy: unable to open database file (fallback: no such table: late)",
        )
        self.assertFalse((self.folder / "copy-shm").exists())

    def test_other_statements(self) -> None:
        """Dot-commands, several statements at once and whatever might write are refused."""
        self.connect()
        elsewhere = self.folder / "elsewhere.db"

        self.assertIn("dot-commands", self.refusal(" .tables"))
        self.assertIn("one statement", self.refusal("SELECT 1; DELETE FROM ItemTable"))
        for sql in (
            f"ATTACH '{elsewhere}' AS x",
            f"VACUUM INTO '{elsewhere}'",
            "DELETE FROM ItemTable",
            "",
        ):
            self.assertIn("only queries that read", self.refusal(sql))
        self.assertIn("readonly", self.refusal("WITH x AS (SELECT 1) DELETE FROM ItemTable"))
        self.assertEqual(self.names(), [self.path.name])
        self.assertEqual(len(self.query()), 1)

    def test_endless(self) -> None:
        """A query that takes too long is given up."""
        self.connect()
        self.patch(module, "LONGEST", 0.05)

        message = self.refusal(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
        )

        self.assertIn("interrupted", message)

    def test_closed(self) -> None:
        """The database is closed after the query: its writer can take it over."""
        with closing(self.connect()) as writer:
            self.query()

            writer.execute("BEGIN EXCLUSIVE")

    def test_uri(self) -> None:
        """Paths of every platform become URIs that SQLite takes for the same file."""
        for path, uri in (
            (PurePosixPath("/home/ada/a b%?#.db"), "file:///home/ada/a%20b%25%3F%23.db?x=1"),
            (PureWindowsPath(r"C:\Users\ada\a.db"), "file:///C:/Users/ada/a.db?x=1"),
            (PureWindowsPath(r"\\server\share\a.db"), "file:////server/share/a.db?x=1"),
        ):
            self.assertEqual(module._uri(path, "x=1"), uri)


class TextOfTests(SynchronousTestCase):
    """`column_text`."""

    def test_text(self) -> None:
        """TEXT and BLOB are text; other values are none."""
        self.assertEqual(column_text("\u00e4"), "\u00e4")
        self.assertEqual(column_text("\u00e4".encode()), "\u00e4")
        self.assertEqual(column_text(b"a\xff"), "a\ufffd")
        for value in (None, 5, 2.5):
            self.assertIsNone(column_text(value))
