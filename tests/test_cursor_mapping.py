"""Cursor's answers as metric lines: plans with figures, counted requests, organisations."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import (
    Count,
    Dollars,
    Line,
    NotAvailableError,
    ProbeError,
    Progress,
    Snapshot,
    Text,
    UnexpectedResponseError,
)
from openusage.providers.cursor.figures import Cycle, dollar_bar, percent_bar, spend_text
from openusage.providers.cursor.mapping import SHAPE, Route, plan_of, route_of, usage_lines
from openusage.providers.cursor.summary import request_lines
from openusage.providers.shape import cut
from openusage.testing import NOW

START, END = 1_793_491_200_000, 1_796_083_200_000
CYCLE = {"billingCycleStart": str(START), "billingCycleEnd": str(END)}
RESETS = datetime.fromtimestamp(END / 1000, timezone.utc)
MONTH = 2_592_000_000
INACTIVE = "No active Cursor subscription."
NO_LIMIT = "Total usage limit missing from API response."
GENERIC = "Cursor request-based usage data unavailable. Try again later."
ENTERPRISE = "Enterprise usage data unavailable. Try again later."
TEAM = "Team request-based usage data unavailable. Try again later."
UNKNOWN = object()
"""The plan, where the service could not be asked for it."""


def body(usage: dict[str, Any], plan: object = "Pro", **more: Any) -> dict[str, Any]:
    """The answers for `usage`, of a plan with that name (`None`: it has none)."""
    known = {} if plan is None else {"planName": plan}
    return {"usage": usage, "plan": None if plan is UNKNOWN else known, **more}


def planned(extra: dict[str, Any] | None = None, /, **plan: Any) -> dict[str, Any]:
    """A usage answer with these figures of the plan, and `extra` ones beyond it."""
    return {"planUsage": plan, **({"spendLimitUsage": extra} if extra is not None else {})}


def requests(
    used: object = 150, allowance: object = 500, start: object = "2026-11-01T06:12:57.000Z"
) -> dict[str, Any]:
    """The answer that counts requests."""
    counts = {"numRequests": used, "maxRequestUsage": allowance, "maxTokenUsage": None}
    return {"gpt-4": counts, "startOfMonth": start}


def grants(total: object = "10000", used: object = "500", has: object = True) -> dict[str, Any]:
    """The answer that tells of credits."""
    return {"hasCreditGrants": has, "totalCents": total, "usedCents": used}


def percent(label: str, used: float) -> Progress:
    """A share of the default cycle."""
    return Progress(label, used, 100, period_ms=MONTH)


def spent(label: str, used: float, limit: float) -> Progress:
    """Dollars of dollars, without a cycle."""
    return Progress(label, used, limit, Dollars())


def total(used: float, limit: float) -> Progress:
    """A team's usage in the default cycle."""
    return Progress("Total usage", used, limit, Dollars(), period_ms=MONTH)


def counted(used: float, limit: float, resets: str | None = "2026-12-01T06:12:57") -> Progress:
    """Requests of an allowance."""
    at = None if resets is None else datetime.fromisoformat(resets).replace(tzinfo=timezone.utc)
    return Progress("Requests", used, limit, Count("requests"), at, MONTH)


class Mapping(SynchronousTestCase):
    """Answers and what they make."""

    def assert_lines(self, name: str, answers: dict[str, Any], *expected: Line) -> None:
        with self.subTest(name):
            self.assertEqual(usage_lines(answers), list(expected))
            self.assertEqual(usage_lines(cut(answers, SHAPE)), list(expected))

    def assert_wrong(
        self, name: str, answers: dict[str, Any], message: str, kind: type[ProbeError]
    ) -> None:
        with self.subTest(name):
            error = self.assertRaises(kind, usage_lines, answers)
            assert isinstance(error, ProbeError)
            self.assertEqual(error.message, message)


class IndividualTests(Mapping):
    """A plan of one person."""

    def test_total(self) -> None:
        """The share is told, else it follows from what is spent or left of the limit."""
        for name, plan, used in (
            ("told", {"totalPercentUsed": 42, "limit": 2000, "totalSpend": 1}, 42),
            ("of what is spent", {"limit": 20000, "totalSpend": 5000}, 25),
            ("of what is left", {"limit": 2400, "remaining": 1200}, 50),
            ("not finite", {"limit": 2400, "remaining": 1200, "totalPercentUsed": math.nan}, 50),
            ("nothing left", {"limit": 2400}, 100),
            ("above", {"totalPercentUsed": 126.5}, 126.5),
            ("no limit to speak of", {"limit": 0, "totalSpend": 100}, 0),
            ("as text", {"limit": "2400", "remaining": "1200"}, 50),
            ("truth is no money", {"limit": 2400, "remaining": 1200, "totalSpend": True}, 50),
        ):
            self.assert_lines(name, body(planned(**plan)), percent("Total usage", used))

    def test_kinds(self) -> None:
        """The shares of automatic and of API use are shown as they are told."""
        self.assert_lines(
            "all three",
            body(planned(totalPercentUsed=20, autoPercentUsed=12.5, apiPercentUsed=7.5)),
            percent("Total usage", 20),
            percent("Auto usage", 12.5),
            percent("API usage", 7.5),
        )
        self.assert_lines(
            "all 0 of a free plan",
            body(
                planned(
                    {"pooledLimit": 0}, totalPercentUsed=0, autoPercentUsed=0, apiPercentUsed=0
                ),
                "free",
            ),
            percent("Total usage", 0),
            percent("Auto usage", 0),
            percent("API usage", 0),
        )
        self.assert_lines(
            "odd ones",
            body(planned(totalPercentUsed=20, autoPercentUsed=True, apiPercentUsed=-1)),
            percent("Total usage", 20),
        )

    def test_plan_unknown(self) -> None:
        """A share is shown of a plan that nobody knows the name of, too."""
        for plan in (UNKNOWN, None, " "):
            answers = body(planned(totalPercentUsed=42), plan)
            self.assert_lines(str(plan), answers, percent("Total usage", 42))
            self.assertEqual(route_of(answers), Route())
            self.assertIsNone(plan_of(answers))

    def test_cycle(self) -> None:
        """A figure begins anew with the cycle, whose length is a month unless it is told."""
        for name, start, end, resets, length in (
            ("both", str(START), str(END), RESETS, END - START),
            ("as numbers", START, END - 1000, RESETS - timedelta(seconds=1), END - START - 1000),
            ("start is end", str(END), str(END), RESETS, MONTH),
            ("no start", None, str(END), RESETS, MONTH),
            ("no end", str(START), None, None, MONTH),
            ("nonsense", "soon", True, None, MONTH),
        ):
            usage = {**planned(totalPercentUsed=1), "billingCycleStart": start}
            line = Progress("Total usage", 1, 100, resets_at=resets, period_ms=length)
            self.assert_lines(name, body({**usage, "billingCycleEnd": end}), line)

    def test_negative(self) -> None:
        """What cannot be is left out, and what is left out is not 0."""
        self.assert_lines("all of it", body(planned(limit=2400, remaining=9999)))
        self.assert_lines("endless", body(planned(limit=1e-300, totalSpend=1e300)))

    def test_no_subscription(self) -> None:
        """What is switched off, or has no usage of a plan, is no subscription."""
        for name, answers in (
            ("off", body({"enabled": False})),
            ("off, with figures", body({"enabled": False, **planned(totalPercentUsed=1)})),
            ("off, enterprise", body({"enabled": False}, "enterprise", requests=requests())),
            ("no plan's name", body({"enabled": True}, None)),
            ("no usage of a plan", body({"enabled": True, **CYCLE}, "Pro")),
            ("usage of another kind", body({"planUsage": None}, "Pro")),
        ):
            self.assert_wrong(name, answers, INACTIVE, NotAvailableError)

    def test_no_limit(self) -> None:
        """Without limit, share and requests there is nothing to tell."""
        for plan in (None, "Pro"):
            answers = body(planned(totalSpend=1200), plan)
            self.assert_wrong(str(plan), answers, NO_LIMIT, UnexpectedResponseError)


class CreditsTests(Mapping):
    """Credits."""

    def test_credits(self) -> None:
        """Grants and money that is the customer's, before all other lines."""
        for name, answers, used, limit in (
            ("grants", {"grants": grants()}, 5, 100),
            ("as numbers", {"grants": grants(10000, 500)}, 5, 100),
            (
                "both",
                {"grants": grants("1000000", "264729"), "stripe": {"customerBalance": -991544}},
                2647.29,
                19915.44,
            ),
            (
                "balance",
                {"grants": grants(has=False), "stripe": {"customerBalance": -50000}},
                0,
                500,
            ),
            ("as text", {"stripe": {"customerBalance": "-50000"}}, 0, 500),
            ("owing", {"grants": grants(), "stripe": {"customerBalance": 900}}, 5, 100),
            ("truth", {"grants": grants(), "stripe": {"customerBalance": True}}, 5, 100),
            ("parts of a cent", {"grants": grants(10000.9, "500.5")}, 5, 100),
        ):
            self.assert_lines(
                name,
                body(planned(totalPercentUsed=1), **answers),
                spent("Credits", used, limit),
                percent("Total usage", 1),
            )

    def test_none(self) -> None:
        """Without any there is no line."""
        for name, answers in (
            ("nothing told", {}),
            ("no grants", {"grants": grants(has=False), "stripe": {"customerBalance": 0}}),
            ("oops", {"grants": grants("oops")}),
            ("used oops", {"grants": grants(used="oops")}),
            ("of nothing", {"grants": grants(0, 0)}),
            ("a word for true", {"grants": grants(has="true")}),
            ("less than nothing", {"grants": grants(used=-5)}),
            ("null", {"grants": None, "stripe": None}),
        ):
            answers = body(planned(totalPercentUsed=1), **answers)
            self.assert_lines(name, answers, percent("Total usage", 1))


class OnDemandTests(Mapping):
    """Spend beyond the plan."""

    def test_limited(self) -> None:
        """What is not left of the limit, the person's own or else the pooled one."""
        for name, extra, used, limit in (
            ("own", {"individualLimit": 5000, "individualRemaining": 1000}, 40, 50),
            (
                "own, all told",
                {"individualLimit": 10000, "individualUsed": 1200, "individualRemaining": 8800},
                12,
                100,
            ),
            ("only what is used", {"individualLimit": 10000, "individualUsed": 1200}, 12, 100),
            ("nothing used", {"individualLimit": 10000, "individualUsed": 0}, 0, 100),
            ("nothing left", {"individualLimit": 10000}, 100, 100),
            ("more left", {"individualLimit": 10000, "individualRemaining": 10500}, 0, 100),
            (
                "truth",
                {"individualLimit": 5000, "individualRemaining": True, "totalSpend": 5},
                0.05,
                50,
            ),
            (
                "the pool's rest is not the person's",
                {"individualLimit": 5000, "individualUsed": 100, "pooledRemaining": 90000},
                1,
                50,
            ),
        ):
            self.assert_lines(
                name,
                body(planned(extra, totalPercentUsed=1)),
                percent("Total usage", 1),
                spent("On-demand", used, limit),
            )

    def test_unlimited(self) -> None:
        """Without limit what was spent is a text, and nothing spent no line."""
        for name, extra, value in (
            ("own", {"individualUsed": 1234567, "pooledUsed": 5}, "$12345.67"),
            ("total", {"individualUsed": 0, "individualLimit": 0, "totalSpend": 50}, "$0.50"),
        ):
            answers = body(planned(extra, totalPercentUsed=1))
            self.assert_lines(name, answers, percent("Total usage", 1), Text("On-demand", value))
        nothing: list[dict[str, Any]] = [
            {},
            {"individualUsed": 0},
            {"individualLimit": True, "totalSpend": True},
        ]
        for extra in nothing:
            answers = body(planned(extra, totalPercentUsed=1))
            self.assert_lines(str(extra), answers, percent("Total usage", 1))


class TeamTests(Mapping):
    """A plan that several people share."""

    def test_named(self) -> None:
        """Dollars of the limit, what came on top of it, and the pool."""
        extra = {"pooledLimit": 60000, "pooledRemaining": 19216}
        answers = body(
            planned(extra, totalSpend=8474, limit=2000, bonusSpend=6474), "team", grants=grants()
        )
        self.assert_lines(
            "all of it",
            answers,
            spent("Credits", 5, 100),
            total(84.74, 20),
            Text("Bonus spend", "$64.74"),
            spent("On-demand", 407.84, 600),
        )
        self.assertEqual(plan_of(answers), "Team")

    def test_by_shape(self) -> None:
        """A pool or a team's limit make a team of any plan, and of one without name."""
        for name, extra, plan, lines in (
            ("kind of limit", {"limitType": "team"}, None, []),
            (
                "pool",
                {"pooledLimit": 2000, "pooledRemaining": 500},
                "Pro",
                [spent("On-demand", 15, 20)],
            ),
            (
                "both",
                {"limitType": "team", "pooledLimit": 5000, "pooledUsed": 0},
                None,
                [spent("On-demand", 0, 50)],
            ),
        ):
            answers = body(planned(extra, totalSpend=1200, limit=2400), plan)
            self.assert_lines(name, answers, total(12, 24), *lines)

    def test_bonus(self) -> None:
        """The bonus is written as short as can be; none is no line."""
        for bonus, value in ((6470, "$64.7"), ("100", "$1"), (0, None), (True, None), (-5, None)):
            answers = body(planned(totalSpend=1200, limit=2400, bonusSpend=bonus), "Team")
            lines = [] if value is None else [Text("Bonus spend", value)]
            self.assert_lines(str(bonus), answers, total(12, 24), *lines)

    def test_limit_of_nothing(self) -> None:
        """Of a limit of 0 no share can be told; what else is known is shown."""
        answers = body(planned(totalSpend=1200, limit=0, apiPercentUsed=5), "Team")
        self.assert_lines("API", answers, percent("API usage", 5))


class RouteTests(SynchronousTestCase):
    """`route_of`: what must be asked for."""

    def route(self, *args: Any) -> tuple[str | None, bool, bool]:
        route = route_of(body(*args))
        message = None if route.otherwise is None else route.otherwise.message
        return message, route.requests, route.summary

    def test_routes(self) -> None:
        """Requests and the summary are asked for where they may tell, and only there."""
        share = planned(totalPercentUsed=35)
        pool = {"limitType": "team", "pooledLimit": 5000}
        for name, arguments, expected in (
            ("enterprise", ({}, "Enterprise"), (ENTERPRISE, True, True)),
            ("enterprise with a share", (share, "enterprise"), (ENTERPRISE, True, True)),
            ("enterprise with a limit", (planned(limit=5), "enterprise"), (None, False, False)),
            ("team", ({}, " TEAM "), (TEAM, True, True)),
            ("nothing known", ({}, UNKNOWN), (GENERIC, True, False)),
            ("nothing but spend", (planned(totalSpend=1), UNKNOWN), (GENERIC, True, False)),
            ("a pool", (planned(pool, totalSpend=1), UNKNOWN), (GENERIC, True, True)),
            ("no name", ({"enabled": True}, None), (INACTIVE, True, False)),
            ("no name, spend", (planned(totalSpend=1), None), (NO_LIMIT, True, False)),
            ("named, spend", (planned(totalSpend=1), "Pro"), (NO_LIMIT, True, False)),
            ("named, nothing", ({}, "Pro"), (INACTIVE, False, False)),
            ("off", ({"enabled": False, **share}, "Pro"), (INACTIVE, False, False)),
            ("off, team", ({"enabled": False}, "Team"), (INACTIVE, False, False)),
            ("share", (share, "Free"), (None, False, False)),
            (
                "share of a team",
                (planned(pool, totalPercentUsed=35), UNKNOWN),
                (GENERIC, True, True),
            ),
            ("limit", (planned(pool, limit=5), "Team"), (None, False, False)),
            ("truth is no limit", (planned(limit=True), "Pro"), (NO_LIMIT, True, False)),
        ):
            with self.subTest(name):
                self.assertEqual(self.route(*arguments), expected)


class RequestsTests(Mapping):
    """Accounts that count requests."""

    def test_counted(self) -> None:
        """Where there is an allowance, requests are the only line that this answer makes."""
        pool = {"limitType": "team", "pooledLimit": 5000}
        for name, usage, plan, answer, line in (
            ("enterprise", {}, "enterprise", requests(422), counted(422, 500)),
            ("with a plan", planned(totalSpend=5), "enterprise", requests(), counted(150, 500)),
            (
                "with a share",
                planned(totalPercentUsed=5),
                "enterprise",
                requests(),
                counted(150, 500),
            ),
            ("team", {"enabled": True}, "team", requests(39), counted(39, 500)),
            ("no plan known", {}, UNKNOWN, requests(), counted(150, 500)),
            ("no plan's name", {}, None, requests(), counted(150, 500)),
            (
                "by shape",
                planned(pool, totalPercentUsed=35),
                UNKNOWN,
                requests(),
                counted(150, 500),
            ),
            ("no count", {}, "team", requests(None), counted(0, 500)),
            ("no start", {}, "team", requests(start=None), counted(150, 500, None)),
            (
                "the other count",
                {},
                "team",
                {"gpt-4": {"numRequestsTotal": 7, "maxRequestUsage": 500}},
                counted(7, 500, None),
            ),
        ):
            self.assert_lines(name, body(usage, plan, requests=answer), line)

    def test_uncounted(self) -> None:
        """Without an allowance nothing can be told, and what is wrong depends on the account."""
        for name, usage, plan, message in (
            ("enterprise", {}, "enterprise", ENTERPRISE),
            ("team", {}, "team", TEAM),
            ("no plan known", {}, UNKNOWN, GENERIC),
            ("team by shape", planned({"limitType": "team"}, totalPercentUsed=3), "Pro", GENERIC),
            ("no limit", planned(totalSpend=1200), None, NO_LIMIT),
        ):
            nothing: list[dict[str, Any]] = [
                {},
                {"requests": None, "summary": None},
                {"requests": {}, "summary": {}},
                {"requests": requests(allowance=0)},
                {"requests": requests(allowance=True)},
                {"requests": requests(allowance=None)},
                {"requests": requests(used=-4)},
            ]
            for answers in nothing:
                case = body(usage, plan, **answers)
                self.assert_wrong(f"{name}: {answers}", case, message, UnexpectedResponseError)

    def test_plan(self) -> None:
        """The plan is that of the service, else the membership of the website."""
        summary = {"membershipType": "enterprise"}
        self.assertEqual(plan_of(body({}, "team", summary=summary)), "Team")
        self.assertEqual(plan_of(body({}, None, summary=summary)), "Enterprise")
        self.assertEqual(plan_of(body({}, "pro plan")), "Pro Plan")
        self.assertIsNone(plan_of(body({}, UNKNOWN, requests=requests())))


def bucket(used: object = None, limit: object = None, left: object = None) -> dict[str, Any]:
    """An amount of the summary, in cents."""
    return {"enabled": True, "used": used, "limit": limit, "remaining": left}


class SummaryTests(SynchronousTestCase):
    """`request_lines`, of the summary of a person and an organisation."""

    def lines(self, summary: dict[str, Any], counts: dict[str, Any] | None = None) -> list[Line]:
        return request_lines(counts or {}, summary)

    def test_all_of_it(self) -> None:
        """The person's share, both kinds of it and the person's own limit beyond the plan."""
        start, end = (
            datetime(2026, 11, 1, tzinfo=timezone.utc),
            datetime(2026, 12, 1, tzinfo=timezone.utc),
        )
        summary = {
            "billingCycleStart": "2026-11-01T00:00:00.000Z",
            "billingCycleEnd": "2026-12-01T00:00:00.000Z",
            "membershipType": "enterprise",
            "limitType": "team",
            "individualUsage": {
                "plan": {
                    "enabled": True,
                    "autoPercentUsed": 0,
                    "apiPercentUsed": 6.25,
                    "totalPercentUsed": 6.25,
                },
                "onDemand": bucket(0, 25000, 25000),
                "overall": None,
            },
            "teamUsage": {"pooled": None, "onDemand": bucket(75000, 600000, 525000)},
        }
        length = int((end - start).total_seconds() * 1000)

        def share(label: str, used: float) -> Progress:
            return Progress(label, used, 100, resets_at=end, period_ms=length)

        self.assertEqual(
            self.lines(summary),
            [
                share("Total usage", 6.25),
                share("Auto usage", 0),
                share("API usage", 6.25),
                spent("On-demand", 0, 250),
            ],
        )
        with_requests = self.lines(summary, requests(422))
        self.assertEqual(with_requests[0], counted(422, 500))
        self.assertEqual(
            [line.label for line in with_requests],
            ["Requests", "Auto usage", "API usage", "On-demand"],
        )

    def test_total(self) -> None:
        """The total is the first of what may be one."""
        pooled, overall = bucket(100, 1000, 900), bucket(200, 1000, 800)
        share = {"plan": {"totalPercentUsed": 5}}
        for name, summary, line in (
            (
                "a team's pool",
                {"limitType": "team", "teamUsage": {"pooled": pooled}, "individualUsage": share},
                total(1, 10),
            ),
            (
                "the share",
                {"limitType": "user", "teamUsage": {"pooled": pooled}, "individualUsage": share},
                percent("Total usage", 5),
            ),
            (
                "the person's",
                {"teamUsage": {"pooled": pooled}, "individualUsage": {"overall": overall}},
                total(2, 10),
            ),
            ("the pool", {"teamUsage": {"pooled": pooled}}, total(1, 10)),
            (
                "uncapped",
                {"individualUsage": {"overall": bucket(1250)}},
                Text("Total usage", "$12.50"),
            ),
        ):
            with self.subTest(name):
                self.assertEqual(self.lines(summary), [line])

    def test_buckets(self) -> None:
        """What is used is what is told, else what is not left; nothing is made up."""
        for name, amount, line in (
            ("told", bucket(500, 1000, 900), spent("On-demand", 5, 10)),
            ("not left", bucket(0, 100000, 75000), spent("On-demand", 250, 1000)),
            ("nothing told but the rest", bucket(None, 1000, 250), spent("On-demand", 7.5, 10)),
            ("nothing told but 0", bucket(0, 1000), spent("On-demand", 0, 10)),
            ("uncapped", bucket(99), Text("On-demand", "$0.99")),
            ("truth", bucket(True, True, True), None),
            ("limit alone", bucket(None, 1000), None),
            ("uncapped and unused", bucket(0, 0, 0), None),
        ):
            with self.subTest(name):
                lines = self.lines({"individualUsage": {"onDemand": amount}})
                self.assertEqual(lines, [] if line is None else [line])

    def test_whose(self) -> None:
        """What the person may not use, or has nothing of, is the team's."""
        team = {"onDemand": bucket(75000, 600000)}
        off = {**bucket(5, 100), "enabled": False}
        expected: list[Line] = [spent("On-demand", 750, 6000)]
        for own in (off, bucket(), None):
            summary = {"individualUsage": {"onDemand": own}, "teamUsage": team}
            self.assertEqual(self.lines(summary), expected)
        both_off = {"individualUsage": {"onDemand": off}, "teamUsage": {"onDemand": off}}
        self.assertEqual(self.lines(both_off), [])

    def test_cycle(self) -> None:
        """Without dates of its own the summary runs with the requests, and the other way round."""
        share = {"individualUsage": {"plan": {"totalPercentUsed": 5}}}
        (line,) = self.lines(share, requests(allowance=0))
        assert isinstance(line, Progress)
        self.assertEqual(line.resets_at, counted(1, 1).resets_at)
        dated = {"billingCycleStart": NOW.isoformat(), "billingCycleEnd": RESETS.isoformat()}
        (line,) = self.lines(dated, requests(start=None))
        assert isinstance(line, Progress)
        self.assertEqual(line.resets_at, RESETS)

    def test_nothing(self) -> None:
        """Answers that tell nothing make no line."""
        self.assertEqual(self.lines({}), [])


class FiguresTests(SynchronousTestCase):
    """Amounts and cycles at their bounds."""

    def test_bounds(self) -> None:
        """What no line can show makes none."""
        for used, limit in ((-1, 5), (1, 0), (1, -5), (1, 0.1), (math.inf, 5), (1, math.inf)):
            self.assertIsNone(dollar_bar("x", used, limit))
        for share in (None, -0.1, math.inf, math.nan):
            self.assertIsNone(percent_bar("x", share, Cycle()))
        for used in (0, -1, math.inf, math.nan):
            self.assertIsNone(spend_text("x", used))

    def test_rounding(self) -> None:
        """Amounts are rounded to whole cents."""
        self.assertEqual(dollar_bar("x", 12.5, 1999.6), spent("x", 0.13, 20))

    def test_end_of_the_calendar(self) -> None:
        """A month from the last day that there is has no end."""
        self.assertEqual(Cycle.month_from("9999-12-31T00:00:00Z"), Cycle())


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["team", "enterprise", "1e308", "-5", str(END), "2026-11-01T00:00:00Z"]),
    st.lists(st.integers(), max_size=1),
)


def answers_like(shape: Any) -> st.SearchStrategy[Any]:
    """Any JSON that has something of `shape`."""
    if isinstance(shape, dict):
        inner = {key: answers_like(value) for key, value in shape.items()}
        return st.one_of(st.fixed_dictionaries({}, optional=inner), ODD)
    return ODD


class PropertyTests(SynchronousTestCase):
    """Whatever comes."""

    @settings(deadline=None, max_examples=100)
    @given(st.fixed_dictionaries({}, optional={k: answers_like(v) for k, v in SHAPE.items()}))
    def test_any_json(self, answers: dict[str, Any]) -> None:
        """Any answers make a snapshot or an error in words."""
        try:
            lines = usage_lines(answers)
        except ProbeError as error:
            self.assertTrue(error.message.endswith("."))
        else:
            Snapshot("cursor", "Cursor", plan_of(answers), [*lines, Text("x", "y")], NOW)
