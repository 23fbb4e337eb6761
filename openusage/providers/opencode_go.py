"""An OpenCode Go subscription, estimated from what OpenCode notes of its own spending.

Source: the limits that the subscription is sold with, in dollars per window, and the database in
which OpenCode keeps every answer with its cost, seen 2026-11. Nobody is asked.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.numbers import clamp, rounded
from openusage.host.places import shown
from openusage.host.sqlite import SqliteError
from openusage.model import Progress, Snapshot
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import opencode_key
from openusage.providers.opencodedata import (
    FOLDER,
    auth_files,
    data_folders,
    databases,
    used_database,
)
from openusage.providers.stored import Missing, not_logged_in
from openusage.providers.words import NO_DATA

__all__ = ["OpenCodeGo"]

SERVICE = "opencode-go"
PLAN = "Go"
NOT_FOUND = "OpenCode Go not detected. Log in with OpenCode Go or use it locally first."

SESSION = timedelta(hours=5)
WEEK = timedelta(days=7)
LONGEST = timedelta(days=32)
"""No window began earlier than so long ago."""
SESSION_DOLLARS, WEEK_DOLLARS, MONTH_DOLLARS = 12, 30, 60

# One row per instant, but what is older than the first parameter, which no window has, in one: of
# that only the earliest instant counts. `CASE` keeps what is no JSON away from the functions that
# would fail on it.
USAGE = """
    WITH answer AS (
        SELECT
            CASE WHEN json_valid(data) THEN
                CAST(COALESCE(json_extract(data, '$.time.created'), time_created) AS INTEGER)
            END AS created,
            CASE WHEN json_valid(data) THEN json_extract(data, '$.cost') END AS cost
        FROM message
        WHERE CASE WHEN json_valid(data) THEN
            json_extract(data, '$.role') = 'assistant'
            AND json_extract(data, '$.providerID') = 'opencode-go'
            AND json_type(data, '$.cost') IN ('integer', 'real')
        END
    )
    SELECT MIN(created) AS at, SUM(MIN(cost, 1e9)) AS dollars
    FROM answer
    WHERE created BETWEEN 1 AND 253402300799999 AND cost BETWEEN 0 AND 1e308
    GROUP BY MAX(created, ?)
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


@implementer(IProvider)
@frozen
class OpenCodeGo:
    """The windows of an OpenCode Go subscription, as far as this machine used them."""

    id: str = "opencode-go"
    name: str = "OpenCode Go"
    brand_color: str = "#000000"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Session", "progress", "overview", "session", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "weekly", weekly=True),
        DeclaredLine("Monthly", "progress", resource="monthly"),
        DeclaredLine("Status", "badge", "overview"),
    )
    links: Sequence[Link] = (
        Link("Console", "https://opencode.ai/auth"),
        Link("Docs", "https://opencode.ai/docs/go/"),
    )

    async def detect(self, host: Host) -> str | None:
        """The file with the key, else the database that shows that the subscription was used."""
        if key := await opencode_key(host, SERVICE):
            return key.shown
        try:
            path = await used_database(host, SERVICE)
        except OSError:
            return None
        return None if path is None else shown(host, path, FOLDER)

    async def probe(self, host: Host) -> Snapshot:
        """What the answers in the database cost, as shares of the limits."""
        host.watch(*auth_files(host))
        key, found = await opencode_key(host, SERVICE), await _read(host)
        if key is None and not found.costs:
            # OpenCode writes there all the time, so it is watched only as long as it tells nothing.
            host.watch(*(folder / "opencode.db" for folder in data_folders(host)))
            raise not_logged_in(NOT_FOUND, *_looked(host), *found.troubles)
        host.identify(str(data_folders(host)[0]) if key is None else key.value)
        host.note(*(trouble.reason for trouble in found.troubles))
        if not found.readable:
            return host.snapshot([NO_DATA], PLAN)
        return host.snapshot(_lines(found.costs, host.now()), PLAN)


def _looked(host: Host) -> Iterable[Missing]:
    for path in auth_files(host):
        yield Missing(f"{shown(host, path, FOLDER)} has no key for OpenCode Go")
    for folder in data_folders(host):
        yield Missing(f"{shown(host, folder / 'opencode.db', FOLDER)} tells of no use of it")


# --- the database ---------------------------------------------------------------------------------


@frozen
class _Cost:
    """What the answers at one instant cost, in dollars."""

    at: datetime
    dollars: float


@frozen
class _Found:
    """What all databases hold; `readable` is false where none of them could be read."""

    costs: Sequence[_Cost] = ()
    readable: bool = False
    troubles: Sequence[Missing] = ()


async def _read(host: Host) -> _Found:
    oldest = (host.now() - LONGEST - _EPOCH) // _MILLISECOND
    rows: list[Mapping[str, Any]] = []
    troubles: list[Missing] = []
    try:
        paths = await databases(host)
    except OSError as error:
        return _Found(troubles=[Missing(f"OpenCode's folder cannot be listed ({error.strerror})")])
    for path in paths:
        try:
            rows += await host.sqlite.query(path, USAGE, (oldest,))
        except SqliteError as error:
            troubles.append(Missing(str(error)))
    costs = [_Cost(_EPOCH + row["at"] * _MILLISECOND, row["dollars"]) for row in rows]
    return _Found(costs, len(troubles) < len(paths), troubles)


# --- the windows ----------------------------------------------------------------------------------


def _lines(costs: Sequence[_Cost], now: datetime) -> list[Progress]:
    oldest = min((cost.at for cost in costs if now - SESSION <= cost.at < now), default=now)
    monday = _midnight(now) - timedelta(days=now.weekday())
    first, last = _month(min((cost.at for cost in costs), default=None), now)
    return [
        _line("Session", costs, now - SESSION, now, SESSION_DOLLARS, oldest + SESSION, SESSION),
        _line("Weekly", costs, monday, monday + WEEK, WEEK_DOLLARS, monday + WEEK, WEEK),
        _line("Monthly", costs, first, last, MONTH_DOLLARS, last, last - first),
    ]


def _line(
    label: str,
    costs: Iterable[_Cost],
    start: datetime,
    end: datetime,
    limit: float,
    resets_at: datetime,
    length: timedelta,
) -> Progress:
    dollars = rounded(sum(cost.dollars for cost in costs if start <= cost.at < end), 4)
    used = clamp(rounded(dollars / limit * 100, 1))
    return Progress(label, used, 100, resets_at=resets_at, period_ms=length // _MILLISECOND)


def _month(anchor: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the month that is running; each begins as the very first one did."""
    anchor = anchor or _EPOCH
    this, before, after = (_turn(anchor, now.year * 12 + now.month - 1 + by) for by in (0, -1, 1))
    return (this, after) if this <= now else (before, this)


def _turn(anchor: datetime, month: int) -> datetime:
    """When a month begins, counted from the year 0: on the day and at the time of `anchor`.

    It is the month's last day where the month has no such day.
    """
    year, index = divmod(month, 12)
    day = min(anchor.day, monthrange(year, index + 1)[1])
    return anchor.replace(year=year, month=index + 1, day=day)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
