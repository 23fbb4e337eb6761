"""The state database of applications made of Visual Studio Code: texts by key, in SQLite.

The table `ItemTable` has the columns `key` and `value` (seen 2026-11).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from openusage.host.host import Host
from openusage.host.places import shown
from openusage.host.sqlite import BUSY, SqliteError

__all__ = ["read_items", "write_item"]


async def read_items(host: Host, database: Path, *keys: str) -> Mapping[str, str]:
    """The texts that `database` has for `keys`; those that it has not are missing.

    A database that is there and cannot be read is remarked, and has none.
    """
    if not await host.files.exists(database):
        return {}
    places = ", ".join("?" * len(keys))
    sql = f"SELECT key, value FROM ItemTable WHERE key IN ({places})"  # noqa: S608 (marks only)
    try:
        rows = await host.sqlite.query(database, sql, keys)
    except SqliteError as error:
        host.note(f"{shown(host, database)} cannot be read: {error}")
        return {}
    found = {str(row["key"]): _text(row["value"]) for row in rows}
    return {key: text for key, text in found.items() if text is not None}


async def write_item(host: Host, database: Path, key: str, value: str) -> None:
    """Put `value` in the place of what `database` has for `key`. Raises `OSError`."""
    await host.run(_write, database, key, value)


def _text(value: object) -> str | None:
    if not isinstance(value, bytes):
        return value if isinstance(value, str) else None
    # Some builds store UTF-16; ASCII text in it has a NUL in every other place.
    encoding = "utf-16-le" if b"\0" in value[:4] else "utf-8"
    return value.decode(encoding, "replace").removeprefix("\ufeff")


def _write(database: Path, key: str, value: str) -> None:
    uri = f"{database.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY)) as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO ItemTable (key, value) VALUES (?, ?)", (key, value)
            )
    except sqlite3.Error as error:
        raise OSError(f"{database.name}: {type(error).__name__}") from error
