"""Tests for `openusage.providers.perplexity`."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.model import (
    Dollars,
    Line,
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
from openusage.providers.perplexity import Perplexity
from openusage.providers.perplexity.mapping import figure_lines, figures_of, group_id_in
from openusage.testing import FakeHttp, MemoryState
from tests.planters.perplexity import CACHE, REQUEST, TOKEN, write_cache
from tests.probes import ProbeTestCase

SECOND = "Library/Caches/ai.perplexity.mac/Cache.db"

SITE = "https://www.perplexity.ai"
GROUPS = f"{SITE}/rest/pplx-api/v2/groups"
LIMITS = f"{SITE}/rest/rate-limit/all"

UNABLE = "Unable to connect. Try again later."
NO_USAGE = "Usage data unavailable. Try again later."
NO_LIMITS = "Rate limits unavailable. Try again later."
NO_BALANCE = "Balance unavailable. Try again later."
NOT_LOGGED_IN = "Not logged in. Sign in via Perplexity app."

Answers = Mapping[str, Any]
"""Answers by address: JSON of a 200, a status, or bytes of a 200. All else is 404."""

NOTHING: Answers = {}


def sent(token: str = TOKEN, **more: str) -> bytes:
    """The headers of a request as the cache has them."""
    headers = {"Authorization": f"Bearer {token}", **more}
    return plistlib.dumps(headers, fmt=plistlib.FMT_BINARY)


def costs(*values: object) -> list[dict[str, Any]]:
    return [{"id": "mtr_1", "meter_event_summaries": [{"cost": value} for value in values]}]


def answers(group: object = None, analytics: object = None, **more: object) -> dict[str, Any]:
    """A good account with the id `grp` where a group is given."""
    groups = [] if group is None else [{"id": "grp"}]
    named = {
        f"{SITE}/api/user": more.get("user", 404),
        GROUPS: groups,
        f"{GROUPS}/grp": 404 if group is None else group,
        f"{GROUPS}/grp/usage-analytics": 404 if analytics is None else analytics,
        LIMITS: more.get("limits", 404),
    }
    return {url: answer for url, answer in named.items() if answer != 404}


def credits(used: float, limit: float) -> Progress:  # noqa: A001 (the line's own name)
    return Progress("API credits", used, limit, Dollars())


class Site(FakeHttp):
    """The service with `answers`, as often as it is asked."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.known = answers

    async def request(self, method: str, url: str, **more: Any) -> Any:
        """The answer at exactly this address."""
        answer = self.known.get(url, 404)
        if isinstance(answer, ProbeError):
            self.fail(method, url, answer)
        elif isinstance(answer, int):
            self.reply(method, url, answer, {"error": "no"})
        elif isinstance(answer, tuple):
            self.reply(method, url, *answer)
        else:
            self.reply(
                method, url, 200, answer if isinstance(answer, bytes) else json.dumps(answer)
            )
        return await super().request(method, url, **more)

    @property
    def asked(self) -> list[str]:
        """The addresses, without the site."""
        return [request.url.removeprefix(SITE) for request in self.requests]


class PerplexityTestCase(ProbeTestCase):
    """A Mac with the app."""

    provider = Perplexity()
    http: Site

    def setUp(self) -> None:
        super().setUp()
        self.serve(NOTHING)

    def host(self, **more: Any) -> Host:
        return super().host(**{"platform": "darwin", **more})

    def serve(self, known: Answers) -> None:
        """From now on the service has these answers, and it was not asked yet."""
        self.http = Site(known)

    def cache(self, *rows: object, path: str = CACHE) -> Path:
        """A cache with what was sent to the address that counts."""
        write_cache(self.home / path, *((REQUEST, row) for row in rows))
        return self.home / path

    def seen(self, known: Answers) -> Snapshot:
        """What is shown of an account that nothing is remembered of."""
        self.cache(sent())
        self.state = MemoryState()
        self.serve(known)
        return self.probe()

    def unseen(self, known: Answers, kind: type[ProbeError] = UnexpectedResponseError) -> str:
        """What is said where nothing can be shown."""
        self.cache(sent())
        self.state = MemoryState()
        self.serve(known)
        return self.failure(kind)


class LoginTests(PerplexityTestCase):
    """The login in the cache of the app."""

    def test_headers(self) -> None:
        """What the app sent is sent again: token, version and device, and our name with it."""
        more = {"User-Agent": "Ask/9.9.9", "X-Device-ID": "macos:device-123"}
        self.cache(sent(**more))
        self.serve(answers(limits={"remaining_pro": 1}))
        self.probe()
        expected = {
            "authorization": f"Bearer {TOKEN}",
            "accept": "*/*",
            "user-agent": "Ask/9.9.9 (compatible; openusage/0)",
            "x-client-name": "Perplexity-Mac",
            "x-app-apiversion": "2.17",
            "x-app-apiclient": "macos",
            "x-client-env": "production",
            "x-app-version": "9.9.9",
            "x-device-id": "macos:device-123",
        }
        for request in self.http.requests:
            self.assertEqual(request.headers, expected)
            self.assertEqual((request.method, request.timeout, request.body), ("GET", 10.0, None))

    def test_few_headers(self) -> None:
        """Without version and device neither is sent."""
        self.cache(sent())
        self.serve(answers(limits={"remaining_pro": 1}))
        self.probe()
        headers = self.http.requests[0].headers
        agent = "Ask/0 (macOS) isiOSOnMac/false (compatible; openusage/0)"
        self.assertEqual(headers["user-agent"], agent)
        self.assertNotIn("x-app-version", headers)
        self.assertNotIn("x-device-id", headers)

    def test_agents(self) -> None:
        """The version ends at the slash, and what follows in the cache is no part of anything."""
        long = "Ask/1/" + "x" * 300
        cases = (
            (b"Ask/2.24.3/2302 (macOS) isiOSOnMac/false_\x10\x20", "Ask/2.24.3/2302", "2.24.3"),
            (b"Ask/3.0 (macOS)\x00Ask/4", "Ask/3.0 (macOS) (", "3.0 (macOS)"),
            (long.encode(), long[:220] + " (", "1"),
            (b"Ask/\x01", "Ask/ (", None),
        )
        for agent, shown, version in cases:
            self.cache(b"\x00Bearer a.b.c\x00" + agent)
            self.state = MemoryState()
            self.serve(answers(limits={"remaining_pro": 1}))
            self.probe()
            headers = self.http.requests[0].headers
            self.assertTrue(headers["user-agent"].startswith(shown), headers["user-agent"])
            self.assertEqual(headers.get("x-app-version"), version)

    def test_device(self) -> None:
        """The device has at most 220 characters, its beginning included."""
        self.cache(b"Bearer a.b.c\x00macos:" + b"d" * 300)
        self.serve(answers(limits={"remaining_pro": 1}))
        self.probe()
        self.assertEqual(self.http.requests[0].headers["x-device-id"], "macos:" + "d" * 214)

    def test_tokens(self) -> None:
        """A token ends where no character of one follows, or where the next text's length does."""
        cases = (
            (b"Bearer aa.bb.cc", "aa.bb.cc"),
            (b"Bearer aa.bb.cc\x5f\x10\xb5rest.x", "aa.bb.cc"),
            (b"Bearer aa.bb.cc\x5f\x14\x00", "aa.bb.cc"),
            (b"Bearer aa.bb.cc_\x15", "aa.bb.cc_"),
            (b"Bearer aa_bb.c-c.d_\x0f", "aa_bb.c-c.d_"),
            (b"Bearer a.b.c.d.e next", "a.b.c.d.e"),
            (b"Bearer none Bearer a.b.c", "a.b.c"),
            (b"Bearer a.b.c Bearer x.y.z", "a.b.c"),
            (b"_\x10\x0cBearer a.b.cV2.24.3", "a.b.c"),
            (b"_\x11\x00\x0cBearer a.b.cV2.24.3", "a.b.c"),
            (b"_\x10\xb5Bearer a.b.c", "a.b.c"),
            (b"_\x10\x08Bearer a.b.c_\x10\x0cBearer x.y.z", "x.y.z"),
        )
        for data, token in cases:
            self.cache(b"bplist00" + data)
            self.state = MemoryState()
            self.serve(answers(limits={"remaining_pro": 1}))
            self.probe()
            self.assertEqual(
                self.http.requests[0].headers["authorization"], f"Bearer {token}", data
            )

    def test_no_login(self) -> None:
        """A cache without a usable token is none: nothing is asked and both places are named."""
        cases: tuple[tuple[object, ...], ...] = (
            (),
            (b"bplist00 aa.bb.cc",),
            (b"Bearer ",),
            (b"Bearer aabbcc",),
            (b"Bearer aa.bbcc",),
            (b"Bearer aa.b_\x10.c",),
            (b"bearer aa.bb.cc",),
            ("Bearer aa.bb.cc",),
            (None,),
            (5,),
        )
        for rows in cases:
            path = self.cache(*rows)
            host = self.host()
            text = self.failure(NotLoggedInError, host)
            self.assertTrue(text.startswith(NOT_LOGGED_IN), text)
            self.assertIn(f"~/{CACHE} has no login", text)
            self.assertIn(f"~/{SECOND} was not found", text)
            self.assertEqual(self.http.requests, [])
            self.assertLessEqual({path, self.home / SECOND}, host.visit.watched)
            self.assertIsNone(self.detected())

    def test_newest(self) -> None:
        """The newest request to that very address counts, whatever is in it."""
        rows = (
            (REQUEST, sent("old.one.x")),
            (REQUEST, sent("new.one.x")),
            (f"{REQUEST}/", sent("a.slash.x")),
            (f"{REQUEST}?a=b", sent("a.query.x")),
        )
        write_cache(self.home / CACHE, *rows)
        self.serve(answers(limits={"remaining_pro": 1}))
        self.probe()
        self.assertEqual(self.http.requests[0].headers["authorization"], "Bearer new.one.x")

        write_cache(self.home / CACHE, *rows[:2], (REQUEST, b"nothing"))
        self.assertIn("has no login", self.failure(NotLoggedInError))

    def test_second(self) -> None:
        """The second cache is used where the first has no login, is locked or no database."""
        self.cache(sent(), path=SECOND)
        first = self.home / CACHE
        contents: tuple[bytes | None, ...] = (None, b"", b"no database", b"SQLite format 3\0" * 9)
        for content in contents:
            if content is not None:
                first.parent.mkdir(parents=True, exist_ok=True)
                first.write_bytes(content)
            self.assertEqual(self.detected(), f"~/{SECOND}")
            self.serve(answers({"balance": 10}, costs(0)))
            self.assertEqual(self.probe().plan, None)
        first.unlink()
        first.mkdir()
        self.assertEqual(self.detected(), f"~/{SECOND}")
        first.rmdir()
        self.cache(sent())
        self.assertEqual(self.detected(), f"~/{CACHE}")

    def test_another_system(self) -> None:
        """On other systems the error says where a login can be read; a Mac's home is one too."""
        for platform in ("linux", "win32"):
            self.assertIsNone(self.detected(platform=platform))
            self.assertIn("Only the macOS app", self.failure(NotAvailableError, platform=platform))
            self.assertEqual(self.http.requests, [])
        self.cache(sent())
        self.assertEqual(self.detected(platform="linux"), f"~/{CACHE}")

    def test_not_watched(self) -> None:
        """The app writes its cache all the time, so one with a login is not watched."""
        self.cache(sent())
        self.serve(answers(limits={"remaining_pro": 1}))
        host = self.host()
        self.probe(host)
        self.assertEqual(host.visit.watched, set())

    def test_expired(self) -> None:
        """A token that says itself that it has expired is not sent."""
        payload = "eyJleHAiOjF9"  # {"exp":1}
        self.cache(sent(f"a.{payload}.c"))
        self.serve(answers(limits={"remaining_pro": 1}))
        self.assertIn("Open the Perplexity app", self.failure(TokenExpiredError))
        self.assertEqual(self.http.requests, [])

    def test_identity(self) -> None:
        """The person is the same with another token, where the token says who it is."""
        credentials = []
        for token in (
            "a.eyJzdWIiOiJhZGEifQ.b",  # {"sub":"ada"}
            "c.eyJzdWIiOiJhZGEifQ.d",
            "e.f.g",
            "h.i.j",
        ):
            self.cache(sent(token))
            self.serve(answers(limits={"remaining_pro": 1}))
            host = self.host()
            self.probe(host)
            credentials.append(host.visit.credential)
        self.assertEqual(credentials[0], credentials[1])
        self.assertEqual(len(set(credentials)), 3)


class LineTests(PerplexityTestCase):
    """What the answers become."""

    def assert_lines(self, known: Answers, plan: str | None, *lines: Line) -> None:
        snapshot = self.seen(known)
        self.assertEqual((snapshot.plan, snapshot.lines), (plan, lines))

    def test_credits(self) -> None:
        """The bar is what was used of the balance, in dollars, without a reset."""
        pro = {"customerInfo": {"is_pro": True, "balance": 4.99}}
        self.assert_lines(answers(pro, costs(0.04)), "Pro", credits(0.04, 4.99))
        free = {"customerInfo": {"is_pro": False, "balance": 10}}
        self.assert_lines(answers(free, costs(0)), None, credits(0, 10))

    def test_order(self) -> None:
        """The bar goes first, then what is left of each kind."""
        limits = {
            "remaining_pro": 190,
            "remaining_research": 18.9,
            "remaining_labs": "25",
            "remaining_agentic_research": -4,
        }
        self.assert_lines(
            answers({"balance": 10}, costs(2.5), limits=limits),
            None,
            credits(2.5, 10),
            Text("Queries", "190 remaining"),
            Text("Deep Research", "18 remaining"),
            Text("Labs", "25 remaining"),
            Text("Agentic Research", "0 remaining"),
        )

    def test_left(self) -> None:
        """What is not told is left out; nothing left is told."""
        odds: tuple[object, ...] = (None, "", "many", True, [], {}, float("nan"), 10**400)
        for odd in odds:
            limits = {"remaining_pro": 0, "remaining_research": odd}
            self.assert_lines(answers(limits=limits), None, Text("Queries", "0 remaining"))

    def test_usage(self) -> None:
        """All costs are added up; a meter without events is nothing used."""
        both = [*costs(0.25, 0.125), {"meterEventSummaries": [{"cost": "1.5"}, {"usage": 3}]}]
        cases: tuple[tuple[Any, float], ...] = (
            ([], 0),
            ([{"meter_event_summaries": []}], 0),
            ([*costs("NaN"), {"meterEventSummaries": []}], 0),
            ([*costs(1), {"meter_event_summaries": []}], 1),
            (both, 1.88),
            (costs(-5), 0),
            (costs(0.004), 0),
            (costs(0.005), 0.01),
        )
        for analytics, used in cases:
            self.assert_lines(answers({"balance": 5}, analytics), None, credits(used, 5))

    def test_usage_unknown(self) -> None:
        """A balance whose use is not known is no bar, and said to be so."""
        cases: tuple[Any, ...] = (
            403,
            500,
            UnreachableError("no route"),
            {},
            {"meter_event_summaries": []},
            [5],
            [{}],
            [{"meter_event_summaries": {}}],
            costs("NaN"),
            costs(None),
            costs(float("inf")),
            costs(1.7e308, 1.7e308),
        )
        for analytics in cases:
            group = {"customerInfo": {"is_pro": True, "balance": "$4.99"}}
            self.assertEqual(self.unseen(answers(group, analytics)), NO_USAGE, analytics)

    def test_slashes(self) -> None:
        """An address that has no answer is tried with a slash behind it."""
        known = {
            f"{GROUPS}/": {"data": [{"id": 123, "isDefaultOrg": True}]},
            f"{GROUPS}/123/": {"organization": {"balance": {"amount_cents": 250}}},
            f"{GROUPS}/123/usage-analytics/": [{"meterEventSummaries": [{"cost": 0.25}]}],
        }
        self.cache(sent())
        self.serve(known)
        self.assertEqual(self.probe().lines, (credits(0.25, 2.5),))
        groups = GROUPS.removeprefix(SITE)
        expected = [
            "/api/user",
            "/api/user/",
            groups,
            f"{groups}/",
            f"{groups}/123",
            f"{groups}/123/",
            f"{groups}/123/usage-analytics",
            f"{groups}/123/usage-analytics/",
            LIMITS.removeprefix(SITE),
        ]
        self.assertEqual(self.http.asked, expected)

    def test_user_with_slash(self) -> None:
        """Without a group nothing is asked about one."""
        self.cache(sent())
        known = {
            f"{SITE}/api/user/": {"subscription_tier": "pro"},
            GROUPS: [],
            LIMITS: {"remaining_pro": 198, "remaining_research": 20},
        }
        self.serve(known)
        snapshot = self.probe()
        self.assertEqual(snapshot.plan, "Pro")
        lines = (Text("Queries", "198 remaining"), Text("Deep Research", "20 remaining"))
        self.assertEqual(snapshot.lines, lines)
        self.assertFalse(any("/groups/" in url for url in self.http.asked))

    def test_list_of_groups(self) -> None:
        """The first group is asked about; a balance may be in any entry of the answer."""
        known = {
            GROUPS: [{"id": "grp-a"}, {"id": "grp-b"}],
            f"{GROUPS}/grp-a": [
                {"customerInfo": {"is_pro": True}},
                {"balance_usd": 6.5},
            ],
            f"{GROUPS}/grp-a/usage-analytics": costs(1),
        }
        self.assert_lines(known, None, credits(1, 6.5))

    def test_quoted(self) -> None:
        """An id that is no part of an address is quoted."""
        self.cache(sent())
        self.serve({GROUPS: {"id": "a/b?c=\ud800"}, LIMITS: {"remaining_pro": 1}})
        self.probe()
        self.assertIn(f"{GROUPS}/a%2Fb%3Fc%3D%3F".removeprefix(SITE), self.http.asked)

    def test_plans(self) -> None:
        """Max goes before Pro, and the group before the user."""
        max_, pro = {"subscription_tier": "max"}, {"subscription_tier": "pro"}
        cases: tuple[tuple[Any, Any, str | None], ...] = (
            ({"is_pro": True, "is_max": True}, None, "Max"),
            ({"is_pro": True, **max_}, None, "Max"),
            ({"is_pro": True}, max_, "Pro"),
            ({"is_pro": False}, max_, "Max"),
            ({"is_pro": "true", "is_max": 1}, pro, "Pro"),
            (pro, None, None),
            ([], {"subscription_tier": "free"}, None),
            ({}, {"subscription_tier": ["pro"]}, None),
            ({}, [pro], None),
        )
        for customer, user, plan in cases:
            known = answers(
                {"customerInfo": customer},
                limits={"remaining_pro": 1},
                user=404 if user is None else user,
            )
            self.assert_lines(known, plan, Text("Queries", "1 remaining"))

    def test_only_counts(self) -> None:
        """Without a balance what is left of the plan is shown alone."""
        group = {"customerInfo": {"is_pro": True, "balance": 0}}
        known = answers(group, costs(0), limits={"remaining_pro": 5})
        self.assert_lines(known, "Pro", Text("Queries", "5 remaining"))


class BalanceTests(SynchronousTestCase):
    """Where a balance is found."""

    def balance(self, body: object) -> object:
        return figures_of(None, body, None, None)["balance"]

    def test_found(self) -> None:
        """The likeliest place goes first; money is read in the ways that it is written."""
        cases: tuple[tuple[object, float | None], ...] = (
            ({"balance": 8.4}, 8.4),
            ({"balance": "8.40"}, 8.4),
            ({"balance": "$1,234.50"}, 1234.5),
            ({"available_credit": "$7.25"}, 7.25),
            ({"prepaidFunds": 3}, 3),
            ({"MyWALLET": {"usd": 2}}, 2),
            ({"balance_usd": 1, "balance": 2}, 1),
            ({"balance": "$3", "pendingBalance": 4}, 4),
            ({"balance": None, "pending_balance": 4}, 4),
            ({"balance": "", "credits": 4}, 4),
            ({"balance": True, "credits": 4}, 4),
            ({"balance": 1, "group": {"balance": 2}}, 2),
            ({"data": {"result": {"item": {"balanceUsd": "5"}}}}, 5),
            ({"customerInfo": {"balance": 8.4}, "credits": 1}, 8.4),
            ({"billing": {"account": {"balance": 6}}}, 6),
            ({"wallet": {"amount_cents": "250"}}, 2.5),
            ({"wallet": {"amount_cents": "1e309"}}, None),
            ({"wallet": {"amount_cents": "1e309", "amount": "$2"}}, 2),
            ({"wallet": {"valueCents": 0}}, 0),
            ({"balance": {"cents": 199, "usd": 5}}, 1.99),
            ({"balance": {"remaining": "1,000"}}, 1000),
            ({"balances": [{"name": "x"}, {"balance": 5}]}, 5),
            ([5, "6", {"balance_usd": 6.5}], 6.5),
            ({"balance": 10**400}, None),
            ({"balance": float("nan")}, None),
            ({"balance": float("inf")}, None),
            ({"other": {"balance": 5}}, None),
            ({}, None),
            ([], None),
            ("5", None),
            (None, None),
        )
        for body, dollars in cases:
            self.assertEqual(self.balance(body), dollars, body)

    def test_deep(self) -> None:
        """What is nested without sense is not followed to the end."""
        body: Any = {"balance": 5}
        for _ in range(900):
            body = {"group": [body]}
        self.assertIsNone(self.balance(body))


class GroupTests(SynchronousTestCase):
    """`group_id_in`."""

    def test_found(self) -> None:
        """The default group's id, else the first, in whatever it is wrapped and named."""
        default = {"id": "b", "is_default_org": True}
        cases: tuple[tuple[object, str | None], ...] = (
            ({"orgs": [{"api_org_id": "grp-77", "is_default_org": True}]}, "grp-77"),
            ([{"id": "a"}, default], "b"),
            ([{"id": "a"}, {"id": "b", "isDefaultOrg": True}], "b"),
            ([{"id": "a"}, {"id": "b", "is_default_org": "true"}], "a"),
            ([{"id": "a"}, {"is_default_org": True}], "a"),
            ([5, None, {"name": "x"}, {"groupId": " c "}], "c"),
            ([{"id": "", "org_id": " ", "orgId": 123.9}], "123"),
            ({"id": "top", "orgs": [default]}, "top"),
            ({"orgs": [], "groups": [{}], "items": [{"group_id": "g"}]}, "g"),
            ({"data": [{"id": 123, "isDefaultOrg": True}]}, "123"),
            ({"id": True, "data": {"id": "x"}}, None),
            ({"id": "x" * 201}, None),
            ({"id": 10**400}, None),
            ([], None),
            ({}, None),
            ("grp", None),
            (None, None),
        )
        for body, group_id in cases:
            self.assertEqual(group_id_in(body), group_id, body)


class TroubleTests(PerplexityTestCase):
    """What is said when there is nothing to show."""

    def test_nothing_answered(self) -> None:
        """Without any of the answers that count the service could not be reached."""
        everything = (f"{SITE}/api/user", GROUPS, LIMITS)
        cases: tuple[tuple[Any, type[ProbeError]], ...] = (
            (404, UnexpectedResponseError),
            (500, UnexpectedResponseError),
            (b"<html>", UnexpectedResponseError),
            (b"5", UnexpectedResponseError),
            (UnexpectedResponseError("too large"), UnexpectedResponseError),
            (UnreachableError("refused"), UnreachableError),
            (ProbeTimeoutError("silence"), ProbeTimeoutError),
        )
        for answer, kind in cases:
            text = self.unseen(dict.fromkeys(everything, answer), kind)
            self.assertEqual(text, UNABLE)
        without_id: tuple[object, ...] = ([{"name": "no id"}], {}, b"<html>")
        for groups in without_id:
            self.assertEqual(self.unseen({GROUPS: groups}), UNABLE)

    def test_refused(self) -> None:
        """A login that is refused is said to be, and not tried with a slash."""
        for status in (401, 403):
            self.cache(sent())
            self.state = MemoryState()
            everything = (f"{SITE}/api/user", GROUPS, LIMITS)
            self.serve(dict.fromkeys(everything, status))
            text = self.failure(TokenExpiredError)
            self.assertTrue(text.startswith("Unable to connect"), text)
            self.assertIn("Sign in via Perplexity app.", text)
            self.assertEqual(self.http.asked, [url.removeprefix(SITE) for url in everything])

    def test_refused_once(self) -> None:
        """Where one answer is enough, those that are refused do not matter."""
        known = {**answers(limits={"remaining_pro": 5}), f"{SITE}/api/user": 401, GROUPS: 403}
        self.assertEqual(self.seen(known).lines, (Text("Queries", "5 remaining"),))

    def test_challenge(self) -> None:
        """A page that wants to see a browser does not speak against the login."""
        page = (403, b"<title>Just a moment...</title>")
        text = self.unseen(dict.fromkeys((f"{SITE}/api/user", GROUPS, LIMITS), page))
        self.assertIn("browser", text)

    def test_rate_limited(self) -> None:
        """After a 429 nothing more is asked, now or before its time."""
        self.cache(sent())
        self.serve({GROUPS: (429, b"", {"Retry-After": "600"})})
        error = self.error(RateLimitedError)
        assert isinstance(error, RateLimitedError)
        self.assertEqual(error.retry_after, 600)
        self.assertEqual(len(self.http.requests), 3)
        self.serve(NOTHING)
        self.clock.advance(599)
        self.failure(RateLimitedError)

    def test_no_lines(self) -> None:
        """With answers that have no figures it is said which are missing."""
        pro = {"is_pro": True}
        cases: tuple[tuple[Answers, str], ...] = (
            (answers({"balance": 4.99}), NO_USAGE),
            (answers({"customerInfo": {**pro, "balance": 4.99}}), NO_USAGE),
            (answers({"customerInfo": {**pro, "balance": 0}}, costs(0)), NO_LIMITS),
            (answers({"customerInfo": pro}), NO_LIMITS),
            (answers({"customerInfo": {**pro, "balance": 0.001}}, costs(0)), NO_LIMITS),
            (answers(user={"subscription_tier": "pro"}), NO_LIMITS),
            (answers({"wallet": {"amount_cents": "1e309"}}, costs(0)), NO_BALANCE),
            (answers({}, costs(0)), NO_BALANCE),
            (answers({"balance": -5}, costs(0)), NO_BALANCE),
            (answers(user={}), NO_BALANCE),
            (answers(limits={}), NO_BALANCE),
            (answers(limits=[{"remaining_pro": 5}]), NO_BALANCE),
        )
        for known, text in cases:
            self.assertEqual(self.unseen(known), text, known)

    def test_remembered(self) -> None:
        """Within a minute nothing is asked again, also after a restart; only figures are kept."""
        self.cache(sent())
        known = answers(
            {"customerInfo": {"is_pro": True, "balance": 8.4, "email": "ada@planted.example"}},
            costs(0.12),
            limits={"remaining_pro": 190},
        )
        self.serve(known)
        first = self.probe()
        self.serve(NOTHING)
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.assertEqual(self.http.requests, [])
        kept = json.dumps([*self.state.values.values()])
        self.assertIn("8.4", kept)
        for secret in ("planted", "PLANTED", "grp"):
            self.assertNotIn(secret, kept)


wild = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.just(10**400),
        st.text(max_size=6),
        st.floats(0, 1e6).map(str),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                (
                    *("group", "data", "customerInfo", "wallet", "balance", "balance_usd"),
                    *("amount_cents", "usd", "is_pro", "subscription_tier", "orgs", "id"),
                    *("meter_event_summaries", "cost", "remaining_pro", "remaining_labs"),
                    "available_credit",
                )
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


class AnythingTests(SynchronousTestCase):
    """The mapping of whatever the service says."""

    @settings(deadline=None, max_examples=100)
    @given(wild, wild, wild, wild)
    def test_answers(self, user: Any, group: Any, analytics: Any, limits: Any) -> None:
        """Any answers become lines, and the same lines when they were remembered."""
        group_id = group_id_in(group)
        self.assertTrue(group_id is None or group_id.strip())
        figures = figures_of(user, group, analytics, limits)
        again = json.loads(json.dumps(figures, allow_nan=False))
        self.assertEqual(figure_lines(again), figure_lines(figures))

    @settings(deadline=None, max_examples=100)
    @given(wild, wild, wild)
    def test_remembered(self, balance: Any, usage: Any, limits: Any) -> None:
        """What the disk holds may be anything too."""
        lines = figure_lines({"balance": balance, "usage": usage, "limits": limits})
        self.assertLessEqual(len(lines), 5)
