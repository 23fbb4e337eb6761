"""Probes of the Cursor provider, from stored login to snapshot."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.logger import capturedLogs, eventAsText
from zope.interface.verify import verifyObject

from openusage.host import Host, Response
from openusage.model import (
    Badge,
    Count,
    Dollars,
    NotAvailableError,
    NotLoggedInError,
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
from openusage.providers.cursor import Cursor
from openusage.providers.interface import IProvider, Provider
from openusage.testing import NOW, FakeHttp
from tests.planters.cursor import read_state
from tests.probes import ProbeTestCase
from tests.test_cursor_credentials import (
    ACCESS_ITEM,
    DAY,
    LOGIN,
    STATE,
    jwt,
    keychain,
    put_state,
    put_tool,
)
from tests.test_cursor_export import csv, row

DASHBOARD = "https://api2.cursor.sh/aiserver.v1.DashboardService/"
USAGE = f"{DASHBOARD}GetCurrentPeriodUsage"
PLAN = f"{DASHBOARD}GetPlanInfo"
GRANTS = f"{DASHBOARD}GetCreditGrantsBalance"
STRIPE = "https://cursor.com/api/auth/stripe"
REQUESTS = "https://cursor.com/api/usage?user="
SUMMARY = "https://cursor.com/api/usage-summary"
EXPORT = "https://cursor.com/api/dashboard/export-usage-events-csv?"
RENEWAL = "https://api2.cursor.sh/oauth/token"

EXPIRED = "Token expired. Sign in via Cursor app or run `agent login`."
SESSION = "Session expired. Sign in via Cursor app or run `agent login`."
OFFLINE = "Usage request failed. Check your connection."
GENERIC = "Cursor request-based usage data unavailable. Try again later."
SHARE = {"enabled": True, "planUsage": {"totalPercentUsed": 42}}
BAR = Progress("Total usage", 42, 100, period_ms=2_592_000_000)
COUNTED = {"gpt-4": {"numRequests": 422, "maxRequestUsage": 500}}
REQUESTS_BAR = Progress("Requests", 422, 500, Count("requests"), period_ms=2_592_000_000)
ABSENT = Response(404, {}, b"")
NO_USAGE: tuple[Any, ...] = (
    b"not-json",
    b"[]",
    b"null",
    {"error": "x"},
    {"planUsage": 5},
    {"planUsage": []},
    {"planUsage": {}, "spendLimitUsage": "x"},
)
"""What is no answer about usage."""


def answer(status: int, body: Any = b"") -> Response:
    """An answer with JSON, or with bytes as they are."""
    return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def cursor(**answers: Any) -> FakeHttp:
    """Cursor's services, each with one answer: JSON, a `Response`, or an error to fail with.

    Whoever is not named says 404.
    """
    http = FakeHttp()
    for name, method, url in (
        ("usage", "POST", USAGE),
        ("plan", "POST", PLAN),
        ("grants", "POST", GRANTS),
        ("stripe", "GET", STRIPE),
        ("requests", "GET", REQUESTS),
        ("summary", "GET", SUMMARY),
        ("export", "GET", EXPORT),
    ):
        queue(http, method, url, answers.pop(name, ABSENT))
    for outcome in answers.pop("renewals", ()):
        queue(http, "POST", RENEWAL, outcome)
    assert not answers, answers
    return http


def queue(http: FakeHttp, method: str, url: str, outcome: Any) -> None:
    """Add one outcome of a request."""
    if isinstance(outcome, ProbeError):
        http.fail(method, url, outcome)
    elif isinstance(outcome, Response):
        http.reply(method, url, outcome.status, outcome.body, outcome.headers)
    else:
        http.reply(method, url, 200, outcome)


def named(name: str) -> dict[str, Any]:
    """The answer that tells of a plan's name."""
    return {"planInfo": {"planName": name, "price": "$20/mo"}}


def asked(http: FakeHttp) -> list[str]:
    """What was asked for, in short: `usage`, `plan`, …"""
    names = {
        USAGE: "usage",
        PLAN: "plan",
        GRANTS: "grants",
        STRIPE: "stripe",
        REQUESTS: "requests",
        SUMMARY: "summary",
        EXPORT: "export",
        RENEWAL: "renewal",
    }
    return [next(n for url, n in names.items() if r.url.startswith(url)) for r in http.requests]


class Probes(ProbeTestCase):
    """A machine with a home folder."""

    provider = Cursor()


class CursorTests(Probes):
    """`Cursor`, and `Cursor.detect`."""

    def test_provider(self) -> None:
        """It is a provider, for zope.interface and for the type checker."""
        provider: Provider = Cursor()
        self.assertTrue(verifyObject(IProvider, provider))

    def test_resources(self) -> None:
        """The limits have the keys that scripts know."""
        keys = {line.label: line.resource for line in Cursor().lines if line.resource}
        self.assertEqual(
            keys,
            {
                "Total usage": "totalUsage",
                "Auto usage": "autoUsage",
                "API usage": "apiUsage",
                "On-demand": "onDemand",
                "Requests": "requests",
                "Credits": "credits",
            },
        )

    def test_detect(self) -> None:
        """A login is found in the database and in the tool's file, also a refresh token alone."""
        self.assertIsNone(self.detected())
        put_tool(self.home, None, "refresh")
        self.assertEqual(self.detected(), "~/.config/cursor/auth.json")
        put_state(self.home, jwt())
        self.assertEqual(self.detected(), f"~/.config/{STATE}")

    def test_detect_asks_nobody(self) -> None:
        """The keychain is not asked."""
        secrets = keychain(jwt())
        self.assertIsNone(self.detected(platform="darwin", keychain=secrets))
        self.assertEqual(secrets.asked, [])


class RequestTests(Probes):
    """What is sent."""

    def setUp(self) -> None:
        super().setUp()
        self.token = jwt("google-oauth2|user_abc123")
        put_state(self.home, self.token, "refresh")

    def test_calls(self) -> None:
        """The token goes to the service, as a header, and to the website, in a cookie."""
        http = cursor(usage=SHARE, plan=named("Pro"))
        snapshot = self.probe(http=http)

        self.assertEqual(snapshot.lines, (BAR,))
        self.assertEqual((snapshot.plan, snapshot.fetched_at), ("Pro", NOW))
        self.assertEqual(asked(http), ["usage", "plan", "grants", "stripe", "export"])
        for request in http.requests:
            with self.subTest(url=request.url):
                self.assertEqual(request.headers["user-agent"], "openusage/0")
                self.assertFalse(request.follow_redirects)
                if request.method == "POST":
                    self.assertEqual(request.body, b"{}")
                    self.assertEqual(request.headers["authorization"], f"Bearer {self.token}")
                    self.assertEqual(request.headers["content-type"], "application/json")
                    self.assertEqual(request.headers["connect-protocol-version"], "1")
                    self.assertEqual(request.timeout, 10)
                else:
                    cookie = f"WorkosCursorSessionToken=user_abc123%3A%3A{self.token}"
                    self.assertEqual(request.headers["cookie"], cookie)
                    self.assertNotIn("authorization", request.headers)

    def test_export(self) -> None:
        """The export is asked for as CSV from the local midnight 29 days ago, and given time."""
        http = cursor(usage=SHARE)
        self.probe(http=http)

        (request,) = [each for each in http.requests if each.url.startswith(EXPORT)]
        self.assertEqual((request.headers["accept"], request.timeout), ("text/csv", 30))
        start = int(NOW.timestamp() - NOW.hour * 3600 - 29 * DAY) * 1000
        self.assertEqual(
            parse_qs(urlsplit(request.url).query),
            {
                "startDate": [str(start)],
                "endDate": [str(int(NOW.timestamp()) * 1000)],
                "strategy": ["tokens"],
            },
        )

    def test_requests(self) -> None:
        """Requests are asked for by the website's id of the person."""
        http = cursor(usage={}, plan=named("enterprise"), requests=COUNTED)
        snapshot = self.probe(http=http)

        self.assertEqual((snapshot.lines, snapshot.plan), ((REQUESTS_BAR,), "Enterprise"))
        self.assertEqual(asked(http), ["usage", "plan", "requests", "summary", "export"])
        self.assertEqual(http.requests[2].url, f"{REQUESTS}user_abc123")

    def test_strange_id(self) -> None:
        """An id with characters of its own stays one in addresses and cookies."""
        put_tool(self.home, jwt("auth0|a b;&c"))
        (self.home / ".config" / STATE).unlink()
        http = cursor(usage={}, plan=named("team"), requests=COUNTED)
        self.probe(http=http)

        self.assertEqual(http.requests[2].url, f"{REQUESTS}a%20b%3B%26c")
        cookie = http.requests[2].headers["cookie"]
        self.assertTrue(cookie.startswith("WorkosCursorSessionToken=a%20b%3B%26c%3A%3A"))

    def test_at_once(self) -> None:
        """What comes after the plan is asked for at once: a slow export keeps nobody waiting."""
        self.http.reply("POST", USAGE, 200, SHARE)
        self.http.reply("POST", PLAN, 200, named("Pro"))
        waiting = [
            self.http.hang(method, url)
            for method, url in (("POST", GRANTS), ("GET", STRIPE), ("GET", EXPORT))
        ]
        work = self.start()
        self.assertNoResult(work)
        self.assertEqual(len(self.http.requests), 5)
        for each in reversed(waiting):
            each.callback(ABSENT)
        self.assertEqual(self.successResultOf(work).lines, (BAR,))

    def test_cancelled(self) -> None:
        """A probe that is cancelled while several requests wait ends as cancelled."""
        self.http.reply("POST", USAGE, 200, SHARE)
        self.http.reply("POST", PLAN, 200, named("Pro"))
        for method, url in (("POST", GRANTS), ("GET", STRIPE), ("GET", EXPORT)):
            self.http.hang(method, url)
        work = self.start()
        work.cancel()
        self.failureResultOf(work, CancelledError)


class LoginTests(Probes):
    """Which login is sent, and what happens without one."""

    def sent(self, http: FakeHttp) -> str:
        return http.requests[0].headers["authorization"].removeprefix("Bearer ")

    def test_application_first(self) -> None:
        """Of two logins that of the application is sent."""
        put_state(self.home, jwt("a|one"))
        put_tool(self.home, jwt("b|two"))
        http = cursor(usage=SHARE)
        self.probe(http=http)
        self.assertEqual(self.sent(http), jwt("a|one"))

    def test_other_account(self) -> None:
        """Unless it is a free account and the tool's is another one."""
        put_state(self.home, jwt("a|one"), membership="free")
        put_tool(self.home, jwt("b|two"))
        http = cursor(usage=SHARE)
        self.probe(http=http)
        self.assertEqual(self.sent(http), jwt("b|two"))

    def test_keychain(self) -> None:
        """On macOS the tool's login comes from the keychain."""
        http = cursor(usage=SHARE)
        self.probe(http=http, platform="darwin", keychain=keychain(jwt()))
        self.assertEqual(self.sent(http), jwt())

    def test_none(self) -> None:
        """Without a login nothing is sent, and all files that may hold one are watched."""
        host = self.host()
        message = self.failure(NotLoggedInError, host)

        self.assertTrue(message.startswith(LOGIN))
        self.assertEqual(self.http.requests, [])
        folder = self.home / ".config"
        self.assertEqual(host.visit.watched, {folder / STATE, folder / "cursor/auth.json"})

    def test_watched(self) -> None:
        """The database, which always changes, is watched only while no login in it is good."""
        put_state(self.home, jwt(), "refresh")
        database = self.home / ".config" / STATE
        good = self.host(http=cursor(usage=SHARE))
        self.probe(good)
        self.assertEqual(good.visit.watched, {self.home / ".config/cursor/auth.json"})

        self.state.values.clear()
        refused = self.host(http=cursor(usage=answer(401)))
        self.failure(TokenExpiredError, refused)
        self.assertIn(database, refused.visit.watched)

    def test_opaque(self) -> None:
        """A token that names nobody is sent, and the website is not asked."""
        put_state(self.home, "opaque-token")
        http = cursor(
            usage=SHARE, grants={"hasCreditGrants": True, "totalCents": 5, "usedCents": 0}
        )
        snapshot = self.probe(http=http)

        self.assertEqual(asked(http), ["usage", "plan", "grants"])
        self.assertEqual(snapshot.lines, (Progress("Credits", 0, 0.05, Dollars()), BAR))

    def test_nobody(self) -> None:
        """Requests that nobody can be asked about are unavailable."""
        for number, subject in enumerate(("google-oauth2|", None)):
            with self.subTest(subject=subject):
                self.home = Path(self.mktemp())
                put_state(self.home, jwt(subject, name=str(number)))
                http = cursor(usage={}, plan=named("enterprise"))
                message = self.failure(UnexpectedResponseError, http=http)
                self.assertEqual(message, "Enterprise usage data unavailable. Try again later.")
                self.assertEqual(asked(http), ["usage", "plan"])

    def test_expired(self) -> None:
        """An expired token is not sent where it may not be renewed."""
        put_state(self.home, jwt(seconds=-3 * 3600), "refresh")
        message = self.failure(TokenExpiredError)

        self.assertEqual(
            message, "Token expired 3 h ago. Open Cursor or run `agent login` to renew it."
        )
        self.assertEqual(self.http.requests, [])


class TroubleTests(Probes):
    """Trouble with one of the requests."""

    def setUp(self) -> None:
        super().setUp()
        put_state(self.home, jwt())

    def test_usage(self) -> None:
        """Without the usage there is nothing to tell, and nothing else is asked."""
        for outcome, kind, message in (
            (answer(401), TokenExpiredError, EXPIRED),
            (answer(403), TokenExpiredError, EXPIRED),
            (answer(429), RateLimitedError, "Usage request rate limited. It is asked again later."),
            (
                answer(500),
                UnexpectedResponseError,
                "Usage request failed (HTTP 500). Try again later.",
            ),
            (
                answer(302),
                UnexpectedResponseError,
                "Usage request failed (HTTP 302). Try again later.",
            ),
            (UnreachableError("refused"), UnreachableError, OFFLINE),
            (ProbeTimeoutError("late"), ProbeTimeoutError, OFFLINE),
            *(
                (
                    answer(200, body),
                    UnexpectedResponseError,
                    "Usage response invalid. Try again later.",
                )
                for body in NO_USAGE
            ),
        ):
            with self.subTest(outcome=outcome):
                self.state.values.clear()
                http = cursor(usage=outcome)
                self.assertEqual(self.failure(kind, http=http), message)
                self.assertEqual(asked(http), ["usage"])

    def test_plan(self) -> None:
        """Without the plan's name the figures are shown all the same."""
        for outcome in (answer(503), answer(401), answer(200, b"<"), UnreachableError("x")):
            with self.subTest(outcome=outcome):
                self.state.values.clear()
                http = cursor(usage=SHARE, plan=outcome)
                snapshot = self.probe(http=http)
                self.assertEqual((snapshot.lines, snapshot.plan), ((BAR,), None))
                self.assertNotIn("requests", asked(http))

    def test_plan_needed(self) -> None:
        """Without the plan's name and figures requests are asked for, and may fail too."""
        for outcome in (answer(503), UnreachableError("x")):
            self.state.values.clear()
            http = cursor(usage={}, plan=outcome, requests=COUNTED)
            snapshot = self.probe(http=http)
            self.assertEqual((snapshot.lines, snapshot.plan), ((REQUESTS_BAR,), None))
            self.state.values.clear()
            http = cursor(usage={}, plan=outcome, requests=answer(500))
            self.assertEqual(self.failure(UnexpectedResponseError, http=http), GENERIC)

    def test_requests(self) -> None:
        """An organisation of which neither answer tells has unavailable data."""
        messages = {
            "enterprise": "Enterprise usage data unavailable. Try again later.",
            "team": "Team request-based usage data unavailable. Try again later.",
        }
        for plan, message in messages.items():
            for outcome in (
                answer(500),
                answer(200, b"<"),
                UnreachableError("x"),
                {"gpt-4": {"maxRequestUsage": 0}},
                {},
            ):
                with self.subTest(plan=plan, outcome=outcome):
                    self.state.values.clear()
                    http = cursor(usage={}, plan=named(plan), requests=outcome, summary={})
                    self.assertEqual(self.failure(UnexpectedResponseError, http=http), message)

    def test_one_of_two(self) -> None:
        """Of requests and summary either is enough."""
        summary = {"membershipType": "x", "individualUsage": {"plan": {"totalPercentUsed": 42}}}
        for answers, line in (
            ({"requests": answer(500), "summary": summary}, BAR),
            ({"requests": COUNTED, "summary": UnreachableError("x")}, REQUESTS_BAR),
        ):
            with self.subTest(line=line.label):
                self.state.values.clear()
                http = cursor(usage={}, plan=named("Enterprise"), **answers)
                self.assertEqual(self.probe(http=http).lines, (line,))

    def test_more(self) -> None:
        """Credits and history cost only themselves when they cannot be had."""
        for outcome in (answer(500), answer(401), answer(200, b"[]"), UnreachableError("x")):
            with self.subTest(outcome=outcome):
                self.state.values.clear()
                http = cursor(usage=SHARE, grants=outcome, stripe=outcome, export=outcome)
                self.assertEqual(self.probe(http=http).lines, (BAR,))

    def test_inactive(self) -> None:
        """An account that is switched off has no subscription, and no more is asked."""
        for plan in ("Pro", "team", "enterprise"):
            with self.subTest(plan=plan):
                self.state.values.clear()
                http = cursor(usage={"enabled": False}, plan=named(plan))
                message = self.failure(NotAvailableError, http=http)
                self.assertEqual(message, "No active Cursor subscription.")
                self.assertEqual(asked(http), ["usage", "plan"])

    def test_nothing_shown(self) -> None:
        """A plan of which no figure can be shown says so."""
        http = cursor(usage={"planUsage": {"limit": 2400, "remaining": 9999}})
        self.assertEqual(
            self.probe(http=http).lines, (Badge("Status", "No usage data", "#a3a3a3"),)
        )


class HistoryTests(Probes):
    """The history in a snapshot."""

    def test_shown(self) -> None:
        """Tokens and dollars per day follow the limits, from the website's export."""
        put_state(self.home, jwt())
        export = answer(200, csv(row(plain="1000000")))
        snapshot = self.probe(http=cursor(usage=SHARE, export=export))

        self.assertEqual(
            snapshot.lines[:3],
            (BAR, Text("Today", "$5.00 · 1M tokens"), Text("Last 30 Days", "$5.00 · 1M tokens")),
        )
        self.assertEqual(snapshot.lines[3].label, "Usage Trend")

    def test_counted(self) -> None:
        """Accounts that count requests have a history too."""
        put_state(self.home, jwt())
        export = answer(200, csv(row(plain="1000000")))
        http = cursor(usage={}, plan=named("team"), requests=COUNTED, export=export)
        labels = [line.label for line in self.probe(http=http).lines]
        self.assertEqual(labels, ["Requests", "Today", "Last 30 Days", "Usage Trend"])

    def test_no_history_without_figures(self) -> None:
        """Where the account's figures cannot be had, its history does not stand in for them."""
        put_state(self.home, jwt())
        export = answer(200, csv(row(plain="1000000")))
        http = cursor(usage={}, plan=named("team"), export=export)
        self.failure(UnexpectedResponseError, http=http)


class MemoryTests(Probes):
    """What is remembered between probes."""

    def setUp(self) -> None:
        super().setUp()
        put_state(self.home, jwt("a|user_ada", "one"), "rt-PLANTED")

    def test_spacing(self) -> None:
        """Within a minute the same figures are shown, notes included, and nobody is asked."""
        rows = csv(row(plain="1000000"), row(model="nobody-9", plain="5"))
        usage = {**SHARE, "billingCycleEnd": "1796083200000", "email": "ada@planted.example"}
        first_host = self.host(
            http=cursor(
                usage=usage,
                plan=named("pro"),
                export=answer(200, rows),
                stripe={"customerBalance": -5},
            )
        )
        first = self.probe(first_host)
        self.clock.advance(59)
        second_host = self.host()
        second = self.probe(second_host)

        self.assertEqual(second, first)
        self.assertEqual(self.http.requests, [])
        self.assertEqual(first_host.visit.notes, ["unknown model: nobody-9"])
        self.assertEqual(second_host.visit.notes, first_host.visit.notes)
        self.assertNotIn("planted", json.dumps([*self.state.values.values()]).lower())

    def test_troubles_are_remembered(self) -> None:
        """So is an account without subscription, with its class."""
        self.failure(NotAvailableError, http=cursor(usage={"enabled": False}))
        self.failure(NotAvailableError)
        self.assertEqual(self.http.requests, [])

    def test_new_token(self) -> None:
        """A new login need not wait because the old one was refused."""
        self.failure(TokenExpiredError, http=cursor(usage=answer(401)))
        self.home = Path(self.mktemp())
        put_state(self.home, jwt("a|user_ada", "two"))
        self.assertEqual(self.probe(http=cursor(usage=SHARE)).lines, (BAR,))

    @settings(deadline=None, max_examples=100)
    @given(
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=2),
                st.dictionaries(
                    st.sampled_from(
                        ["usage", "plan", "planUsage", "limit", "export", "days", "day", "notes"]
                    ),
                    inner,
                    max_size=4,
                ),
            ),
        )
    )
    def test_any_memory(self, kept: object) -> None:
        """Whatever is found on the disk, the probe ends in a snapshot or in an error."""
        http = cursor(usage=SHARE)
        host = self.host(http=http)
        host.identify("a|user_ada")
        key = host.visit.credential
        self.state.values[key] = {"usage": {"at": NOW.timestamp(), "body": kept}}
        ended: list[Any] = []
        self.start(host).addBoth(ended.append)
        outcome = getattr(ended[0], "value", ended[0])
        self.assertIsInstance(outcome, (Snapshot, ProbeError))


class RenewalTests(Probes):
    """Renewing the login, where that is allowed."""

    OLD = jwt("a|user_ada", "old", seconds=299)
    NEW = jwt("a|user_ada", "new")
    BOUGHT: Mapping[str, Any] = {"access_token": NEW, "id_token": "x", "shouldLogout": False}

    def host(self, **more: Any) -> Host:
        return super().host(**{"refresh_credentials": True, **more})

    def tokens(self) -> list[str]:
        items = read_state(self.home / ".config" / STATE)
        return [items.get(f"cursorAuth/{name}Token", "") for name in ("access", "refresh")]

    def test_in_time(self) -> None:
        """A token that ends within five minutes is renewed, stored, and used for all requests."""
        path = put_state(self.home, self.OLD, "refresh")
        path.chmod(0o640)
        http = cursor(usage=SHARE, renewals=[self.BOUGHT])
        self.probe(http=http)

        self.assertEqual(asked(http), ["renewal", "usage", "plan", "grants", "stripe", "export"])
        request = http.requests[0]
        self.assertEqual(
            request.json(),
            {
                "grant_type": "refresh_token",
                "client_id": "KbZUR41cY7W6zRSdpSUJ7I7mLYBKOCmB",
                "refresh_token": "refresh",
            },
        )
        self.assertEqual(
            (request.headers["content-type"], request.timeout), ("application/json", 15)
        )
        for request in http.requests[1:]:
            self.assertIn(
                self.NEW, request.headers.get("authorization", request.headers.get("cookie"))
            )
        self.assertEqual(self.tokens(), [self.NEW, "refresh"])
        self.assertEqual(read_state(path)["something.else"], "kept")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        with closing(sqlite3.connect(path)) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM ItemTable").fetchone()
        self.assertEqual(rows, 4)

    def test_not_due(self) -> None:
        """A token that lasts longer is not renewed."""
        put_state(self.home, jwt(seconds=301), "refresh")
        http = cursor(usage=SHARE)
        self.probe(http=http)
        self.assertNotIn("renewal", asked(http))

    def test_unknown_expiry(self) -> None:
        """A token that does not say when it ends is renewed, and without refresh token used."""
        put_state(self.home, "opaque", "refresh")
        http = cursor(usage=SHARE, renewals=[self.BOUGHT])
        self.probe(http=http)
        self.assertEqual(asked(http)[:2], ["renewal", "usage"])

        self.home = Path(self.mktemp())
        put_state(self.home, "opaque-alone")
        http = cursor(usage=SHARE)
        self.assertEqual(self.probe(http=http).lines, (BAR,))
        self.assertEqual(asked(http), ["usage", "plan", "grants"])

    def test_expired_without_refresh_token(self) -> None:
        """An expired token without refresh token is used as it is, where renewing is allowed."""
        put_state(self.home, jwt(seconds=-5))
        self.assertEqual(self.probe(http=cursor(usage=SHARE)).lines, (BAR,))

    def test_refresh_token_only(self) -> None:
        """A refresh token alone buys an access token."""
        put_state(self.home, None, "refresh")
        http = cursor(usage=SHARE, renewals=[self.BOUGHT])
        self.assertEqual(self.probe(http=http).lines, (BAR,))
        self.assertEqual(self.tokens(), [self.NEW, "refresh"])

    def test_unreadable_access_token(self) -> None:
        """An access token that is no text is none."""
        put_state(self.home, 5, "refresh")
        http = cursor(usage=SHARE, renewals=[self.BOUGHT])
        self.assertEqual(self.probe(http=http).lines, (BAR,))

    def test_refresh_token_buys_nothing(self) -> None:
        """A refresh token alone that buys nothing is no login, or an ended one."""
        for outcome, kind, message in (
            ({}, NotLoggedInError, LOGIN),
            (answer(500), NotLoggedInError, LOGIN),
            (answer(200, b"<"), NotLoggedInError, LOGIN),
            ({"access_token": ""}, NotLoggedInError, LOGIN),
            (UnreachableError("x"), NotLoggedInError, LOGIN),
            ({"shouldLogout": True, "access_token": ""}, TokenExpiredError, SESSION),
            (answer(401, {"shouldLogout": True}), TokenExpiredError, SESSION),
            (answer(400, {"shouldLogout": False}), TokenExpiredError, EXPIRED),
            (answer(401, b"<html>"), TokenExpiredError, EXPIRED),
        ):
            with self.subTest(outcome=outcome):
                self.state.values.clear()
                self.home = Path(self.mktemp())
                put_state(self.home, None, "refresh")
                http = cursor(renewals=[outcome])
                self.assertEqual(self.failure(kind, http=http), message)
                self.assertEqual(asked(http), ["renewal"])
                self.assertEqual(self.failure(kind), message)

    def test_old_token_tried(self) -> None:
        """Where renewing in time fails the old token is tried."""
        for outcome in (
            answer(401, {"shouldLogout": True}),
            answer(500),
            {},
            {"access_token": "two words"},
            UnreachableError("x"),
        ):
            with self.subTest(outcome=outcome):
                self.state.values.clear()
                self.home = Path(self.mktemp())
                put_state(self.home, self.OLD, "refresh")
                http = cursor(usage=SHARE, renewals=[outcome])
                self.assertEqual(self.probe(http=http).lines, (BAR,))
                self.assertEqual(self.tokens(), [self.OLD, "refresh"])

    def test_after_refusal(self) -> None:
        """A token that the service refuses is renewed once, and the usage asked for again."""
        for status in (401, 403):
            with self.subTest(status=status):
                self.state.values.clear()
                self.home = Path(self.mktemp())
                put_state(self.home, jwt("a|user_ada"), "refresh")
                http = cursor(usage=answer(status), renewals=[self.BOUGHT])
                queue(http, "POST", USAGE, SHARE)
                self.assertEqual(self.probe(http=http).lines, (BAR,))
                self.assertEqual(asked(http)[:3], ["usage", "renewal", "usage"])
                self.assertEqual(self.tokens(), [self.NEW, "refresh"])
                for request in http.requests[2:]:
                    sent = request.headers.get("authorization", request.headers.get("cookie"))
                    self.assertIn(self.NEW, sent)

    def test_refused_again(self) -> None:
        """What comes of the second request is the end of it."""
        for outcome, kind, message in (
            (answer(403), TokenExpiredError, EXPIRED),
            (
                UnreachableError("x"),
                UnreachableError,
                "Usage request failed after refresh. Try again.",
            ),
            (
                answer(500),
                UnexpectedResponseError,
                "Usage request failed (HTTP 500). Try again later.",
            ),
        ):
            with self.subTest(outcome=outcome):
                self.state.values.clear()
                self.home = Path(self.mktemp())
                put_state(self.home, jwt("a|user_ada"), "refresh")
                http = cursor(usage=answer(401), renewals=[self.BOUGHT])
                queue(http, "POST", USAGE, outcome)
                self.assertEqual(self.failure(kind, http=http), message)
                self.assertEqual(asked(http), ["usage", "renewal", "usage"])

    def test_refused_for_good(self) -> None:
        """A refused refresh token is not sent again until another one is stored."""
        put_state(self.home, jwt("a|user_ada"), "refresh")
        http = cursor(usage=answer(401), renewals=[answer(401, {"shouldLogout": True})])
        self.assertEqual(self.failure(TokenExpiredError, http=http), SESSION)

        self.clock.advance(600)
        http = cursor(usage=answer(401))
        self.failure(TokenExpiredError, http=http)
        self.assertEqual(asked(http), ["usage"])

    def test_renewed_meanwhile(self) -> None:
        """A token that the application stored meanwhile is used, and none is bought."""
        path = put_state(self.home, jwt("a|user_ada"), "refresh")
        refusal = self.http.hang("POST", USAGE)
        self.http.reply("POST", USAGE, 200, SHARE)
        for method, url in (("POST", PLAN), ("POST", GRANTS), ("GET", STRIPE), ("GET", EXPORT)):
            self.http.reply(method, url, 404)
        work = self.start()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "UPDATE ItemTable SET value = ? WHERE key = 'cursorAuth/accessToken'", (self.NEW,)
            )
        refusal.callback(answer(401))

        self.assertEqual(self.successResultOf(work).lines, (BAR,))
        self.assertEqual(self.http.requests[1].headers["authorization"], f"Bearer {self.NEW}")

    def test_keychain(self) -> None:
        """The tool's new token goes to its keychain item, and the database stays as it is."""
        secrets = keychain(self.OLD, "refresh")
        path = put_state(self.home, platform="darwin")
        before = path.read_bytes()
        http = cursor(usage=SHARE, renewals=[self.BOUGHT])
        self.probe(http=http, platform="darwin", keychain=secrets)

        self.assertEqual(secrets.saved, [("cursor-access-token", None, self.NEW)])
        self.assertEqual(secrets.items[ACCESS_ITEM], self.NEW)
        self.assertEqual(path.read_bytes(), before)

    def test_tool_file(self) -> None:
        """The tool's new token goes to its file, with the other keys and the mode as they were."""
        path = put_tool(self.home, self.OLD, "refresh")
        path.chmod(0o640)
        self.probe(http=cursor(usage=SHARE, renewals=[self.BOUGHT]))

        self.assertEqual(
            json.loads(path.read_text()),
            {"accessToken": self.NEW, "refreshToken": "refresh", "apiKey": "kept"},
        )
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)

    def test_file_not_saved(self) -> None:
        """A token that its file does not take is used all the same."""
        path = put_tool(self.home, self.OLD, "refresh")
        renewal = self.http.hang("POST", RENEWAL)
        self.http.reply("POST", USAGE, 200, SHARE)
        for method, url in (("POST", PLAN), ("POST", GRANTS), ("GET", STRIPE), ("GET", EXPORT)):
            self.http.reply(method, url, 404)
        work = self.start()
        path.unlink()
        path.mkdir()
        renewal.callback(answer(200, dict(self.BOUGHT)))

        self.assertEqual(self.successResultOf(work).lines, (BAR,))

    def test_not_saved(self) -> None:
        """A token that cannot be saved is used all the same, and nothing of it is logged."""
        secrets = keychain(self.OLD, "refresh", read_only=True)
        http = cursor(usage=SHARE, renewals=[self.BOUGHT])
        with capturedLogs() as events:
            snapshot = self.probe(http=http, platform="darwin", keychain=secrets)

        self.assertEqual(snapshot.lines, (BAR,))
        logged = " ".join(eventAsText(event) for event in events)
        self.assertIn("could not be saved", logged)
        self.assertNotIn(self.NEW, logged)

    def test_database_gone(self) -> None:
        """So is one whose database cannot be written to."""
        path = put_state(self.home, self.OLD, "refresh")
        renewal = self.http.hang("POST", RENEWAL)
        self.http.reply("POST", USAGE, 200, SHARE)
        for method, url in (("POST", PLAN), ("POST", GRANTS), ("GET", STRIPE), ("GET", EXPORT)):
            self.http.reply(method, url, 404)
        work = self.start()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "CREATE TRIGGER no BEFORE INSERT ON ItemTable BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        renewal.callback(answer(200, dict(self.BOUGHT)))

        self.assertEqual(self.successResultOf(work).lines, (BAR,))
        self.assertEqual(self.tokens(), [self.OLD, "refresh"])

    def test_not_allowed(self) -> None:
        """Without permission a refused token is an error, and nothing is spent or written."""
        path = put_state(self.home, jwt("a|user_ada"), "refresh")
        before = path.read_bytes()
        http = cursor(usage=answer(401))
        message = self.failure(TokenExpiredError, http=http, refresh_credentials=False)
        self.assertEqual(message, EXPIRED)
        self.assertEqual(asked(http), ["usage"])
        self.assertEqual(path.read_bytes(), before)
