"""What the Kiro app knows without being asked: its state database and the log of its requests.

The app is made of Visual Studio Code. Its database has under `kiro.kiroAgent` what the status bar
shows; every start of the app has a folder of logs, where each answer of the service is one line:

    2026-11-24 11:59:30.123 [info] {"commandName":"GetUsageLimitsCommand","output":{…}}
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path

from openusage.disk import open_regular
from openusage.host import Host
from openusage.host.appstate import read_items
from openusage.host.instants import parse_instant
from openusage.host.places import app_folder, state_database
from openusage.host.values import object_at
from openusage.jsontext import object_in
from openusage.providers.kiro.usage import Told, figures

__all__ = ["APP", "read_app", "read_log"]

APP = "Kiro"

_ITEM = "kiro.kiroAgent"
_STATE = "kiro.resourceNotifications.usageState"
_LOG = Path("exthost/kiro.kiroAgent/q-client.log")
_MARK = b'"commandName":"GetUsageLimitsCommand"'

_MOST_STARTS = 12
_MOST_WINDOWS = 8
_MOST_LOGS = 24
_TAIL = 2**20


async def read_app(host: Host) -> Told | None:
    """What the app shows; `None` when it tells nothing of the credits."""
    items = await read_items(host, state_database(host, APP), _ITEM)
    text = items.get(_ITEM)
    return None if text is None else await host.run(_in_item, text)


async def read_log(host: Host) -> Told | None:
    """The last answer that the app logged, looked for in its newest logs only."""
    return await host.run(_last_answer, app_folder(host, APP) / "logs", host.zone)


def _in_item(text: str) -> Told | None:
    state = object_at(object_in(text) or {}, _STATE)
    body = figures(state)
    told = None if body is None else Told(body, parse_instant(state.get("timestamp")))
    return told if told is not None and told.has_credits else None


# --- the log, in a thread -------------------------------------------------------------------------


def _last_answer(folder: Path, zone: tzinfo) -> Told | None:
    for log in islice(_logs(folder), _MOST_LOGS):
        for line in _lines_backwards(log):
            if (told := _in_line(line, zone)) is not None:
                return told
    return None


def _logs(folder: Path) -> Iterator[Path]:
    """The logs that there are, of the newest start of the app first."""
    for start in _last(folder, _MOST_STARTS):
        for window in _last(start, _MOST_WINDOWS):
            if (log := window / _LOG).is_file():
                yield log


def _last(folder: Path, most: int) -> list[Path]:
    try:
        return sorted(folder.iterdir(), reverse=True)[:most]
    except OSError:
        return []


def _lines_backwards(log: Path) -> Iterator[bytes]:
    """The last lines of `log`, the last one first; of a long log only those at its end."""
    try:
        with open_regular(log) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = (file.read(_TAIL) or b"").splitlines()
    except OSError:
        return
    yield from reversed(lines)


def _in_line(line: bytes, zone: tzinfo) -> Told | None:
    if _MARK not in line:
        return None
    before, brace, after = line.decode("utf-8", "replace").partition("{")
    output = object_at(object_in(brace + after) or {}, "output")
    body = figures(output)
    return None if body is None else Told(body, _time(before.partition(" [")[0], zone))


def _time(text: str, zone: tzinfo) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=zone)
    except ValueError:
        return None
