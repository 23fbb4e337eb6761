"""Prepaid credits at OpenRouter, what was spent, and the limit of the key.

Source: the documented endpoints for credits and for the key in use, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList
from zope.interface import implementer

from openusage.host import Host
from openusage.host.numbers import money, number, numeric
from openusage.host.places import shown
from openusage.host.secrets import sendable
from openusage.host.values import object_at
from openusage.model import (
    Dollars,
    Line,
    ProbeError,
    Progress,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, ask
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import Key, env_key, file_key, no_key, opencode_key
from openusage.providers.opencodedata import FOLDER, auth_files
from openusage.providers.shape import Shape
from openusage.providers.spacing import spaced

__all__ = ["OpenRouter"]

URL = "https://openrouter.ai/api/v1"
BASE = "OPENROUTER_API_URL"
"""The variable that names another address; the key is sent there."""
TIMEOUT = 15.0
FILES = ("~/.config/openusage/openrouter.json", "~/.config/openrouter/key.json")
VARIABLES = ("OPENROUTER_API_KEY", "OPENROUTER_KEY")

NO_KEY = (
    "No OpenRouter API key. "
    "Set OPENROUTER_API_KEY or add it to ~/.config/openusage/openrouter.json."
)
WORDS = Words(
    refused="OpenRouter API key invalid. Check your key at openrouter.ai/keys.",
    unreachable="Couldn't reach OpenRouter. Check your connection.",
    status="OpenRouter request failed (HTTP {status}).",
    invalid="OpenRouter usage data unavailable. Try again later.",
    rate_limited="OpenRouter request failed (HTTP 429).",
)
SHAPE: Mapping[str, Shape] = {
    "credits": {"total_credits": "number", "total_usage": "number"},
    "key": {
        "usage": "number",
        "usage_daily": "number",
        "usage_weekly": "number",
        "usage_monthly": "number",
        "limit": "number",
        "limit_remaining": "number",
        "limit_reset": "any",
        "is_free_tier": "any",
    },
}


@implementer(IProvider)
@frozen
class OpenRouter:
    """Credits, spend and key limit of an OpenRouter key."""

    id: str = "openrouter"
    name: str = "OpenRouter"
    brand_color: str = "#6467F2"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Credits", "progress", "overview", "credits", primary=1),
        DeclaredLine("Balance", "text", "overview", "balance"),
        DeclaredLine("Today", "text"),
        DeclaredLine("This Week", "text"),
        DeclaredLine("This Month", "text"),
        DeclaredLine("Key Limit", "progress", "overview", "keyLimit", primary=2),
    )
    links: Sequence[Link] = (
        Link("Activity", "https://openrouter.ai/activity"),
        Link("Credits", "https://openrouter.ai/settings/credits"),
    )

    async def detect(self, host: Host) -> str | None:
        """Where the key is."""
        key = await _find(host)
        return None if key is None else key.shown

    async def probe(self, host: Host) -> Snapshot:
        """What the service tells about the account and about the key."""
        files = (*_files(host), *auth_files(host))
        host.watch(*files)
        key = await _find(host)
        if key is None:
            places = [shown(host, path, FOLDER) for path in files]
            raise no_key(NO_KEY, [*places, *VARIABLES])
        base = _base(host)
        host.identify(key.value)
        answer = await spaced(host, key.value, SHAPE, lambda: _fetch(host, key.value, base))
        return host.snapshot(_lines(answer.body), _plan(answer.body), answer.at)


# --- the key --------------------------------------------------------------------------------------


def _files(host: Host) -> tuple[Path, ...]:
    return tuple(host.path(name) for name in FILES)


async def _find(host: Host) -> Key | None:
    """The first key of the files, the environment and OpenCode."""
    return (
        await file_key(host, *_files(host))
        or env_key(host, *VARIABLES)
        or await opencode_key(host, "openrouter", kind="api")
    )


def _base(host: Host) -> str:
    """The address of the API, without a slash at its end."""
    url = (host.env.get(BASE) or URL).rstrip("/")
    if url.startswith("https://") and sendable(url) and not set(url) & set("?#@"):
        return url
    host.note(f"{BASE} is no https address and was ignored.")
    return URL


# --- the requests ---------------------------------------------------------------------------------


async def _fetch(host: Host, key: str, base: str) -> Mapping[str, Any]:
    """What both endpoints tell, or one of them: an ordinary key may not ask for credits."""
    asking = [Deferred.fromCoroutine(_ask(host, f"{base}/{name}", key)) for name in SHAPE]
    body: dict[str, Any] = {}
    failures: list[ProbeError] = []
    outcomes: list[tuple[bool, Any]] = await DeferredList(asking, consumeErrors=True)
    for name, (success, outcome) in zip(SHAPE, outcomes, strict=True):
        if success:
            body[name] = outcome
        elif isinstance(outcome.value, ProbeError):
            failures.append(outcome.value)
        else:
            outcome.raiseException()
    if list(_lines(body)):
        return body
    others = [error for error in failures if not isinstance(error, TokenExpiredError)]
    if others or len(failures) == len(SHAPE):
        raise [*others, *failures][0]
    raise UnexpectedResponseError(WORDS.invalid)


async def _ask(host: Host, url: str, key: str) -> Mapping[str, Any]:
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    body = await ask(host, "GET", url, WORDS, headers=headers, timeout=TIMEOUT)
    if not isinstance(body.get("data"), dict):
        raise UnexpectedResponseError(WORDS.invalid)
    return object_at(body, "data")


# --- the lines ------------------------------------------------------------------------------------


def _plan(body: Mapping[str, Any]) -> str | None:
    free = object_at(body, "key").get("is_free_tier")
    return {True: "Free tier", False: "Pay as you go"}[free] if isinstance(free, bool) else None


def _lines(body: Mapping[str, Any]) -> Iterator[Line]:
    yield from _credits(object_at(body, "credits"))
    key = object_at(body, "key")
    for label, name in (
        ("Today", "usage_daily"),
        ("This Week", "usage_weekly"),
        ("This Month", "usage_monthly"),
    ):
        spent = numeric(key.get(name))
        if spent is not None:
            yield Text(label, money(max(0.0, spent), grouped=True))
    limit = numeric(key.get("limit"))
    if limit is not None and limit > 0:
        used = _used_of(limit, key)
        if used is not None:
            yield Progress("Key Limit", used, limit, Dollars())


def _credits(credit: Mapping[str, Any]) -> Iterator[Line]:
    spent = numeric(credit.get("total_usage"))
    if spent is None:
        return
    bought, used = numeric(credit.get("total_credits")) or 0.0, max(0.0, spent)
    if bought > 0:
        yield Progress("Credits", used, bought, Dollars())
    yield Text("Balance", money(max(0.0, bought - used), grouped=True))


def _used_of(limit: float, key: Mapping[str, Any]) -> float | None:
    """How much of its `limit` the key has used.

    Where what remains is not told, it is what was spent since the limit was last reset, and of a
    limit that is never reset all that was ever spent.
    """
    remaining = numeric(key.get("limit_remaining"))
    if remaining is not None:
        return number(max(0.0, limit - max(0.0, remaining)))
    reset = key.get("limit_reset")
    spent = numeric(key.get("usage" if reset is None else f"usage_{reset}"))
    return None if spent is None else max(0.0, spent)
