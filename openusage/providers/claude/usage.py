"""Asking for the usage: one request, spaced by a throttle that outlives restarts.

`GET /api/oauth/usage` is sparing with its answers, so attempts are five minutes apart and a 429 is
obeyed (seen 2026-11). What the throttle knows is kept in the state of the login, and written before
the request.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import evolve, frozen

from openusage.host import Host, Response
from openusage.host.instants import from_epoch
from openusage.host.numbers import number
from openusage.model import (
    ProbeError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.claude.account import account_of
from openusage.providers.claude.credentials import Login
from openusage.providers.claude.mapping import essence
from openusage.providers.claude.refresh import LOG_IN_AGAIN, due, renewed_login
from openusage.providers.claude.service import OAuthService

__all__ = ["SPACING", "Usage", "ask", "last_known"]

SPACING = 300.0
"""Seconds between attempts, and the length of a rate limit that comes without `Retry-After`."""
LEAST_WAIT = 60.0
"""Seconds between attempts even when the service says that it may be asked again at once."""
LONGEST_LIMIT = 7 * 86400.0

_REFUSED = (401, 403)
_TOO_MANY = 429


@frozen
class Usage:
    """What is known: a body with the instant of its fetching, and a rate limit if there is one.

    `retry_in` is in seconds; `None` while `limited`: the service did not say for how long.
    """

    body: Mapping[str, Any] | None = None
    fetched_at: datetime | None = None
    limited: bool = False
    retry_in: float | None = None


async def ask(host: Host, service: OAuthService, login: Login) -> Usage:
    """The usage of `login`: asked for now, or as last fetched while the throttle says to wait.

    Raises `TokenExpiredError`, `UnreachableError` or `UnexpectedResponseError`.
    """
    if not host.refresh_credentials:
        _refuse_expired(login, host.clock.seconds())
    throttle, now = await _load(host), host.clock.seconds()
    if (left := throttle.limit_left(now)) > 0:
        return throttle.usage(limited=True, retry_in=left)
    opens_at = throttle.opens_at(now, login)
    if opens_at > now:
        return _too_soon(host, throttle, login, opens_at)
    return await _attempt(host, service, login, throttle.attempt(now))


async def last_known(host: Host) -> Usage:
    """The usage as it was last fetched with the login in use, however long ago."""
    return (await _load(host)).usage()


def _refuse_expired(login: Login, now: float) -> None:
    if login.expires_at is not None and login.expires_at <= now:
        ago = _duration(now - login.expires_at)
        raise TokenExpiredError(f"Token expired {ago} ago. Run `claude` once to renew it.")


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _too_soon(host: Host, throttle: _Throttle, login: Login, opens_at: float) -> Usage:
    instant = from_epoch(opens_at)
    if instant is not None:
        host.ask_again(instant)
    if throttle.trouble and throttle.refused == login.digest:
        raise TokenExpiredError(throttle.trouble)
    if throttle.trouble:
        host.note(throttle.trouble)
    return throttle.usage()


# --- the request ----------------------------------------------------------------------------------


async def _attempt(host: Host, service: OAuthService, login: Login, throttle: _Throttle) -> Usage:
    await _store(host, throttle)
    try:
        renewed = None
        if due(login, host.clock.seconds()):
            renewed = await _renewed(host, service, login)
            login = renewed or login
        response = await _send(host, service, login, "Usage request failed. Check your connection.")
        if response.status in _REFUSED and renewed is None:
            renewed = await _renewed(host, service, login)
            if renewed is not None:
                login = renewed
                trouble = "Usage request failed after refresh. Try again."
                response = await _send(host, service, login, trouble)
        return await _taken(host, throttle, response)
    except TokenExpiredError as error:
        await _store(host, evolve(throttle, trouble=error.message, refused=login.digest))
        raise
    except ProbeError as error:
        await _store(host, evolve(throttle, trouble=error.message))
        raise


async def _renewed(host: Host, service: OAuthService, login: Login) -> Login | None:
    """A newer login; the state follows it, which matters where its tokens are all we know it by."""
    renewed = await renewed_login(host, service, login)
    if renewed is not None:
        host.identify(await account_of(host, renewed))
    return renewed


async def _send(host: Host, service: OAuthService, login: Login, trouble: str) -> Response:
    headers = {
        "Authorization": f"Bearer {login.access_token}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "anthropic-beta": "oauth-2025-04-20",
        "User-Agent": host.agent("claude-code/2.1.69"),
    }
    try:
        return await host.http.request("GET", f"{service.base}/api/oauth/usage", headers=headers)
    except UnreachableError as error:
        raise evolve(error, message=trouble) from error


async def _taken(host: Host, throttle: _Throttle, response: Response) -> Usage:
    now = host.clock.seconds()
    if response.status in _REFUSED:
        raise TokenExpiredError(LOG_IN_AGAIN)
    if response.status == _TOO_MANY:
        wait = _retry_after(response.headers.get("retry-after", ""), now)
        throttle = evolve(throttle, limited_until=now + (SPACING if wait is None else wait))
        await _store(host, throttle)
        return throttle.usage(limited=True, retry_in=wait)
    throttle = evolve(throttle, body=essence(_object(response)), fetched_at=now)
    await _store(host, throttle)
    return throttle.usage()


def _object(response: Response) -> dict[str, Any]:
    status = response.status
    if not 200 <= status < 300:
        message = f"Usage request failed (HTTP {status}). Try again later."
        raise UnexpectedResponseError(message, status)
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise UnexpectedResponseError("Usage response invalid. Try again later.", status)
    return body


def _retry_after(header: str, now: float) -> float | None:
    """The seconds that `Retry-After` asks for, at most `LONGEST_LIMIT`; `None`: unreadable."""
    if digits := re.match(r"\s*([0-9]+)", header):
        return min(float(digits[1]), LONGEST_LIMIT)
    try:
        instant = parsedate_to_datetime(header.strip())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    return float(min(max(math.ceil(aware.timestamp() - now), 0), LONGEST_LIMIT))


# --- the throttle ---------------------------------------------------------------------------------


@frozen
class _Throttle:
    """What outlives a probe, in Unix seconds; `trouble` is how the last attempt failed.

    `refused` is the digest of the access token that failed, so that the next login need not wait.
    """

    attempted: float | None = None
    limited_until: float | None = None
    body: Mapping[str, Any] | None = None
    fetched_at: float | None = None
    trouble: str | None = None
    refused: str | None = None

    def limit_left(self, now: float) -> float:
        """Seconds until the service may be asked again after a 429; 0 when it may."""
        left = (self.limited_until or 0.0) - now
        return left if 0 < left <= LONGEST_LIMIT else 0.0

    def opens_at(self, now: float, login: Login) -> float:
        """When the next attempt is due, once no rate limit stands in its way."""
        if self.attempted is None or self.attempted > now:  # later than now: the clock was set back
            return now
        if self.refused is not None and self.refused != login.digest:
            return now
        return self.attempted + (SPACING if self.limited_until is None else LEAST_WAIT)

    def attempt(self, now: float) -> _Throttle:
        """The throttle once an attempt begins at `now`."""
        return evolve(self, attempted=now, limited_until=None, trouble=None, refused=None)

    def usage(self, *, limited: bool = False, retry_in: float | None = None) -> Usage:
        """The body as last fetched, with the rate limit as it stands."""
        instant = None if self.fetched_at is None else from_epoch(self.fetched_at)
        return Usage(self.body, instant, limited, retry_in)


async def _load(host: Host) -> _Throttle:
    state = await host.state.read()
    body, trouble, refused = state.get("body"), state.get("trouble"), state.get("refusedToken")
    return _Throttle(
        number(state.get("lastFetch")),
        number(state.get("rateLimitedUntil")),
        body if isinstance(body, dict) else None,
        number(state.get("bodyFetchedAt")),
        trouble if isinstance(trouble, str) else None,
        refused if isinstance(refused, str) else None,
    )


async def _store(host: Host, throttle: _Throttle) -> None:
    kept = await host.state.read()
    changed = {
        "lastFetch": throttle.attempted,
        "rateLimitedUntil": throttle.limited_until,
        "body": throttle.body,
        "bodyFetchedAt": throttle.fetched_at,
        "trouble": throttle.trouble,
        "refusedToken": throttle.refused,
    }
    await host.state.write({**kept, **changed})
