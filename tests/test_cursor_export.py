"""The export of an account's uses: which rows count, and what they come to per day."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.model import BarChart, Line, Text
from openusage.providers.cursor.export import (
    EXPORT,
    UnusableError,
    export_calls,
    export_lines,
    export_start,
    sum_up,
)
from openusage.providers.shape import cut
from openusage.sessionlogs import Call
from openusage.sessionlogs.walk import StoppedError
from openusage.testing import NOW, FakeLogs, fake_host

HEADER = (
    "Date,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),"
    "Cache Read,Output Tokens,Cost"
)
OPUS = "claude-opus-4-8"
TODAY = "2026-11-24T10:00:00.000Z"
YESTERDAY = "2026-11-23T10:00:00.000Z"
BERLIN = ZoneInfo("Europe/Berlin")


def row(
    date: str = TODAY,
    model: str = OPUS,
    *,
    written: str = "0",
    plain: str = "0",
    read: str = "0",
    output: str = "0",
) -> str:
    """A row of the export."""
    return f"{date},{model},No,{written},{plain},{read},{output},Included"


def csv(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    """An export with these rows."""
    return end.join((header, *rows, "")).encode()


def calls(data: bytes, zone: tzinfo = timezone.utc) -> list[Call]:
    """The calls in `data`."""
    return export_calls(data, zone)


def plain(count: str) -> list[int]:
    """What is read of `count` in the column of uncached input."""
    return [call.input for call in calls(csv(row(plain=count)))]


class ReadingTests(SynchronousTestCase):
    """`export_calls`."""

    def test_row(self) -> None:
        """Each kind of tokens is read from its column."""
        (call,) = calls(csv(row(written="100", plain='"1,200"', read="90000", output="450")))

        self.assertEqual(
            (call.input, call.write_5m, call.read, call.output), (1200, 100, 90000, 450)
        )
        self.assertEqual((call.write_1h, call.tokens, call.model), (0, 91750, OPUS))
        self.assertEqual(
            call.at, int(datetime(2026, 11, 24, 10, tzinfo=timezone.utc).timestamp()) * 1000
        )
        self.assertIsNone(call.cost)

    def test_columns_anywhere(self) -> None:
        """Columns are known by their trimmed names, wherever they stand; others are ignored."""
        header = (
            " Output Tokens ,Kind,Cache Read,Model,Input (w/o Cache Write),Date,"
            "Input (w/ Cache Write)"
        )
        (call,) = calls(b"\xef\xbb\xbf" + csv(f"1,x,2,{OPUS},3,{TODAY},4", header=header))
        self.assertEqual((call.output, call.read, call.input, call.write_5m), (1, 2, 3, 4))

    def test_quotes(self) -> None:
        """Quoted cells may hold commas, quotes and ends of lines."""
        for cell, model in (
            ('"a,b"', "a,b"),
            ('"a""b"', 'a"b'),
            ('"""a"""', '"a"'),
            ('"a\nb"', "a\nb"),
            ('"a\r\nb"', "a\r\nb"),
            ('"a,""x"",b"', 'a,"x",b'),
        ):
            with self.subTest(cell=cell):
                self.assertEqual([call.model for call in calls(csv(row(model=cell)))], [model])

    def test_ends(self) -> None:
        """Lines end as they may, the last one also without an end; empty ones are ignored."""
        for data in (
            csv(row(), row()),
            csv(row(), row(), end="\r\n"),
            csv(row(), row(), end="\r"),
            csv(row(), row()).rstrip(b"\n"),
            b"\n\n" + csv("", row(), "", ",,,,,,,", row(), ""),
        ):
            with self.subTest(data=data):
                self.assertEqual(len(calls(data)), 2)

    def test_unusable(self) -> None:
        """An export whose columns or quotes are not right is not trusted at all."""
        bad_quotes = (
            row(model='"open'),
            row(model='a"b'),
            row(model='a"b"'),
            row(model=' "a"'),
            row(model='"a"b'),
            row(model='"a" '),
            row(model='"'),
            row(model='"a","b'),
        )
        for data in (
            b"",
            b"\n\n",
            b"<!DOCTYPE html><html></html>",
            b'{"error": "not logged in"}',
            csv(row(), header=HEADER.replace("Output Tokens", "Output")),
            csv(row(), header=HEADER.replace("Cost", "Date")),
            csv(row(), header=HEADER.replace("Model", "model")),
            *(csv(row(), bad, row()) for bad in bad_quotes),
        ):
            with self.subTest(data=data):
                self.assertRaises(UnusableError, calls, data)

    def test_long_cell(self) -> None:
        """A cell without end is as bad as a broken one."""
        self.assertRaises(UnusableError, calls, csv(row(model="x" * 200_000)))

    def test_dropped(self) -> None:
        """A row that cannot be read costs only itself."""
        for name, bad in (
            ("cells missing", f"{TODAY},{OPUS},No,1,1"),
            ("cells too many", f"{row()},more"),
            ("no date", row("")),
            ("a day alone", row("2026-11-24")),
            ("no such day", row("2026-11-31T00:00:00Z")),
            ("no such hour", row("2026-11-24 25:00:00")),
            ("a word", row("today")),
            ("a number", row("1793491200000")),
            ("no model", row(model="")),
            ("blank model", row(model="  ")),
            ("negative", row(output="-1")),
            ("decimals", row(output="1.5")),
            ("word", row(output="many")),
            ("bad thousands", row(output='"1,23"')),
            ("bad thousands before", row(output='"1234,567"')),
            ("exponent", row(output="1e3")),
            ("plus", row(output="+1")),
            ("other digits", row(output="١٢")),
            ("endless", row(output="9" * 16)),
            ("hopeless", row(output="9" * 5000)),
        ):
            with self.subTest(name):
                read = calls(csv(bad, row(plain="7")))
                self.assertEqual([call.input for call in read], [7])

    def test_counts(self) -> None:
        """A count is digits or has its thousands apart; an empty one is 0."""
        for text, count in (
            ("", 0),
            ("0", 0),
            ("007", 7),
            ("1200", 1200),
            ('"1,200"', 1200),
            ('"12,345,678"', 12345678),
        ):
            with self.subTest(text=text):
                self.assertEqual(plain(text), [count])

    def test_dates(self) -> None:
        """Dates are ISO, with or without fraction, or local times."""
        ten = int(datetime(2026, 11, 24, 10, tzinfo=timezone.utc).timestamp() * 1000)
        for text, at in (
            ("2026-11-24T10:00:00.000Z", ten),
            ("2026-11-24T10:00:00Z", ten),
            ("2026-11-24T10:00:00.123456Z", ten + 123),
            ("2026-11-24T11:00:00+01:00", ten),
            ("2026-11-24 11:00:00", ten),
        ):
            with self.subTest(text=text):
                self.assertEqual([call.at for call in calls(csv(row(text)), BERLIN)], [at])

    @settings(deadline=None, max_examples=100)
    @given(st.one_of(st.binary(), st.text(alphabet='",\r\n1aT-:Z ').map(str.encode)))
    def test_any_bytes(self, tail: bytes) -> None:
        """Whatever the export is, it is read or refused as a whole."""
        for data in (tail, csv(row()) + tail):
            try:
                export_calls(data, timezone.utc)
            except UnusableError as error:
                self.assertTrue(str(error))


class StoppedLogs(FakeLogs):
    """Logs of a service that is about to stop."""

    async def add_up(self, *args: Any, **more: Any) -> Any:
        """Stop."""
        raise StoppedError


class SumTests(SynchronousTestCase):
    """`sum_up` and `export_lines`."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp())

    def host(self, **more: Any) -> Host:
        return fake_host(self.home, id="cursor", **more)

    def sum_up(self, host: Host, data: bytes) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(sum_up(host, data)))

    def lines(self, *rows: str, **more: Any) -> list[Line]:
        host = self.host(**more)
        return export_lines(host, self.sum_up(host, csv(*rows)))

    def test_lines(self) -> None:
        """Dollars and tokens of today, yesterday and all days, and a bar for each of 31 days."""
        *texts, chart = self.lines(
            row(plain="1000000", written="1000000"),
            row(read='"1,000,000"', output="1000000"),
            row(YESTERDAY, plain="400000"),
            row("2026-10-26T00:00:00Z", plain="200000"),
        )

        self.assertEqual(
            texts,
            [
                Text("Today", "$36.75 · 4M tokens"),
                Text("Yesterday", "$2.00 · 400K tokens"),
                Text("Last 30 Days", "$39.75 · 4.6M tokens"),
            ],
        )
        assert isinstance(chart, BarChart)
        self.assertEqual(
            (chart.label, chart.note), ("Usage Trend", "From your Cursor usage export")
        )
        self.assertEqual(len(chart.points), 31)
        self.assertEqual(
            [(point.label, point.value) for point in chart.points if point.value],
            [("Oct 26", 200000), ("Nov 23", 400000), ("Nov 24", 4000000)],
        )

    def test_idle(self) -> None:
        """Days without use have no line; without any there is no line at all."""
        labels = [line.label for line in self.lines(row(YESTERDAY, plain="5"))]
        self.assertEqual(labels, ["Yesterday", "Last 30 Days", "Usage Trend"])
        self.assertEqual(self.lines(), [])
        self.assertEqual(self.lines(row()), [])

    def test_cents(self) -> None:
        """The cost of a day is rounded once, to whole cents."""
        half_a_cent = row(plain="1000")  # at 5 dollars a million
        today = self.lines(half_a_cent, half_a_cent, half_a_cent)[0]
        self.assertEqual(today, Text("Today", "$0.02 · 3K tokens"))
        day_each = (row(TODAY, plain="1000"), row(YESTERDAY, plain="1000"))
        self.assertEqual(self.lines(*day_each)[2], Text("Last 30 Days", "$0.02 · 2K tokens"))

    def test_unknown_model(self) -> None:
        """A model without price counts for nothing, and is named."""
        host = self.host()
        kept = self.sum_up(host, csv(row(plain="5"), row(model="nobody-9", plain="700")))
        lines = export_lines(host, kept)

        self.assertEqual(lines[0], Text("Today", "$0.00 · 5 tokens"))
        self.assertEqual(host.visit.notes, ["unknown model: nobody-9"])
        self.assertEqual(self.lines(row(model="nobody-9", plain="700")), [])

    def test_long_context(self) -> None:
        """A row is no single request, and so never costs more for being long."""
        (today, *_) = self.lines(row(model="claude-sonnet-4-5", plain="1000000"))
        self.assertEqual(today, Text("Today", "$3.00 · 1M tokens"))

    def test_local_days(self) -> None:
        """Days are the person's own."""
        late = row("2026-11-22T23:30:00Z", plain="5")
        labels = [line.label for line in self.lines(late)]
        self.assertEqual(labels, ["Last 30 Days", "Usage Trend"])
        labels = [line.label for line in self.lines(late, zone=BERLIN)]
        self.assertEqual(labels, ["Yesterday", "Last 30 Days", "Usage Trend"])

    def test_window(self) -> None:
        """What lies outside the days asked for, or beyond the calendar, counts for nothing."""
        for date in (
            "2026-10-25T22:59:59Z",
            "2026-12-24T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ):
            with self.subTest(date=date):
                self.assertEqual(self.lines(row(date, plain="5"), zone=BERLIN), [])

    def test_start(self) -> None:
        """The export is asked for from the person's midnight 29 days ago."""
        self.assertEqual(export_start(self.host()), datetime(2026, 10, 26, tzinfo=timezone.utc))
        start = datetime(2026, 10, 26, tzinfo=BERLIN)
        self.assertEqual(export_start(self.host(zone=BERLIN)), start)

    def test_unusable(self) -> None:
        """Of an export that cannot be read only a note is left."""
        host = self.host()
        self.assertIsNone(self.sum_up(host, b"<html>at-PLANTED</html>"))
        self.assertEqual(
            host.visit.notes, ["The usage export could not be read: a column is missing."]
        )

    def test_stopped(self) -> None:
        """A service that stops has no history."""
        self.assertIsNone(self.sum_up(self.host(logs=StoppedLogs()), csv(row(plain="5"))))

    def test_kept(self) -> None:
        """What is kept is small and makes the same lines again."""
        host = self.host()
        every_day = [
            row((NOW - timedelta(days=ago)).isoformat(), plain="1000000") for ago in range(60)
        ]
        kept = self.sum_up(host, csv(*every_day))
        self.assertEqual(len(kept["days"]), 30)
        self.assertEqual(kept["days"][0], {"day": "2026-10-26", "tokens": 1000000, "cents": 500.0})
        self.assertEqual(export_lines(host, cut(kept, EXPORT)), export_lines(host, kept))

    def test_kept_by_others(self) -> None:
        """Days that cannot be what was kept are left out."""
        good = {"day": "2026-11-24", "tokens": 5, "cents": 1}
        odd: list[Any] = [
            {},
            None,
            {**good, "day": "yesterday"},
            {**good, "day": 5},
            {**good, "tokens": -1},
            {**good, "tokens": 1e300},
            {**good, "tokens": None},
        ]
        lines = export_lines(self.host(), {"days": [*odd, good], "notes": [None, {"text": 5}]})
        self.assertEqual(lines[0], Text("Today", "$0.01 · 5 tokens"))
        for cents in (None, "x", -1, 1e300, True):
            with self.subTest(cents=cents):
                lines = export_lines(self.host(), {"days": [{**good, "cents": cents}]})
                self.assertEqual(lines[0], Text("Today", "5 tokens"))
        for kept in ({}, {"days": None}, {"days": {}, "notes": "x"}):
            self.assertEqual(export_lines(self.host(), kept), [])
