"""Tests for `openusage.host.instants`."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.instants import from_epoch, iso_text, parse_instant

TOKYO = timezone(timedelta(hours=9))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]


class ParseInstantTests(SynchronousTestCase):
    """`parse_instant`."""

    def same(self, value: object, expected: datetime) -> None:
        found = parse_instant(value)
        self.assertEqual(found, expected, value)
        self.assertIs(found.tzinfo if found else None, timezone.utc)

    def test_no_instant(self) -> None:
        """Nothing, booleans, lists, blank and other text name no instant."""
        values: tuple[object, ...] = (None, True, False, [], {}, b"2026-02-01")
        for value in (*values, "", "  ", "soon", "01-2026", "1/2/2026"):
            self.assertIsNone(parse_instant(value), value)

    def test_iso(self) -> None:
        """An ISO date-time is read with its offset, in any case and without seconds."""
        for text in (
            "2026-02-01T10:20:30Z",
            "2026-02-01t10:20:30z",
            " 2026-02-01T10:20:30Z ",
            "2026-02-01T10:20:30+00:00",
            "2026-02-01T19:20:30+09:00",
            "2026-02-01T08:50:30-01:30",
        ):
            self.same(text, utc(2026, 2, 1, 10, 20, 30))
        self.same("2026-02-01T10:20Z", utc(2026, 2, 1, 10, 20))

    def test_space(self) -> None:
        """A space between date and time will do, and so does ` UTC` for the offset."""
        self.same("2026-02-01 10:20:30", utc(2026, 2, 1, 10, 20, 30))
        self.same("2026-02-01 10:20:30 UTC", utc(2026, 2, 1, 10, 20, 30))
        self.same("2026-02-01T10:20:30.5 UTC", utc(2026, 2, 1, 10, 20, 30, 500_000))

    def test_bare_offset(self) -> None:
        """An offset may lack its colon."""
        self.same("2026-02-01T19:20:30+0900", utc(2026, 2, 1, 10, 20, 30))
        self.same("2026-02-01 08:50:30 -0130", utc(2026, 2, 1, 10, 20, 30))

    def test_fraction(self) -> None:
        """A fraction is cut to milliseconds, or padded to them."""
        for fraction, microsecond in (
            ("1", 100_000),
            ("12", 120_000),
            ("123", 123_000),
            ("1239", 123_000),
            ("999999999", 999_000),
        ):
            for zone in ("Z", "+00:00", ""):
                self.same(
                    f"2026-02-01T10:20:30.{fraction}{zone}",
                    utc(2026, 2, 1, 10, 20, 30, microsecond),
                )

    def test_no_offset(self) -> None:
        """A date-time without offset and a date alone are UTC, whatever the zone."""
        for text, expected in (
            ("2026-02-01T10:20:30", utc(2026, 2, 1, 10, 20, 30)),
            ("2026-02-01", utc(2026, 2, 1)),
            ("2026-02", utc(2026, 2, 1)),
        ):
            self.assertEqual(parse_instant(text, TOKYO), expected)

    def test_end_of_day(self) -> None:
        """24:00 is the midnight that ends the day."""
        self.same("2026-02-28T24:00:00Z", utc(2026, 3, 1))

    def test_impossible(self) -> None:
        """Days, hours and offsets that do not exist name no instant."""
        for text in (
            "2026-13-01",
            "2026-02-30T00:00:00Z",
            "2026-02-01T25:00:00Z",
            "2026-02-01T24:00:01Z",
            "2026-02-01T10:60:00Z",
            "2026-02-01T10:20:60Z",
            "2026-02-01T10:20:30+25:00",
            "2026-02-01T10:20:30+09:70",
            "0000-01-01",
            "0001-01-01T00:00:00+09:00",
            "9999-12-31T23:59:59-09:00",
            "9999-12-31T24:00:00Z",
            "Feb 30, 2026",
            "Feb 1, 2026 13:00 PM",
            "2026-02-01T10:20:30.Z",
        ):
            self.assertIsNone(parse_instant(text), text)

    def test_numbers(self) -> None:
        """Numbers, and text that is one, are seconds below 1e10 and milliseconds from there."""
        for value, expected in (
            (1_770_000_000, utc(2026, 2, 2, 2, 40)),
            (1_770_000_000.9996, utc(2026, 2, 2, 2, 40, 0, 999_000)),
            (1_770_000_000_123, utc(2026, 2, 2, 2, 40, 0, 123_000)),
            ("0", utc(1970, 1, 1)),
            ("1770000000", utc(2026, 2, 2, 2, 40)),
            ("1770000000.5", utc(2026, 2, 2, 2, 40, 0, 500_000)),
            ("1770000000123", utc(2026, 2, 2, 2, 40, 0, 123_000)),
            (9_999_999_999, utc(2286, 11, 20, 17, 46, 39)),
            (10_000_000_000, utc(1970, 4, 26, 17, 46, 40)),
            (0, utc(1970, 1, 1)),
            (-86_400, utc(1969, 12, 31)),
            ("-86400", utc(1969, 12, 31)),
        ):
            self.same(value, expected)

    def test_numbers_out_of_range(self) -> None:
        """Numbers beyond the calendar, or beyond counting, name no instant."""
        for value in (math.nan, math.inf, -math.inf, 1e16, -1e16, 10**400, "9" * 99, "1e9", "+1"):
            self.assertIsNone(parse_instant(value), value)

    def test_words(self) -> None:
        """Dates with the month in words are read, as mail, HTTP and JavaScript write them."""
        for text in (
            "Sun, 01 Feb 2026 10:20:30 GMT",
            "1 Feb 2026 10:20:30 +0000",
            "Sun, 01 Feb 2026 19:20:30 +0900",
            "Sun Feb 01 2026 11:20:30 GMT+0100 (Central European Standard Time)",
            "Sun Feb 1 2026 10:20:30 UTC",
            "February 1, 2026 10:20:30 AM Z",
            "feb. 1 2026, 10:20:30Z",
            "01-Feb-2026 10:20:30 GMT",
            "Feb 1, 2026 at 05:20:30 EST",
            "1 Feb 2026 03:20:30 am PDT",
        ):
            self.same(text, utc(2026, 2, 1, 10, 20, 30))

    def test_words_in_zone(self) -> None:
        """A date in words without offset is in the zone that is given."""
        self.same("Feb 1, 2026", utc(2026, 2, 1))
        self.assertEqual(parse_instant("Feb 1, 2026", TOKYO), utc(2026, 1, 31, 15))
        self.assertEqual(parse_instant("1 February 2026 12:30 PM", TOKYO), utc(2026, 2, 1, 3, 30))
        self.assertEqual(parse_instant("Feb 1, 2026 12:00 am", TOKYO), utc(2026, 1, 31, 15))

    def test_long_text(self) -> None:
        """Long text is given up at once."""
        self.assertIsNone(parse_instant("Feb 1, 2026" + " " * 1_000_000 + "x"))

    def test_datetimes(self) -> None:
        """A datetime is converted to UTC and cut to milliseconds; a naive one is in the zone."""
        self.same(
            datetime(2026, 2, 1, 19, 0, 0, 123_999, TOKYO), utc(2026, 2, 1, 10, 0, 0, 123_000)
        )
        naive = datetime(2026, 2, 1, 19)  # noqa: DTZ001
        self.assertEqual(parse_instant(naive, TOKYO), utc(2026, 2, 1, 10))
        self.assertIsNone(parse_instant(datetime.min.replace(tzinfo=TOKYO)))

    @given(
        st.one_of(
            st.text(),
            st.floats(),
            st.integers(),
            st.datetimes(),
            st.text("0123456789-+:.TZ UTCFebAprilMay,()"),
            st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}.*\Z"),
            st.from_regex(r"\A(Jan|Feb|Dec) [0-9]{1,2},? [0-9]{4}( [0-9]{1,2}:[0-9]{2} [AP]M)?\Z"),
        )
    )
    @settings(deadline=None, max_examples=300)
    def test_anything(self, value: object) -> None:
        """Whatever comes, the outcome is `None` or aware UTC in whole milliseconds."""
        for found in (parse_instant(value), parse_instant(value, TOKYO)):
            if found is not None:
                self.assertIs(found.tzinfo, timezone.utc)
                self.assertEqual(found.microsecond % 1000, 0)


class FromEpochTests(SynchronousTestCase):
    """`from_epoch`."""

    def test_seconds(self) -> None:
        """Numbers are seconds however large, cut to milliseconds."""
        self.assertEqual(from_epoch(1_770_000_000.1239), utc(2026, 2, 2, 2, 40, 0, 123_000))
        self.assertEqual(from_epoch(20_000_000_000), utc(2603, 10, 11, 11, 33, 20))

    def test_out_of_range(self) -> None:
        """What is beyond the calendar is no instant."""
        for value in (math.nan, math.inf, 1e13, -1e13, 1e307):
            self.assertIsNone(from_epoch(value), value)

    def test_no_number(self) -> None:
        """What is no number is no instant."""
        values: tuple[object, ...] = (None, True, "1", [], {}, float("nan"))
        for value in values:
            self.assertIsNone(from_epoch(value), value)


class IsoTextTests(SynchronousTestCase):
    """`iso_text`."""

    def test_form(self) -> None:
        """UTC with milliseconds, whatever zone the instant is in, cut and not rounded."""
        east = timezone(timedelta(hours=2))
        instant = datetime(2026, 11, 24, 14, 0, 0, 999_999, east)
        self.assertEqual(iso_text(instant), "2026-11-24T12:00:00.999Z")
        whole = datetime(2026, 2, 2, 1, tzinfo=timezone.utc)
        self.assertEqual(iso_text(whole), "2026-02-02T01:00:00.000Z")
