"""Tests for `openusage.sessionlogs.timestamps`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.sessionlogs.timestamps import to_datetime, to_milliseconds

_INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 30))  # noqa: DTZ001
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


class ToMillisecondsTests(SynchronousTestCase):
    """Tests for `to_milliseconds`."""

    @settings(deadline=None, max_examples=200)
    @given(_INSTANTS, _OFFSETS, st.sampled_from(["seconds", "milliseconds", "microseconds"]))
    def test_any_instant(self, naive: datetime, zone: timezone, precision: str) -> None:
        """Every instant is read from its ISO text, cut to milliseconds."""
        instant = naive.replace(tzinfo=zone)
        text = instant.isoformat(timespec=precision)
        exact = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=timezone.utc)

        self.assertEqual(to_milliseconds(text), exact // timedelta(milliseconds=1))

    def test_utc(self) -> None:
        """`Z` is UTC, in either case."""
        for text in ("1970-01-02T00:00:00.250Z", "1970-01-02t00:00:00.25z"):
            self.assertEqual(to_milliseconds(text), 86_400_250)

    def test_no_instant(self) -> None:
        """What names no instant, or one beyond the calendar, is none."""
        values: tuple[object, ...] = (
            None,
            True,
            1.5,
            -1,
            10**18,
            [],
            "",
            "2026-11-20",
            "2026-11-20T10:00:00",
            "2026-11-20 10:00:00Z",
            "2026-11-20T10:00Z",
            "2026-11-20T10:00:60Z",
            "2026-11-20T24:00:00Z",
            "2026-02-30T10:00:00.000Z",
            "2026-11-20T10:00:00.ab1Z",
            "2026-11-20T10:00:00.\N{SUPERSCRIPT TWO}00Z",
            "9999-12-31T23:59:59.999Z",
        )
        for value in values:
            self.assertIsNone(to_milliseconds(value), value)

    def test_numbers(self) -> None:
        """A number is seconds, or milliseconds when it is large."""
        self.assertEqual(to_milliseconds(1_795_342_736), 1_795_342_736_000)
        self.assertEqual(to_milliseconds(1_795_342_736_123), 1_795_342_736_123)


class ToDatetimeTests(SynchronousTestCase):
    """Tests for `to_datetime`."""

    def test_aware(self) -> None:
        """Milliseconds become an aware instant."""
        self.assertEqual(
            to_datetime(86_400_250), datetime(1970, 1, 2, 0, 0, 0, 250_000, tzinfo=timezone.utc)
        )
