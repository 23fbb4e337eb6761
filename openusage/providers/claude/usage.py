"""Asking for the usage: one request, spaced by a throttle that outlives restarts.

`GET /api/oauth/usage` is sparing with its answers, so attempts are five minutes apart and a 429 is
obeyed (seen 2026-11). What the throttle knows is written before the request, as if that had failed.
"""

from __future__ import annotations

import math
import re
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import evolve

from openusage.host import Host, Response
from openusage.host.instants import from_epoch
from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.claude.account import account_of
from openusage.providers.claude.credentials import Login
from openusage.providers.claude.mapping import essence, is_usage
from openusage.providers.claude.refresh import LOG_IN_AGAIN, Renewal, due
from openusage.providers.claude.service import OAuthService
from openusage.providers.claude.throttle import LEAST_WAIT, LONGEST_LIMIT, SPACING, Throttle, Usage

__all__ = ["ask", "last_known"]

_REFUSED = (401, 403)
_TOO_MANY = 429
_INTERRUPTED = "Usage request interrupted. Try again later."


async def ask(host: Host, service: OAuthService, login: Login) -> Usage:
    """The usage of `login`: asked for now, or as last fetched while the throttle says to wait.

    Raises `TokenExpiredError`, `UnreachableError` or `UnexpectedResponseError`, and the same again
    while the throttle says to wait and nothing is known.
    """
    if not host.refresh_credentials:
        _refuse_expired(login, host.clock.seconds())
    throttle, now = await Throttle.load(host), host.clock.seconds()
    if (left := throttle.limit_left(now)) > 0:
        _ask_again(host, now + left)
        return throttle.usage(limited=True, retry_in=left)
    opens_at = throttle.opens_at(now, login)
    if opens_at > now:
        _ask_again(host, opens_at)
        return _too_soon(host, throttle, opens_at - now)
    return await _attempt(host, service, login, throttle.attempt(now))


async def last_known(host: Host) -> Usage:
    """The usage as it was last fetched with the login in use, however long ago."""
    return (await Throttle.load(host)).usage()


def _refuse_expired(login: Login, now: float) -> None:
    if login.expires_at is not None and login.expires_at <= now:
        ago = _duration(now - login.expires_at)
        raise TokenExpiredError(f"Token expired {ago} ago. Run `claude` once to renew it.")


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _ask_again(host: Host, at: float) -> None:
    instant = from_epoch(at)
    if instant is not None:
        host.ask_again(instant)


def _too_soon(host: Host, throttle: Throttle, wait: float) -> Usage:
    trouble = throttle.trouble
    if trouble is not None:
        if throttle.body is None or isinstance(trouble, TokenExpiredError):
            raise trouble
        host.note(trouble.message)
    if throttle.limited_until is not None:  # over so soon that we wait a little longer
        return throttle.usage(limited=True, retry_in=wait)
    return throttle.usage()


# --- the request ----------------------------------------------------------------------------------


async def _attempt(host: Host, service: OAuthService, login: Login, throttle: Throttle) -> Usage:
    await throttle.failed(ProbeTimeoutError(_INTERRUPTED), login).store(host)
    renewal = Renewal(host, service)
    try:
        renewed = None
        if due(login, host.clock.seconds()):
            renewed = await _renewed(host, renewal, login)
            login = renewed or login
        response = await _send(host, service, login, "Usage request failed. Check your connection.")
        if response.status in _REFUSED and renewed is None:
            renewed = await _renewed(host, renewal, login)
            if renewed is not None:
                login = renewed
                trouble = "Usage request failed after refresh. Try again."
                response = await _send(host, service, login, trouble)
        return await _taken(host, throttle, response)
    except ProbeError as error:
        await throttle.failed(error, login).store(host)
        raise


async def _renewed(host: Host, renewal: Renewal, login: Login) -> Login | None:
    """A newer login; the state follows it, which matters where its tokens are all we know it by."""
    renewed = await renewal.of(login)
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
    except UnexpectedResponseError as error:
        message = f"Usage response invalid: {error.message}. Try again later."
        raise evolve(error, message=message) from error


async def _taken(host: Host, throttle: Throttle, response: Response) -> Usage:
    now = host.clock.seconds()
    if response.status in _REFUSED:
        raise TokenExpiredError(LOG_IN_AGAIN)
    if response.status == _TOO_MANY:
        wait = _retry_after(response.headers.get("retry-after", ""), now)
        throttle = evolve(throttle, limited_until=now + (SPACING if wait is None else wait))
        await throttle.store(host)
        _ask_again(host, now + (SPACING if wait is None else max(wait, LEAST_WAIT)))
        return throttle.usage(limited=True, retry_in=wait)
    throttle = evolve(throttle, body=essence(_object(response)), fetched_at=now)
    await throttle.store(host)
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
    if not isinstance(body, dict) or not is_usage(body):
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
