"""`Sqlite`: what other programs keep in SQLite, read without disturbing them."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote_from_bytes

from attrs import frozen

from openusage.host.blocking import Blocking

__all__ = ["Sqlite", "SqliteError", "column_text"]

BUSY = 2.0
"""Seconds to wait for a database that another program has locked."""

LONGEST = 20.0
"""Seconds after which a query is given up."""

_READING = ("SELECT", "WITH", "PRAGMA")
_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock
_WAL_FORMAT = 2


class SqliteError(Exception):
    """A database or query that gave no rows, in words that name the file but not its folder."""


@frozen
class Sqlite:
    """Runs read-only queries. Nothing is written, not even the helper files of a database."""

    run: Blocking

    async def query(
        self, path: Path, sql: str, parameters: Sequence[object] = ()
    ) -> list[dict[str, Any]]:
        """The rows of one `SELECT`, by column name. Raises `SqliteError`.

        A database that cannot be opened in the ordinary way, or stays locked for `BUSY` seconds, is
        read as it lies on the disk, without what its owner has not yet written there.
        """
        return await self.run(_query, path, sql, parameters)


def column_text(value: object) -> str | None:
    """A column's text, whether kept as TEXT or as BLOB (UTF-8); `None` for any other value."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _query(path: Path, sql: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
    _check(sql)
    reasons: list[str] = []
    deadline = time.monotonic() + LONGEST  # for all ways together
    for options in _ways(path):
        try:
            return _rows(_uri(path.absolute(), options), sql, parameters, deadline)
        except (sqlite3.Error, sqlite3.Warning) as error:
            if str(error) not in reasons:
                reasons.append(str(error))
    raise SqliteError(f"{path.name}: {' (fallback: '.join(reasons)}{')' * (len(reasons) - 1)}")


def _check(sql: str) -> None:
    if sql.lstrip().startswith("."):
        raise SqliteError("sqlite3 dot-commands are not allowed")
    if not sql.lstrip().upper().startswith(_READING):
        raise SqliteError("only queries that read are allowed")


def _ways(path: Path) -> Iterator[str]:
    """The options to open the database with, best first.

    A database in WAL mode that nobody has open is complete without its log; to open it in the
    ordinary way would make the log's files.
    """
    if not _is_wal(path) or path.with_name(f"{path.name}-wal").exists():
        yield "mode=ro&readonly_shm=1"
    yield "immutable=1"


def _is_wal(path: Path) -> bool:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SqliteError(f"{path.name}: not a regular file")
        with path.open("rb") as file:
            return _WAL_FORMAT in file.read(20)[18:]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no possible file name"
        raise SqliteError(f"{path.name}: {reason}") from error


def _uri(path: PurePath, options: str) -> str:
    """A URI of the form that SQLite reads; it starts with `file:///` on every platform."""
    text = path.as_posix()
    text = text if text.startswith("/") else f"/{text}"
    return f"file://{quote_from_bytes(os.fsencode(text), safe='/:')}?{options}"


def _rows(
    uri: str, sql: str, parameters: Sequence[object], deadline: float
) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)) as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        connection.execute("PRAGMA temp_store = MEMORY")
        cursor = connection.execute(sql, tuple(parameters))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]
