"""What a Grok Build plan has used: asking for it, and the lines that it makes.

Sources, seen 2026-11: the endpoints behind the CLI's own `/usage`. The same address tells of two
kinds of plans: newer ones share a weekly pool, of which a percentage is told, older ones have so
many credits a month. Asked for the former, it may tell the latter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from openusage.host import Host
from openusage.host.instants import parse_instant
from openusage.host.numbers import clamp, numeric, shortest
from openusage.host.values import object_at, text_of
from openusage.model import (
    Badge,
    Line,
    ProbeError,
    Progress,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, ask
from openusage.providers.grok.credentials import EXPIRED, Source, require_good, store_of
from openusage.providers.logins import Login, ask_renewing, first_accepted
from openusage.providers.shape import Shape
from openusage.providers.spacing import Answer, spaced

__all__ = ["fetch_usage", "usage_lines"]

T = TypeVar("T")

_BILLING = "https://cli-chat-proxy.grok.com/v1/billing"
_SETTINGS = "https://cli-chat-proxy.grok.com/v1/settings"
_NO_SUCH_FORMAT = (400, 404, 422)
_WEEKLY = "USAGE_PERIOD_TYPE_WEEKLY"

_WORDS = Words(
    EXPIRED,
    unreachable="Grok billing request failed. Check your connection.",
    status="Grok billing request failed (HTTP {status}). Try again later.",
    invalid="Grok billing response changed.",
    rate_limited="Grok billing request rate limited. It is asked again later.",
)

_VALUE: Shape = {"val": "any"}
_SHAPE: Mapping[str, Shape] = {
    "config": {
        "creditUsagePercent": "any",
        "currentPeriod": {"type": "any", "start": "any", "end": "any"},
        "monthlyLimit": _VALUE,
        "used": _VALUE,
        "onDemandCap": _VALUE,
        "billingPeriodEnd": "any",
    },
    "plan": "any",
}


async def fetch_usage(host: Host, sources: Sequence[Source]) -> Answer:
    """What the service tells the first of `sources` that it accepts."""
    return await first_accepted([partial(_usage, host, source) for source in sources])


async def _usage(host: Host, source: Source) -> Answer:
    login = source.login
    host.identify(source.account)
    if not (host.refresh_credentials and login.refresh_token):
        require_good(host, login, source.scope)
    return await spaced(host, login.access_token or "", _SHAPE, lambda: _fetch(host, source))


async def _fetch(host: Host, source: Source) -> Mapping[str, Any]:
    if source.file is None:
        return await _ask(host, source.login)

    async def ask_with(login: Login, renewed: bool) -> Mapping[str, Any]:
        require_good(host, login, source.scope)
        return await _ask(host, login)

    store = store_of(host, source.file, source.scope)
    return await ask_renewing(host, source.login, store, ask_with, refused=EXPIRED)


async def _ask(host: Host, login: Login) -> Mapping[str, Any]:
    headers = {
        "Authorization": f"Bearer {login.access_token}",
        "X-XAI-Token-Auth": "xai-grok-cli",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    billing = await _billing(host, headers)
    return {"config": billing["config"], "plan": await _plan(host, headers)}


async def _billing(host: Host, headers: Mapping[str, str]) -> Mapping[str, Any]:
    """What is used, in the newer form or the older one, checked."""
    body = await _newer_form(host, headers)
    if body is None:
        body = await ask(host, "GET", _BILLING, _WORDS, headers=headers)
    usage_lines(body)
    return body


async def _newer_form(host: Host, headers: Mapping[str, str]) -> Mapping[str, Any] | None:
    """What is told when the newer form is asked for; `None` when this plan has no such form."""
    try:
        body = await ask(host, "GET", f"{_BILLING}?format=credits", _WORDS, headers=headers)
    except UnexpectedResponseError as error:
        if error.status in _NO_SUCH_FORMAT:
            return None
        raise
    config = object_at(body, "config")
    useless = config and not config.keys() & {"currentPeriod", "monthlyLimit"}
    return None if useless else body


async def _plan(host: Host, headers: Mapping[str, str]) -> str | None:
    """What the plan is called; the figures are shown without it too."""
    try:
        body = await ask(host, "GET", _SETTINGS, _WORDS, headers=headers)
    except ProbeError:
        return None
    return text_of(body.get("subscription_tier_display"))


# --- the lines ------------------------------------------------------------------------------------


def usage_lines(body: Mapping[str, Any]) -> list[Line]:
    """The weekly pool or the credits of the month, and the cap of what may be bought beside it.

    Raises `UnexpectedResponseError` for an answer in neither form.
    """
    config = object_at(body, "config")
    if "currentPeriod" in config:
        return [*_weekly(config), _pay_as_you_go(config, otherwise=0.0)]
    return [_credits(config), _pay_as_you_go(config, otherwise=None)]


def _weekly(config: Mapping[str, Any]) -> list[Progress]:
    """The pool, if it is one for a week. A percentage that is left out is 0, as zeros are."""
    period = object_at(config, "currentPeriod")
    kind = text_of(period.get("type"))
    start, end = _instant(period, "start"), _instant(period, "end")
    used = _known(numeric(config.get("creditUsagePercent", 0)))
    if kind is None or end <= start:
        raise UnexpectedResponseError(_WORDS.invalid, 200)
    if kind != _WEEKLY:
        return []
    length = (end - start) // timedelta(milliseconds=1)
    return [Progress("Weekly limit", clamp(used), 100, resets_at=end, period_ms=length)]


def _credits(config: Mapping[str, Any]) -> Progress:
    used, limit = _value(config, "used"), _value(config, "monthlyLimit")
    if limit <= 0:
        raise UnexpectedResponseError(_WORDS.invalid, 200)
    resets_at = _instant(config, "billingPeriodEnd")
    return Progress("Credits used", clamp(used / limit * 100), 100, resets_at=resets_at)


def _pay_as_you_go(config: Mapping[str, Any], otherwise: float | None) -> Badge:
    cap = _value(config, "onDemandCap", otherwise)
    if cap > 0:
        return Badge("Pay as you go", f"{shortest(cap)} cap", "#22c55e")
    return Badge("Pay as you go", "Disabled", "#a3a3a3")


def _value(config: Mapping[str, Any], key: str, otherwise: float | None = None) -> float:
    """The `val` of an amount; without one `otherwise`, if that is known."""
    amount = config.get(key)
    if amount is None:
        return _known(otherwise)
    return _known(numeric(amount.get("val", otherwise)) if isinstance(amount, dict) else None)


def _instant(values: Mapping[str, Any], key: str) -> datetime:
    return _known(parse_instant(text_of(values.get(key))))


def _known(value: T | None) -> T:
    if value is None:
        raise UnexpectedResponseError(_WORDS.invalid, 200)
    return value
