"""Tests for `openusage.providers.factory`: what is asked, and the answers as lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hypothesis import given, settings
from hypothesis import strategies as st

from openusage.host.sealed import seal
from openusage.model import (
    Badge,
    Count,
    Line,
    NotAvailableError,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.factory import Factory
from openusage.providers.words import NO_DATA
from openusage.testing import NOW
from tests.probes import ProbeTestCase

USAGE = "https://api.factory.ai/api/organization/subscription/usage"
LIMITS = "https://api.factory.ai/api/billing/limits"
TOKEN = "https://api.workos.com/user_management/authenticate"
REFRESH, NEW_REFRESH = "rt-factory-old-12345678", "rt-factory-new-12345678"
API_KEY = "fk-factory-key-1234567890"
SEALING_KEY = base64.b64encode(bytes(range(1, 33))).decode()
ENV = {"FACTORY_API_KEY": API_KEY}

TOKEN_EXPIRED = "Token expired. Run `droid` to log in again."
OFFLINE = "Usage request failed. Check your connection."
NOT_NEWER = {"usesTokenRateLimitsBilling": False, "extraUsageAllowed": False}
BODY = {"usage": {"standard": {"orgTotalTokensUsed": 5_000_000, "totalAllowance": 20_000_000}}}
LINES = (Progress("Standard", 5_000_000, 20_000_000, Count("tokens")),)
END = datetime(2027, 1, 1, tzinfo=timezone.utc)
RATES = {
    "usesTokenRateLimitsBilling": True,
    "limits": {
        "standard": {
            "fiveHour": {"usedPercent": 22, "windowEnd": "x", "secondsRemaining": 3600},
            "weekly": {"usedPercent": 10.5, "windowEnd": "2027-01-01T00:00:00Z"},
            "monthly": {"usedPercent": 5, "windowEnd": END.timestamp()},
        },
        "core": None,
    },
    "extraUsageBalanceCents": 1234,
    "extraUsageAllowed": True,
}
RATE_LINES = (
    Text("Extra Usage", "$12.34 remaining"),
    Progress("5-hour usage", 22, 100, resets_at=NOW + timedelta(hours=1), period_ms=18_000_000),
    Progress("Weekly usage", 10.5, 100, resets_at=END, period_ms=604_800_000),
    Progress("Monthly usage", 5, 100, resets_at=END, period_ms=2_592_000_000),
)


def jwt(hours: float | None = 48, **claims: Any) -> str:
    """A token that expires so many hours from now, or does not say when."""
    expiry = {} if hours is None else {"exp": int(NOW.timestamp() + hours * 3600)}
    parts = ({"alg": "none"}, {**expiry, **claims}, {"sig": "planted"})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(part.rstrip("=") for part in encoded)


OLD, NEW = jwt(n="old"), jwt(n="new")


def login(access_token: str | None = OLD, **more: Any) -> dict[str, Any]:
    """A login as the CLI stores it; `None` takes a key away."""
    document = {
        "access_token": access_token,
        "refresh_token": REFRESH,
        "active_organization_id": "org_1",
        "region": "us",
        **more,
    }
    return {key: value for key, value in document.items() if value is not None}


class Case(ProbeTestCase):
    """A person's machine for `Factory`."""

    provider = Factory()

    def put_sealed(self, document: object, name: str = "auth.v2.file") -> Path:
        """Store a sealed login; with the usual name its key too."""
        path = self.write(f".factory/{name}", seal(json.dumps(document), SEALING_KEY) + "\n")
        if name == "auth.v2.file":
            self.write(".factory/auth.v2.key", SEALING_KEY + "\n")
        return path

    def usage(self, body: Any = BODY, status: int = 200, method: str = "POST") -> None:
        """Queue an answer of the usage endpoint."""
        self.http.reply(method, USAGE, status, body)

    def limits(self, body: Any = NOT_NEWER, status: int = 200) -> None:
        """Queue an answer of the limits endpoint."""
        self.http.reply("GET", LIMITS, status, body)

    def refreshed(self, body: Any, status: int = 200) -> None:
        """Queue an answer of the token endpoint."""
        self.http.reply("POST", TOKEN, status, body)

    def sent(self) -> list[str]:
        """Every request so far: what is asked, and the token that goes along."""
        return [
            "refresh " + parse_qs((request.body or b"").decode())["refresh_token"][0]
            if request.url == TOKEN
            else f"{'limits' if request.url == LIMITS else request.method} "
            + request.headers["authorization"].removeprefix("Bearer ")
            for request in self.http.requests
        ]


class UsageTests(Case):
    """`Factory.probe` with a good login."""

    def setUp(self) -> None:
        super().setUp()
        self.write(".factory/auth.json", login())

    def test_requests(self) -> None:
        """The allowance is asked for with a POST, the limits with a GET, ten seconds each."""
        self.usage()
        self.limits()
        self.probe()

        first, second = self.http.requests
        self.assertEqual((first.method, first.url), ("POST", USAGE))
        self.assertEqual(first.json(), {"useCache": True})
        headers = {
            "authorization": f"Bearer {OLD}",
            "accept": "application/json",
            "user-agent": "openusage/0",
        }
        self.assertEqual(first.headers, {**headers, "content-type": "application/json"})
        self.assertEqual((second.method, second.url, second.body), ("GET", LIMITS, None))
        self.assertEqual(second.headers, headers)
        self.assertEqual((first.timeout, second.timeout), (10.0, 10.0))

    def test_method_not_allowed(self) -> None:
        """A service that takes no POST is asked once more, by GET."""
        self.usage("", 405)
        self.usage(method="GET")
        self.limits()
        self.assertEqual(self.probe().lines, LINES)

        request = self.http.requests[1]
        self.assertEqual(self.sent(), [f"POST {OLD}", f"GET {OLD}", f"limits {OLD}"])
        self.assertEqual((request.url, request.body), (USAGE, None))
        self.assertNotIn("content-type", request.headers)

    def test_spacing(self) -> None:
        """Within a minute the same figures come again without a request, from what was kept."""
        self.usage()
        self.limits(RATES)
        first = self.probe()
        self.assertEqual(first.lines, (*RATE_LINES, *LINES))
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.assertEqual(len(self.http.requests), 2)

    def test_account(self) -> None:
        """A person whose token says who that is stays the same when the token changes."""
        digests = []
        for token in (
            jwt(sub="ada", org_id="org_1", n=1),
            jwt(sub="ada", org_id="org_1", n=2),
            jwt(sub="ada", org_id="org_2"),
            jwt(sub="bob", org_id="org_1"),
            jwt(),
        ):
            self.setUp()
            self.write(".factory/auth.json", login(token))
            self.usage()
            self.limits()
            host = self.host()
            self.probe(host)
            digests.append(host.visit.credential)
        self.assertEqual(digests[0], digests[1])
        self.assertEqual(len({*digests}), 4)

    def test_troubles(self) -> None:
        """Each trouble has its class and its word, and no further request is made."""
        outcomes: tuple[tuple[int | ProbeError, type[ProbeError], str], ...] = (
            (500, UnexpectedResponseError, "Usage request failed (HTTP 500). Try again later."),
            (429, RateLimitedError, "Usage request rate limited. It is asked again later."),
            (401, TokenExpiredError, TOKEN_EXPIRED),
            (403, TokenExpiredError, TOKEN_EXPIRED),
            (UnreachableError("refused"), UnreachableError, OFFLINE),
            (ProbeTimeoutError("silence"), ProbeTimeoutError, OFFLINE),
        )
        for outcome, kind, message in outcomes:
            with self.subTest(outcome=outcome):
                self.setUp()
                self.write(".factory/auth.json", login())
                if isinstance(outcome, int):
                    self.usage("", outcome)
                else:
                    self.http.fail("POST", USAGE, outcome)
                self.assertEqual(self.failure(kind), message)
                self.assertEqual(self.sent(), [f"POST {OLD}"])

    def test_other_shapes(self) -> None:
        """An answer that is no usage is an error that says how it is odd."""
        for body, message in (
            ("bad json", "Usage response invalid. Try again later."),
            ("[]", "Usage response invalid. Try again later."),
            ({}, "Usage response missing data. Try again later."),
            ({"usage": None}, "Usage response missing data. Try again later."),
            ({"usage": [1]}, "Usage response missing data. Try again later."),
        ):
            with self.subTest(body=body):
                self.setUp()
                self.write(".factory/auth.json", login())
                self.usage(body)
                self.assertEqual(self.failure(UnexpectedResponseError), message)


class LimitsTests(Case):
    """`Factory.probe` and the endpoint of the newer plans."""

    def setUp(self) -> None:
        super().setUp()
        self.write(".factory/auth.json", login())

    def test_newer_plan(self) -> None:
        """A plan with rate limits has its windows, before what the older answer tells."""
        self.usage()
        self.limits(RATES)
        snapshot = self.probe()
        self.assertEqual(snapshot.lines, (*RATE_LINES, *LINES))
        self.assertEqual(snapshot.plan, "Pro")

    def test_zero_allowance(self) -> None:
        """Such a plan needs no allowance."""
        self.usage({"usage": {"standard": {"totalAllowance": 0}}})
        self.limits(RATES)
        self.assertEqual(self.probe().lines, RATE_LINES)

    def test_older_plan(self) -> None:
        """Any other plan has the allowance alone, though there be windows."""
        for more in ({}, {"limits": RATES["limits"]}, {"usesTokenRateLimitsBilling": "yes"}):
            self.setUp()
            self.write(".factory/auth.json", login())
            self.usage()
            self.limits({**NOT_NEWER, **more})
            self.assertEqual(self.probe().lines, LINES)

    def test_trouble(self) -> None:
        """Whatever goes wrong with it costs the allowance nothing, nor is the login blamed."""
        outcomes: tuple[int | ProbeError, ...] = (
            *(401, 403, 404, 500, 200),
            UnreachableError("reset"),
            ProbeTimeoutError("silence"),
        )
        for outcome in outcomes:
            with self.subTest(outcome=outcome):
                self.setUp()
                self.write(".factory/auth.json", login())
                self.usage()
                if isinstance(outcome, int):
                    self.limits("<html>", outcome)
                else:
                    self.http.fail("GET", LIMITS, outcome)
                self.assertEqual(self.probe(refresh_credentials=True).lines, LINES)
                self.assertEqual(self.sent(), [f"POST {OLD}", f"limits {OLD}"])

    def test_too_many(self) -> None:
        """A service that asks to be left alone is left alone."""
        self.usage()
        self.limits("", 429)
        self.failure(RateLimitedError)
        self.clock.advance(120)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 2)

    def test_trouble_with_a_newer_plan(self) -> None:
        """Where the windows are what matters, trouble leaves the last good snapshot in place."""
        outcomes: tuple[tuple[int | ProbeError, type[ProbeError], str], ...] = (
            (500, UnexpectedResponseError, "Usage request failed (HTTP 500). Try again later."),
            (401, UnexpectedResponseError, "Usage response invalid. Try again later."),
            (UnreachableError("reset"), UnreachableError, OFFLINE),
        )
        for outcome, kind, message in outcomes:
            with self.subTest(outcome=outcome):
                self.setUp()
                self.write(".factory/auth.json", login())
                self.usage()
                self.limits(RATES)
                self.probe()
                self.clock.advance(61)
                self.usage()
                if isinstance(outcome, int):
                    self.limits("", outcome)
                else:
                    self.http.fail("GET", LIMITS, outcome)
                self.assertEqual(self.failure(kind), message)

    def test_plan_changes(self) -> None:
        """A plan that is no longer of the newer kind is one of the older again."""
        self.usage()
        self.limits(RATES)
        self.probe()
        for outcome in (200, 500):
            self.clock.advance(61)
            self.usage()
            self.limits(NOT_NEWER, outcome)
            self.assertEqual(self.probe().lines, LINES)


class KeyTests(Case):
    """`Factory.probe` with an API key."""

    def test_limits(self) -> None:
        """A key is good for the limits alone, whatever kind the plan is said to be."""
        for told in (RATES, {**RATES, "usesTokenRateLimitsBilling": False}):
            self.setUp()
            self.limits(told)
            snapshot = self.probe(env=ENV)
            self.assertEqual(snapshot.lines, RATE_LINES)
            self.assertIsNone(snapshot.plan)
            self.assertEqual(self.sent(), [f"limits {API_KEY}"])

    def test_no_limits(self) -> None:
        """A key whose plan has no such limits has no usage to show."""
        for told in (NOT_NEWER, {}, {"limits": None}):
            self.setUp()
            self.limits(told)
            message = self.failure(NotAvailableError, env=ENV)
            self.assertEqual(
                message, "This API key's plan has no limits to show. Run `droid` and log in."
            )

    def test_troubles(self) -> None:
        """A refused key is told as such; an odd answer is an error."""
        for body, status, kind, message in (
            ("", 401, TokenExpiredError, "API key refused. Put a valid one into FACTORY_API_KEY."),
            ("x", 200, UnexpectedResponseError, "Usage response invalid. Try again later."),
            ({"a": 1}, 200, UnexpectedResponseError, "Usage response invalid. Try again later."),
            (
                {"limits": "x"},
                200,
                UnexpectedResponseError,
                "Usage response invalid. Try again later.",
            ),
        ):
            with self.subTest(body=body):
                self.setUp()
                self.limits(body, status)
                self.assertEqual(self.failure(kind, env=ENV), message)

    def test_login_first(self) -> None:
        """A login tells more, so it goes first; the key stands in where it is refused."""
        self.write(".factory/auth.json", login())
        self.usage()
        self.limits()
        self.assertEqual(self.probe(env=ENV).lines, LINES)
        self.clock.advance(61)
        self.usage("", 401)
        self.limits(RATES)
        labels = [line.label for line in self.probe(env=ENV).lines]
        self.assertEqual(labels, [line.label for line in RATE_LINES])
        self.assertEqual(self.sent()[2:], [f"POST {OLD}", f"limits {API_KEY}"])

    def test_expired_login(self) -> None:
        """An expired login is not sent where there is a key."""
        self.write(".factory/auth.json", login(jwt(-1)))
        self.limits(RATES)
        self.probe(env=ENV)
        self.assertEqual(self.sent(), [f"limits {API_KEY}"])

    def test_other_trouble(self) -> None:
        """Any other trouble is no reason to use the key."""
        self.write(".factory/auth.json", login())
        self.usage("", 500)
        self.failure(UnexpectedResponseError, env=ENV)

    def test_env_file(self) -> None:
        """The key may be in the CLI's file of variables, in any of the usual spellings."""
        for line in (
            f"FACTORY_API_KEY={API_KEY}",
            f"export FACTORY_API_KEY={API_KEY}",
            f"  FACTORY_API_KEY = '{API_KEY}' ",
            f'export FACTORY_API_KEY="{API_KEY}"',
            f"FACTORY_API_KEY=\nFACTORY_API_KEY={API_KEY}",
        ):
            with self.subTest(line=line):
                self.setUp()
                self.write(
                    ".factory/.env", f"# FACTORY_API_KEY=fk-no\nOTHER=1\r\n{line}\r\nMORE=2\n"
                )
                self.limits(RATES)
                self.probe()
                self.assertEqual(self.sent(), [f"limits {API_KEY}"])

    def test_environment_first(self) -> None:
        """A variable that is set goes before the file."""
        self.write(".factory/.env", "FACTORY_API_KEY=fk-of-the-file")
        self.limits(RATES)
        self.probe(env=ENV)
        self.assertEqual(self.sent(), [f"limits {API_KEY}"])


class LinesTests(Case):
    """The answers as metric lines."""

    def snapshot(self, usage: Any, limits: Any = NOT_NEWER) -> Snapshot:
        """What the answers make, which is the same when it is read from what was kept."""
        self.setUp()
        self.write(".factory/auth.json", login())
        self.usage({"usage": usage})
        self.limits(limits)
        snapshot = self.probe()
        self.assertEqual(self.probe(), snapshot)
        return snapshot

    def rates(self, **more: Any) -> tuple[Line, ...]:
        """The lines of a plan with rate limits."""
        return self.snapshot({}, {"usesTokenRateLimitsBilling": True, **more}).lines

    def test_plans(self) -> None:
        """The standard allowance names the plan."""
        for allowance, plan in (
            (200_000_000, "Max"),
            (199_999_999, "Pro"),
            (20_000_000, "Pro"),
            (1_000_000, "Basic"),
            (0.5, "Basic"),
            (0, None),
            (-1, None),
            ("20000000", None),
            (None, None),
            (float("nan"), None),
        ):
            with self.subTest(allowance=allowance):
                snapshot = self.snapshot({"standard": {"totalAllowance": allowance}})
                self.assertEqual(snapshot.plan, plan)
                self.assertEqual(snapshot.lines == (NO_DATA,), plan is None)

    def test_premium(self) -> None:
        """Premium tokens have a line of their own where the plan allows any."""
        standard = {"orgTotalTokensUsed": 7, "totalAllowance": 200_000_000}
        for premium, expected in (
            (
                {"orgTotalTokensUsed": 1_000_000, "totalAllowance": 50_000_000},
                [("Standard", 7, 200_000_000), ("Premium", 1_000_000, 50_000_000)],
            ),
            ({"orgTotalTokensUsed": 5, "totalAllowance": 0}, [("Standard", 7, 200_000_000)]),
            (None, [("Standard", 7, 200_000_000)]),
            ("odd", [("Standard", 7, 200_000_000)]),
        ):
            with self.subTest(premium=premium):
                snapshot = self.snapshot({"standard": standard, "premium": premium})
                lines = [line for line in snapshot.lines if isinstance(line, Progress)]
                self.assertEqual([(line.label, line.used, line.limit) for line in lines], expected)
                self.assertEqual({line.format for line in lines}, {Count("tokens")})
                self.assertEqual(snapshot.plan, "Max")

    def test_dates(self) -> None:
        """The allowance is that of the time between two dates, to the millisecond."""
        start, end = 1_770_623_326_000, 1_772_956_800_000
        reset = datetime(2026, 3, 8, 8, tzinfo=timezone.utc)
        for dates, expected in (
            ({"startDate": start, "endDate": end}, (reset, 2_333_474_000)),
            ({"endDate": end}, (reset, None)),
            ({"startDate": start}, (None, None)),
            ({"startDate": "n/a", "endDate": "n/a"}, (None, None)),
            ({"startDate": str(start), "endDate": end}, (reset, None)),
            ({"startDate": end, "endDate": end}, (reset, None)),
            ({"startDate": 0, "endDate": 1e308}, (None, None)),
            ({"startDate": None, "endDate": True}, (None, None)),
        ):
            with self.subTest(dates=dates):
                (line,) = self.snapshot({"standard": {"totalAllowance": 10}, **dates}).lines
                assert isinstance(line, Progress)
                self.assertEqual((line.resets_at, line.period_ms), expected)

    def test_used(self) -> None:
        """Tokens that are not named are none; what is no number of tokens costs the line."""
        for tokens, used in (
            ({}, 0),
            ({"orgTotalTokensUsed": None}, 0),
            ({"orgTotalTokensUsed": 0}, 0),
            ({"orgTotalTokensUsed": 12}, 12),
            ({"orgTotalTokensUsed": -1}, None),
            ({"orgTotalTokensUsed": "12"}, None),
            ({"orgTotalTokensUsed": 10**400}, None),
        ):
            with self.subTest(tokens=tokens):
                (line,) = self.snapshot({"standard": {"totalAllowance": 10, **tokens}}).lines
                self.assertEqual(line.used if isinstance(line, Progress) else None, used)

    def test_nothing(self) -> None:
        """Without a pool, or with an allowance of zero, there is nothing to show, and no error."""
        badge = (Badge("Status", "No usage data", "#a3a3a3"),)
        for usage in (
            {},
            {"startDate": 1, "endDate": 2},
            {"standard": {"orgTotalTokensUsed": 5, "totalAllowance": 0}},
            {"startDate": "n/a", "endDate": "n/a", "standard": {"totalAllowance": 0}},
            {"standard": 5, "premium": []},
        ):
            with self.subTest(usage=usage):
                snapshot = self.snapshot(usage)
                self.assertEqual((snapshot.lines, snapshot.plan), (badge, None))

    def test_windows(self) -> None:
        """A window that is not running is unused; the seconds left go before the end."""
        hour = NOW + timedelta(hours=1)
        for window, expected in (
            ({"secondsRemaining": 3600, "windowEnd": "2027-01-01T00:00:00Z"}, (40, hour)),
            ({"secondsRemaining": "3600"}, (40, hour)),
            ({"secondsRemaining": 3600, "windowEnd": None}, (40, hour)),
            ({"secondsRemaining": None, "windowEnd": hour.timestamp()}, (40, hour)),
            ({"secondsRemaining": 0, "windowEnd": hour.timestamp() * 1000}, (40, hour)),
            ({"windowEnd": hour.isoformat()}, (40, hour)),
            ({"windowEnd": "2026-01-01T00:00:00Z"}, (0, None)),
            ({"windowEnd": NOW.isoformat()}, (0, None)),
            ({"windowEnd": None, "secondsRemaining": None}, (0, None)),
            ({"windowEnd": None, "secondsRemaining": 0}, (0, None)),
            ({"windowEnd": ""}, (0, None)),
            ({}, (0, None)),
            ({"windowEnd": "soon"}, (40, None)),
            ({"secondsRemaining": 1e300}, (40, None)),
        ):
            with self.subTest(window=window):
                used, reset = expected
                found = self.rates(limits={"standard": {"weekly": {"usedPercent": 40, **window}}})
                line = Progress("Weekly usage", used, 100, resets_at=reset, period_ms=604_800_000)
                self.assertEqual(found, (line,))

    def test_percentages(self) -> None:
        """What is no share of 100 is left out; one above is shown."""
        for used, expected in (
            (120, 120),
            ("7.5", 7.5),
            (-1, None),
            (None, None),
            (True, None),
            (float("inf"), None),
        ):
            with self.subTest(used=used):
                window = {"usedPercent": used, "secondsRemaining": 60}
                (line,) = self.rates(limits={"standard": {"fiveHour": window}})
                self.assertEqual(line.used if isinstance(line, Progress) else None, expected)

    def test_extra_usage(self) -> None:
        """Dollars left are shown, none only where some could be had."""
        for cents, allowed, expected in (
            (1234, True, "$12.34 remaining"),
            (5, False, "$0.05 remaining"),
            (0, True, "$0.00 remaining"),
            (0, False, None),
            (0, None, None),
            (None, True, None),
            ("many", True, None),
        ):
            with self.subTest(cents=cents, allowed=allowed):
                (line,) = self.rates(extraUsageBalanceCents=cents, extraUsageAllowed=allowed)
                self.assertEqual(line.value if isinstance(line, Text) else None, expected)

    def test_core(self) -> None:
        """Droid Core is a badge and part of the plan's name; its windows are shown once used."""
        idle = {"usedPercent": 0, "windowEnd": None, "secondsRemaining": None}
        running = {"usedPercent": 66, "secondsRemaining": 3600}
        badge = Badge("Droid Core", "Enabled", "#f97316")
        hour = NOW + timedelta(hours=1)
        bars = [
            Progress(label, 66, 100, resets_at=hour, period_ms=length)
            for label, length in (
                ("Core 5-hour usage", 18_000_000),
                ("Core weekly usage", 604_800_000),
                ("Core monthly usage", 2_592_000_000),
            )
        ]
        for core, expected in (
            ({"fiveHour": idle, "weekly": idle, "monthly": idle}, (badge,)),
            ({"fiveHour": running, "weekly": running, "monthly": running}, (badge, *bars)),
            ({"fiveHour": idle, "weekly": running}, (badge, bars[1])),
            ({"enabled": True}, (badge,)),
            ({"enabled": False, "weekly": running}, ()),
            ({"weekly": None}, ()),
            (None, ()),
            ("odd", ()),
        ):
            with self.subTest(core=core):
                limits = {"usesTokenRateLimitsBilling": True, "limits": {"core": core}}
                snapshot = self.snapshot({}, limits)
                self.assertEqual(snapshot.lines, expected or (NO_DATA,))
                self.assertEqual(snapshot.plan, "Droid Core" if expected else None)
                usage = {"standard": {"totalAllowance": 20_000_000}}
                plan = self.snapshot(usage, limits).plan
                self.assertEqual(plan, "Pro + Droid Core" if expected else "Pro")

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever the service says makes a snapshot or a `ProbeError`; so does what is kept."""
        self.setUp()
        self.write(".factory/auth.json", login())
        self.usage(json.dumps(data.draw(usage_bodies)))
        self.limits(json.dumps(data.draw(limit_bodies)))
        for _ in range(2):
            found: list[Any] = []
            self.start().addBoth(found.append)
            outcome = getattr(found[0], "value", found[0])
            self.assertIsInstance(outcome, (Snapshot, ProbeError))


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["1", "1e308", "2027-02-07T12:00:00Z"]),
    st.lists(st.integers(), max_size=2),
)


def objects(keys: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Objects with some of these keys, or something else."""
    return st.one_of(odd, st.fixed_dictionaries({}, optional=dict(keys)))


tokens = objects({"orgTotalTokensUsed": odd, "totalAllowance": odd})
usage_bodies = objects(
    {"usage": objects({"startDate": odd, "endDate": odd, "standard": tokens, "premium": tokens})}
)
windows = objects(
    dict.fromkeys(
        ("fiveHour", "weekly", "monthly"),
        objects({"usedPercent": odd, "windowEnd": odd, "secondsRemaining": odd}),
    )
)
limit_bodies = objects(
    {
        "usesTokenRateLimitsBilling": st.just(True),
        "limits": objects({"standard": windows, "core": windows}),
        "extraUsageBalanceCents": odd,
        "extraUsageAllowed": odd,
    }
)
