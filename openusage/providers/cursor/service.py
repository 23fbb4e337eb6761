"""What Cursor is asked: two services with the token itself, the website with a cookie made of it.

Seen 2026-11: the application's own service is asked as the application asks it, by Connect calls
with an empty object; the website's pages are those behind its dashboard. A token is renewed at
`/oauth/token`, which gives a new access token and leaves the refresh token as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from attrs import evolve, field, frozen

from openusage.host import Host
from openusage.host.oauth import RefusedError, Tokens
from openusage.host.values import json_object, object_at
from openusage.log import logger
from openusage.model import ProbeError, UnexpectedResponseError
from openusage.providers.asking import Words, ask, post, send
from openusage.providers.cursor.credentials import user_id
from openusage.providers.cursor.mapping import USAGE
from openusage.providers.logins import Login, tokens_in
from openusage.providers.shape import fits

__all__ = ["RENEWAL", "Service", "renew_token"]

RENEWAL = "https://api2.cursor.sh/oauth/token"
_DASHBOARD = "https://api2.cursor.sh/aiserver.v1.DashboardService"
_WEBSITE = "https://cursor.com/api"
_CLIENT_ID = "KbZUR41cY7W6zRSdpSUJ7I7mLYBKOCmB"
_EXPORT_SECONDS = 30.0
_RENEWAL_SECONDS = 15.0
_REFUSALS = (400, 401)

_WORDS = Words("Token expired. Sign in via Cursor app or run `agent login`.")
_AFTER_REFRESH = evolve(_WORDS, unreachable="Usage request failed after refresh. Try again.")
_SESSION_EXPIRED = "Session expired. Sign in via Cursor app or run `agent login`."

_log = logger(__name__)


@frozen
class Service:
    """Cursor, asked with `token`. All but `usage` gives `None` for what cannot be had."""

    host: Host
    token: str = field(repr=False)

    async def usage(self, *, renewed: bool) -> dict[str, Any]:
        """The billing period; `renewed` says that the token was bought a moment ago.

        Raises `TokenExpiredError`, `UnreachableError`, `RateLimitedError` or
        `UnexpectedResponseError`.
        """
        words = _AFTER_REFRESH if renewed else _WORDS
        body = await self._call("GetCurrentPeriodUsage", words)
        if not fits(body, USAGE):
            raise UnexpectedResponseError(words.invalid)
        return body

    async def plan(self) -> Mapping[str, Any] | None:
        """The plan; empty when the service knows of none."""
        body = await self._call_for_more("GetPlanInfo")
        return None if body is None else object_at(body, "planInfo")

    async def grants(self) -> Mapping[str, Any] | None:
        """The credits that were granted."""
        return await self._call_for_more("GetCreditGrantsBalance")

    async def stripe(self) -> Mapping[str, Any] | None:
        """The customer's account with the payment service."""
        return await self._page("auth/stripe")

    async def requests(self) -> Mapping[str, Any] | None:
        """The requests that were made, of those that may be."""
        user = user_id(self.token)
        return None if user is None else await self._page(f"usage?user={quote(user, safe='')}")

    async def summary(self) -> Mapping[str, Any] | None:
        """The person's and the organisation's shares and spend."""
        return await self._page("usage-summary")

    async def export(self, start: datetime, end: datetime) -> bytes | None:
        """Every use from `start` to `end`, as CSV."""
        query = {
            "startDate": int(start.timestamp() * 1000),
            "endDate": int(end.timestamp() * 1000),
            "strategy": "tokens",
        }
        url = f"{_WEBSITE}/dashboard/export-usage-events-csv?{urlencode(query)}"
        headers = self._cookie("text/csv")
        if headers is None:
            return None
        try:
            response = await send(
                self.host, "GET", url, _WORDS, headers=headers, timeout=_EXPORT_SECONDS
            )
        except ProbeError as error:
            self._without("export", error)
            return None
        return response.body

    async def _call(self, name: str, words: Words) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Connect-Protocol-Version": "1",
            "User-Agent": self.host.user_agent,
        }
        url = f"{_DASHBOARD}/{name}"
        return await ask(self.host, "POST", url, words, headers=headers, json={})

    async def _call_for_more(self, name: str) -> dict[str, Any] | None:
        try:
            return await self._call(name, _WORDS)
        except ProbeError as error:
            self._without(name, error)
            return None

    async def _page(self, path: str) -> dict[str, Any] | None:
        headers = self._cookie("application/json")
        if headers is None:
            return None
        try:
            return await ask(self.host, "GET", f"{_WEBSITE}/{path}", _WORDS, headers=headers)
        except ProbeError as error:
            self._without(path, error)
            return None

    def _cookie(self, accept: str) -> dict[str, str] | None:
        """The headers of somebody logged in to the website; `None` when the token names nobody."""
        user = user_id(self.token)
        if user is None:
            return None
        session = f"{quote(user, safe='')}%3A%3A{self.token}"
        return {
            "Accept": accept,
            "Cookie": f"WorkosCursorSessionToken={session}",
            "User-Agent": self.host.user_agent,
        }

    def _without(self, what: str, error: ProbeError) -> None:
        name = what.partition("?")[0]
        _log.debug("{id}: no {name}: {code}", id=self.host.id, name=name, code=error.code)


async def renew_token(host: Host, login: Login) -> Tokens | None:
    """What the refresh token of `login` buys; `None` when it bought nothing this time.

    Raises `RefusedError` when it is no good, or the session was ended.
    """
    sent = {
        "grant_type": "refresh_token",
        "client_id": _CLIENT_ID,
        "refresh_token": login.refresh_token,
    }
    headers = {"User-Agent": host.user_agent}
    try:
        response = await post(host, RENEWAL, headers=headers, json=sent, timeout=_RENEWAL_SECONDS)
    except ProbeError as error:
        _log.warn("{id}: login not renewed: {code}", id=host.id, code=error.code)
        return None
    body, status = json_object(response), response.status
    good, refused = status // 100 == 2, status in _REFUSALS
    if body is not None and body.get("shouldLogout") is True and (good or refused):
        raise RefusedError(_SESSION_EXPIRED)
    if refused:
        raise RefusedError(_WORDS.refused, for_good=body is not None)
    tokens = tokens_in(body) if good else None
    if tokens is None:
        _log.warn("{id}: login not renewed: HTTP {status}", id=host.id, status=status)
    return tokens
