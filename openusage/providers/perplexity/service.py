"""What the service is asked: the plan, the credits and their use, and what the plan has left.

These are the addresses of the app, and of the site's own pages for the API (seen 2026-11):

    /api/user                    {"subscription_tier": "pro"}
    /rest/pplx-api/v2/groups     {"orgs": [{"api_org_id": str, "is_default_org": bool}]}
    …/groups/ID                  {"customerInfo": {"is_pro", "is_max", "balance": 8.4}}
    …/groups/ID/usage-analytics  [{"meter_event_summaries": [{"cost": 0.12}]}]
    /rest/rate-limit/all         {"remaining_pro": 190, "remaining_research": 18, …}

Some answer only with a slash at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from attrs import define, field

from openusage.host import Host
from openusage.host.values import json_value
from openusage.model import (
    ProbeError,
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.asking import Words, request, retry_after
from openusage.providers.perplexity.login import Login
from openusage.providers.perplexity.mapping import figure_lines, figures_of, group_id_in

__all__ = ["fetch"]

_SITE = "https://www.perplexity.ai"
_USER = f"{_SITE}/api/user"
_GROUPS = f"{_SITE}/rest/pplx-api/v2/groups"
_LIMITS = f"{_SITE}/rest/rate-limit/all"
_CHALLENGE = b"Just a moment"
"""What Cloudflare shows to whom it takes for no browser: the login is not to blame."""

_UNABLE = "Unable to connect. Try again later."
_WORDS = Words(
    refused="Unable to connect: the login was refused. Sign in via Perplexity app.",
    unreachable=_UNABLE,
    invalid=_UNABLE,
)
_CHALLENGED = "Unable to connect: the service wants to see a browser. Try again later."
_NO_USAGE = "Usage data unavailable. Try again later."
_NO_LIMITS = "Rate limits unavailable. Try again later."
_NO_BALANCE = "Balance unavailable. Try again later."


async def fetch(host: Host, login: Login) -> Mapping[str, Any]:
    """The figures, as `KEPT` has them. Raises a `ProbeError` when there are none."""
    questions = _Questions(host, login.headers(host))
    user = await questions.ask(_USER, f"{_USER}/")
    group_id = group_id_in(await questions.ask(_GROUPS, f"{_GROUPS}/"))
    group = analytics = None
    if group_id is not None:
        url = f"{_GROUPS}/{quote(group_id, safe='', errors='replace')}"
        group = await questions.ask(url, f"{url}/")
        analytics = await questions.ask(f"{url}/usage-analytics", f"{url}/usage-analytics/")
    limits = await questions.ask(_LIMITS)
    if user is None and group is None and limits is None:
        raise questions.trouble
    figures = figures_of(user, group, analytics, limits)
    if not figure_lines(figures):
        raise UnexpectedResponseError(_why_nothing(figures))
    return figures


def _why_nothing(figures: Mapping[str, Any]) -> str:
    if (figures["balance"] or 0) > 0 and figures["usage"] is None:
        return _NO_USAGE
    return _NO_BALANCE if figures["plan"] is None else _NO_LIMITS


@define
class _Questions:
    """Questions of which each may stay without an answer."""

    host: Host
    headers: Mapping[str, str]
    _errors: list[ProbeError] = field(factory=list)

    @property
    def trouble(self) -> ProbeError:
        """Why there was no answer: a login that was refused, else what went wrong first."""
        refused = (error for error in self._errors if isinstance(error, TokenExpiredError))
        return next(refused, self._errors[0])

    async def ask(self, *urls: str) -> Any:
        """The JSON object or array at the first of `urls` that has one; `None`: nothing.

        Raises `RateLimitedError`: then there is no use in going on.
        """
        for url in urls:
            try:
                return await self._get(url)
            except UnexpectedResponseError as error:
                self._errors.append(error)
            except (TokenExpiredError, UnreachableError) as error:
                self._errors.append(error)
                return None
        return None

    async def _get(self, url: str) -> Any:
        response = await request(self.host, "GET", url, _WORDS, headers=self.headers)
        status = response.status
        if status == 403 and _CHALLENGE in response.body:
            raise UnexpectedResponseError(_CHALLENGED, status)
        if status in (401, 403):
            raise TokenExpiredError(_WORDS.refused)
        if status == 429:
            wait = retry_after(response.headers, self.host.now())
            raise RateLimitedError(_WORDS.rate_limited, wait)
        body = json_value(response) if status // 100 == 2 else None
        if not isinstance(body, (dict, list)):
            raise UnexpectedResponseError(_UNABLE, status)
        return body
