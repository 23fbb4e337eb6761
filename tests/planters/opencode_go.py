"""The database in which OpenCode keeps what it was answered; nobody is asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.planters.planter import ACCESS, EMAIL, OWNER, Planter, millis

__all__ = ["PLANTER", "write_messages"]


def write_messages(path: Path, rows: Sequence[tuple[object, object]]) -> None:
    """Make a database of messages out of `rows`: when they were made, and what they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER,"
            " time_updated INTEGER, data TEXT)"
        )
        connection.executemany(
            "INSERT INTO message (session_id, time_created, data) VALUES ('a', ?, ?)", rows
        )


def _write(path: Path, login: Any) -> None:
    rows = [(row["time_created"], json.dumps(row["data"])) for row in login["message"]]
    write_messages(path, rows)
    logins = {"anthropic": {"type": "oauth", "access": ACCESS, "email": EMAIL}}
    path.with_name("auth.json").write_text(json.dumps(logins))


def _read(path: Path) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT time_created, data FROM message").fetchall()
    return {"message": [{"time_created": at, "data": json.loads(data)} for at, data in rows]}


PLANTER = Planter(
    id="opencode-go",
    file=".local/share/opencode/opencode.db",
    everywhere=True,
    login={
        "message": [
            {
                "time_created": millis(-1),
                "data": {
                    "providerID": "opencode-go",
                    "role": "assistant",
                    "modelID": "glm-5",
                    "cost": 3.0,
                    "time": {"created": millis(-1)},
                    "tokens": {"total": 5120},
                    "path": {"cwd": f"/home/{EMAIL}"},
                    "owner": OWNER,
                },
            }
        ]
    },
    write=_write,
    read=_read,
    watched=False,
    plan="Go",
)
