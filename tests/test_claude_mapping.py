"""Tests for `openusage.providers.claude.mapping`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import Badge, Dollars, Line, Percent, ProbeError, Progress, Text
from openusage.providers.claude.mapping import (
    essence,
    plan_name,
    rate_limit_badge,
    rate_limit_note,
    usage_lines,
)

RESET = "2026-11-27T09:00:00Z"
INSTANT = datetime(2026, 11, 27, 9, tzinfo=timezone.utc)
HOURS_5 = 18_000_000
DAYS_7 = 604_800_000

# As the service answers a plan with everything in it.
BODY: dict[str, Any] = {
    "five_hour": {"utilization": 31.5, "resets_at": "2026-11-22T15:00:00.482193+00:00"},
    "seven_day": {"utilization": 12, "resets_at": RESET},
    "seven_day_sonnet": {"utilization": 4, "resets_at": None},
    "seven_day_opus": None,
    "seven_day_omelette": {"utilization": 7, "resets_at": RESET},
    "seven_day_oauth_apps": None,
    "seven_day_cowork": None,
    "iguana_necktie": None,
    "extra_usage": {
        "is_enabled": True,
        "used_credits": 1240,
        "monthly_limit": 5000,
        "utilization": 24.8,
        "currency": "USD",
    },
    "limits": [
        {"kind": "session", "group": "session", "percent": 31.5, "resets_at": RESET},
        {"kind": "weekly_all", "group": "weekly", "percent": 12, "resets_at": RESET},
        {
            "kind": "weekly_scoped",
            "group": "weekly",
            "percent": 55,
            "resets_at": RESET,
            "scope": {"model": {"id": "fable", "display_name": "Fable"}, "surface": None},
        },
    ],
}


def scoped(name: object, percent: object = 55, id: object = None) -> dict[str, Any]:  # noqa: A002
    model = {"id": id, "display_name": name}
    return {
        "kind": "weekly_scoped",
        "percent": percent,
        "resets_at": RESET,
        "scope": {"model": model},
    }


def week(label: str, used: float) -> Progress:
    return Progress(label, used, 100, resets_at=INSTANT, period_ms=DAYS_7)


def line(body: dict[str, Any], label: str) -> Line | None:
    return next((found for found in usage_lines(body) if found.label == label), None)


class UsageLinesTests(SynchronousTestCase):
    """`usage_lines`: the figures of a body."""

    def test_full(self) -> None:
        """A full body becomes windows, model windows and extra usage, in that order."""
        session_reset = datetime(2026, 11, 22, 15, 0, 0, 482000, tzinfo=timezone.utc)

        self.assertEqual(
            usage_lines(BODY),
            [
                Progress("Session", 31.5, 100, Percent(), session_reset, HOURS_5),
                week("Weekly", 12),
                Progress("Sonnet", 4, 100, period_ms=DAYS_7),
                week("Claude Design", 7),
                week("Fable", 55),
                Progress("Extra usage spent", 12.4, 50, Dollars()),
            ],
        )

    def test_nothing(self) -> None:
        """A body without any of the keys has no lines."""
        self.assertEqual(usage_lines({}), [])

    def test_zero(self) -> None:
        """Nothing used is a line with 0, and a window that has not begun has no reset."""
        for window in ({"utilization": 0}, {"utilization": 0, "resets_at": None}):
            self.assertEqual(
                usage_lines({"five_hour": window}),
                [Progress("Session", 0, 100, period_ms=HOURS_5)],
            )

    def test_resets_at(self) -> None:
        """Resets are read in each form in which they were seen, to the millisecond."""
        whole = datetime(2099, 1, 1, tzinfo=timezone.utc)
        for text, instant in (
            ("2099-01-01T00:00:00.123456", whole.replace(microsecond=123000)),
            ("2099-01-01 00:00:00 UTC", whole),
            ("2099-01-01T00:00:00.000Z", whole),
            ("never", None),
            ({}, None),
        ):
            found = line({"seven_day": {"utilization": 1, "resets_at": text}}, "Weekly")
            self.assertIsInstance(found, Progress)
            assert isinstance(found, Progress)
            self.assertEqual(found.resets_at, instant, text)

    def test_opus(self) -> None:
        """The weekly window of Opus is shown when the service gives it."""
        body = {"seven_day_opus": {"utilization": 3, "resets_at": RESET}}

        self.assertEqual(usage_lines(body), [week("Opus", 3)])

    def test_numeric_text(self) -> None:
        """A number given as text counts, except for Claude Design."""
        window = {"utilization": "5", "resets_at": RESET}

        self.assertEqual(line({"seven_day": window}, "Weekly"), week("Weekly", 5))
        self.assertEqual(usage_lines({"limits": [scoped("Fable", "5")]}), [week("Fable", 5)])
        self.assertEqual(usage_lines({"seven_day_omelette": window}), [])
        self.assertEqual(usage_lines({"seven_day_omelette": {}}), [])

    def test_no_number(self) -> None:
        """A window whose figure is no number has no line."""
        wrongs: tuple[object, ...] = (None, True, "", "many", [], {}, float("nan"), 10**400)
        for wrong in wrongs:
            self.assertEqual(usage_lines({"seven_day": {"utilization": wrong}}), [], wrong)
            self.assertEqual(usage_lines({"limits": [scoped("Fable", wrong)]}), [], wrong)

    def test_out_of_range(self) -> None:
        """Less than nothing is nothing; more than the limit is kept."""
        self.assertEqual(
            usage_lines({"limits": [scoped("A", -3), scoped("B", 140)]}),
            [week("A", 0), week("B", 140)],
        )

    def test_limits_alone(self) -> None:
        """Where the flat keys are null the windows come from `limits`."""
        limits = [
            {"kind": "session", "percent": 50, "resets_at": RESET},
            {"kind": "weekly_all", "percent": 39, "resets_at": RESET},
            scoped("Fable", 52),
            scoped("Sonnet", 8),
            scoped("Opus", 9),
        ]
        flat = {"five_hour": None, "seven_day": None, "seven_day_sonnet": None}

        self.assertEqual(
            usage_lines({**flat, "limits": limits}),
            [
                Progress("Session", 50, 100, resets_at=INSTANT, period_ms=HOURS_5),
                week("Weekly", 39),
                week("Sonnet", 8),
                week("Opus", 9),
                week("Fable", 52),
            ],
        )

    def test_no_duplicates(self) -> None:
        """A label is shown once: the flat key goes first, then the first entry."""
        names = ("sonnet", "Weekly", "Extra usage spent", "Fable", "FABLE")
        limits = [scoped(name, 80 + rank) for rank, name in enumerate(names)]
        body = {
            "seven_day": {"utilization": 5, "resets_at": RESET},
            "seven_day_sonnet": {"utilization": 4, "resets_at": RESET},
            "extra_usage": {"is_enabled": True, "used_credits": 250},
            "limits": limits,
        }

        self.assertEqual(
            usage_lines(body),
            [
                week("Weekly", 5),
                week("Sonnet", 4),
                week("Fable", 83),
                Text("Extra usage spent", "$2.5"),
            ],
        )

    def test_scope(self) -> None:
        """Entries that name no single model are no lines of their own."""
        for entry in (
            scoped(" "),
            scoped(None),
            scoped(7),
            scoped("All models"),
            scoped("Everything", id="all models"),
            {"kind": "weekly_scoped", "percent": 5, "scope": None},
            {"kind": "weekly_scoped", "percent": 5, "scope": {"model": None}},
            {**scoped("Fable"), "kind": "monthly"},
            "Fable",
            None,
        ):
            self.assertEqual(usage_lines({"limits": [entry]}), [], entry)

    def test_extra_usage(self) -> None:
        """Spending is a meter with a cap, a sum without one, and nothing when there is neither."""
        label = "Extra usage spent"
        for used, cap, expected in (
            (500, 1000, Progress(label, 5, 10, Dollars())),
            (0, 1000, Progress(label, 0, 10, Dollars())),
            (2000, 1000, Progress(label, 20, 10, Dollars())),
            (250, None, Text(label, "$2.5")),
            (250, 0, Text(label, "$2.5")),
            (1000, -5, Text(label, "$10")),
            (1240.5, None, Text(label, "$12.41")),
            (0, None, None),
            (-5, None, None),
            (None, 1000, None),
            (True, 1000, None),
        ):
            body = {"is_enabled": True, "used_credits": used, "monthly_limit": cap}
            self.assertEqual(line({"extra_usage": body}, label), expected, (used, cap))

    def test_extra_usage_off(self) -> None:
        """Without extra usage switched on there is no line, whatever the figures."""
        for enabled in (False, None, 1, "true"):
            body = {"is_enabled": enabled, "used_credits": 500, "monthly_limit": 1000}
            self.assertEqual(usage_lines({"extra_usage": body}), [], enabled)
        self.assertEqual(usage_lines({"extra_usage": {"used_credits": 5}}), [])
        self.assertEqual(usage_lines({"extra_usage": [1]}), [])


LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["5", " ", "Fable", "Sonnet", "session", RESET, "\ud800"]),
    st.text(max_size=5),
)
NAMES = st.sampled_from(
    (
        *("utilization", "resets_at", "percent", "kind", "scope", "model", "display_name"),
        *("id", "is_enabled", "used_credits", "monthly_limit"),
    )
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries(
    {"kind": st.sampled_from(["session", "weekly_all", "weekly_scoped"]), "percent": TREE},
    optional={
        "resets_at": TREE,
        "scope": st.fixed_dictionaries({"model": st.dictionaries(NAMES, LEAF, max_size=4)}),
    },
)
WILD = st.dictionaries(
    st.sampled_from(list(BODY)),
    st.one_of(TREE, st.lists(st.one_of(ENTRY, TREE), max_size=4)),
    max_size=8,
)


class WildBodyTests(SynchronousTestCase):
    """`usage_lines` and `essence` on bodies that no service should send."""

    @given(WILD)
    @settings(deadline=None, max_examples=200)
    def test_any_body(self, body: dict[str, Any]) -> None:
        """Whatever a body holds, it becomes lines with distinct labels or a `ProbeError`."""
        try:
            labels = [found.label for found in usage_lines(body)]
        except ProbeError:
            return
        self.assertEqual(len(labels), len(set(labels)))

    @given(WILD)
    @settings(deadline=None, max_examples=100)
    def test_essence(self, body: dict[str, Any]) -> None:
        """What is kept of a body, written as JSON and read again, makes the same lines."""
        try:
            lines = usage_lines(body)
        except ProbeError:
            return
        self.assertEqual(usage_lines(json.loads(json.dumps(essence(body)))), lines)


class EssenceTests(SynchronousTestCase):
    """`essence`: what is kept of a body."""

    def test_other_keys(self) -> None:
        """Keys that no line needs are not kept."""
        kept = essence({**BODY, "account": {"email": "ada@example.com"}})

        self.assertEqual(usage_lines(kept), usage_lines(BODY))
        self.assertNotIn("account", kept)


class PlanNameTests(SynchronousTestCase):
    """`plan_name`."""

    def test_names(self) -> None:
        """A plan is named after the subscription, and after the multiple in its tier."""
        for subscription, tier, expected in (
            ("max", "default_claude_max_20x", "Max 20x"),
            ("max", "claude_max_subscription_5x", "Max 5x"),
            ("team", "default_5x_then_20x", "Team 5x"),
            ("pro", None, "Pro"),
            ("pro", "default", "Pro"),
            ("pro", 5, "Pro"),
            ("team_plan", "", "Team_plan"),
            ("   ", "default_claude_max_20x", None),
            (None, "default_claude_max_20x", None),
            ({}, None, None),
        ):
            self.assertEqual(plan_name(subscription, tier), expected, (subscription, tier))


class RateLimitTests(SynchronousTestCase):
    """`rate_limit_badge` and `rate_limit_note`."""

    def test_texts(self) -> None:
        """Badge and note tell the minutes to wait, or that nobody knows."""
        for seconds, badge, note in (
            (0.0, "retry in ~now", "retry in ~now"),
            (-5.0, "retry in ~now", "retry in ~now"),
            (0.5, "retry in ~1m", "retry in ~1m"),
            (60.0, "retry in ~1m", "retry in ~1m"),
            (600.0, "retry in ~10m", "retry in ~10m"),
            (601.0, "retry in ~11m", "retry in ~11m"),
            (None, "try again later", "data may be stale"),
        ):
            self.assertEqual(
                rate_limit_badge(seconds),
                Badge("Status", f"Rate limited, {badge}", color="#f59e0b"),
            )
            self.assertEqual(
                rate_limit_note(seconds), Text("Note", f"Live usage rate limited — {note}")
            )
