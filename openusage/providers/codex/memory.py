"""What is remembered of one account between probes, so that the service is never asked too often.

At least a minute lies between two requests with the same token, whoever asks, and after a 429 one
with any token; nothing is sent before the time has come that the service named. All this holds
across restarts.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from openusage.host import Host
from openusage.host.instants import from_epoch
from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    RateLimitedError,
    UnreachableError,
)
from openusage.providers.codex.answer import Answer
from openusage.providers.codex.login import Login
from openusage.providers.codex.words import NO_CONNECTION, RATE_LIMITED
from openusage.providers.remembered import dump_error, load_error

__all__ = ["LONGEST_WAIT", "SPACING", "Memory"]

SPACING = timedelta(seconds=60)
LONGEST_WAIT = timedelta(days=31)
_KEY = "usage"


@define
class Memory:
    """The last good answer, the end of a rate limit, and how the last request per token failed."""

    host: Host
    answer: Answer | None = None
    blocked_until: datetime | None = None
    _failures: dict[str, dict[str, Any]] = field(factory=dict)

    @classmethod
    async def recall(cls, host: Host) -> Memory:
        """What is known of the account that `host.identify` was told."""
        kept = (await host.state.read()).get(_KEY)
        values: dict[str, Any] = kept if isinstance(kept, dict) else {}
        failures = values.get("failures")
        memory = cls(
            host, Answer.load(values.get("answer")), from_epoch(values.get("blockedUntil"))
        )
        for token, failure in failures.items() if isinstance(failures, dict) else ():
            if isinstance(failure, dict) and memory._recent(from_epoch(failure.get("at"))):
                memory._failures[token] = failure
        return memory

    def recent_answer(self) -> Answer | None:
        """The last answer, if it is less than a minute old. `RateLimitedError` in a rate limit."""
        now = self.host.now()
        if self.blocked_until is not None and now < self.blocked_until <= now + LONGEST_WAIT:
            self.host.ask_again(self.blocked_until)
            raise RateLimitedError(RATE_LIMITED, (self.blocked_until - now).total_seconds())
        if self.answer is None or not self._recent(self.answer.at):
            return None
        self.host.ask_again(self.answer.at + SPACING)
        return self.answer

    def refuse_again(self, login: Login) -> None:
        """Raises what the last request with this token did, if it failed less than a minute ago."""
        failure = self._failures.get(_digest(login))
        if failure is None:
            return
        raise load_error(failure) or UnreachableError(NO_CONNECTION)

    async def asking(self, login: Login) -> None:
        """A request is about to be sent; should we be stopped before its answer, it failed."""
        await self.failed(login, ProbeTimeoutError(NO_CONNECTION))

    async def failed(self, login: Login, error: ProbeError) -> None:
        """The request failed with `error`."""
        now = self.host.now()
        if isinstance(error, RateLimitedError):
            self._failures.clear()
            self.blocked_until = now + max(timedelta(seconds=error.retry_after or 0), SPACING)
            self.host.ask_again(self.blocked_until)
        else:
            self._failures[_digest(login)] = {"at": now.timestamp(), **dump_error(error)}
        await self._keep()

    async def answered(self, answer: Answer) -> None:
        """The service gave `answer`."""
        self.answer, self.blocked_until = answer, None
        self._failures.clear()
        await self._keep()

    async def _keep(self) -> None:
        until = self.blocked_until
        values = {
            "answer": self.answer.dump() if self.answer else None,
            "blockedUntil": until.timestamp() if until else None,
            "failures": self._failures,
        }
        await self.host.state.write({**await self.host.state.read(), _KEY: values})

    def _recent(self, instant: datetime | None) -> bool:
        return instant is not None and timedelta() <= self.host.now() - instant < SPACING


def _digest(login: Login) -> str:
    text = f"{login.account_id} {login.access_token}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
