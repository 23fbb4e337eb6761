"""Tests for `openusage.model`."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import (
    Badge,
    BarChart,
    BarPoint,
    Count,
    Dollars,
    Health,
    MalformedError,
    NotAvailableError,
    NotLoggedInError,
    Percent,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    ProviderCrashedError,
    RateLimitedError,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.testing import NOW
from tests.pieces import snapshot

# Calls with what the type checker would refuse: providers of other people may not be checked.
AnyProgress: Any = Progress
AnyText: Any = Text
AnyPoint: Any = BarPoint
AnyChart: Any = BarChart
AnyCount: Any = Count
AnyHealth: Any = Health
AnySnapshot: Any = Snapshot

HUGE = 10**400
NAIVE = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - what must be refused
POINT = BarPoint("Mon", 1)


class _ValueTestCase(SynchronousTestCase):
    def refused(self, words: str, make: Callable[..., object], *args: Any, **more: Any) -> None:
        """`make` raises a `MalformedError` of exactly these words."""
        error = self.assertRaises(MalformedError, make, *args, **more)
        self.assertEqual(str(error), words)


class ProbeErrorTests(SynchronousTestCase):
    """Tests for `ProbeError`."""

    def test_code(self) -> None:
        """Every class of failure has a stable name of its own."""
        codes = {
            ProbeError: "failed",
            NotLoggedInError: "not_logged_in",
            TokenExpiredError: "token_expired",
            NotAvailableError: "not_available",
            RateLimitedError: "rate_limited",
            UnreachableError: "unreachable",
            ProbeTimeoutError: "timeout",
            UnexpectedResponseError: "unexpected_response",
            MalformedError: "malformed",
            ProviderCrashedError: "crashed",
        }
        for kind, code in codes.items():
            self.assertEqual(kind("words").code, code)
            self.assertTrue(issubclass(kind, ProbeError))

    def test_words(self) -> None:
        """As text a failure is its message, whatever a provider gave as that."""
        careless: Any = UnreachableError

        self.assertEqual(str(UnreachableError("no answer")), "no answer")
        self.assertEqual(str(careless(OSError("no answer"))), "no answer")
        self.assertEqual(str(careless(None)), "None")

    def test_timeout(self) -> None:
        """No answer in time is one way of being unreachable."""
        self.assertIsInstance(ProbeTimeoutError("late"), UnreachableError)

    def test_details(self) -> None:
        """What more is known of a failure is `None` unless it is given."""
        self.assertEqual(RateLimitedError("slow down", 30).retry_after, 30)
        self.assertIsNone(RateLimitedError("slow down").retry_after)
        self.assertEqual(UnexpectedResponseError("what", 500).status, 500)
        self.assertIsNone(UnexpectedResponseError("what").status)

    def test_raised(self) -> None:
        """A failure can be raised from another, frozen as it is."""
        cause = OSError("refused")

        def fail() -> None:
            raise UnreachableError("no answer") from cause

        self.assertIs(self.assertRaises(UnreachableError, fail).__cause__, cause)


class CountTests(_ValueTestCase):
    """Tests for `Count`."""

    def test_suffix(self) -> None:
        """What is counted has a name."""
        self.assertEqual(Count("credits").suffix, "credits")
        for blank in ("", "  ", "\n"):
            self.refused("Count: empty suffix", Count, blank)
        self.refused("Count: invalid suffix (got NoneType)", AnyCount, None)


class ProgressTests(_ValueTestCase):
    """Tests for `Progress`."""

    def test_floats(self) -> None:
        """`used` and `limit` are floats, even when they were given as integers."""
        line = Progress("Session", 42, 100)

        self.assertEqual((repr(line.used), repr(line.limit)), ("42.0", "100.0"))

    def test_defaults(self) -> None:
        """Unless told otherwise a line is a percentage of which nothing more is known."""
        line = Progress("Session", 0, 100)

        self.assertEqual(line.format, Percent())
        self.assertEqual((line.resets_at, line.period_ms, line.color), (None, None, None))

    def test_overage(self) -> None:
        """More may be used than the limit allows."""
        self.assertEqual(Progress("Session", 130, 100).used, 130)

    def test_used(self) -> None:
        """`used` is a finite number of at least 0, and no boolean."""
        for value, shown in ((-1, "-1"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")):
            self.refused(
                f"Progress line 'Session': invalid used: {shown}",
                AnyProgress,
                "Session",
                value,
                100,
            )
        self.refused(
            "Progress line 'Session': invalid used: inf", AnyProgress, "Session", HUGE, 100
        )
        for other in (True, "42", None, [42], 42j):
            self.refused(
                "Progress line 'Session': invalid used (expected number)",
                AnyProgress,
                "Session",
                other,
                100,
            )

    def test_limit(self) -> None:
        """`limit` is a finite number above 0, and no boolean."""
        for value, shown in (
            (0, "0"),
            (-5, "-5"),
            (math.nan, "nan"),
            (math.inf, "inf"),
            (HUGE, "inf"),
        ):
            self.refused(
                f"Progress line 'Cost': invalid limit: {shown}",
                Progress,
                "Cost",
                1,
                value,
                Dollars(),
            )
        self.refused(
            "Progress line 'Cost': invalid limit (expected number)",
            AnyProgress,
            "Cost",
            1,
            True,
            Dollars(),
        )

    def test_percent(self) -> None:
        """A percentage has the limit 100; other formats may have any."""
        self.refused(
            "Progress line 'Session': percent format requires limit=100 (got 50)",
            Progress,
            "Session",
            1,
            50,
        )
        self.assertEqual(Progress("Cost", 1, 50, Dollars()).limit, 50)
        self.assertEqual(Progress("Runs", 1, 50, Count("runs")).limit, 50)

    def test_format(self) -> None:
        """The format is one of the three."""
        self.refused(
            "Progress line 'Session': invalid format (got str)",
            AnyProgress,
            "Session",
            1,
            100,
            "percent",
        )

    def test_label(self) -> None:
        """A line has a label that can be read."""
        for blank in ("", " \t"):
            error = self.assertRaises(MalformedError, Progress, blank, 1, 100)
            self.assertTrue(str(error).endswith(": empty label"), error)
        self.refused("Progress line 5: invalid label (got int)", AnyProgress, 5, 1, 100)
        self.refused("Progress: invalid label (got NoneType)", AnyProgress, None, 1, 100)

    def test_long_label(self) -> None:
        """However long a label is, what is said of it is short."""
        error = self.assertRaises(MalformedError, Progress, "x" * 10_000, -1, 100)

        self.assertLess(len(str(error)), 200)

    def test_resets_at(self) -> None:
        """A reset is an aware instant, kept in UTC and cut to milliseconds."""
        summer = timezone(timedelta(hours=2))
        at = datetime(2026, 7, 1, 2, 0, 0, 123999, tzinfo=summer)

        line = Progress("Session", 1, 100, resets_at=at)

        self.assertEqual(line.resets_at, datetime(2026, 7, 1, 0, 0, 0, 123000, tzinfo=timezone.utc))
        assert line.resets_at is not None
        self.assertEqual(line.resets_at.utcoffset(), timedelta(0))

    def test_naive(self) -> None:
        """An instant without time zone, or none at all, is refused."""
        self.refused(
            "Progress line 'Session': resets_at has no time zone",
            Progress,
            "Session",
            1,
            100,
            resets_at=NAIVE,
        )
        self.refused(
            "Progress line 'Session': invalid resets_at (got str)",
            AnyProgress,
            "Session",
            1,
            100,
            resets_at="2026-11-24T12:00:00Z",
        )

    def test_period(self) -> None:
        """A period is a positive whole number of milliseconds that JSON carries exactly."""
        for good in (1, Progress.LONGEST_MS):
            self.assertEqual(Progress("Session", 1, 100, period_ms=good).period_ms, good)
        for bad in (0, -1, Progress.LONGEST_MS + 1, HUGE):
            self.refused(
                "Progress line 'Session': period_ms must be 1 to 9007199254740991",
                Progress,
                "Session",
                1,
                100,
                period_ms=bad,
            )
        for other in (True, 1.5, "1"):
            self.refused(
                f"Progress line 'Session': invalid period_ms (got {type(other).__name__})",
                AnyProgress,
                "Session",
                1,
                100,
                period_ms=other,
            )

    def test_color(self) -> None:
        """A colour is text or `None`."""
        self.refused(
            "Progress line 'Session': invalid color (got int)",
            AnyProgress,
            "Session",
            1,
            100,
            color=5,
        )

    def test_frozen(self) -> None:
        """What was checked cannot be changed, and what is made of it is checked again."""
        line: Any = Progress("Session", 1, 100)

        with self.assertRaises(FrozenInstanceError):
            line.used = -1
        self.assertRaises(MalformedError, evolve, line, used=-1)

    @settings(deadline=None, max_examples=200)
    @given(used=st.floats() | st.integers(), limit=st.floats() | st.integers())
    def test_numbers(self, used: float, limit: float) -> None:
        """Whatever numbers are given, a line that exists has finite ones in range."""
        try:
            line = Progress("Cost", used, limit, Dollars())
        except MalformedError:
            return
        self.assertTrue(math.isfinite(line.used) and line.used >= 0)
        self.assertTrue(math.isfinite(line.limit) and line.limit > 0)


class TextTests(_ValueTestCase):
    """Tests for `Text`."""

    def test_value(self) -> None:
        """The value is text and may be empty."""
        self.assertEqual(Text("Today", "").value, "")
        self.refused("Text line 'Today': invalid value (got float)", AnyText, "Today", 5.17)

    def test_label(self) -> None:
        """A text has a label."""
        self.refused("Text: empty label", Text, "", "$5.17")

    def test_subtitle(self) -> None:
        """A subtitle is text or `None`."""
        self.refused("Text line 'Today': invalid subtitle (got int)", AnyText, "Today", "", None, 5)

    def test_surrogates(self) -> None:
        """Half a surrogate pair, which no UTF-8 answer can carry, becomes a question mark."""
        self.assertEqual(Text("To\ud800day", "\udfff 🙂").value, "? 🙂")
        self.assertEqual(Text("To\ud800day", "").label, "To?day")


class BadgeTests(_ValueTestCase):
    """Tests for `Badge`."""

    def test_text(self) -> None:
        """A badge has a label and a text."""
        careless: Any = Badge

        self.assertEqual(Badge("Status", "No usage data").text, "No usage data")
        self.refused("Badge: empty label", Badge, "", "on")
        self.refused("Badge line 'Status': invalid text (got NoneType)", careless, "Status", None)


class BarPointTests(_ValueTestCase):
    """Tests for `BarPoint`."""

    def test_value(self) -> None:
        """A bar has a label and a finite height that is not negative."""
        self.assertEqual(repr(BarPoint("Mon", 3).value), "3.0")
        self.refused("BarPoint: empty label", BarPoint, "", 3)
        self.refused("BarPoint line 'Mon': invalid value: -3", BarPoint, "Mon", -3)
        self.refused("BarPoint line 'Mon': invalid value: nan", BarPoint, "Mon", math.nan)
        self.refused("BarPoint line 'Mon': invalid value (expected number)", AnyPoint, "Mon", False)


class BarChartTests(_ValueTestCase):
    """Tests for `BarChart`."""

    def test_points(self) -> None:
        """A chart has between one bar and as many as a leap year has days."""
        self.assertEqual(len(BarChart("Usage Trend", [POINT] * 366).points), 366)
        for count in (0, 367):
            self.refused(
                f"BarChart line 'Usage Trend': needs 1 to 366 points (got {count})",
                BarChart,
                "Usage Trend",
                [POINT] * count,
            )

    def test_other_points(self) -> None:
        """What is no point is refused, and so is what is no sequence of them."""
        self.refused(
            "BarChart line 'Usage Trend': points must be BarPoint values",
            AnyChart,
            "Usage Trend",
            [POINT, ("Tue", 2)],
        )
        for other in (None, 5):
            self.refused(
                f"BarChart line 'Usage Trend': invalid points (got {type(other).__name__})",
                AnyChart,
                "Usage Trend",
                other,
            )

    def test_once(self) -> None:
        """Points may come from what can be read only once, and are kept."""
        self.assertEqual(BarChart("Usage Trend", (p for p in [POINT])).points, (POINT,))


class SnapshotTests(_ValueTestCase):
    """Tests for `Snapshot`."""

    def test_fetched_at(self) -> None:
        """`fetched_at` is UTC in whole seconds, cut and never rounded up."""
        made = snapshot(fetched_at=NOW + timedelta(seconds=1.999))

        self.assertEqual(made.fetched_at, NOW + timedelta(seconds=1))

    def test_before_1970(self) -> None:
        """Instants before 1970 are cut in the same direction."""
        old = datetime(1960, 1, 1, 0, 0, 1, 900000, tzinfo=timezone.utc)

        self.assertEqual(snapshot(fetched_at=old).fetched_at, old.replace(microsecond=0))

    def test_naive(self) -> None:
        """A snapshot without a time zone does not exist."""
        self.refused("Snapshot: fetched_at has no time zone", snapshot, fetched_at=NAIVE)

    def test_empty(self) -> None:
        """A snapshot has lines."""
        self.refused("Snapshot: fake: no lines", Snapshot, "fake", "Fake", None, (), NOW)

    def test_lines(self) -> None:
        """Every line is a metric line; the words say which is not, and what it is."""
        good = Text("Today", "")
        self.refused(
            "Snapshot: fake: line 1 is no metric line (got dict)",
            AnySnapshot,
            "fake",
            "Fake",
            None,
            [good, {"type": "text"}],
            NOW,
        )
        for other in (None, 5):
            self.refused(
                f"Snapshot: invalid lines (got {type(other).__name__})",
                AnySnapshot,
                "fake",
                "Fake",
                None,
                other,
                NOW,
            )

    def test_names(self) -> None:
        """A snapshot says of which provider it is."""
        line = Text("Today", "")
        self.refused("Snapshot: empty provider_id", Snapshot, "", "Fake", None, [line], NOW)
        self.refused("Snapshot: empty display_name", Snapshot, "fake", " ", None, [line], NOW)
        self.refused(
            "Snapshot: invalid plan (got int)", AnySnapshot, "fake", "Fake", 5, [line], NOW
        )


class HealthTests(_ValueTestCase):
    """Tests for `Health`."""

    def test_instants(self) -> None:
        """Instants of health are aware and cut to milliseconds."""
        for name in ("last_attempt", "last_success", "next_attempt"):
            health = AnyHealth(**{name: NOW + timedelta(microseconds=1999)})
            self.assertEqual(getattr(health, name), NOW + timedelta(milliseconds=1))
            self.refused(f"Health: {name} has no time zone", AnyHealth, **{name: NAIVE})

    def test_notes(self) -> None:
        """Notes are kept as a tuple, whatever sequence they came in."""
        self.assertEqual(AnyHealth(notes=["unknown model: x"]).notes, ("unknown model: x",))
