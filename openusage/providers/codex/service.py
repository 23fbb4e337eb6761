"""What the service is asked: the usage, and the list of resets that the person has left.

Seen 2026-11. The usage endpoint is the one that the ChatGPT web app and the CLI's `/status` ask.
Resets are only ever listed; the endpoint that spends one is never called.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from openusage.host import Host, Response
from openusage.host.instants import parse_instant
from openusage.host.numbers import numeric
from openusage.host.values import json_object, object_at
from openusage.log import logger
from openusage.model import (
    ProbeError,
    RateLimitedError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.asking import retry_after
from openusage.providers.codex.answer import Answer
from openusage.providers.codex.config import Config
from openusage.providers.codex.login import Login
from openusage.providers.codex.mapping import is_usage
from openusage.providers.codex.words import (
    AFTER_REFRESH,
    INVALID,
    NO_CONNECTION,
    RATE_LIMITED,
    http_error,
    invalid,
)

__all__ = ["Service"]

_USUAL_WAIT = 300.0

_log = logger()


@frozen
class Service:
    """The usage endpoint at the address that `config` names."""

    host: Host
    config: Config

    async def ask(self, login: Login, *, refreshed: bool = False) -> Answer | None:
        """What the account has used; `None` when the token is refused.

        `refreshed` says that the token was bought during this probe. Raises `UnreachableError`,
        `RateLimitedError` or `UnexpectedResponseError`.
        """
        url, headers = self.config.usage_url, self._headers(login)
        try:
            response = await self.host.http.request("GET", url, headers=headers)
        except UnreachableError as error:
            raise type(error)(AFTER_REFRESH if refreshed else NO_CONNECTION) from error
        except UnexpectedResponseError as error:
            raise UnexpectedResponseError(invalid(error.message), error.status) from error
        if response.status in (401, 403):
            return None
        now = self.host.now()
        if response.status == 429:
            wait = retry_after(response.headers, now) or _USUAL_WAIT
            raise RateLimitedError(RATE_LIMITED, wait)
        if response.status // 100 != 2:
            raise UnexpectedResponseError(http_error(response.status), response.status)
        return await self._with_resets(login, _answer(response, now))

    async def _with_resets(self, login: Login, answer: Answer) -> Answer:
        """`answer` with the resets that are left and when the first is lost, if that can be had."""
        count = numeric(object_at(answer.body, "rate_limit_reset_credits").get("available_count"))
        url = self.config.resets_url
        if url is None or count is None or count <= 0:
            return answer
        extra = {"OpenAI-Beta": "codex-1", "originator": "Codex Desktop"}
        headers = {**self._headers(login), **extra}
        try:
            response = await self.host.http.request("GET", url, headers=headers)
        except ProbeError as error:
            _log.debug("{id}: no list of resets: {code}", id=self.host.id, code=error.code)
            return answer
        body = json_object(response) or {}
        listed = numeric(body.get("available_count"))
        if response.status // 100 != 2 or listed is None or listed < 0:
            _log.debug("{id}: no list of resets: HTTP {s}", id=self.host.id, s=response.status)
            return answer
        return answer.with_resets(listed, _soonest(body.get("credits"), self.host.now()))

    def _headers(self, login: Login) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {login.access_token}",
            "Accept": "application/json",
            "User-Agent": self.host.user_agent,
        }
        if login.account_id:
            headers["ChatGPT-Account-Id"] = login.account_id
        return headers


def _answer(response: Response, now: datetime) -> Answer:
    body = json_object(response)
    if body is not None:
        answer = Answer(now, body, response.headers)
        if is_usage(answer, body):
            return answer
    raise UnexpectedResponseError(INVALID, response.status)


def _soonest(credits_: object, now: datetime) -> datetime | None:
    expiries = [
        expires
        for credit in (credits_ if isinstance(credits_, list) else ())
        if isinstance(credit, dict) and credit.get("status") in (None, "available")
        if (expires := parse_instant(credit.get("expires_at"))) is not None and expires > now
    ]
    return min(expiries, default=None)
