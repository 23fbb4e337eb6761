"""Limits of the GLM Coding Plan: session and weekly tokens, monthly web searches.

Source: the endpoints behind the usage page of Z.ai and, on the same paths, of its Chinese site
BigModel, and the places where tools keep a key for one of them, seen 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.instants import parse_instant
from openusage.host.labels import plan_label
from openusage.host.numbers import clamp, numeric
from openusage.host.places import shown
from openusage.host.values import json_object, json_value, objects_in, text_of
from openusage.log import logger
from openusage.model import (
    Badge,
    Count,
    Line,
    NotAvailableError,
    ProbeError,
    Progress,
    Snapshot,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, send
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import Key, env_key, file_key, no_key, opencode_key, usable
from openusage.providers.opencodedata import FOLDER, auth_files
from openusage.providers.shape import MOST_ENTRIES, Shape
from openusage.providers.spacing import spaced
from openusage.providers.stored import Missing, stored_text
from openusage.providers.words import NO_DATA

__all__ = ["ZAI"]

ZAI_SITE = "https://api.z.ai"
CHINA_SITE = "https://open.bigmodel.cn"
QUOTA_PATH = "/api/monitor/usage/quota/limit"
PLAN_PATH = "/api/biz/subscription/list"

FILES = ("~/.config/openusage/zai.json", "~/.config/zai/key.json")
VARIABLES = ("ZAI_API_KEY", "GLM_API_KEY", "Z_AI_API_KEY")
HELPER = "~/.chelper/config.yaml"
SERVICES = ("zai-coding-plan", "zai")
CHINA_FILES = (
    "~/.coding-relay/glm-api-key",
    "~/.config/bigmodel/api_key",
    "~/.config/zhipu/api_key",
)
CHINA_VARIABLES = ("BIGMODEL_API_KEY", "ZHIPU_API_KEY", "ZHIPUAI_API_KEY")
CHINA_SERVICES = ("zhipuai-coding-plan", "zhipuai")

NO_KEY = "No Z.ai API key. Set ZAI_API_KEY or add it to ~/.config/openusage/zai.json."
NO_PLAN = "No active GLM Coding Plan. Subscribe at z.ai/subscribe to see usage."
WORDS = Words(refused="Z.ai API key invalid. Check your key at z.ai/manage-apikey/apikey-list.")

SHAPE: Mapping[str, Shape] = {
    "plan": "any",
    "limits": [
        {
            "type": "any",
            "name": "any",
            "unit": "number",
            "number": "number",
            "percentage": "number",
            "currentValue": "number",
            "usage": "number",
            "nextResetTime": "any",
        }
    ],
}
TOKENS = ("TOKENS_LIMIT", "CREDIT_LIMIT")
SEARCHES = "TIME_LIMIT"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
MONTH_MS = 30 * DAY_MS
HOURS, WEEKS = 3, 6
UNITS = {HOURS: HOUR_MS, 4: DAY_MS, WEEKS: WEEK_MS, 5: MONTH_MS}
"""What the number of a window counts, by its `unit`."""
SESSION_HOURS = 5

NO_TOKENS = Badge("Session", NO_DATA.text, NO_DATA.color)
_ENTRY = re.compile(r"^(plan|api_key):[ \t]*([\"']?)([^\s\"'#]+)\2[ \t]*(?:#.*)?$", re.MULTILINE)
_log = logger(__name__)


@implementer(IProvider)
@frozen
class ZAI:
    """Limits of the GLM Coding Plan."""

    id: str = "zai"
    name: str = "Z.ai"
    brand_color: str = "#2D2D2D"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Session", "progress", "overview", "session", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "weekly", weekly=True),
        DeclaredLine("Web Searches", "progress", "overview", "webSearches"),
        DeclaredLine("Status", "badge", "overview"),
    )
    links: Sequence[Link] = (
        Link("Dashboard", "https://z.ai/manage-apikey/coding-plan/personal/my-plan"),
        Link("API Keys", "https://z.ai/manage-apikey/apikey-list"),
    )

    async def detect(self, host: Host) -> str | None:
        """Where the key is."""
        login = await _find(host)
        return None if login is None else login.key.shown

    async def probe(self, host: Host) -> Snapshot:
        """What the service of the key's site tells."""
        files = [*_paths(host, *FILES, HELPER, *CHINA_FILES), *auth_files(host)]
        host.watch(*files)
        login = await _find(host)
        if login is None:
            places = [shown(host, path, FOLDER) for path in files]
            raise no_key(NO_KEY, [*VARIABLES, *CHINA_VARIABLES, *places])
        host.identify(login.key.value)
        answer = await spaced(host, login.key.value, SHAPE, lambda: _fetch(host, login))
        lines = _lines(answer.body.get("limits"), answer.at)
        return host.snapshot(lines, plan_label(answer.body.get("plan")), answer.at)


# --- the key --------------------------------------------------------------------------------------


@frozen
class _Login:
    """A key and the site that it is for."""

    key: Key
    site: str = ZAI_SITE


async def _find(host: Host) -> _Login | None:
    """The first key for Z.ai, else the first for its Chinese site."""
    if key := await file_key(host, *_paths(host, *FILES)) or env_key(host, *VARIABLES):
        return _Login(key)
    if login := await _helper_login(host):
        return login
    if key := await opencode_key(host, *SERVICES, kind="api"):
        return _Login(key)
    key = (
        await file_key(host, *_paths(host, *CHINA_FILES))
        or env_key(host, *CHINA_VARIABLES)
        or await opencode_key(host, *CHINA_SERVICES, kind="api")
    )
    return None if key is None else _Login(key, CHINA_SITE)


async def _helper_login(host: Host) -> _Login | None:
    """The key of the Coding Tool Helper, whose plan names the site."""
    path = host.path(HELPER)
    text = await stored_text(host, path)
    entries = {} if isinstance(text, Missing) else {m[1]: m[3] for m in _ENTRY.finditer(text)}
    key = usable(host, entries.get("api_key"), shown(host, path))
    if key is None:
        return None
    return _Login(key, CHINA_SITE if entries.get("plan", "").endswith("_china") else ZAI_SITE)


def _paths(host: Host, *names: str) -> Iterator[Path]:
    return map(host.path, names)


# --- the requests ---------------------------------------------------------------------------------


async def _fetch(host: Host, login: _Login) -> Mapping[str, Any]:
    """The limits, and the name of the plan if it can be had."""
    headers = {
        "Authorization": f"Bearer {login.key.value}",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    response = await send(host, "GET", login.site + QUOTA_PATH, WORDS, headers=headers)
    limits = _limits(json_value(response))
    _lines(limits, host.now())
    try:
        plans = await send(host, "GET", login.site + PLAN_PATH, WORDS, headers=headers)
    except ProbeError as error:
        _log.debug("{id}: no plan: {code}", id=host.id, code=error.code)
        return {"limits": limits}
    listed = next(objects_in((json_object(plans) or {}).get("data")), {})
    return {"limits": limits, "plan": text_of(listed.get("productName"))}


def _limits(body: Any) -> list[Mapping[str, Any]]:
    """The list of limits: in `limits`, in `data` or in both, or the answer itself."""
    if isinstance(body, dict) and body.get("success") is False:
        if "coding plan" in (text_of(body.get("msg")) or "").lower():
            raise NotAvailableError(NO_PLAN)
        raise _invalid()
    data = body.get("data") if isinstance(body, dict) else None
    inner = body if data is None else data
    limits = inner.get("limits") if isinstance(inner, dict) else inner
    if limits is inner and not limits:  # a bare list tells that it is one of limits by its entries
        raise _invalid()
    return list(_entries(limits))


def _entries(limits: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(limits, list):
        raise _invalid()
    for entry in limits[:MOST_ENTRIES]:
        if not isinstance(entry, dict):
            raise _invalid()
        yield entry


# --- the lines ------------------------------------------------------------------------------------


@frozen
class _Window:
    """A limit of tokens; `length_ms` is `None` where the service does not tell its length."""

    used: float
    length_ms: float | None
    resets_at: datetime | None

    def line(self, label: str, usual_ms: int) -> Progress:
        """The line of the window, whose length is usually `usual_ms`."""
        length = usual_ms if self.length_ms is None else self.length_ms
        known = 1 <= length <= Progress.LONGEST_MS
        return Progress(
            label,
            self.used,
            100,
            resets_at=self.resets_at,
            period_ms=int(length) if known else None,
        )


def _lines(limits: object, now: datetime) -> list[Line]:
    """The lines of the limits as they are at `now`; raises when one of them cannot be read."""
    entries = list(_entries(limits))
    tokens = [entry for entry in entries if _is_of(entry, *TOKENS)]
    searches = [entry for entry in entries if _is_of(entry, SEARCHES)]
    windows = [window for entry in tokens if (window := _window(entry)) is not None]
    lines: list[Line] = [*_session(windows), *_weekly(windows)]
    searched = [line for entry in searches[:1] for line in _searches(entry, now)]
    if lines:
        return [*lines, *searched]
    return [NO_DATA if entries and not searches else NO_TOKENS]


def _is_of(entry: Mapping[str, Any], *kinds: str) -> bool:
    return entry.get("type") in kinds or entry.get("name") in kinds


def _session(windows: Sequence[_Window]) -> Iterator[Progress]:
    short = [window for window in windows if window.length_ms and window.length_ms < DAY_MS]
    for window in [*short, *_of_unknown_length(windows)][:1]:
        yield window.line("Session", SESSION_HOURS * HOUR_MS)


def _weekly(windows: Sequence[_Window]) -> Iterator[Progress]:
    long = [window for window in windows if window.length_ms and window.length_ms >= DAY_MS]
    for window in [*long, *_of_unknown_length(windows)][:1]:
        yield window.line("Weekly", WEEK_MS)


def _of_unknown_length(windows: Iterable[_Window]) -> list[_Window]:
    """Older accounts have a single limit, which holds for the session and for the week."""
    return [window for window in windows if window.length_ms is None]


def _window(entry: Mapping[str, Any]) -> _Window | None:
    """The limit of tokens in `entry`; `None` when its window is of a kind that is not known."""
    length: float | None = None
    if entry.get("unit") is not None:
        unit = _amount(entry, "unit")
        usual = SESSION_HOURS if unit == HOURS else 1
        count = usual if entry.get("number") is None else _amount(entry, "number")
        if count <= 0:
            raise _invalid()
        if unit not in UNITS:
            return None
        # A week is written as 1 and, by other accounts, as its 7 days.
        length = WEEK_MS if (unit, count) == (WEEKS, 7) else UNITS[int(unit)] * count
    used = clamp(_amount(entry, "percentage"))
    return _Window(used, length, parse_instant(entry.get("nextResetTime")))


def _searches(entry: Mapping[str, Any], now: datetime) -> Iterator[Progress]:
    used, limit = _amount(entry, "currentValue"), _amount(entry, "usage")
    if used < 0 or limit < 0:
        raise _invalid()
    if limit > 0:
        resets_at = parse_instant(entry.get("nextResetTime")) or _next_month(now)
        yield Progress("Web Searches", used, limit, Count("searches"), resets_at, MONTH_MS)


def _amount(entry: Mapping[str, Any], key: str) -> float:
    value = numeric(entry.get(key))
    if value is None:
        raise _invalid()
    return value


def _next_month(now: datetime) -> datetime:
    """The first day of the month after that of `now`."""
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return now.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)


def _invalid() -> UnexpectedResponseError:
    return UnexpectedResponseError(WORDS.invalid)
