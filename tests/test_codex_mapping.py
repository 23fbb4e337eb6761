"""Answers of the Codex usage endpoint as metric lines.

Where the original app and its successor disagree, these tests hold what was chosen: percentages in
the body win over those in headers, windows are told apart by length, a null balance is unknown.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import Badge, BarChart, Count, Line, Progress, Text
from openusage.providers.codex.answer import Answer
from openusage.providers.codex.mapping import plan_name, usage_lines
from openusage.providers.codex.windows import Window, window_lines

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
RESET = datetime(2026, 11, 24, 15, tzinfo=timezone.utc)
FIVE_HOURS, WEEK = 18_000_000, 604_800_000


def window(used: object, seconds: object = None, **more: object) -> dict[str, object]:
    """A window as the service sends it."""
    given = {} if seconds is None else {"limit_window_seconds": seconds}
    return {"used_percent": used, **given, **more}


def lines_of(
    body: dict[str, Any], headers: dict[str, str] | None = None, **more: Any
) -> dict[str, Line]:
    """The lines of an answer by label."""
    answer = Answer(NOW, body, headers or {}, **more)
    return {line.label: line for line in usage_lines(answer, timezone.utc)}


def shown(body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, object]:
    """What the lines say: a bar's `used`, a text's value."""
    return {label: said(line) for label, line in lines_of(body, headers).items()}


def said(line: Line) -> object:
    """A bar's `used` or a text's value."""
    if isinstance(line, Progress):
        return line.used
    assert not isinstance(line, (BarChart, Badge))
    return line.value


class UsageLinesTests(SynchronousTestCase):
    """`usage_lines`: the windows of the plan."""

    def test_whole_body(self) -> None:
        """Every part of a full answer has its line, bars first, in the order that people know."""
        body = {
            "rate_limit": {
                "primary_window": window(22, 18000, reset_at=RESET.timestamp()),
                "secondary_window": window(9, 604800),
            },
            "code_review_rate_limit": {"primary_window": window(3, 604800)},
            "additional_rate_limits": [
                {
                    "limit_name": "GPT-5.3-Codex-Spark",
                    "metered_feature": "codex_bengalfox",
                    "rate_limit": {
                        "primary_window": window(41, 18000),
                        "secondary_window": window(17, 604800),
                    },
                }
            ],
            "credits": {"has_credits": True, "balance": "512.75"},
            "rate_limit_reset_credits": {"available_count": 2},
            "spend_control": {"reached": False, "individual_limit": None},
        }
        self.assertEqual(
            list(shown(body).items()),
            [
                ("Session", 22.0),
                ("Weekly", 9.0),
                ("Spark", 41.0),
                ("Spark Weekly", 17.0),
                ("Reviews", 3.0),
                ("Rate Limit Resets", "2 available"),
                ("Credits", "$20.48 · 512 credits"),
            ],
        )
        self.assertEqual(
            lines_of(body)["Session"],
            Progress("Session", 22, 100, resets_at=RESET, period_ms=FIVE_HOURS),
        )

    def test_precedence(self) -> None:
        """A percentage in the body wins; a header fills in for the same window only."""
        both = {"rate_limit": {"primary_window": window(10), "secondary_window": window(20)}}
        first = {"rate_limit": {"primary_window": window(10), "secondary_window": window(None)}}
        primary, secondary = "x-codex-primary-used-percent", "x-codex-secondary-used-percent"
        for body, headers, expected in (
            (both, {}, {"Session": 10.0, "Weekly": 20.0}),
            (both, {primary: "25", secondary: "50"}, {"Session": 10.0, "Weekly": 20.0}),
            (both, {primary: "25"}, {"Session": 10.0, "Weekly": 20.0}),
            (first, {primary: "25", secondary: "50"}, {"Session": 10.0, "Weekly": 50.0}),
            ({}, {primary: "25", secondary: "50"}, {"Session": 25.0, "Weekly": 50.0}),
            ({}, {secondary: "50"}, {"Weekly": 50.0}),
            ({}, {primary: "many"}, {}),
            ({"rate_limit": None}, {}, {}),
            ({"rate_limit": {"primary_window": None}}, {}, {}),
            ({"rate_limit": {"primary_window": window(True)}}, {}, {}),
        ):
            with self.subTest(body=body, headers=headers):
                self.assertEqual(shown(body, headers), expected)

    def test_header_keeps_the_reset(self) -> None:
        """A header's percentage is shown with the reset and length of the body's window."""
        body = {
            "rate_limit": {
                "primary_window": {
                    "limit_window_seconds": 604800,
                    "reset_at": RESET.timestamp(),
                }
            }
        }
        lines = lines_of(body, {"x-codex-primary-used-percent": "25"})

        self.assertEqual(
            lines, {"Weekly": Progress("Weekly", 25, 100, resets_at=RESET, period_ms=WEEK)}
        )

    def test_resets(self) -> None:
        """`reset_at` wins over `reset_after_seconds`; without either there is no reset."""
        at = RESET.timestamp()
        for fields, expected in (
            ({}, None),
            ({"reset_at": at}, RESET),
            ({"reset_at": at, "reset_after_seconds": 60}, RESET),
            ({"reset_after_seconds": 60}, NOW + timedelta(minutes=1)),
            ({"reset_at": None, "reset_after_seconds": 60}, NOW + timedelta(minutes=1)),
            ({"reset_at": 0, "reset_after_seconds": 60}, NOW + timedelta(minutes=1)),
            ({"reset_at": "soon"}, None),
            ({"reset_after_seconds": 1e300}, None),
        ):
            with self.subTest(fields=fields):
                line = lines_of({"rate_limit": {"primary_window": window(1, **fields)}})["Session"]
                assert isinstance(line, Progress)
                self.assertEqual(line.resets_at, expected)

    def test_whole_seconds(self) -> None:
        """A reset that is told as a distance is counted from the whole second."""
        answer = Answer(
            NOW + timedelta(milliseconds=700),
            {"rate_limit": {"primary_window": window(1, reset_after_seconds=60)}},
        )
        [line] = usage_lines(answer, timezone.utc)

        assert isinstance(line, Progress)
        self.assertEqual(line.resets_at, NOW + timedelta(minutes=1))

    def test_used(self) -> None:
        """One per cent stays one; text is a number too; nothing is less than zero."""
        for used, expected in ((1, 1.0), ("12.5", 12.5), (-3, 0.0), (104, 104.0)):
            with self.subTest(used=used):
                body = {"rate_limit": {"primary_window": window(used)}}
                self.assertEqual(shown(body), {"Session": expected})

    def test_nothing(self) -> None:
        """An empty body has no lines."""
        self.assertEqual(lines_of({}), {})


class WindowLinesTests(SynchronousTestCase):
    """`window_lines`: which window is which."""

    def test_classification(self) -> None:
        """Five hours and a week are known by length, any other length by position."""
        for windows, expected in (
            ([("primary", 18000), ("secondary", 604800)], {"Session": 0, "Weekly": 1}),
            ([("primary", 604800), ("secondary", 18000)], {"Session": 1, "Weekly": 0}),
            ([("primary", 604800)], {"Weekly": 0}),
            ([("primary", 10079 * 60), ("secondary", 299 * 60)], {"Session": 1, "Weekly": 0}),
            ([("secondary", 18000)], {"Session": 0}),
            ([("primary", None), ("secondary", None)], {"Session": 0, "Weekly": 1}),
            ([("primary", 3600), ("secondary", 86400)], {"Session": 0, "Weekly": 1}),
            ([("primary", 604800), ("secondary", 86400)], {"Weekly": 0}),
            ([("primary", None), ("secondary", 18000)], {"Session": 1}),
        ):
            with self.subTest(windows=windows):
                made = [Window(place, i, size) for i, (place, size) in enumerate(windows)]  # type: ignore[arg-type]
                lines = window_lines(made)
                self.assertEqual({line.label: line.used for line in lines}, expected)

    def test_periods(self) -> None:
        """The period is the window's own length, and the usual one when that is unknown."""
        for seconds, expected in (
            (18000, FIVE_HOURS),
            (299 * 60, FIVE_HOURS),
            (3600, 3_600_000),
            (None, FIVE_HOURS),
            (0, FIVE_HOURS),
            (-5, FIVE_HOURS),
            (1e300, FIVE_HOURS),
        ):
            with self.subTest(seconds=seconds):
                [line] = window_lines([Window("primary", 1, seconds)])
                self.assertEqual(line.period_ms, expected)


class ExtraLimitsTests(SynchronousTestCase):
    """`usage_lines`: limits of single models."""

    def extra(self, *entries: object) -> list[tuple[str, float, int | None]]:
        """Label, used and period of each line."""
        lines = usage_lines(Answer(NOW, {"additional_rate_limits": list(entries)}), timezone.utc)
        bars = [line for line in lines if isinstance(line, Progress)]
        return [(line.label, line.used, line.period_ms) for line in bars]

    def test_spark(self) -> None:
        """The prefix that every Codex model has is no part of the name."""
        entry = {
            "limit_name": "GPT-5.3-Codex-Spark",
            "rate_limit": {
                "primary_window": window(25, 18000),
                "secondary_window": window(40, 604800),
            },
        }
        self.assertEqual(
            self.extra(entry), [("Spark", 25.0, FIVE_HOURS), ("Spark Weekly", 40.0, WEEK)]
        )

    def test_spark_by_feature(self) -> None:
        """The first limit of a Spark feature is called Spark whatever its own name."""
        limits = {"primary_window": window(25)}
        self.assertEqual(
            self.extra(
                {"limit_name": "Fast lane", "rate_limit": limits},
                {"limit_name": None, "metered_feature": "codex_SPARK", "rate_limit": limits},
                {"limit_name": "Spark mini", "rate_limit": limits},
            ),
            [
                ("Fast lane", 25.0, FIVE_HOURS),
                ("Spark", 25.0, FIVE_HOURS),
                ("Spark mini", 25.0, FIVE_HOURS),
            ],
        )

    def test_names(self) -> None:
        """A name that is missing is Model, one that is nothing but the prefix stays."""
        for name, expected in (
            ("", "Model"),
            ("  ", "Model"),
            (None, "Model"),
            (7, "Model"),
            ("GPT-5.3-Codex-", "GPT-5.3-Codex-"),
            ("GPT-5-Codex-Mini", "Mini"),
            ("gpt-x", "gpt-x"),
        ):
            with self.subTest(name=name):
                entry = {
                    "limit_name": name,
                    "rate_limit": {"primary_window": window(1), "secondary_window": None},
                }
                self.assertEqual(self.extra(entry), [(expected, 1.0, FIVE_HOURS)])

    def test_weekly_only(self) -> None:
        """A model whose first window is a week has only the weekly line."""
        entry = {"limit_name": "A", "rate_limit": {"primary_window": window(5, 604800)}}
        self.assertEqual(self.extra(entry), [("A Weekly", 5.0, WEEK)])

    def test_skipped(self) -> None:
        """What is no limit is passed over, and the rest stays."""
        good = {"limit_name": "A", "rate_limit": {"primary_window": window(5)}}
        self.assertEqual(
            self.extra(None, {}, {"limit_name": "B"}, {"rate_limit": 3}, "x", good),
            [("A", 5.0, FIVE_HOURS)],
        )
        others: tuple[object, ...] = (None, {}, "x", [])
        for value in others:
            with self.subTest(value=value):
                self.assertEqual(lines_of({"additional_rate_limits": value}), {})


class CreditsTests(SynchronousTestCase):
    """`usage_lines`: credits, resets and the monthly pool."""

    def test_credits(self) -> None:
        """A credit is 4 cents; a missing balance is looked for in the flag, then the header."""
        header = {"x-codex-credits-balance": "1000"}
        for credits_, headers, expected in (
            ({"balance": 820.6969075}, {}, "$32.80 · 820 credits"),
            ({"balance": "512.75"}, {}, "$20.48 · 512 credits"),
            ({"balance": -4}, {}, "$0.00 · 0 credits"),
            ({"balance": "0", "has_credits": False}, header, "$0.00 · 0 credits"),
            ({"balance": None, "has_credits": False}, header, "$0.00 · 0 credits"),
            ({"balance": None, "has_credits": True}, header, "$40.00 · 1000 credits"),
            ({"balance": "n/a"}, header, "$40.00 · 1000 credits"),
            (None, {"x-codex-credits-balance": "100"}, "$4.00 · 100 credits"),
            (None, {"x-codex-credits-balance": "1250"}, "$50.00 · 1250 credits"),
            ({"balance": None, "has_credits": True}, {}, None),
            (None, {}, None),
            (3, {"x-codex-credits-balance": ""}, None),
        ):
            with self.subTest(credits=credits_, headers=headers):
                line = lines_of({"credits": credits_}, headers).get("Credits")
                self.assertEqual(line, Text("Credits", expected) if expected else None)

    def test_resets(self) -> None:
        """The number of resets is floored; a missing or senseless one has no line."""
        for count, expected in (
            (1, "1 available"),
            ("2", "2 available"),
            (2.9, "2 available"),
            (0, "0 available"),
            (-1, None),
            (None, None),
            ("x", None),
            (True, None),
        ):
            with self.subTest(count=count):
                body = {"rate_limit_reset_credits": {"available_count": count}}
                line = lines_of(body).get("Rate Limit Resets")
                self.assertEqual(line, Text("Rate Limit Resets", expected) if expected else None)
        self.assertEqual(lines_of({"rate_limit_reset_credits": None}), {})

    def test_reset_expiry(self) -> None:
        """The list of resets says how many there are and when the next is lost."""
        body = {"rate_limit_reset_credits": {"available_count": 2}}
        expire = datetime(2026, 12, 1, 2, tzinfo=timezone.utc)
        answer = Answer(NOW, body).with_resets(3, expire)
        for hours, day in ((0, "2026-12-01"), (-5, "2026-11-30")):
            with self.subTest(hours=hours):
                [line] = usage_lines(answer, timezone(timedelta(hours=hours)))
                self.assertEqual(
                    line,
                    Text("Rate Limit Resets", "3 available", subtitle=f"next expires {day}"),
                )

    def test_reset_without_end(self) -> None:
        """A reset that is never lost has its date in every time zone."""
        never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
        answer = Answer(NOW, {}).with_resets(1, never)
        for hours in (-5, 0, 9):
            [line] = usage_lines(answer, timezone(timedelta(hours=hours)))
            assert isinstance(line, Text)
            self.assertEqual(line.subtitle, "next expires 9999-12-31")

    def test_monthly_credits(self) -> None:
        """A member's share of a team's credits is a bar, wherever in the body it is told."""
        pool = {"limit": "1000", "used": 250, "resets_at": RESET.timestamp()}
        line = Progress("Monthly credits", 250, 1000, Count("credits"), RESET)
        for body in (
            {"individual_limit": pool},
            {"individualLimit": pool},
            {"rate_limit": {"individual_limit": pool}},
            {"spend_control": {"individual_limit": pool}},
            {"individual_limit": pool, "spend_control": {"individual_limit": {"limit": 7}}},
            {"individual_limit": None, "rate_limit": {"individualLimit": pool}},
        ):
            with self.subTest(body=body):
                self.assertEqual(lines_of(body), {"Monthly credits": line})

    def test_monthly_credits_left(self) -> None:
        """What is used follows from what is left; without a limit or either there is no bar."""
        for pool, used in (
            ({"limit": 200, "remaining_percent": 75}, 50.0),
            ({"limit": 200, "remainingPercent": "75"}, 50.0),
            ({"limit": 200, "remaining_percent": 130}, 0.0),
            ({"limit": 0, "used": 3}, None),
            ({"limit": None, "used": 3}, None),
            ({"limit": 200}, None),
            ([], None),
        ):
            with self.subTest(pool=pool):
                line = lines_of({"individual_limit": pool}).get("Monthly credits")
                expected = (
                    None
                    if used is None
                    else Progress("Monthly credits", used, 200, Count("credits"))
                )
                self.assertEqual(line, expected)

    def test_reviews(self) -> None:
        """Code review has a bar of its own, a week long."""
        body = {
            "code_review_rate_limit": {"primary_window": window(15, reset_at=RESET.timestamp())}
        }
        self.assertEqual(
            lines_of(body),
            {"Reviews": Progress("Reviews", 15, 100, resets_at=RESET, period_ms=WEEK)},
        )


class PlanNameTests(SynchronousTestCase):
    """`plan_name`."""

    def test_names(self) -> None:
        """Plans are named as people know them; what is no text is no plan."""
        for plan, expected in (
            ("plus", "Plus"),
            ("team", "Team"),
            ("pro", "Pro 20x"),
            (" PRO ", "Pro 20x"),
            ("prolite", "Pro 5x"),
            ("ProLite", "Pro 5x"),
            ("free_workspace", "Free Workspace"),
            ("", None),
            ("  ", None),
            (None, None),
            (5, None),
        ):
            with self.subTest(plan=plan):
                self.assertEqual(plan_name(plan), expected)


class AnswerTests(SynchronousTestCase):
    """`Answer`."""

    def test_kept_and_loaded(self) -> None:
        """An answer survives JSON, without the address and ids that its body came with."""
        body = {"plan_type": "plus", "email": "ada@example.com", "account_id": "1f0c"}
        headers = {"x-codex-credits-balance": "5", "set-cookie": "secret"}
        answer = Answer(NOW, body, headers).with_resets(2, RESET)

        text = json.dumps(answer.dump())

        self.assertEqual(Answer.load(json.loads(text)), answer)
        for secret in ("ada@example.com", "1f0c", "secret"):
            self.assertNotIn(secret, text)

    def test_foreign(self) -> None:
        """What is no dumped answer is none."""
        good = Answer(NOW, {}).dump()
        others: tuple[object, ...] = (None, 3, [], {}, {**good, "at": "x"}, {**good, "body": 1})
        for value in others:
            with self.subTest(value=value):
                self.assertIsNone(Answer.load(value))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "12", "1e400", "spark", "GPT-5-Codex-Spark", "\ud800", "2026-12-01"]),
)
KEYS = st.sampled_from(
    [
        "rate_limit",
        "primary_window",
        "secondary_window",
        "used_percent",
        "limit_window_seconds",
        "reset_at",
        "reset_after_seconds",
        "limit_name",
        "metered_feature",
        "balance",
        "available_count",
        "limit",
        "used",
        "remaining_percent",
        "individual_limit",
    ]
)
WILD = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=20,
)
BODY_KEYS = [
    "plan_type",
    "rate_limit",
    "code_review_rate_limit",
    "additional_rate_limits",
    "credits",
    "rate_limit_reset_credits",
    "spend_control",
    "individual_limit",
]


class WildTests(SynchronousTestCase):
    """`usage_lines` on what the service has never said."""

    @settings(deadline=None, max_examples=200)
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(BODY_KEYS, WILD)))
    def test_any_shape(self, body: dict[str, Any]) -> None:
        """Whatever the body holds, there are lines or none, never an exception."""
        answer = Answer(NOW, body)
        for line in usage_lines(answer, timezone.utc):
            self.assertIsInstance(line, (Progress, Text))
        plan_name(body.get("plan_type"))
        self.assertIsNotNone(Answer.load(answer.dump()))
