"""Tests for `openusage.sessionlogs.lines`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.model import BarChart, BarPoint, Line, Text
from openusage.providers.history import PATIENCE, LocalHistory, added_history, local_history
from openusage.sessionlogs import Call, Day, History
from openusage.sessionlogs.claude import CLAUDE
from openusage.sessionlogs.lines import format_tokens, history_lines
from openusage.testing import NOW, FakeLogs, clock_at, fake_host

TODAY = date(2026, 3, 1)


def ago(days: int, tokens: int, cost: float | None = None) -> Day:
    return Day(TODAY - timedelta(days=days), tokens, cost)


def lines(*days: Day, models: Mapping[str, int] | None = None) -> list[Line]:
    history = History(sorted(days, key=lambda day: day.date), models or {})
    return history_lines(history, today=TODAY, note="From logs.", color="#DE7356")


def texts(*days: Day) -> dict[str, str]:
    return {line.label: line.value for line in lines(*days) if isinstance(line, Text)}


class TextTests(SynchronousTestCase):
    """Today, Yesterday and Last 30 Days."""

    def test_empty(self) -> None:
        """With no usage Today and Yesterday say so, and nothing else is there."""
        zero = "$0.00 \u00b7 0 tokens"

        self.assertEqual(lines(), [Text("Today", zero), Text("Yesterday", zero)])

    def test_order(self) -> None:
        """The lines have an order."""
        found = lines(ago(0, 1, 1), models={"m": 1})

        labels = ["Today", "Yesterday", "Last 30 Days", "Usage Trend", "m"]
        self.assertEqual([line.label for line in found], labels)

    def test_today(self) -> None:
        """A day has dollars and tokens."""
        self.assertEqual(texts(ago(0, 150, 0.75))["Today"], "$0.75 \u00b7 150 tokens")
        self.assertEqual(texts(ago(0, 12_300_000, 1234.5))["Today"], "$1234.50 \u00b7 12M tokens")

    def test_unknown_cost(self) -> None:
        """A day whose cost is unknown has only tokens; one that was free says so."""
        self.assertEqual(texts(ago(0, 600))["Today"], "600 tokens")
        self.assertEqual(texts(ago(0, 600))["Last 30 Days"], "600 tokens")
        self.assertEqual(texts(ago(0, 600, 0.0))["Today"], "$0.00 \u00b7 600 tokens")

    def test_no_tokens(self) -> None:
        """A day without tokens is an idle one, whatever it cost."""
        self.assertEqual(texts(ago(0, 0, 5.0))["Today"], "$0.00 \u00b7 0 tokens")
        self.assertNotIn("Last 30 Days", texts(ago(0, 0, 5.0)))

    def test_yesterday(self) -> None:
        """Yesterday is the day before, also over the end of a month."""
        found = texts(ago(1, 1500, 0.5), ago(2, 10))

        self.assertEqual(found["Today"], "$0.00 \u00b7 0 tokens")
        self.assertEqual(found["Yesterday"], "$0.50 \u00b7 1.5K tokens")

    def test_sum(self) -> None:
        """The last 30 days are the sum of all that is known."""
        found = texts(ago(0, 1500, 0.5), ago(5, 10_500, 1.5))
        self.assertEqual(found["Today"], "$0.50 \u00b7 1.5K tokens")
        self.assertEqual(found["Last 30 Days"], "$2.00 \u00b7 12K tokens")

        self.assertEqual(
            texts(ago(0, 150, 0.75), ago(9, 300, 1.0))["Last 30 Days"],
            "$1.75 \u00b7 450 tokens",
        )
        self.assertEqual(
            texts(ago(0, 150, 0.75), ago(9, 300))["Last 30 Days"], "$0.75 \u00b7 450 tokens"
        )

    def test_exact_sum(self) -> None:
        """Sums do not drift: ten times 0.0125 is 0.125, not the 0.12499… that floats come to."""
        found = texts(*(ago(day, 1, 0.0125) for day in range(10)))

        self.assertEqual(found["Last 30 Days"], "$0.13 \u00b7 10 tokens")

    def test_cents(self) -> None:
        """A tie of the exact value goes away from zero; most values are no tie."""
        for cost, text in ((0.125, "0.13"), (1.005, "1.00"), (2.675, "2.67"), (0.375, "0.38")):
            self.assertEqual(texts(ago(0, 1, cost))["Today"], f"${text} \u00b7 1 tokens")


class TokenTests(SynchronousTestCase):
    """Tests for `format_tokens`."""

    def test_examples(self) -> None:
        """One decimal below ten of a unit, none above; the unit is chosen before rounding."""
        for count, text in (
            (0, "0"),
            (150, "150"),
            (999, "999"),
            (1000, "1K"),
            (1500, "1.5K"),
            (2000, "2K"),
            (9949, "9.9K"),
            (9960, "10K"),
            (10_500, "11K"),
            (12_000, "12K"),
            (999_950, "1000K"),
            (1_250_000, "1.3M"),
            (9_200_000, "9.2M"),
            (9_950_000, "9.9M"),
            (26_250_000, "26M"),
            (1_000_000_000, "1B"),
            (12_345_678_901, "12B"),
        ):
            self.assertEqual(format_tokens(count), text)


class TrendTests(SynchronousTestCase):
    """The chart."""

    def chart(self, *days: Day) -> BarChart:
        (chart,) = (line for line in lines(*days) if isinstance(line, BarChart))
        return chart

    def test_points(self) -> None:
        """Days that exist, oldest first, labelled without padding."""
        chart = self.chart(ago(0, 1500), ago(9, 20, 1.0))

        points = (BarPoint("2/20", 20, "20 tokens"), BarPoint("3/1", 1500, "1.5K tokens"))
        self.assertEqual(chart, BarChart("Usage Trend", points, "From logs.", "#DE7356"))

    def test_most(self) -> None:
        """At most the last 31 days."""
        chart = self.chart(*(ago(day, day + 1) for day in range(40)))

        self.assertEqual(len(chart.points), 31)
        self.assertEqual(chart.points[-1], BarPoint("3/1", 1, "1 tokens"))

    def test_none(self) -> None:
        """Without days there is no chart."""
        self.assertFalse([line for line in lines() if isinstance(line, BarChart)])


class ModelTests(SynchronousTestCase):
    """The share of each model."""

    def shares(self, models: Mapping[str, int]) -> list[tuple[str, str]]:
        found = lines(models=models)[2:]
        return [(line.label, line.value) for line in found if isinstance(line, Text)]

    def test_shares(self) -> None:
        """In percent, with a decimal where there is one, the largest first, then by name."""
        self.assertEqual(self.shares({"b": 625, "a": 375}), [("b", "62.5%"), ("a", "37.5%")])
        self.assertEqual(self.shares({"b": 1, "a": 1}), [("a", "50%"), ("b", "50%")])
        self.assertEqual(self.shares({"a": 1, "b": 1, "c": 1}), [(name, "33.3%") for name in "abc"])

    def test_small(self) -> None:
        """Less than a tenth of a percent is said to be so."""
        found = self.shares({"a": 99_801, "b": 99, "c": 0, "d": 100})

        self.assertEqual(found, [("a", "99.8%"), ("d", "0.1%"), ("b", "<0.1%")])

    def test_many(self) -> None:
        """Of more models than anybody uses those used most are shown."""
        found = self.shares({f"m{number}": number for number in range(20_000)})

        self.assertEqual(len(found), 100)
        self.assertEqual((found[0][0], found[-1][0]), ("m19999", "m19900"))

    def test_nameless(self) -> None:
        """A name without a letter is none."""
        self.assertEqual(self.shares({" ": 1, "a": 1}), [("a", "100%")])


class NewerFormTests(SynchronousTestCase):
    """The form without idle days."""

    def lines(self, *days: Day) -> list[Line]:
        history = History(sorted(days, key=lambda day: day.date), {"m": 1})
        return history_lines(history, today=TODAY, note="From logs.", idle=False)

    def texts(self, *days: Day) -> dict[str, str]:
        return {line.label: line.value for line in self.lines(*days) if isinstance(line, Text)}

    def test_empty(self) -> None:
        """Without usage there is no line."""
        self.assertEqual(self.lines(), [])
        self.assertEqual(self.lines(ago(31, 100, 1.0), ago(-1, 100, 1.0)), [])
        self.assertEqual(self.lines(ago(0, 0, 0.0)), [])

    def test_order(self) -> None:
        """The lines have an order, and none is of a model."""
        labels = ["Today", "Yesterday", "Last 30 Days", "Usage Trend"]

        found = self.lines(ago(0, 1, 1.0), ago(1, 1, 1.0))
        self.assertEqual([line.label for line in found], labels)

    def test_left_out(self) -> None:
        """A period without usage has no line."""
        self.assertEqual(
            self.texts(ago(1, 1_000_000, 15.0)),
            {
                "Yesterday": "$15.00 \u00b7 1M tokens",
                "Last 30 Days": "$15.00 \u00b7 1M tokens",
            },
        )
        self.assertEqual(set(self.texts(ago(30, 1, 1.0))), {"Last 30 Days"})

    def test_window(self) -> None:
        """Days outside the trend are in no sum."""
        found = self.texts(ago(0, 10, 1.0), ago(30, 5, 1.0), ago(31, 99, 9.0), ago(-1, 99, 9.0))

        self.assertEqual(found["Last 30 Days"], "$2.00 \u00b7 15 tokens")

    def test_dollars(self) -> None:
        """Dollars have two decimals and are grouped; where they are unknown there are none."""
        for cost, text in ((1234.56, "$1,234.56"), (0.125, "$0.13"), (1e6, "$1,000,000.00")):
            self.assertEqual(self.texts(ago(0, 5, cost))["Today"], f"{text} \u00b7 5 tokens")
        self.assertEqual(self.texts(ago(0, 5))["Today"], "5 tokens")
        self.assertEqual(self.texts(ago(0, 5, 0.0))["Today"], "$0.00 \u00b7 5 tokens")

    def test_only_dollars(self) -> None:
        """What cost something was used, even where no tokens were counted."""
        self.assertEqual(self.texts(ago(0, 0, 2.0))["Today"], "$2.00 \u00b7 0 tokens")

    def test_tokens(self) -> None:
        """Tokens have at most one decimal at every size, and never a thousand of a unit."""
        for count, text in (
            (999, "999"),
            (1000, "1K"),
            (12_949, "12.9K"),
            (12_950, "13K"),
            (999_949, "999.9K"),
            (999_950, "1M"),
            (2_000_000, "2M"),
            (58_649_999, "58.6M"),
            (222_000_000, "222M"),
            (1_500_000_000, "1.5B"),
            (1_234_567_000_000, "1234.6B"),
        ):
            self.assertEqual(self.texts(ago(0, count, 0.0))["Today"], f"$0.00 \u00b7 {text} tokens")

    def test_trend(self) -> None:
        """Every one of 31 days has a bar, the oldest first, idle ones of no height."""
        (chart,) = (
            line
            for line in self.lines(ago(0, 1_500_000, 1.0), ago(9, 20))
            if isinstance(line, BarChart)
        )

        self.assertEqual(len(chart.points), 31)
        self.assertEqual(chart.points[0], BarPoint("Jan 30", 0, "0 tokens"))
        self.assertEqual(chart.points[21], BarPoint("Feb 20", 20, "20 tokens"))
        self.assertEqual(chart.points[-1], BarPoint("Mar 1", 1_500_000, "1.5M tokens"))
        self.assertEqual(sum(point.value for point in chart.points), 1_500_020)
        self.assertEqual((chart.note, chart.color), ("From logs.", None))


class _FailingLogs(FakeLogs):
    """Logs whose reading ends with `error`, or never without one."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error

    async def history(self, *_: Any, **more: Any) -> History | None:
        return await self.add_up([])

    async def add_up(self, *_: Any, **more: Any) -> History:
        if self.error is not None:
            raise self.error
        return await Deferred()


class ProvidersTests(SynchronousTestCase):
    """Tests for `openusage.providers.history`."""

    def ask(self, host: Host, *calls: Call, **more: Any) -> Deferred[LocalHistory]:
        return Deferred.fromCoroutine(added_history(host, calls, note="From x.", **more))

    def test_added(self) -> None:
        """Calls from elsewhere become lines, at the prices that hold for logs too."""
        logs = FakeLogs()
        host = fake_host(Path(self.mktemp()), logs=logs)
        at = int(NOW.timestamp() * 1000)
        call = Call(at=at, model="grok-build", input=1_000_000, output=0, tokens=1_000_000)

        found = self.successResultOf(self.ask(host, call, color="#112233", notes=["2 rows odd"]))

        self.assertEqual(found.lines[0], Text("Today", "$1.00 \u00b7 1M tokens"))
        self.assertEqual(found.lines[-1].color, "#112233")
        self.assertEqual(logs.added, [call])
        self.assertIn("2 rows odd", host.visit.notes)

    def test_with_idle_days(self) -> None:
        """The older form can be had too."""
        host = fake_host(Path(self.mktemp()))

        found = self.successResultOf(self.ask(host, idle=True))

        self.assertEqual([line.label for line in found.lines], ["Today", "Yesterday"])
        self.assertEqual(self.successResultOf(self.ask(host)), LocalHistory())

    def test_logs(self) -> None:
        """Logs can have the newer form."""
        day = Day(NOW.date(), 1_250, None)
        host = fake_host(Path(self.mktemp()), logs=FakeLogs(History([day], {})))

        reading = local_history(host, CLAUDE, [host.home], note="From x.", idle=False)
        found = self.successResultOf(Deferred.fromCoroutine(reading))

        self.assertEqual(found.lines[0], Text("Today", "1.3K tokens"))

    def test_never_fails(self) -> None:
        """Whatever goes wrong in summing is a note, not a failure."""
        for error in (OSError("/secret"), ValueError("secret")):
            host = fake_host(Path(self.mktemp()), logs=_FailingLogs(error))

            self.assertEqual(self.successResultOf(self.ask(host)), LocalHistory())
            kind = type(error).__name__
            self.assertEqual(list(host.visit.notes), [f"local history could not be read ({kind})"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_for_ever(self) -> None:
        """What takes too long is given up."""
        clock = clock_at(NOW)
        host = fake_host(Path(self.mktemp()), logs=_FailingLogs(), clock=clock)

        asked = self.ask(host)
        self.assertNoResult(asked)
        clock.advance(PATIENCE)

        self.assertEqual(self.successResultOf(asked), LocalHistory())
        self.assertEqual(len(host.visit.notes), 1)
