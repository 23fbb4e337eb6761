"""Amounts and times in words."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.amounts import ago, amount, countdown, finite, instant, span
from openusage.testing import NOW

PERCENT = {"kind": "percent"}
DOLLARS = {"kind": "dollars"}
REQUESTS = {"kind": "count", "suffix": "requests"}


class FiniteTests(SynchronousTestCase):
    """`finite`"""

    def test_cases(self) -> None:
        """Only numbers that can be shown are numbers."""
        for value, number in (
            (42, 42.0),
            (0.5, 0.5),
            (True, None),
            ("42", None),
            (None, None),
            (math.inf, None),
            (math.nan, None),
            (10**400, None),
        ):
            with self.subTest(value=value):
                self.assertEqual(finite(value), number)


class InstantTests(SynchronousTestCase):
    """`instant`"""

    def test_cases(self) -> None:
        """Instants as the API writes them are read to the second; nothing else is one."""
        second = datetime(2026, 3, 26, 11, 16, 29, tzinfo=timezone.utc)
        for text, expected in (
            ("2026-03-26T11:16:29Z", second),
            ("2026-03-26T11:16:29.161Z", second),
            ("2026-03-26T11:16:29", None),
            ("2026-13-26T11:16:29Z", None),
            ("soonZ", None),
            (1774523789, None),
            (None, None),
        ):
            with self.subTest(text=text):
                self.assertEqual(instant(text), expected)


class AmountTests(SynchronousTestCase):
    """`amount`"""

    def test_cases(self) -> None:
        """Percent stands alone, dollars and counts say of how much."""
        for used, limit, unit, words in (
            (42.0, 100.0, PERCENT, "42 %"),
            (42.5, 100.0, PERCENT, "42.5 %"),
            (42.04, 100.0, PERCENT, "42 %"),
            (0.0, 100.0, PERCENT, "0 %"),
            (0.04, 100.0, PERCENT, "<0.1 %"),
            (130.0, 100.0, PERCENT, "130 %"),
            (5.0, 50.0, DOLLARS, "$5 of $50"),
            (12.5, 50.0, DOLLARS, "$12.50 of $50.00"),
            (1234.5, 5000.0, DOLLARS, "$1,234.50 of $5,000.00"),
            (0.004, 5e9, DOLLARS, "$0.00 of $5B"),
            (1200.0, 5000.0, REQUESTS, "1,200 of 5,000 requests"),
            (2.5, 10.0, REQUESTS, "2.5 of 10 requests"),
            (99_999.0, 100_000.0, REQUESTS, "99,999 of 100K requests"),
            (12_345_678.0, 5e7, REQUESTS, "12.3M of 50M requests"),
            (999_900.0, 1.25e9, REQUESTS, "1M of 1.25B requests"),
            (3e12, 1e300, REQUESTS, "3T of 1.00e+300 requests"),
            (1.0, 2.0, {"kind": "count", "suffix": "\x1b[31mred"}, "1 of 2 red"),
            (1.0, 2.0, {"kind": "count"}, "1 of 2"),
        ):
            with self.subTest(used=used, limit=limit, unit=unit):
                self.assertEqual(amount(used, limit, unit), words)

    @settings(deadline=None, max_examples=100)
    @given(
        st.floats(0, allow_infinity=False),
        st.floats(0, allow_infinity=False, exclude_min=True),
        st.sampled_from((DOLLARS, REQUESTS)),
    )
    def test_short(self, used: float, limit: float, unit: dict[str, str]) -> None:
        """However large the numbers, the words stay short."""
        self.assertLessEqual(len(amount(used, limit, unit)), 40)


class SpanTests(SynchronousTestCase):
    """`span`"""

    def test_cases(self) -> None:
        """Two units at most, none of them 0."""
        for length, words in (
            (timedelta(seconds=59), "<1m"),
            (timedelta(seconds=60), "1m"),
            (timedelta(minutes=59, seconds=59), "59m"),
            (timedelta(hours=1), "1h"),
            (timedelta(hours=3, minutes=12), "3h 12m"),
            (timedelta(hours=23, minutes=59), "23h 59m"),
            (timedelta(days=1), "1d"),
            (timedelta(days=1, minutes=5), "1d"),
            (timedelta(days=3, hours=4, minutes=5), "3d 4h"),
            (timedelta(days=400), "400d"),
        ):
            with self.subTest(length=length):
                self.assertEqual(span(length.total_seconds()), words)


class CountdownTests(SynchronousTestCase):
    """`countdown`"""

    def test_cases(self) -> None:
        """A reset that is past is due, and never a negative time."""
        for left, words in (
            (timedelta(hours=3, minutes=12), "resets in 3h 12m"),
            (timedelta(seconds=1), "resets in <1m"),
            (timedelta(0), "reset due"),
            (timedelta(days=-3), "reset due"),
        ):
            with self.subTest(left=left):
                self.assertEqual(countdown(NOW + left, NOW), words)


class AgoTests(SynchronousTestCase):
    """`ago`"""

    def test_cases(self) -> None:
        """One unit; an instant to come is now, since some clock is wrong."""
        for age, words in (
            (timedelta(minutes=-5), "just now"),
            (timedelta(seconds=59), "just now"),
            (timedelta(minutes=2), "2 min ago"),
            (timedelta(minutes=119), "1 h ago"),
            (timedelta(hours=23), "23 h ago"),
            (timedelta(hours=25), "1 day ago"),
            (timedelta(days=12), "12 days ago"),
        ):
            with self.subTest(age=age):
                self.assertEqual(ago(NOW - age, NOW), words)
