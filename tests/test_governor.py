"""Tests for `openusage.governor`."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.governor import (
    LEAST_RATE_LIMIT,
    LONGEST_BACKOFF,
    LONGEST_RATE_LIMIT,
    SPACING,
    after_failure,
    after_success,
    enabled_attempt,
    first_attempt,
    login_attempt,
)
from openusage.model import (
    Health,
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    ProviderCrashedError,
    RateLimitedError,
    TokenExpiredError,
    UnreachableError,
)
from openusage.testing import NOW
from tests.pieces import after

INTERVAL = timedelta(minutes=5)
EVEN = 0.5
"""The chance that changes nothing."""

chances = st.floats(0, 1)
intervals = st.integers(1, 60).map(lambda minutes: timedelta(minutes=minutes))
clocks = st.integers(-10 * 86400, 10 * 86400).map(lambda seconds: after(seconds=seconds))


def failed(error: ProbeError, failures: int = 0, chance: float = EVEN) -> Health:
    """Health after one more failure, now."""
    return after_failure(Health(failures=failures), error, NOW, INTERVAL, chance)


def wait(health: Health) -> timedelta:
    assert health.next_attempt is not None
    return health.next_attempt - NOW


class AfterSuccessTests(SynchronousTestCase):
    """Tests for `after_success`."""

    def test_success(self) -> None:
        """All is well, and the next attempt is one interval away."""
        self.assertEqual(
            after_success(NOW, INTERVAL, EVEN, notes=("unknown model: x",)),
            Health(
                last_attempt=NOW,
                last_success=NOW,
                next_attempt=after(minutes=5),
                waiting="interval",
                notes=("unknown model: x",),
            ),
        )

    @settings(deadline=None, max_examples=200)
    @given(intervals, chances)
    def test_jitter(self, interval: timedelta, chance: float) -> None:
        """Chance moves the next attempt by at most a tenth of the interval, either way."""
        waited = wait(after_success(NOW, interval, chance))

        cut = timedelta(milliseconds=1)
        self.assertTrue(interval * 0.9 - cut <= waited <= interval * 1.1, waited)

    def test_jitter_bounds(self) -> None:
        """The ends of chance are the ends of the jitter."""
        self.assertEqual(wait(after_success(NOW, INTERVAL, 0.0)), INTERVAL * 0.9)
        self.assertEqual(wait(after_success(NOW, INTERVAL, 1.0)), INTERVAL * 1.1)

    def test_again_at(self) -> None:
        """The provider's wish is followed if it is sooner, but never within a minute."""
        for wish, expected, waiting in (
            (after(minutes=3), after(minutes=3), "provider"),
            (after(minutes=9), after(minutes=5), "interval"),
            (after(minutes=5), after(minutes=5), "interval"),
            (after(seconds=10), NOW + SPACING, "provider"),
            (NOW, NOW + SPACING, "provider"),
            (after(days=-9), NOW + SPACING, "provider"),
        ):
            health = after_success(NOW, INTERVAL, EVEN, again_at=wish)
            self.assertEqual((health.next_attempt, health.waiting), (expected, waiting), wish)


class AfterFailureTests(SynchronousTestCase):
    """Tests for `after_failure`."""

    def test_failure(self) -> None:
        """What failed and when is known; the last success is not forgotten."""
        before = Health(last_attempt=after(hours=-1), last_success=after(hours=-1), notes=("old",))

        self.assertEqual(
            after_failure(before, UnreachableError("no answer"), NOW, INTERVAL, EVEN, notes=("n",)),
            Health(
                last_attempt=NOW,
                last_success=after(hours=-1),
                error="unreachable",
                message="no answer",
                failures=1,
                next_attempt=after(minutes=5),
                waiting="backoff",
                notes=("n",),
            ),
        )

    def test_doubling(self) -> None:
        """Each failure in a row doubles the wait, up to an hour."""
        health, waits = Health(), []
        for _ in range(7):
            health = after_failure(health, UnreachableError("no answer"), NOW, INTERVAL, EVEN)
            waits.append(wait(health).total_seconds() / 60)

        self.assertEqual(waits, [5, 10, 20, 40, 60, 60, 60])
        self.assertEqual(health.failures, 7)

    def test_any_count(self) -> None:
        """Whatever number of failures the disk had, the wait is one that makes sense."""
        for failures in (-(10**30), -1, 10**6, 10**300):
            waited = wait(failed(UnreachableError("no answer"), failures))
            self.assertTrue(INTERVAL <= waited <= LONGEST_BACKOFF, failures)

    @settings(deadline=None, max_examples=200)
    @given(st.integers(0, 100), intervals, chances)
    def test_bounds(self, failures: int, interval: timedelta, chance: float) -> None:
        """The wait is never longer than an hour nor shorter than nine tenths of an interval."""
        health = after_failure(
            Health(failures=failures), UnreachableError("no answer"), NOW, interval, chance
        )

        cut = timedelta(milliseconds=1)
        self.assertTrue(interval * 0.9 - cut <= wait(health) <= LONGEST_BACKOFF, wait(health))

    def test_rate_limit(self) -> None:
        """A rate limit is kept, between five minutes and a day, whatever the service says."""
        minutes, days = timedelta(minutes=1), timedelta(days=1)
        for asked, expected in (
            (None, 5 * minutes),
            (0.0, 5 * minutes),
            (0.001, 5 * minutes),
            (299.0, 5 * minutes),
            (1800.0, 30 * minutes),
            (7200.0, 120 * minutes),
            (86400.0, days),
            (86401.0, days),
            (1e300, days),
            (math.inf, days),
            (-1.0, 5 * minutes),
            (-1e300, 5 * minutes),
            (-math.inf, 5 * minutes),
            (math.nan, 5 * minutes),
        ):
            health = failed(RateLimitedError("slow down", asked))
            self.assertEqual((wait(health), health.waiting), (expected, "rate_limited"), asked)

    def test_rate_limit_again(self) -> None:
        """Rate limits in a row double like other failures when the service asks for less."""
        self.assertEqual(wait(failed(RateLimitedError("slow down", 60), 2)), 4 * INTERVAL)
        self.assertEqual(wait(failed(RateLimitedError("slow down", 7200), 2)), timedelta(hours=2))

    @settings(deadline=None, max_examples=200)
    @given(st.none() | st.floats(), st.integers(0, 20), chances)
    def test_any_rate_limit(self, asked: float | None, failures: int, chance: float) -> None:
        """No answer of a service makes us come back at once, or never."""
        waited = wait(failed(RateLimitedError("slow down", asked), failures, chance))

        self.assertTrue(LEAST_RATE_LIMIT <= waited <= LONGEST_RATE_LIMIT, waited)

    def test_recovery(self) -> None:
        """After a success failures are counted from the first again."""
        health = failed(UnreachableError("no answer"), 9)
        self.assertEqual(wait(health), LONGEST_BACKOFF)

        health = after_success(NOW, INTERVAL, EVEN)

        again = after_failure(health, UnreachableError("no answer"), NOW, INTERVAL, EVEN)
        self.assertEqual((again.failures, wait(again)), (1, INTERVAL))

    def test_long_message(self) -> None:
        """However much a provider has to say, health stays short."""
        self.assertEqual(failed(UnreachableError("x" * 10_000)).message, "x" * 500)


class _AttemptTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.fine = after_success(NOW, INTERVAL, EVEN)
        self.backing_off = failed(UnreachableError("no answer"), 1)
        self.limited = failed(RateLimitedError("slow down", 1800))


class FirstAttemptTests(_AttemptTestCase):
    """Tests for `first_attempt`."""

    def test_never_probed(self) -> None:
        """What was never probed is probed at once."""
        self.assertEqual(first_attempt(Health(), NOW), NOW)

    def test_fine(self) -> None:
        """After a success a restart probes at once, unless the last attempt is a minute ago."""
        self.assertEqual(first_attempt(self.fine, after(seconds=20)), NOW + SPACING)
        self.assertEqual(first_attempt(self.fine, after(seconds=90)), after(seconds=90))

    def test_backoff(self) -> None:
        """A restart does not cut a back-off short, nor a rate limit."""
        self.assertEqual(first_attempt(self.backing_off, after(minutes=2)), after(minutes=10))
        self.assertEqual(first_attempt(self.backing_off, after(minutes=11)), after(minutes=11))
        self.assertEqual(first_attempt(self.limited, after(minutes=2)), after(minutes=30))

    def test_crash(self) -> None:
        """A provider that crashed waits like one that had no answer."""
        crashed = failed(ProviderCrashedError("a bug"), 1)

        self.assertEqual(first_attempt(crashed, after(minutes=2)), after(minutes=10))

    def test_login_trouble(self) -> None:
        """Trouble with the login does not outlast a restart, which may have come of mending it."""
        for kind in (NotLoggedInError, TokenExpiredError, NotAvailableError):
            health = failed(kind("no login"), 5)
            self.assertEqual(first_attempt(health, after(seconds=90)), after(seconds=90))
            self.assertEqual(first_attempt(health, after(seconds=20)), NOW + SPACING)

    def test_clock_set_back(self) -> None:
        """With a clock that was set back, nothing waits longer than it would have had to."""
        for hours in (1, 20, 24 * 400):
            now = after(hours=-hours)
            self.assertEqual(first_attempt(self.fine, now), now)
            self.assertEqual(first_attempt(self.backing_off, now), now + timedelta(minutes=10))
            self.assertEqual(first_attempt(self.limited, now), now + timedelta(minutes=30))

    def test_clock_set_forward(self) -> None:
        """With a clock that was set forward, every wait is over."""
        now = after(days=400)

        for health in (self.fine, self.backing_off, self.limited):
            self.assertEqual(first_attempt(health, now), now)

    def test_incomplete(self) -> None:
        """Health that lacks an instant, as another version may leave it, holds nothing up."""
        self.assertEqual(first_attempt(Health(failures=3, error="timeout"), NOW), NOW)
        self.assertEqual(
            first_attempt(Health(failures=3, error="timeout", last_attempt=NOW), NOW), NOW
        )

    @settings(deadline=None, max_examples=200)
    @given(
        st.builds(
            Health,
            last_attempt=st.none() | clocks,
            next_attempt=st.none() | clocks,
            failures=st.integers(-2, 20),
            error=st.sampled_from([None, "timeout", "rate_limited", "not_logged_in"]),
            waiting=st.sampled_from([None, "interval", "backoff", "rate_limited"]),
        ),
        clocks,
    )
    def test_any_health(self, health: Health, now: datetime) -> None:
        """Whatever health was found, no attempt is in the past nor more than a day away."""
        for attempt in (first_attempt, enabled_attempt, login_attempt):
            when = attempt(health, now)
            self.assertTrue(now <= when <= now + LONGEST_RATE_LIMIT, when)


class EnabledAttemptTests(_AttemptTestCase):
    """Tests for `enabled_attempt`."""

    def test_at_once(self) -> None:
        """Who enables a provider sees it at once, whatever went wrong before."""
        for health in (Health(), self.fine, self.backing_off, failed(NotLoggedInError("no login"))):
            self.assertEqual(enabled_attempt(health, after(seconds=1)), after(seconds=1))

    def test_rate_limit(self) -> None:
        """A rate limit still holds."""
        self.assertEqual(enabled_attempt(self.limited, after(minutes=1)), after(minutes=30))
        self.assertEqual(enabled_attempt(self.limited, after(minutes=31)), after(minutes=31))


class LoginAttemptTests(_AttemptTestCase):
    """Tests for `login_attempt`."""

    def test_spaced(self) -> None:
        """A new login is tried at once, or a minute after the last attempt."""
        for health in (self.fine, self.backing_off, failed(TokenExpiredError("expired"), 8)):
            self.assertEqual(login_attempt(health, after(seconds=10)), NOW + SPACING)
            self.assertEqual(login_attempt(health, after(seconds=70)), after(seconds=70))
        self.assertEqual(login_attempt(Health(), NOW), NOW)

    def test_rate_limit(self) -> None:
        """A rate limit still holds."""
        self.assertEqual(login_attempt(self.limited, after(minutes=1)), after(minutes=30))
