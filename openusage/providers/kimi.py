"""Kimi: how much of a Kimi Code subscription is used, as the Kimi CLI is logged in to it.

Sources, seen 2026-11: the endpoint behind the CLI's own `/usage` and the files in which its two
generations keep their login, `~/.kimi` (`KIMI_SHARE_DIR`) and `~/.kimi-code` (`KIMI_CODE_HOME`):

    {"access_token": JWT, "refresh_token": str, "expires_at": 1763985600.5, "scope": str,
     "token_type": "Bearer"}

The endpoint tells quotas, each a limit with what is used or left of it: `usage` for the week and
`limits` for shorter windows. Newer answers tell shares instead, in `usages`. The original app took
a null for 0, and so a quota of which nothing is known for an unused or a spent one; here it is
unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.instants import from_epoch, parse_instant
from openusage.host.labels import plan_label
from openusage.host.numbers import numeric, rounded
from openusage.host.oauth import Tokens
from openusage.host.places import folder_from, shown
from openusage.host.secrets import jwt_payload, sendable
from openusage.host.values import first_text, object_at, objects_in, text_of
from openusage.model import (
    NotLoggedInError,
    Progress,
    Snapshot,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, ask
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import env_key
from openusage.providers.logins import (
    JsonFile,
    Login,
    StoredLogin,
    ask_renewing,
    exchange,
    first_accepted,
    tokens_in,
)
from openusage.providers.shape import Shape, fits
from openusage.providers.spacing import Answer, spaced
from openusage.providers.stored import Missing, not_logged_in, stored_object
from openusage.providers.words import NO_DATA, require_unexpired

__all__ = ["Kimi"]

_KEY = "KIMI_CODE_API_KEY"
_HOMES = (("KIMI_SHARE_DIR", "~/.kimi"), ("KIMI_CODE_HOME", "~/.kimi-code"))
_USAGES = "https://api.kimi.com/coding/v1/usages"
_TOKEN = "https://auth.kimi.com/api/oauth/token"  # noqa: S105 (an address)
_CLIENT_ID = "17e5f671-d194-4dfb-9706-5516cb48c098"

_NOT_LOGGED_IN = "Not logged in. Run `kimi login` to authenticate."
_SESSION_EXPIRED = "Session expired. Run `kimi login` to authenticate."
_RENEW = "Run `kimi` once to renew it."
_WORDS = Words("Token expired. Run `kimi login` to authenticate.")
_AFTER_REFRESH = evolve(_WORDS, unreachable="Usage request failed after refresh. Try again.")
_KEY_WORDS = Words(f"API key refused. Put a valid one into {_KEY}.")

_RESETS = ("resetTime", "reset_at", "resetAt", "reset_time")
_QUOTA: Mapping[str, Shape] = {
    "limit": "any",
    "used": "any",
    "remaining": "any",
    **dict.fromkeys(_RESETS, "any"),
}
_POOL: Shape = {"used_ratio": "any", "reset_time": "any"}
_SHAPE: Mapping[str, Shape] = {
    "usage": _QUOTA,
    "limits": [
        {"window": {"duration": "any", "timeUnit": "any", "time_unit": "any"}, "detail": _QUOTA}
    ],
    "usages": {"limit_5h": _POOL, "limit_7d": _POOL, "limit_month_total": _POOL},
    "user": {"membership": {"level": "any"}},
}

_UNITS = {"MINUTE": 60_000.0, "HOUR": 3_600_000.0, "DAY": 86_400_000.0, "SECOND": 1000.0}
_FIVE_HOURS, _WEEK, _MONTH = 18_000_000.0, 604_800_000.0, 2_592_000_000.0


@implementer(IProvider)
@frozen
class Kimi:
    """Limits of a Kimi Code subscription: a short window that rolls, and the week."""

    id: str = "kimi"
    name: str = "Kimi"
    brand_color: str = "#000000"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Session", "progress", "overview", "session", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "weekly", primary=2, weekly=True),
        DeclaredLine("Monthly", "progress", resource="monthly"),
    )
    links: Sequence[Link] = (Link("Kimi Code console", "https://www.kimi.com/code/console"),)

    async def detect(self, host: Host) -> str | None:
        """The first file with a login, else the variable with an API key."""
        for path, variable in _files(host):
            if not isinstance(await _stored(host, path, variable), Missing):
                return shown(host, path, variable)
        return _KEY if env_key(host, _KEY) else None

    async def probe(self, host: Host) -> Snapshot:
        """The usage of the login that is good for longest, else of another one or of the key."""
        host.watch(*(path for path, _ in _files(host)))
        answer = await _first_answer(host, await _sources(host))
        return host.snapshot(_lines(answer.body) or [NO_DATA], _plan(answer.body), answer.at)


# --- credentials ----------------------------------------------------------------------------------


@frozen
class _Source:
    """A login and the file that it came from; an API key came from none."""

    login: Login
    file: JsonFile | None = None


def _files(host: Host) -> list[tuple[Path, str]]:
    """The files that may hold a login, each with the variable that may name its folder."""
    return [
        (folder_from(host, variable, otherwise) / "credentials" / "kimi-code.json", variable)
        for variable, otherwise in _HOMES
    ]


async def _stored(host: Host, path: Path, variable: str) -> Login | Missing:
    document = await stored_object(host, path, variable)
    if isinstance(document, Missing):
        return document
    return _login_in(document) or Missing(f"{shown(host, path, variable)} has no tokens")


def _login_in(document: Mapping[str, Any]) -> Login | None:
    access_token = first_text(document, "access_token")
    if access_token is not None and not sendable(access_token):
        access_token = None
    refresh_token = first_text(document, "refresh_token")
    if access_token is None and refresh_token is None:
        return None
    expires_at = from_epoch(numeric(document.get("expires_at")))
    return Login(access_token, refresh_token, expires_at, document)


async def _sources(host: Host) -> list[_Source]:
    """The logins, best first, and the API key; at least one. Raises `NotLoggedInError`."""
    found, missing = [], []
    for path, variable in _files(host):
        login = await _stored(host, path, variable)
        if isinstance(login, Missing):
            missing.append(login)
        elif login.access_token is None and not host.refresh_credentials:
            missing.append(Missing(f"{shown(host, path, variable)} has no access token"))
        else:
            found.append(_Source(login, JsonFile(host, path, indent=None)))
    # What the older CLI left behind is still there when the newer one is in use.
    found.sort(key=lambda source: _good_until(source.login), reverse=True)
    if key := env_key(host, _KEY):
        found.append(_Source(Login(key.value, None, None, {})))
    if not found:
        raise not_logged_in(_NOT_LOGGED_IN, *missing, Missing(f"{_KEY} is not set"))
    return found


def _good_until(login: Login) -> float:
    return -math.inf if login.expires_at is None else login.expires_at.timestamp()


def _account(login: Login) -> str:
    """What stays the same while the same person is logged in."""
    claims = jwt_payload(login.access_token or "") or {}
    known = first_text(claims, "user_id", "sub")
    return known or login.refresh_token or login.access_token or ""


def _store(host: Host, file: JsonFile) -> StoredLogin:
    told: dict[str, str] = {}

    async def buy(login: Login) -> Tokens | None:
        form = {
            "client_id": _CLIENT_ID,
            "grant_type": "refresh_token",
            "refresh_token": login.refresh_token or "",
        }
        headers = {"Accept": "application/json", "User-Agent": host.user_agent}
        body = await exchange(
            host, _TOKEN, _SESSION_EXPIRED, form=form, headers=headers, refusals=(401, 403)
        )
        tokens = tokens_in(body)
        if tokens is None and login.access_token is None:
            raise NotLoggedInError(_NOT_LOGGED_IN)
        for key in ("scope", "token_type"):
            if text := text_of((body or {}).get(key)):
                told[key] = text
        return tokens

    def put(document: Mapping[str, Any], tokens: Tokens) -> Mapping[str, Any]:
        new: dict[str, Any] = {**told, "access_token": tokens.access_token}
        if tokens.refresh_token is not None:
            new["refresh_token"] = tokens.refresh_token
        if tokens.expires_in is not None:
            new["expires_at"] = host.now().timestamp() + tokens.expires_in
        return {**document, **new}

    return StoredLogin(host, file, _login_in, put, buy, unknown_is_due=True)


# --- request --------------------------------------------------------------------------------------


async def _first_answer(host: Host, sources: Sequence[_Source]) -> Answer:
    """What the service tells the first of `sources` that it accepts.

    Only the best login is ever renewed: another may be an old copy of it, and to spend a refresh
    token that was spent before can end the session.
    """
    best, *others = sources
    reading = evolve(host, refresh_credentials=False)
    return await first_accepted(
        [partial(_usage, host, best), *(partial(_usage, reading, other) for other in others)]
    )


async def _usage(host: Host, source: _Source) -> Answer:
    login = source.login
    host.identify(_account(login))
    if not host.refresh_credentials:
        require_unexpired(login.expires_at, host.now(), _RENEW)
    token = login.access_token or login.refresh_token or ""
    return await spaced(host, token, _SHAPE, lambda: _fetch(host, source))


async def _fetch(host: Host, source: _Source) -> Mapping[str, Any]:
    if source.file is None:
        return await _ask(host, source.login, _KEY_WORDS)

    async def ask_with(login: Login, renewed: bool) -> Mapping[str, Any]:
        return await _ask(host, login, _AFTER_REFRESH if renewed else _WORDS)

    store = _store(host, source.file)
    return await ask_renewing(
        host, source.login, store, ask_with, refused=_WORDS.refused, strict=True
    )


async def _ask(host: Host, login: Login, words: Words) -> Mapping[str, Any]:
    headers = {
        "Authorization": f"Bearer {login.access_token}",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    body = await ask(host, "GET", _USAGES, words, headers=headers)
    body = {**body, "limits": _with_details(body["limits"])} if "limits" in body else body
    if not _lines(body) and not fits(body, _SHAPE):
        raise UnexpectedResponseError(words.invalid, 200)
    return body


def _with_details(limits: object) -> object:
    """`limits` with the quota of each entry as its `detail`: some have it in the entry itself."""
    if not isinstance(limits, list):
        return limits
    return [
        {"window": entry.get("window"), "detail": _detail(entry)} for entry in objects_in(limits)
    ]


def _detail(entry: Mapping[str, Any]) -> object:
    detail = entry.get("detail", entry)
    return detail if detail is None or isinstance(detail, dict) else entry


# --- mapping --------------------------------------------------------------------------------------


@frozen
class _Quota:
    """A limit and what is used of it; `length` is that of its window in milliseconds."""

    used: float
    limit: float
    resets_at: datetime | None
    length: float | None

    def same(self, other: _Quota) -> bool:
        """Whether both tell the same, however long their windows are."""
        return (self.used, self.limit, self.resets_at) == (other.used, other.limit, other.resets_at)

    def line(self, label: str) -> Progress:
        """The share that is used, which may be more than all of it."""
        share = rounded(max(0.0, self.used / self.limit * 100), 1)
        period = None if self.length is None else int(self.length)
        return Progress(label, share, 100, resets_at=self.resets_at, period_ms=period)


def _plan(body: Mapping[str, Any]) -> str | None:
    """`Intermediate` for `LEVEL_INTERMEDIATE`."""
    level = text_of(object_at(body, "user", "membership").get("level")) or ""
    return plan_label(level.removeprefix("LEVEL_").replace("_", " ").lower())


def _lines(body: Mapping[str, Any]) -> list[Progress]:
    """The shortest window as the session, and the week: `usage`, or else the longest window."""
    windows = [
        quota
        for entry in objects_in(body.get("limits"))
        if (quota := _quota(object_at(entry, "detail"), _length(object_at(entry, "window"))))
    ]
    session = min(windows, key=lambda quota: quota.length or math.inf, default=None)
    others = [quota for quota in windows if quota is not session]
    longest = max(others, key=lambda quota: quota.length or -1.0, default=None)
    weekly = _quota(object_at(body, "usage"), None) or longest
    if session is not None and weekly is not None and weekly.same(session):
        weekly = None
    pools = object_at(body, "usages")
    found = (
        ("Session", session or _share(object_at(pools, "limit_5h"), _FIVE_HOURS)),
        ("Weekly", weekly or _share(object_at(pools, "limit_7d"), _WEEK)),
        ("Monthly", _share(object_at(pools, "limit_month_total"), _MONTH)),
    )
    return [quota.line(label) for label, quota in found if quota is not None]


def _quota(values: Mapping[str, Any], length: float | None) -> _Quota | None:
    limit, used = numeric(values.get("limit")), numeric(values.get("used"))
    remaining = numeric(values.get("remaining"))
    if limit is None or limit <= 0:
        return None
    if used is None and remaining is not None:
        used = limit - remaining
    if used is None or not math.isfinite(used / limit * 100):
        return None
    reset = next((values[key] for key in _RESETS if values.get(key)), None)
    return _Quota(used, limit, parse_instant(reset), length)


def _share(pool: Mapping[str, Any], length: float) -> _Quota | None:
    """A quota of which the service tells the used share alone, from 0 to 1."""
    ratio = numeric(pool.get("used_ratio"))
    if ratio is None or ratio < 0:
        return None
    return _quota({"limit": 1, "used": ratio, "resetTime": pool.get("reset_time")}, length)


def _length(window: Mapping[str, Any]) -> float | None:
    """How long a window is, in milliseconds; `None` when nobody knows."""
    duration = numeric(window.get("duration"))
    unit = (first_text(window, "timeUnit", "time_unit") or "").upper()
    factor = next((factor for name, factor in _UNITS.items() if name in unit), None)
    if duration is None or factor is None:
        return None
    length = duration * factor
    return length if 1 <= length <= Progress.LONGEST_MS else None
