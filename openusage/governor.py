"""When the next probe runs, as pure functions of an instance's health, the time and the outcome.

Everything they need is in `Health`, which is kept on disk: a restart goes on where the last run
stopped and hammers nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import evolve

from openusage.model import Health, ProbeError, RateLimitedError

__all__ = ["after_failure", "after_success", "enabled_attempt", "first_attempt", "login_attempt"]

JITTER = 0.1
SPACING = timedelta(minutes=1)
"""The least time between two attempts, unless the person enables the provider anew."""
LONGEST_BACKOFF = timedelta(hours=1)
LEAST_RATE_LIMIT = timedelta(minutes=5)
"""How long to leave a service alone that says 429 without saying for how long, or says 0."""
LONGEST_RATE_LIMIT = timedelta(days=1)
_LONGEST_MESSAGE = 500
_LOGIN_TROUBLE = ("not_logged_in", "token_expired", "not_available", "duplicate")


def after_success(
    now: datetime,
    interval: timedelta,
    chance: float,
    *,
    again_at: datetime | None = None,
    notes: tuple[str, ...] = (),
) -> Health:
    """Health after a good probe; `chance` is a random number from 0 to 1.

    `again_at` is the provider's own wish for the next probe; it is followed, with `SPACING`, if it
    is sooner.
    """
    next_attempt, waiting = now + _jittered(interval, chance), "interval"
    if again_at is not None and max(again_at, now + SPACING) < next_attempt:
        next_attempt, waiting = max(again_at, now + SPACING), "provider"
    return Health(
        last_attempt=now,
        last_success=now,
        next_attempt=next_attempt,
        waiting=waiting,
        notes=notes,
    )


def after_failure(
    health: Health,
    error: ProbeError,
    now: datetime,
    interval: timedelta,
    chance: float,
    *,
    notes: tuple[str, ...] = (),
) -> Health:
    """Health after a failed probe: the wait doubles with each failure in a row, up to an hour.

    A rate limit waits as long as the service says, and at least `LEAST_RATE_LIMIT`.
    """
    failures = max(health.failures, 0) + 1  # what is on disk may be anything
    doubled = interval * 2 ** min(failures - 1, 10)
    wait = min(_jittered(min(doubled, LONGEST_BACKOFF), chance), LONGEST_BACKOFF)
    waiting = "backoff"
    if isinstance(error, RateLimitedError):
        wait, waiting = max(wait, _asked(error.retry_after)), "rate_limited"
    return evolve(
        health,
        last_attempt=now,
        error=error.code,
        message=error.message[:_LONGEST_MESSAGE],
        failures=failures,
        next_attempt=now + wait,
        waiting=waiting,
        notes=notes,
    )


def first_attempt(health: Health, now: datetime) -> datetime:
    """When to probe first after a start: now, unless that would hammer somebody.

    Back-off and rate limits of the last run stand. Trouble with the login does not: the person may
    have started us again just because it is mended.
    """
    if health.failures and health.error not in _LOGIN_TROUBLE:
        return _waited(health, now)
    return _spaced(health, now)


def enabled_attempt(health: Health, now: datetime) -> datetime:
    """When to probe an instance that was just enabled: now, unless a rate limit still runs."""
    if health.waiting == "rate_limited":
        return _waited(health, now)
    return now


def login_attempt(health: Health, now: datetime) -> datetime:
    """When to probe an instance whose login changed: as if it was just enabled, but spaced."""
    return max(enabled_attempt(health, now), _spaced(health, now))


def _waited(health: Health, now: datetime) -> datetime:
    """The end of the wait that was set; with a clock that was set back, no longer than it was."""
    if health.last_attempt is None or health.next_attempt is None:
        return now
    wait = min(health.next_attempt - health.last_attempt, LONGEST_RATE_LIMIT)
    return max(now, min(health.next_attempt, now + wait))


def _spaced(health: Health, now: datetime) -> datetime:
    last = health.last_attempt
    if last is None or last > now:
        return now
    return max(now, last + SPACING)


def _jittered(wait: timedelta, chance: float) -> timedelta:
    return wait * (1 + JITTER * (2 * chance - 1))


def _asked(retry_after: float | None) -> timedelta:
    if retry_after is None or not retry_after > 0:  # not a number is not above 0 either
        return LEAST_RATE_LIMIT
    asked = min(retry_after, LONGEST_RATE_LIMIT.total_seconds())
    return max(timedelta(seconds=asked), LEAST_RATE_LIMIT)
