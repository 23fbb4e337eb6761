"""The windows of an OpenCode Go subscription, and what OpenCode spent on this machine.

Source: OpenCode's usage endpoint, and the database in which it keeps every answer with its cost,
seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from zope.interface import implementer

from openusage.host import Host
from openusage.host.instants import parse_instant
from openusage.host.numbers import clamp, number, numeric
from openusage.host.places import shown
from openusage.host.sqlite import SqliteError
from openusage.host.values import json_object, object_at, text_of
from openusage.model import (
    Line,
    NotAvailableError,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, request, retry_after
from openusage.providers.history import HISTORY_LINES, PATIENCE, added_history
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import Key, env_key, no_key, usable
from openusage.providers.opencodedata import (
    FOLDER,
    auth_files,
    data_folders,
    databases,
    used_database,
)
from openusage.providers.shape import Shape
from openusage.providers.spacing import spaced
from openusage.providers.stored import Missing, not_logged_in, stored_object
from openusage.providers.words import NO_DATA
from openusage.sessionlogs import Call

__all__ = ["OpenCode"]

URL = "https://opencode.ai/zen/go/v1/usage"
TIMEOUT = 15.0
GO, ZEN = "opencode-go", "opencode"
"""What OpenCode calls the subscription, and what it sells by the token."""
VARIABLE = "OPENCODE_API_KEY"
PLAN = "Go"
NOTE = "From your OpenCode logs"

NOT_FOUND = "OpenCode not detected. Log in with OpenCode Go or use OpenCode locally first."
NO_LOGINS = (
    "Couldn't read OpenCode's auth.json. Check its file permissions or log into OpenCode Go again."
)
NO_DATABASE = (
    "Couldn't read OpenCode's local database. "
    "Quit OpenCode and refresh, or check the data directory's permissions."
)
NO_SUBSCRIPTION = "No OpenCode Go subscription on this key."
WORDS = Words(refused="OpenCode Go key was rejected. Log into OpenCode Go again.")

_WINDOW: Mapping[str, Shape] = {"percent": "number", "resetsAt": "any"}
SHAPE: Mapping[str, Shape] = {
    "usage": {"rolling": _WINDOW, "weekly": _WINDOW, "monthly": _WINDOW},
    "unsubscribed": "any",
}
WINDOWS = (
    ("Session", "rolling", 18_000_000),
    ("Weekly", "weekly", 604_800_000),
    ("Monthly", "monthly", 2_592_000_000),
)

DAYS = timedelta(days=30)
MOST_TOKENS = 1e15
# `CASE` keeps what is no JSON away from the functions that would fail on it.
SPENT = """
    SELECT
        time_created AS at,
        json_extract(data, '$.cost') AS cost,
        json_extract(data, '$.tokens.total') AS tokens,
        json_extract(data, '$.modelID') AS model
    FROM message
    WHERE time_created BETWEEN ? AND ? AND CASE WHEN json_valid(data) THEN
        json_extract(data, '$.role') = 'assistant'
        AND json_extract(data, '$.providerID') IN ('opencode-go', 'opencode')
        AND json_type(data, '$.cost') IN ('integer', 'real')
    END
"""


@implementer(IProvider)
@frozen
class OpenCode:
    """The windows of an OpenCode Go subscription, and the local spend on Go and Zen."""

    id: str = "opencode"
    name: str = "OpenCode"
    brand_color: str = "#211E1E"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Session", "progress", "overview", "session", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "weekly", weekly=True),
        DeclaredLine("Monthly", "progress", "overview", "monthly"),
        *HISTORY_LINES,
        DeclaredLine("Status", "badge", "overview"),
    )
    links: Sequence[Link] = (Link("Dashboard", "https://opencode.ai/auth"),)

    async def detect(self, host: Host) -> str | None:
        """The file with the key, else the database that shows use, or what may not be read."""
        login = await _find(host)
        if login.key is not None:
            return login.key.shown
        for path in auth_files(host):
            if await _is_forbidden(host, path):
                return shown(host, path, FOLDER)
        try:
            database = await used_database(host, GO, ZEN)
        except OSError:
            return shown(host, data_folders(host)[0], FOLDER)
        return None if database is None else shown(host, database, FOLDER)

    async def probe(self, host: Host) -> Snapshot:
        """What the service tells, if there is a key, and what was spent here."""
        host.watch(*auth_files(host))
        login = await _find(host)
        if login.key is None:
            return await _without_key(host, login)
        key = login.key.value
        host.identify(key)
        answer = await spaced(host, key, SHAPE, lambda: _fetch(host, key))
        meters, spend = list(_meters(answer.body)), await _spend(host)
        if not meters and not spend.lines:
            raise NotAvailableError(NO_SUBSCRIPTION if spend.readable else NO_DATABASE)
        return host.snapshot([*meters, *spend.lines], PLAN if meters else None, answer.at)


async def _without_key(host: Host, login: _Login) -> Snapshot:
    """What was spent here, which needs no login."""
    spend = await _spend(host)
    if not spend.readable:
        raise NotAvailableError(NO_DATABASE)
    if spend.found:
        host.identify(str(data_folders(host)[0]))
        host.note(*(trouble.reason for trouble in login.unreadable))
        return host.snapshot(spend.lines or [NO_DATA])
    if login.unreadable:
        raise not_logged_in(NO_LOGINS, *login.unreadable)
    places = [shown(host, path, FOLDER) for path in (*auth_files(host), *_usual_databases(host))]
    raise no_key(NOT_FOUND, [VARIABLE, *places])


def _usual_databases(host: Host) -> Iterator[Path]:
    return (folder / "opencode.db" for folder in data_folders(host))


# --- the key --------------------------------------------------------------------------------------


@frozen
class _Login:
    """The key, if there is one, and the files that may hold one and cannot be read."""

    key: Key | None
    unreadable: Sequence[Missing] = ()


async def _find(host: Host) -> _Login:
    """The key that OpenCode keeps for Go, else the one in the environment."""
    unreadable: list[Missing] = []
    for path in auth_files(host):
        found = await stored_object(host, path, FOLDER)
        if not isinstance(found, Missing):
            value = text_of(object_at(found, GO).get("key"))
            if key := usable(host, value, shown(host, path, FOLDER)):
                return _Login(key)
        elif await host.files.exists(path):
            unreadable.append(found)
    return _Login(env_key(host, VARIABLE), unreadable)


async def _is_forbidden(host: Host, path: Path) -> bool:
    """Whether the file is there and not for us to read."""
    try:
        await host.files.read(path)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


# --- the request ----------------------------------------------------------------------------------


async def _fetch(host: Host, key: str) -> Mapping[str, Any]:
    """The windows, or that the key has no subscription."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    response = await request(host, "GET", URL, WORDS, headers=headers, timeout=TIMEOUT)
    status, body = response.status, json_object(response) or {}
    failed = WORDS.status.format(status=status)
    if status == 401:
        raise TokenExpiredError(WORDS.refused)
    if status == 403:
        if object_at(body, "error").get("type") != "EntitlementError":
            raise TokenExpiredError(failed)
        return {"unsubscribed": True}
    if status == 429:
        raise RateLimitedError(failed, retry_after(response.headers, host.now()))
    if status // 100 != 2:
        raise UnexpectedResponseError(failed, status)
    answer = {"usage": body.get("usage")}
    list(_meters(answer))
    return answer


def _meters(answer: Mapping[str, Any]) -> Iterator[Progress]:
    """The three windows, none without a subscription; raises when one of them is missing."""
    if answer.get("unsubscribed") is True:
        return
    for label, name, period_ms in WINDOWS:
        window = object_at(answer, "usage", name)
        percent = numeric(window.get("percent"))
        if percent is None:
            raise UnexpectedResponseError(WORDS.invalid)
        resets_at = parse_instant(window.get("resetsAt"))
        yield Progress(label, clamp(percent), 100, resets_at=resets_at, period_ms=period_ms)


# --- the local spend ------------------------------------------------------------------------------


@frozen
class _Spend:
    """Local spend as lines.

    `found` is false where there is no database, `readable` where none of them could be read.
    """

    lines: Sequence[Line] = ()
    found: bool = True
    readable: bool = True


async def _spend(host: Host) -> _Spend:
    """What was spent in the last 31 days, whatever of it can be read in reasonable time."""
    reading = Deferred.fromCoroutine(_rows(host))
    try:
        rows = await reading.addTimeout(PATIENCE, host.clock)
    except DeferredTimeoutError:
        host.note(f"OpenCode's database was not read within {PATIENCE:g} s")
        return _Spend(readable=False)
    except OSError as error:
        host.note(f"OpenCode's folder cannot be listed ({error.strerror})")
        return _Spend(readable=False)
    if not rows:
        return _Spend(found=False)
    read = [rows_of for rows_of in rows if rows_of is not None]
    if not read:
        return _Spend(readable=False)
    calls = (call for rows_of in read for row in rows_of if (call := _call(row)) is not None)
    return _Spend((await added_history(host, calls, note=NOTE)).lines)


async def _rows(host: Host) -> list[list[dict[str, Any]] | None]:
    """The answers in each of the databases; `None` for one that cannot be read."""
    today = host.now().astimezone(host.zone).date()
    midnight = datetime.combine(today - DAYS, time(), host.zone)
    window = [int(each.timestamp() * 1000) for each in (midnight, host.now() + timedelta(days=1))]
    found: list[list[dict[str, Any]] | None] = []
    for path in await databases(host):
        try:
            found.append(await host.sqlite.query(path, SPENT, window))
        except SqliteError as error:
            host.note(str(error))
            found.append(None)
    return found


def _call(row: Mapping[str, Any]) -> Call | None:
    at, cost = number(row["at"]), number(row["cost"])
    if at is None or cost is None or cost < 0:
        return None
    tokens = int(clamp(numeric(row["tokens"]) or 0.0, 0.0, MOST_TOKENS))
    model = text_of(row["model"]) or ""
    return Call(at=int(at), model=model, input=0, output=0, tokens=tokens, cost=cost)
