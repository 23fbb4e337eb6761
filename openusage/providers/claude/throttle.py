"""What is known of one login's usage between probes, and when the service may be asked again.

It is kept in the state of the login, so that it outlives restarts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from openusage.host import Host
from openusage.host.instants import from_epoch
from openusage.host.numbers import number
from openusage.model import ProbeError, TokenExpiredError
from openusage.providers.claude.credentials import Login
from openusage.providers.remembered import dump_error, load_error

__all__ = ["LEAST_WAIT", "LONGEST_LIMIT", "SPACING", "Throttle", "Usage"]

SPACING = 300.0
"""Seconds between attempts, and the length of a rate limit that comes without `Retry-After`."""
LEAST_WAIT = 60.0
"""Seconds between attempts even when the service says that it may be asked again at once."""
LONGEST_LIMIT = 7 * 86400.0


@frozen
class Usage:
    """What is known: a body with the instant of its fetching, and a rate limit if there is one.

    `retry_in` is in seconds; `None` while `limited`: the service did not say for how long.
    """

    body: Mapping[str, Any] | None = None
    fetched_at: datetime | None = None
    limited: bool = False
    retry_in: float | None = None


@frozen
class Throttle:
    """What outlives a probe, in Unix seconds; `trouble` is how the last attempt failed.

    `refused` is the digest of the access token that failed, so that the next login need not wait.
    """

    attempted: float | None = None
    limited_until: float | None = None
    body: Mapping[str, Any] | None = None
    fetched_at: float | None = None
    trouble: ProbeError | None = None
    refused: str | None = None

    @classmethod
    async def load(cls, host: Host) -> Throttle:
        """What is kept for the login that `host.identify` was told."""
        state = await host.state.read()
        body, refused = state.get("body"), state.get("refusedToken")
        return cls(
            number(state.get("lastFetch")),
            number(state.get("rateLimitedUntil")),
            body if isinstance(body, dict) else None,
            number(state.get("bodyFetchedAt")),
            load_error(state.get("trouble")),
            refused if isinstance(refused, str) else None,
        )

    async def store(self, host: Host) -> None:
        """Keep it, beside what else is kept for the login."""
        kept = await host.state.read()
        changed = {
            "lastFetch": self.attempted,
            "rateLimitedUntil": self.limited_until,
            "body": self.body,
            "bodyFetchedAt": self.fetched_at,
            "trouble": None if self.trouble is None else dump_error(self.trouble),
            "refusedToken": self.refused,
        }
        await host.state.write({**kept, **changed})

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

    def attempt(self, now: float) -> Throttle:
        """The throttle once an attempt begins at `now`."""
        return evolve(self, attempted=now, limited_until=None, trouble=None, refused=None)

    def failed(self, error: ProbeError, login: Login) -> Throttle:
        """The throttle once the attempt with `login` has failed."""
        refused = login.digest if isinstance(error, TokenExpiredError) else None
        return evolve(self, trouble=error, refused=refused)

    def usage(self, *, limited: bool = False, retry_in: float | None = None) -> Usage:
        """The body as last fetched, with the rate limit as it stands."""
        return Usage(self.body, from_epoch(self.fetched_at), limited, retry_in)
