"""All that is sent: the question for the allowance, and the one for the limits of newer plans.

`organization/subscription/usage` tells the tokens that a plan allows in a month; `billing/limits`
tells whether the plan has windows with rate limits instead, and those windows (seen 2026-11). A
login asks for both, an API key can only ask for the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from openusage.host import Host
from openusage.model import (
    NotAvailableError,
    ProbeError,
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, ask
from openusage.providers.factory.login import Stored, account_of, renewable
from openusage.providers.factory.mapping import BILLING, SHAPE, has_rate_limits, limit_lines
from openusage.providers.logins import Login, ask_renewing
from openusage.providers.shape import fits
from openusage.providers.spacing import Answer, spaced
from openusage.providers.words import require_unexpired

__all__ = ["key_usage", "login_usage"]

_USAGE = "https://api.factory.ai/api/organization/subscription/usage"
_LIMITS = "https://api.factory.ai/api/billing/limits"
_NOT_ALLOWED = 405
_RATE_LIMITED_PLAN = "rateLimitedPlan"

_WORDS = Words("Token expired. Run `droid` to log in again.")
_AFTER_REFRESH = evolve(_WORDS, unreachable="Usage request failed after refresh. Try again.")
_KEY_WORDS = Words("API key refused. Put a valid one into FACTORY_API_KEY.")
_MISSING = "Usage response missing data. Try again later."
_NO_LIMITS = "This API key's plan has no limits to show. Run `droid` and log in."
_RENEW = "Run `droid` once to renew it."


async def login_usage(host: Host, stored: Stored) -> Answer:
    """What the service tells a login, which is renewed if need be and allowed.

    Raises `TokenExpiredError` when it is no good.
    """
    login = stored.login
    host.identify(account_of(login))
    if not host.refresh_credentials:
        require_unexpired(login.expires_at, host.now(), _RENEW)

    async def ask_with(login: Login, renewed: bool) -> Mapping[str, Any]:
        return await _both(host, login.access_token or "", _AFTER_REFRESH if renewed else _WORDS)

    async def fetch() -> Mapping[str, Any]:
        store = renewable(host, stored)
        return await ask_renewing(host, login, store, ask_with, refused=_WORDS.refused, strict=True)

    return await spaced(host, login.access_token or "", SHAPE, fetch)


async def key_usage(host: Host, key: str) -> Answer:
    """What the service tells an API key."""
    host.identify(key)

    async def fetch() -> Mapping[str, Any]:
        limits = await _limits(host, key, _KEY_WORDS)
        if not limit_lines(limits, host.now()):
            raise NotAvailableError(_NO_LIMITS)
        return {"billing": limits}

    return await spaced(host, key, SHAPE, fetch)


async def _both(host: Host, token: str, words: Words) -> Mapping[str, Any]:
    body = await _allowance(host, token, words)
    if not isinstance(body.get("usage"), dict):
        raise UnexpectedResponseError(_MISSING, 200)
    return {"usage": body["usage"], "billing": await _added_limits(host, token)}


async def _allowance(host: Host, token: str, words: Words) -> Mapping[str, Any]:
    headers = _headers(host, token)
    try:
        return await ask(host, "POST", _USAGE, words, headers=headers, json={"useCache": True})
    except UnexpectedResponseError as error:
        if error.status != _NOT_ALLOWED:
            raise
    return await ask(host, "GET", _USAGE, words, headers=headers)


async def _added_limits(host: Host, token: str) -> Mapping[str, Any] | None:
    """The limits of a plan that has them; `None` for another one, and where they cannot be had.

    Raises what keeps them from being read when they are known to be all that matters.
    """
    known = (await host.state.read()).get(_RATE_LIMITED_PLAN) is True
    try:
        limits = await _limits(host, token, _WORDS)
    except RateLimitedError:
        raise
    except TokenExpiredError as error:
        # Not the token's fault: the first request was answered with it.
        if known:
            raise UnexpectedResponseError(_WORDS.invalid) from error
        return None
    except ProbeError:
        if known:
            raise
        return None
    if has_rate_limits(limits) != known:
        state = await host.state.read()
        await host.state.write({**state, _RATE_LIMITED_PLAN: not known})
    return limits if has_rate_limits(limits) else None


async def _limits(host: Host, token: str, words: Words) -> Mapping[str, Any]:
    body = await ask(host, "GET", _LIMITS, words, headers=_headers(host, token))
    if not fits(body, BILLING):
        raise UnexpectedResponseError(words.invalid, 200)
    return body


def _headers(host: Host, token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
