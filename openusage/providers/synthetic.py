"""Quotas of a synthetic.new account: requests, weekly mana, tool calls and searches.

Source: the service's own quota endpoint, and the places where the coding agents Pi, Droid and
OpenCode keep a key for it, seen 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host, Response
from openusage.host.instants import parse_instant
from openusage.host.numbers import clamp, dollars_in, number, rounded
from openusage.host.places import folder_from, shown
from openusage.host.values import first_text, json_object, object_at, objects_in, text_of
from openusage.model import (
    Badge,
    Count,
    Line,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, request, retry_after, said
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import Key, env_key, json_file, no_key, opencode_key, usable
from openusage.providers.opencodedata import auth_files
from openusage.providers.shape import Shape
from openusage.providers.spacing import spaced
from openusage.providers.words import NO_DATA

__all__ = ["Synthetic"]

URL = "https://api.synthetic.new/v2/quotas"
TIMEOUT = 15.0
NAMES = ("synthetic", "synthetic.new", "syn")
FIELDS = ("key", "apiKey")
VARIABLE = "SYNTHETIC_API_KEY"
PI_FOLDER = "PI_CODING_AGENT_DIR"
DROID = "~/.factory/settings.json"

NO_KEY = "Synthetic API key not found. Set SYNTHETIC_API_KEY or add key to ~/.pi/agent/auth.json."
WORDS = Words(
    refused="API key invalid or expired. Check your Synthetic API key.",
    unreachable="Request failed. Check your connection.",
    status="Request failed (HTTP {status}).",
    invalid="Could not parse usage data.",
)

LIMITED = Badge("Rate Limited", "Rate limited", "#ef4444")
REQUESTS = Count("requests")
HOUR_MS = 3_600_000

_QUOTA: Mapping[str, Shape] = {"limit": "number", "requests": "number", "renewsAt": "any"}
SHAPE: Mapping[str, Shape] = {
    "rollingFiveHourLimit": {"max": "number", "remaining": "number", "limited": "any"},
    "weeklyTokenLimit": {
        "percentRemaining": "number",
        "maxCredits": "any",
        "remainingCredits": "any",
        "usedCredits": "any",
    },
    "subscription": _QUOTA,
    "freeToolCalls": _QUOTA,
    "search": {"hourly": _QUOTA},
}


@implementer(IProvider)
@frozen
class Synthetic:
    """The quotas of a synthetic.new account."""

    id: str = "synthetic"
    name: str = "Synthetic"
    brand_color: str = "#000000"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("5h Rate Limit", "progress", "overview", "fiveHourRateLimit", primary=1),
        DeclaredLine("Mana Bar", "progress", "overview", "manaBar"),
        DeclaredLine("Rate Limited", "badge"),
        DeclaredLine("Subscription", "progress", "overview", "subscription", primary=2),
        DeclaredLine("Free Tool Calls", "progress", resource="freeToolCalls"),
        DeclaredLine("Search", "progress", resource="search"),
        DeclaredLine("Status", "badge"),
    )
    links: Sequence[Link] = (Link("Dashboard", "https://synthetic.new/billing"),)

    async def detect(self, host: Host) -> str | None:
        """Where the key is."""
        key = await _find(host)
        return None if key is None else key.shown

    async def probe(self, host: Host) -> Snapshot:
        """What the service tells."""
        pi = _pi(host)
        files = (pi / "auth.json", pi / "models.json", host.path(DROID), *auth_files(host))
        host.watch(*files)
        key = await _find(host)
        if key is None:
            raise no_key(NO_KEY, [*(shown(host, path, PI_FOLDER) for path in files), VARIABLE])
        host.identify(key.value)
        answer = await spaced(host, key.value, SHAPE, lambda: _fetch(host, key.value))
        return host.snapshot(list(_lines(answer.body)) or [NO_DATA], None, answer.at)


# --- the key --------------------------------------------------------------------------------------


def _pi(host: Host) -> Path:
    return folder_from(host, PI_FOLDER, "~/.pi/agent")


async def _find(host: Host) -> Key | None:
    """The first key of Pi, Droid, OpenCode and the environment."""
    pi = _pi(host)
    for path, keys in ((pi / "auth.json", ()), (pi / "models.json", ("providers",))):
        entries = object_at(await json_file(host, path), *keys)
        place = shown(host, path, PI_FOLDER)
        for name in NAMES:
            if key := usable(host, first_text(object_at(entries, name), *FIELDS), place):
                return key
    return (
        await _droid_key(host)
        or await opencode_key(host, *NAMES, fields=FIELDS)
        or env_key(host, VARIABLE)
    )


async def _droid_key(host: Host) -> Key | None:
    path = host.path(DROID)
    for model in objects_in((await json_file(host, path)).get("customModels")):
        if "synthetic.new" in (text_of(model.get("baseUrl")) or ""):
            value = text_of(model.get("apiKey"))
            if key := usable(host, value, shown(host, path)):
                return key
    return None


# --- the request ----------------------------------------------------------------------------------


async def _fetch(host: Host, key: str) -> Mapping[str, Any]:
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    response = await request(host, "GET", URL, WORDS, headers=headers, timeout=TIMEOUT)
    if response.status in (401, 403):
        raise TokenExpiredError(WORDS.refused)
    if response.status == 429:
        raise RateLimitedError(_told(response), retry_after(response.headers, host.now()))
    if response.status // 100 != 2:
        raise UnexpectedResponseError(_told(response), response.status)
    body = json_object(response) or {}
    quotas = body["data"] if isinstance(body.get("data"), dict) else body
    if not list(_lines(quotas)) and not _is_told(quotas):
        raise UnexpectedResponseError(WORDS.invalid, response.status)
    return quotas


def _is_told(quotas: Mapping[str, Any]) -> bool:
    """Whether there is a quota at all, be it one of zero that makes no line."""
    blocks = (
        ("rollingFiveHourLimit",),
        ("subscription",),
        ("freeToolCalls",),
        ("search", "hourly"),
    )
    found = [object_at(quotas, *keys) for keys in blocks]
    return any(number(block.get(key)) is not None for block in found for key in ("max", "limit"))


def _told(response: Response) -> str:
    """What the service says went wrong."""
    body = json_object(response) or {}
    error = body.get("error")
    text = text_of(error) or text_of(object_at(body, "error").get("message"))
    if text is None and isinstance(error, dict) and error:
        text = f"Request failed: {json.dumps(error, separators=(',', ':'))}"
    text = text or text_of(body.get("message"))
    return said(text) or WORDS.status.format(status=response.status)


# --- the lines ------------------------------------------------------------------------------------


def _lines(quotas: Mapping[str, Any]) -> Iterator[Line]:
    five_hours = object_at(quotas, "rollingFiveHourLimit")
    requests, mana = _five_hours(five_hours), _mana_used(object_at(quotas, "weeklyTokenLimit"))
    if requests is not None:
        used, most = requests
        yield from _counted("5h Rate Limit", used, most)
    if mana is not None:
        yield Progress("Mana Bar", clamp(rounded(mana)), 100)
    if five_hours.get("limited") is True:
        yield LIMITED
    if requests is None and mana is None:
        # Accounts on the newer plans still have these two, which no longer limit them.
        old, tools = object_at(quotas, "subscription"), object_at(quotas, "freeToolCalls")
        yield from _quota("Subscription", old)
        calls = number(tools.get("requests"))
        whole = {**tools, "requests": None if calls is None else rounded(calls)}
        yield from _quota("Free Tool Calls", whole)
    yield from _quota("Search", object_at(quotas, "search", "hourly"), HOUR_MS)


def _five_hours(block: Mapping[str, Any]) -> tuple[float, float] | None:
    """How many requests are used, and of how many."""
    most, remaining = number(block.get("max")), number(block.get("remaining"))
    used = None if most is None or remaining is None else number(most - remaining)
    return None if most is None or used is None else (max(0.0, used), most)


def _mana_used(block: Mapping[str, Any]) -> float | None:
    """The share that is used, in percent; from the credits where no share is told."""
    remaining = number(block.get("percentRemaining"))
    if remaining is not None:
        return 100 - remaining
    most, left = dollars_in(block.get("maxCredits")), dollars_in(block.get("remainingCredits"))
    used = dollars_in(block.get("usedCredits"))
    if used is None and most is not None and left is not None:
        used = most - left
    return None if used is None or most is None or most <= 0 else number(used / most * 100)


def _quota(label: str, block: Mapping[str, Any], period_ms: int | None = None) -> Iterator[Line]:
    used, limit = number(block.get("requests")), number(block.get("limit"))
    if used is not None and limit is not None:
        yield from _counted(label, used, limit, parse_instant(block.get("renewsAt")), period_ms)


def _counted(
    label: str,
    used: float,
    limit: float,
    resets_at: datetime | None = None,
    period_ms: int | None = None,
) -> Iterator[Line]:
    if used >= 0 and limit > 0:
        yield Progress(label, used, limit, REQUESTS, resets_at, period_ms)
