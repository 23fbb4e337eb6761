"""What GitHub is asked: the quotas of the account, and the credits of an organization with seats.

Seen 2026-11. Both take an OAuth token as `token TOKEN`, not as a bearer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from openusage.host import Host
from openusage.host.numbers import number
from openusage.host.values import first_text, json_value, objects_in, text_of
from openusage.model import (
    ProbeError,
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.asking import Words, ask, send
from openusage.providers.copilot.mapping import SHAPE, is_seat, usage_lines
from openusage.providers.shape import fits

__all__ = ["fetch_usage"]

_API = "https://api.github.com"
_WORDS = Words("Token invalid. Run `gh auth login` to re-authenticate.")
# The service tells quotas only to what it knows as an editor.
_EDITOR = "GitHubCopilotChat/0.26.7"
_EDITOR_HEADERS = {
    "Accept": "application/json",
    "Editor-Version": "vscode/1.96.2",
    "Editor-Plugin-Version": "copilot-chat/0.26.7",
    "X-Github-Api-Version": "2025-04-01",
}
_BILLING_HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
_BILLING_SECONDS = 15.0
_MOST_ORGANIZATIONS = 20
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_UNITS = ("ai-units", "ai-credits")
_KEY = "organization"


async def fetch_usage(host: Host, token: str) -> Mapping[str, Any]:
    """The account's answer, with an organization's figures in it where it is a seat of one."""
    headers = {
        "Authorization": f"token {token}",
        "User-Agent": host.agent(_EDITOR),
        **_EDITOR_HEADERS,
    }
    body = await ask(host, "GET", f"{_API}/copilot_internal/user", _WORDS, headers=headers)
    if not usage_lines(body) and not fits(body, SHAPE):
        raise UnexpectedResponseError(_WORDS.invalid)
    return {**body, "organization": await _figures(host, token) if is_seat(body) else None}


# --- an organization's credits --------------------------------------------------------------------


async def _figures(host: Host, token: str) -> Mapping[str, Any] | None:
    """What the organization that has Copilot credits used of them; `None`: nobody tells.

    Which one it is is remembered, so that the next probe need not go through all of them.
    """
    known = text_of((await host.state.read()).get(_KEY))
    if known is not None:
        try:
            found = await _credits(host, token, known)
        except ProbeError:
            return None
        if found is not None:
            return found
        await _remember(host, None)
    for login in await _organizations(host, token):
        try:
            found = None if login == known else await _credits(host, token, login)
        except (RateLimitedError, UnreachableError):  # the next one would fare no better
            return None
        except ProbeError:
            continue
        if found is not None:
            await _remember(host, login)
            return found
    return None


async def _organizations(host: Host, token: str) -> Sequence[str]:
    url = f"{_API}/user/orgs?per_page=100"
    try:
        response = await send(
            host, "GET", url, _WORDS, headers=_headers(host, token), timeout=_BILLING_SECONDS
        )
    except ProbeError:
        return ()
    names = [first_text(entry, "login") for entry in objects_in(json_value(response))]
    return [name for name in names if name and _LOGIN.fullmatch(name)][:_MOST_ORGANIZATIONS]


async def _credits(host: Host, token: str, login: str) -> Mapping[str, Any] | None:
    """The organization's credits and dollars; `None` when it has none, or keeps them to itself.

    Raises a `ProbeError` when it may have some and did not say this time.
    """
    url = f"{_API}/orgs/{quote(login, safe='')}/settings/billing/usage/summary"
    try:
        body = await ask(
            host, "GET", url, _WORDS, headers=_headers(host, token), timeout=_BILLING_SECONDS
        )
    except TokenExpiredError:  # no owner of it, most often
        return None
    except UnexpectedResponseError as error:
        if error.status is not None and error.status // 100 == 4:
            return None
        raise
    items = [item for item in objects_in(body.get("usageItems")) if _is_credit(item)]
    if not items:
        return None
    return {"credits": _sum(items, "grossQuantity"), "spend": _sum(items, "netAmount")}


def _headers(host: Host, token: str) -> Mapping[str, str]:
    return {
        "Authorization": f"token {token}",
        "User-Agent": host.user_agent,
        **_BILLING_HEADERS,
    }


def _is_credit(item: Mapping[str, Any]) -> bool:
    product, unit = first_text(item, "product") or "", first_text(item, "unitType") or ""
    return product.lower() == "copilot" and unit.lower() in _UNITS


def _sum(items: Sequence[Mapping[str, Any]], key: str) -> float | None:
    amounts = [amount for item in items if (amount := number(item.get(key))) is not None]
    return number(sum(max(0.0, amount) for amount in amounts)) if amounts else None


async def _remember(host: Host, login: str | None) -> None:
    state = await host.state.read()
    await host.state.write({**state, _KEY: login})
