"""From the JSON of the API to what is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.blocks import Block, Chart, Meter, Note, blocks_of, rows_of
from openusage.cli.draw import draw
from openusage.cli.screen import Screen
from openusage.model import Badge as BadgeLine
from openusage.model import BarChart, BarPoint, Count, Dollars, Progress, Snapshot, Text
from openusage.testing import NOW
from openusage.wire import instant_text, to_json

MINUTE = timedelta(minutes=1)


def snapshot(name: str = "claude", age: timedelta = MINUTE, plan: str | None = "Pro") -> Any:
    lines = (Progress("Session", 42, 100),)
    return to_json(Snapshot(name, name.title(), plan, lines, NOW - age))


def health(name: str = "claude", **more: Any) -> dict[str, Any]:
    return {"providerId": name, "displayName": name.title(), "enabled": True, **more}


def shown(line: Any) -> list[Any]:
    return list(rows_of([to_json(line)], NOW))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = ("type", "label", "value", "text", "used", "limit", "format", "resetsAt", "points", "kind")
KINDS = st.sampled_from(("progress", "text", "badge", "barChart", "percent", "count"))
LINES = st.lists(st.dictionaries(st.sampled_from(KEYS), KINDS | JSON) | JSON, max_size=4)


class RowsOfTests(SynchronousTestCase):
    """`rows_of`"""

    def test_meters(self) -> None:
        """A progress line is a meter with its amount and the time to its reset."""
        resets = NOW + timedelta(hours=2, minutes=10)
        for line, row in (
            (Progress("Session", 42, 100), Meter("Session", 0.42, "42 %")),
            (
                Progress("Weekly", 60, 50, Dollars(), resets),
                Meter("Weekly", 1.2, "$60 of $50", "resets in 2h 10m"),
            ),
            (
                Progress("Calls", 5, 50, Count("requests"), NOW),
                Meter("Calls", 0.1, "5 of 50 requests", "reset due"),
            ),
        ):
            with self.subTest(line=line):
                self.assertEqual(shown(line), [row])

    def test_texts(self) -> None:
        """Text and badge lines are shown with their subtitle."""
        self.assertEqual(shown(Text("Today", "$5.17")), [Note("Today", "$5.17")])
        self.assertEqual(
            shown(BadgeLine("Status", "No data", subtitle="yet")),
            [Note("Status", "No data", "yet")],
        )

    def test_chart(self) -> None:
        """A chart keeps its values and how the highest reads."""
        chart = BarChart(
            "Trend", (BarPoint("Mon", 3, "3M tokens"), BarPoint("Tue", 1, "1M tokens"))
        )

        self.assertEqual(shown(chart), [Chart("Trend", (3.0, 1.0), "3M tokens")])

    def test_unknown(self) -> None:
        """A line of a kind that is not known, or that is broken, is shown by its label."""
        for line in (
            {"type": "dial", "label": "New"},
            {"type": "progress", "label": "New", "used": "1", "limit": 2, "format": {}},
            {"type": "progress", "label": "New", "used": 1, "limit": 0, "format": {}},
            {"type": "progress", "label": "New", "used": 1, "limit": 2, "format": None},
            {"type": "barChart", "label": "New", "points": [{"value": None}]},
            {"type": "barChart", "label": "New"},
        ):
            with self.subTest(line=line):
                self.assertEqual(list(rows_of([line], NOW)), [Note("New", "?")])

    def test_harmless(self) -> None:
        """Text of a service cannot steer the terminal."""
        line = Text("\x1b[2JLabel", "a\x07b\nc", subtitle="\u202esub")

        self.assertEqual(shown(line), [Note("Label", "ab c", "sub")])


class BlocksOfTests(SynchronousTestCase):
    """`blocks_of`"""

    def block(self, snapshot: Any, interval: float = 300.0, **state: Any) -> Block:
        states = [health(**state)] if state else []
        (block,) = blocks_of([snapshot], states, NOW, interval)
        return block

    def test_facts(self) -> None:
        """Plan, if any, and age stand behind the name."""
        self.assertEqual(
            self.block(snapshot()),
            Block("Claude", ("Pro", "1 min ago"), rows=(Meter("Session", 0.42, "42 %"),)),
        )
        self.assertEqual(self.block(snapshot(plan=None)).facts, ("1 min ago",))

    def test_stale_by_age(self) -> None:
        """Older than two intervals is stale."""
        for minutes, stale in ((9, False), (10, False), (11, True)):
            with self.subTest(minutes=minutes):
                self.assertEqual(self.block(snapshot(age=minutes * MINUTE)).stale, stale)

        self.assertFalse(self.block(snapshot(age=11 * MINUTE), interval=600).stale)

    def test_stale_by_the_service_own_interval(self) -> None:
        """The interval that the service itself goes by counts before any other."""
        state: dict[str, Any] = {
            "waiting": "interval",
            "lastAttempt": instant_text(NOW - 50 * MINUTE),
            "nextAttempt": instant_text(NOW + 10 * MINUTE),
        }

        self.assertFalse(self.block(snapshot(age=50 * MINUTE), **state).stale)
        self.assertTrue(self.block(snapshot(age=121 * MINUTE), **state).stale)

    def test_stale_by_failure(self) -> None:
        """After a failure the snapshot is stale, and it says why and when the next attempt is."""
        error = {"code": "token_expired", "message": "Token expired.\x1b[0m Run `claude`."}

        block = self.block(snapshot(), lastError=error, nextAttempt=instant_text(NOW + 12 * MINUTE))

        self.assertTrue(block.stale)
        self.assertEqual(block.trouble, "Token expired. Run `claude`. (next attempt in 12m)")

    def test_failure_without_words(self) -> None:
        """A failure without a message is named by its class."""
        self.assertEqual(self.block(snapshot(), lastError={"code": "timeout"}).trouble, "timeout")

    def test_without_snapshot(self) -> None:
        """An enabled instance without a snapshot says so; a disabled one is not shown."""
        states = [
            health("cursor", lastError={"code": "not_logged_in", "message": "Not logged in."}),
            health("grok", enabled=False),
        ]

        self.assertEqual(
            blocks_of([], states, NOW),
            [Block("Cursor", ("nothing yet",), trouble="Not logged in.")],
        )

    def test_duplicate(self) -> None:
        """An account whose login another one uses will have nothing, and is told to be that."""
        error = {"code": "duplicate", "message": "The same login as claude."}

        self.assertEqual(
            blocks_of([], [health("claude-work", lastError=error)], NOW),
            [Block("Claude-Work", ("duplicate",), trouble="The same login as claude.")],
        )

    def test_notes(self) -> None:
        """What the last probe had to remark is kept, with a snapshot and without."""
        notes = ["unknown model: x\x1b[2J", "", 5]

        self.assertEqual(self.block(snapshot(), notes=notes).notes, ("unknown model: x",))
        self.assertEqual(self.block(snapshot(), notes=7).notes, ())
        (block,) = blocks_of([], [health(notes=notes)], NOW)
        self.assertEqual(block.notes, ("unknown model: x",))

    def test_order(self) -> None:
        """The order is that of the health report; without one that of the snapshots."""
        snapshots = [snapshot("claude"), snapshot("codex")]

        with_health = blocks_of(snapshots, [health("cursor"), health("codex")], NOW)
        without = blocks_of(snapshots, [], NOW)

        self.assertEqual([b.name for b in with_health], ["Cursor", "Codex", "Claude"])
        self.assertEqual([b.name for b in without], ["Claude", "Codex"])

    def test_no_age(self) -> None:
        """A snapshot whose age nobody knows is stale."""
        block = self.block({**snapshot(), "fetchedAt": "lately"})

        self.assertEqual((block.facts, block.stale), (("Pro", "age unknown"), True))

    @settings(deadline=None, max_examples=150)
    @given(
        LINES, JSON, st.dictionaries(st.sampled_from(("lastError", "nextAttempt", "notes")), JSON)
    )
    def test_wild(self, lines: Any, value: Any, state: dict[str, Any]) -> None:
        """Whatever JSON comes, it is shown without failing and within the width."""
        wild = {"providerId": "x", "displayName": value, "plan": value, "lines": lines}

        blocks = blocks_of([wild], [{"providerId": "x", **state}], NOW)

        self.assertEqual(len(blocks), 1)
        for line in draw(blocks, Screen(40)):
            self.assertTrue(line == "" or line.isprintable(), line)
