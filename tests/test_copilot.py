"""Probes of the Copilot provider, from stored token to snapshot.

Where the original app shows an unlimited or empty bucket as a meter, these tests hold that none is
shown; its labels and its rounding of free accounts stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host import Visit
from openusage.host.files import Files
from openusage.host.state import FileState
from openusage.model import (
    Badge,
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
from openusage.providers.copilot import Copilot
from openusage.providers.copilot.mapping import plan_name, usage_lines
from openusage.providers.interface import IProvider, Provider
from openusage.testing import NOW, FakeHttp, MemoryState, run_inline
from tests.probes import ProbeTestCase
from tests.test_copilot_credentials import APPS, GH, HOSTS, SERVICE, apps

USER = "https://api.github.com/copilot_internal/user"
ORGANIZATIONS = "https://api.github.com/user/orgs?per_page=100"
TOKEN = "gho_PLANTED0123456789"
OTHER = "ghu_PLANTED9876543210"
RESET = "2099-01-15T00:00:00Z"
RESETS_AT = datetime(2099, 1, 15, tzinfo=timezone.utc)
FEBRUARY = datetime(2026, 2, 11, tzinfo=timezone.utc)
NO_DATA = Badge("Status", "No usage data", "#a3a3a3")
NOTHING_LEFT_TO_SAY = "Copilot usage data is unavailable for this account."
INVALID = "Usage response invalid. Try again later."
REFUSED = "Token invalid. Run `gh auth login` to re-authenticate."

UNLIMITED = {"entitlement": -1, "remaining": -1, "percent_remaining": 100.0, "unlimited": True}
NONE_AT_ALL = {"entitlement": 0, "remaining": 0, "percent_remaining": 0.0, "unlimited": False}
SEAT = {
    "copilot_plan": "business",
    "token_based_billing": True,
    "quota_snapshots": {"premium_interactions": NONE_AT_ALL, "chat": UNLIMITED},
}


def billing(organization: str) -> str:
    """Where an organization's use is told."""
    return f"https://api.github.com/orgs/{organization}/settings/billing/usage/summary"


def item(quantity: object = 812.5, amount: object = 3.2, **more: object) -> dict[str, object]:
    """One entry of an organization's use."""
    entry = {"product": "Copilot", "unitType": "ai-credits"}
    return {**entry, "grossQuantity": quantity, "netAmount": amount, **more}


def bucket(percent: object, **more: object) -> dict[str, object]:
    """A bucket of which so much is left."""
    return {"percent_remaining": percent, "entitlement": 300, "unlimited": False, **more}


def paid(**buckets: object) -> dict[str, object]:
    """The answer for a paid account."""
    return {"copilot_plan": "pro", "quota_reset_date": RESET, "quota_snapshots": buckets}


def free(left: object, totals: object, **more: object) -> dict[str, object]:
    """The answer for a free account, as it used to be."""
    return {
        "copilot_plan": "individual",
        "limited_user_quotas": left,
        "monthly_quotas": totals,
        "limited_user_reset_date": "2026-02-11",
        **more,
    }


def bar(label: str, used: float, resets_at: datetime | None = RESETS_AT) -> Progress:
    """A meter of a month."""
    return Progress(label, used, 100, resets_at=resets_at, period_ms=2_592_000_000)


class ForgetfulState(MemoryState):
    """A state on a disk that is full."""

    async def write(self, value: dict[str, Any]) -> None:
        """Keep nothing."""


class Case(ProbeTestCase):
    """A machine with an editor that is logged in."""

    provider = Copilot()

    def setUp(self) -> None:
        super().setUp()
        self.apps = self.write(APPS, apps(TOKEN))
        self.gh = self.home / GH

    def user(self, status: int = 200, body: Any = b"", **headers: str) -> None:
        """Queue an answer on the account."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.http.reply("GET", USER, status, body, named)

    def lines(self, body: Mapping[str, Any]) -> list[Line]:
        """The lines that come of an answer, a minute after the one before."""
        self.clock.advance(60)
        self.user(body=body)
        return list(self.probe().lines)

    def sent(self) -> list[str]:
        """The tokens of all requests so far."""
        return [
            request.headers["authorization"].removeprefix("token ")
            for request in self.http.requests
        ]

    def asked(self) -> list[str]:
        """The addresses of all requests so far."""
        return [request.url for request in self.http.requests]


class InterfaceTests(SynchronousTestCase):
    """`Copilot` as a provider."""

    def test_provider(self) -> None:
        """It is a provider, for zope.interface and for the type checker."""
        provider: Provider = Copilot()

        self.assertTrue(verifyObject(IProvider, provider))
        self.assertEqual((provider.id, provider.name), ("copilot", "Copilot"))
        self.assertEqual(provider.brand_color, "#A855F7")

    def test_resources(self) -> None:
        """Each limit has its key."""
        keys = {line.label: line.resource for line in Copilot().lines if line.resource}

        self.assertEqual(
            keys,
            {
                "Premium": "premiumCredits",
                "Extra Usage": "extraUsage",
                "Chat": "chat",
                "Completions": "completions",
                "Org Credits": "orgCredits",
                "Org Spend": "orgSpend",
            },
        )


class RequestTests(Case):
    """What GitHub is sent, and how its answers are taken."""

    def test_headers(self) -> None:
        """The token goes as `token`, with the headers of an editor that names us too."""
        self.user(body=paid(chat=bucket(50)))
        self.probe()

        (request,) = self.http.requests
        self.assertEqual((request.method, request.url, request.timeout), ("GET", USER, 10.0))
        self.assertEqual(
            request.headers,
            {
                "authorization": f"token {TOKEN}",
                "accept": "application/json",
                "editor-version": "vscode/1.96.2",
                "editor-plugin-version": "copilot-chat/0.26.7",
                "user-agent": "GitHubCopilotChat/0.26.7 (compatible; openusage/0)",
                "x-github-api-version": "2025-04-01",
            },
        )

    def test_failures(self) -> None:
        """Each failure is told in its class and words."""
        offline = "Usage request failed. Check your connection."
        for status, body, kind, message in (
            (401, b"", TokenExpiredError, REFUSED),
            (403, b"", TokenExpiredError, REFUSED),
            (
                500,
                b"",
                UnexpectedResponseError,
                "Usage request failed (HTTP 500). Try again later.",
            ),
            (
                404,
                b"",
                UnexpectedResponseError,
                "Usage request failed (HTTP 404). Try again later.",
            ),
            (200, b"not-json", UnexpectedResponseError, INVALID),
            (200, b"[]", UnexpectedResponseError, INVALID),
            (200, {"message": "hello"}, UnexpectedResponseError, INVALID),
            (200, {"quota_snapshots": 5}, UnexpectedResponseError, INVALID),
            (UnreachableError("refused"), b"", UnreachableError, offline),
            (ProbeTimeoutError("silence"), b"", ProbeTimeoutError, offline),
        ):
            with self.subTest(status=status, body=body):
                self.clock.advance(61)
                if isinstance(status, ProbeError):
                    self.http.fail("GET", USER, status)
                else:
                    self.user(status, body)
                self.assertEqual(self.error(kind).message, message)

    def test_rate_limited(self) -> None:
        """After a 429 nothing is sent before the time that GitHub named."""
        self.user(429, retry_after="600")
        self.assertEqual(self.error(RateLimitedError).message[:26], "Usage request rate limited")
        self.clock.advance(590)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 1)

        self.clock.advance(11)
        self.user(body=paid(chat=bucket(50)))
        self.probe()

    def test_spacing(self) -> None:
        """Within a minute the figures are shown again, as old as they are."""
        self.user(body={**paid(chat=bucket(50)), "token_based_billing": False})
        first = self.probe()
        self.clock.advance(59)

        self.assertEqual(self.probe(), first)
        self.assertEqual(len(self.http.requests), 1)

    def test_kept(self) -> None:
        """Of an answer only the figures get to the disk."""
        body = {**paid(chat=bucket(50, quota_id="id-PLANTED")), "login": "ada-PLANTED"}
        self.user(body=body)
        self.probe()

        self.assertNotIn("PLANTED", json.dumps(list(self.state.values.values())))

    def test_cancelled(self) -> None:
        """A probe that is cancelled while it waits ends."""
        self.http.hang("GET", USER)
        work = self.start()
        self.assertNoResult(work)
        work.cancel()
        self.failureResultOf(work)


class SourcesTests(Case):
    """Which tokens are tried."""

    def test_nothing(self) -> None:
        """Without a token the error says where was looked and what to run; nothing is sent."""
        self.apps.unlink()

        message = self.error(NotLoggedInError).message

        self.assertTrue(message.startswith("Not logged in. Run `gh auth login`"), message)
        for place in (
            "~/.config/github-copilot/apps.json",
            "~/.config/gh/hosts.yml",
            "gh:github.com",
            "COPILOT_GITHUB_TOKEN",
        ):
            self.assertIn(place, message)
        self.assertEqual(self.http.requests, [])

    def test_next(self) -> None:
        """A refused token makes way for the next one, and nothing is written."""
        for status in (401, 403):
            with self.subTest(status=status):
                self.setUp()
                self.write(GH, HOSTS.format(token=OTHER))
                self.user(status)
                self.user(body=paid(chat=bucket(50)))
                before = {path: path.read_bytes() for path in (self.apps, self.gh)}

                self.assertEqual(self.probe().lines, (bar("Chat", 50),))

                self.assertEqual(self.sent(), [TOKEN, OTHER])
                self.assertEqual({path: path.read_bytes() for path in before}, before)
                self.assertEqual((self.keychain.saved, self.keychain.asked), ([], []))

    def test_next_trouble(self) -> None:
        """Trouble with the next token is what is told."""
        self.write(GH, HOSTS.format(token=OTHER))
        self.user(401)
        self.http.fail("GET", USER, UnreachableError("reset"))

        self.failure(UnreachableError)

    def test_all_refused(self) -> None:
        """When all are refused, that is told, and none of them is asked with again at once."""
        self.write(GH, HOSTS.format(token=OTHER))
        self.user(401)
        self.user(403)

        self.assertEqual(self.error(TokenExpiredError).message, REFUSED)
        self.assertEqual(self.error(TokenExpiredError).message, REFUSED)
        self.assertEqual(self.sent(), [TOKEN, OTHER])

    def test_second_stays(self) -> None:
        """Within a minute the second token's figures are shown again, without a request."""
        self.write(GH, HOSTS.format(token=OTHER))
        self.user(401)
        self.user(body=paid(chat=bucket(50)))

        self.assertEqual(self.probe(), self.probe())
        self.assertEqual(len(self.http.requests), 2)

    def test_same_token(self) -> None:
        """The same token at another place is not sent a second time, even if nothing is kept."""
        self.state = ForgetfulState()
        self.write(GH, HOSTS.format(token=TOKEN))
        self.keychain.items[(SERVICE, "octocat")] = TOKEN
        self.user(401)

        self.failure(TokenExpiredError)

        self.assertEqual(self.sent(), [TOKEN])

    def test_keychain(self) -> None:
        """A token in the keychain will do."""
        self.apps.unlink()
        self.keychain.items[(SERVICE, "")] = OTHER
        self.user(body=paid(chat=bucket(50)))

        self.probe()

        self.assertEqual(self.sent(), [OTHER])

    def test_other_trouble(self) -> None:
        """Anything but a refusal is no reason to try another token."""
        self.write(GH, HOSTS.format(token=OTHER))
        self.user(500)

        self.failure(UnexpectedResponseError)

        self.assertEqual(self.sent(), [TOKEN])

    def test_watched(self) -> None:
        """All files that may hold a login are watched, there or not."""
        self.user(body=paid(chat=bucket(50)))
        host = self.host()
        self.probe(host)

        self.assertEqual(
            host.visit.watched, {self.apps, self.apps.with_name("hosts.json"), self.gh}
        )

    def test_new_token(self) -> None:
        """A new token need not wait because an old one was refused."""
        self.user(401)
        self.failure(TokenExpiredError)
        self.write(APPS, apps(OTHER))
        self.user(body=paid(chat=bucket(50)))

        self.probe()

        self.assertEqual(self.sent(), [TOKEN, OTHER])


class PaidTests(Case):
    """Buckets in percent."""

    def test_lines(self) -> None:
        """The meters in their order, each of a month."""
        body = paid(completions=bucket(99.4), chat=bucket(95), premium_interactions=bucket(80))
        self.user(body=body)

        snapshot = self.probe()

        self.assertEqual(snapshot.plan, "Pro")
        self.assertEqual(
            snapshot.lines, (bar("Premium", 20), bar("Chat", 5), bar("Completions", 0.6))
        )
        self.assertEqual(snapshot.fetched_at, NOW)

    def test_values(self) -> None:
        """What is left becomes what is used, within 0 and 100; what is no number is left out."""
        for left, used in (
            (bucket(80), 20),
            (bucket(120), 0),
            (bucket(-5), 100),
            (bucket(91.0), 9),
            (bucket(0), 100),
            (bucket(1e308), 0),
            (bucket(-(10**300)), 100),
            (bucket(None, remaining=75), 75),
            (bucket("80", remaining=75), 75),
            (bucket(None, remaining=-7), 100),
            (bucket(None, remaining=1e308, entitlement=1e-300), 0),
            (bucket(None), None),
            (bucket("80"), None),
            (bucket(True), None),
            (bucket(10**400), None),
            (bucket(None, remaining=5, entitlement=None), None),
            (bucket(None, remaining=5, entitlement=-3), None),
        ):
            with self.subTest(left=left):
                expected = [] if used is None else [bar("Chat", used)]
                lines = self.lines(paid(chat=left, completions=bucket(50)))
                self.assertEqual(lines, [*expected, bar("Completions", 50)])

    def test_no_meter(self) -> None:
        """What is without limit, or of which the plan has nothing, is no meter."""
        for hidden in (
            UNLIMITED,
            bucket(100, unlimited=True),
            bucket(100, entitlement=-1),
            bucket(100, remaining=-1),
            bucket(0, entitlement=0),
            NONE_AT_ALL,
        ):
            with self.subTest(hidden=hidden):
                body = paid(premium_interactions=bucket(41), chat=hidden, completions=hidden)
                self.assertEqual(self.lines(body), [bar("Premium", 59)])
                body = paid(premium_interactions=hidden, chat=bucket(80))
                self.assertEqual(self.lines(body), [bar("Chat", 20)])

    def test_both_shapes(self) -> None:
        """With a meter of the newer kind the older counts are not shown beside it."""
        counts = free({"chat": 1, "completions": 1}, {"chat": 2, "completions": 2})
        body = {**counts, **paid(premium_interactions=bucket(41), chat=UNLIMITED)}

        self.assertEqual(self.lines(body), [bar("Premium", 59)])

    def test_free_today(self) -> None:
        """A free account as it is now has no premium requests to show."""
        body = paid(
            premium_interactions=NONE_AT_ALL,
            chat=bucket(91.0, entitlement=200, remaining=182),
            completions=bucket(99.4, entitlement=2000, remaining=1989),
        )

        self.assertEqual(self.lines(body), [bar("Chat", 9), bar("Completions", 0.6)])

    def test_overage(self) -> None:
        """What was used beyond is counted where that is permitted and there is a meter."""
        for more, value in (
            ({"overage_permitted": True, "overage_count": 36}, "36"),
            ({"overage_permitted": True, "overage_count": 0}, "0"),
            ({"overage_permitted": True, "overage_count": 2.25}, "2.3"),
            ({"overage_permitted": True, "overage_count": 1e308}, "1e+308"),
            ({"overage_permitted": True, "overage_count": -1}, None),
            ({"overage_permitted": True}, None),
            ({"overage_permitted": False, "overage_count": 36}, None),
            ({"overage_permitted": "true", "overage_count": 36}, None),
        ):
            with self.subTest(more=more):
                lines = self.lines(paid(chat=bucket(50), premium_interactions=bucket(41, **more)))
                extra = [] if value is None else [Text("Extra Usage", value)]
                self.assertEqual(lines, [bar("Premium", 59), *extra, bar("Chat", 50)])
        beyond = {"overage_permitted": True, "overage_count": 36}
        body = paid(premium_interactions={**NONE_AT_ALL, **beyond}, chat=bucket(50, **beyond))
        self.assertEqual(self.lines(body), [bar("Chat", 50)])

    def test_resets(self) -> None:
        """The reset is the date that is given, else that of the limited kind, else unknown."""
        for dates, expected in (
            ({"quota_reset_date": RESET}, RESETS_AT),
            ({"quota_reset_date": "2099-01-15"}, RESETS_AT),
            (
                {"quota_reset_date": None, "limited_user_reset_date": "2026-02-11"},
                FEBRUARY,
            ),
            ({"quota_reset_date": "soon"}, None),
            ({"quota_reset_date": None}, None),
        ):
            with self.subTest(dates=dates):
                lines = self.lines({**paid(chat=bucket(50)), **dates})
                self.assertEqual(lines, [bar("Chat", 50, expected)])


class FreeTests(Case):
    """Counts of a free account, as they used to be."""

    def test_lines(self) -> None:
        """Shares are rounded to whole percent."""
        for chat, completions, expected in (
            ((410, 500), (4000, 4000), (18, 0)),
            ((250, 500), (2000, 4000), (50, 50)),
            ((320, 500), (3100, 4000), (36, 23)),
            ((600, 500), (-1, 4000), (0, 100)),
        ):
            with self.subTest(chat=chat):
                left = {"chat": chat[0], "completions": completions[0]}
                totals = {"chat": chat[1], "completions": completions[1]}
                self.assertEqual(
                    self.lines(free(left, totals)),
                    [
                        bar("Chat", expected[0], FEBRUARY),
                        bar("Completions", expected[1], FEBRUARY),
                    ],
                )

    def test_unusable(self) -> None:
        """A count without a total, or that is none, is no meter."""
        for left, totals in (
            ({"chat": 10, "completions": "x"}, {"chat": 0, "completions": 0}),
            ({"chat": 10}, {"completions": 5}),
            ({"chat": 10}, {"chat": -5}),
            ({"chat": None}, {"chat": 5}),
            (None, {"chat": 5}),
            ({"chat": 5}, None),
        ):
            with self.subTest(left=left, totals=totals):
                self.assertEqual(self.lines(free(left, totals)), [NO_DATA])


class NothingTests(Case):
    """Answers without figures."""

    def test_no_quotas(self) -> None:
        """An account without any quotas has a badge, and its plan all the same."""
        for body, plan in (
            ({"copilot_plan": "free"}, "Free"),
            ({"copilot_plan": None}, None),
            ({"copilot_plan": "free", "quota_snapshots": {}}, "Free"),
            ({"copilot_plan": "free", "quota_snapshots": None}, "Free"),
        ):
            with self.subTest(body=body):
                self.clock.advance(60)
                self.user(body=body)
                snapshot = self.probe()
                self.assertEqual((snapshot.lines, snapshot.plan), ((NO_DATA,), plan))

    def test_all_hidden(self) -> None:
        """An account whose buckets are all without limit, or empty, has no usage to show."""
        self.user(body=paid(premium_interactions=NONE_AT_ALL, chat=UNLIMITED))

        self.assertEqual(self.error(NotAvailableError).message, NOTHING_LEFT_TO_SAY)
        self.assertEqual(self.error(NotAvailableError).message, NOTHING_LEFT_TO_SAY)
        self.assertEqual(len(self.http.requests), 1)

    def test_plans(self) -> None:
        """The plan in words, whichever way GitHub joins them."""
        for plan, expected in (
            ("pro", "Pro"),
            ("business plus", "Business Plus"),
            ("individual_pro", "Individual Pro"),
            ("individual-PRO", "Individual Pro"),
            (" free ", "Free"),
            ("", None),
            ("_", None),
            (None, None),
            (7, None),
        ):
            with self.subTest(plan=plan):
                self.assertEqual(plan_name(plan), expected)


class OrganizationTests(Case):
    """Seats that an organization pays by use."""

    def seat(self, **more: object) -> None:
        """Queue the answer for a seat without quotas, a minute later."""
        self.clock.advance(60)
        self.user(body={**SEAT, **more})

    def organizations(self, *logins: object, status: int = 200) -> None:
        """Queue the list of the person's organizations."""
        self.http.reply("GET", ORGANIZATIONS, status, [{"login": login} for login in logins])

    def billing(self, organization: str, *items: object, status: int = 200) -> None:
        """Queue what an organization tells of its use."""
        self.http.reply("GET", billing(organization), status, {"usageItems": list(items)})

    def test_requests(self) -> None:
        """The organizations are asked for with the same token, as the public API has it."""
        self.seat()
        self.organizations("acme")
        self.billing("acme", item())
        self.probe()

        self.assertEqual(self.asked(), [USER, ORGANIZATIONS, billing("acme")])
        for request in self.http.requests[1:]:
            self.assertEqual(request.timeout, 15.0)
            self.assertEqual(
                request.headers,
                {
                    "authorization": f"token {TOKEN}",
                    "accept": "application/vnd.github+json",
                    "user-agent": "openusage/0",
                    "x-github-api-version": "2022-11-28",
                },
            )

    def test_lines(self) -> None:
        """Credits used by the person, then what the organization used and pays."""
        used = {"premium_interactions": {**NONE_AT_ALL, "credits_used": 41.25}}
        self.seat(quota_snapshots=used)
        self.organizations("acme")
        self.billing("acme", item(812.5, 1000), item(100, 234.5), item(1, 1, product="Actions"))

        snapshot = self.probe()

        self.assertEqual(snapshot.plan, "Business")
        self.assertEqual(
            snapshot.lines,
            (
                Text("Premium", "41.3 credits"),
                Text("Org Credits", "912.5 credits"),
                Text("Org Spend", "$1,234.50"),
            ),
        )

    def test_items(self) -> None:
        """Only credits of Copilot count, in whichever case, and nothing below nothing."""
        for items, expected in (
            ([item(5, 2, product=" COPILOT ")], ["5 credits", "$2.00"]),
            ([item(5, 2, unitType="ai-units")], ["5 credits", "$2.00"]),
            ([item(-5, -2)], ["0 credits", "$0.00"]),
            ([item(5, None)], ["5 credits"]),
            ([item("5", True)], []),
            ([item(1e308, 1), item(1e308, 1)], ["$2.00"]),
            ([item(), 7, None, "x"], ["812.5 credits", "$3.20"]),
            ([item(product="Actions")], []),
            ([item(unitType="seats")], []),
            ([item(unitType=None)], []),
            ([], []),
        ):
            with self.subTest(items=items):
                self.setUp()
                self.seat()
                self.organizations("acme")
                self.billing("acme", *items)
                texts = [line.value for line in self.probe().lines if isinstance(line, Text)]
                self.assertEqual(texts, expected)

    def test_plan_only(self) -> None:
        """Whatever keeps the organization's figures back, the plan is shown and no error."""
        for status in (401, 403, 404, 429, 500):
            with self.subTest(status=status):
                self.setUp()
                self.seat()
                self.organizations("acme")
                self.billing("acme", status=status)
                snapshot = self.probe()
                self.assertEqual((snapshot.plan, snapshot.lines), ("Business", (NO_DATA,)))
            with self.subTest(status=status, of="the list"):
                self.setUp()
                self.seat()
                self.organizations("acme", status=status)
                self.assertEqual(self.probe().lines, (NO_DATA,))
                self.assertEqual(self.asked(), [USER, ORGANIZATIONS])

    def test_odd_lists(self) -> None:
        """What is no list of organizations is none; a name that is no name is not asked for."""
        for body in (b"{", {"login": "acme"}, [7, None], [{"login": "a/../b"}], [{"login": ""}]):
            with self.subTest(body=body):
                self.setUp()
                self.seat()
                self.http.reply("GET", ORGANIZATIONS, 200, body)
                self.assertEqual(self.probe().lines, (NO_DATA,))
                self.assertEqual(self.asked(), [USER, ORGANIZATIONS])

    def test_next_one(self) -> None:
        """An organization that fails, refuses or has nothing makes way for the next one."""
        self.seat()
        self.organizations("broken", "closed", "none", "acme", "unasked")
        self.billing("broken", status=500)
        self.billing("closed", status=403)
        self.billing("none", item(product="Actions"))
        self.billing("acme", item())

        self.assertEqual(len(self.probe().lines), 2)
        self.assertNotIn(billing("unasked"), self.asked())

    def test_given_up(self) -> None:
        """Without a connection, and after a 429, no other organization is asked."""
        for trouble in (429, UnreachableError("reset")):
            with self.subTest(trouble=trouble):
                self.setUp()
                self.seat()
                self.organizations("one", "two")
                if isinstance(trouble, int):
                    self.billing("one", status=trouble)
                else:
                    self.http.fail("GET", billing("one"), trouble)
                self.assertEqual(self.probe().lines, (NO_DATA,))
                self.assertNotIn(billing("two"), self.asked())

    def test_not_too_many(self) -> None:
        """Of very many organizations the first twenty are asked."""
        self.seat()
        self.organizations(*(f"org-{number:02}" for number in range(40)))
        for number in range(20):
            self.billing(f"org-{number:02}", status=403)

        self.assertEqual(self.probe().lines, (NO_DATA,))

        self.assertEqual(len(self.http.requests), 22)

    def test_remembered(self) -> None:
        """The organization that told is asked straight away the next time."""
        self.seat()
        self.organizations("other", "acme")
        self.billing("other", status=404)
        self.billing("acme", item(5, 2))
        self.probe()
        self.http.requests.clear()

        self.seat()
        self.billing("acme", item(6, 2))
        snapshot = self.probe()

        self.assertEqual(snapshot.lines[0], Text("Org Credits", "6 credits"))
        self.assertEqual(self.asked(), [USER, billing("acme")])

    def test_forgotten(self) -> None:
        """One that has no credits any more, or tells no more of them, is looked for anew."""
        for status in (200, 403, 404):
            with self.subTest(status=status):
                self.setUp()
                self.seat()
                self.organizations("acme")
                self.billing("acme", item())
                self.probe()

                self.seat()
                self.billing("acme", status=status)
                self.organizations("acme", "other")
                self.billing("other", item(7, 1))
                self.assertEqual(self.probe().lines[0], Text("Org Credits", "7 credits"))

                self.seat()
                self.billing("other", item(8, 1))
                self.assertEqual(self.probe().lines[0], Text("Org Credits", "8 credits"))
                self.assertEqual(self.http.left, [])

    def test_forgotten_for_none(self) -> None:
        """One that is gone is not asked again before it is found again."""
        self.seat()
        self.organizations("acme")
        self.billing("acme", item())
        self.probe()
        self.seat()
        self.billing("acme", status=404)
        self.organizations("acme")
        self.assertEqual(self.probe().lines, (NO_DATA,))
        self.http.requests.clear()

        self.seat()
        self.organizations()
        self.probe()

        self.assertEqual(self.asked(), [USER, ORGANIZATIONS])

    def test_kept_in_trouble(self) -> None:
        """One that has trouble is kept, though nothing is shown of it this time."""
        for trouble in (429, 500, UnreachableError("reset")):
            with self.subTest(trouble=trouble):
                self.setUp()
                self.seat()
                self.organizations("acme")
                self.billing("acme", item())
                self.probe()

                self.seat()
                if isinstance(trouble, int):
                    self.billing("acme", status=trouble)
                else:
                    self.http.fail("GET", billing("acme"), trouble)
                self.assertEqual(self.probe().lines, (NO_DATA,))

                self.seat()
                self.billing("acme", item())
                self.assertEqual(len(self.probe().lines), 2)
                self.assertEqual(self.http.left, [])

    def test_spacing(self) -> None:
        """Within a minute the organization's figures are shown again, without a request."""
        self.seat()
        self.organizations("acme")
        self.billing("acme", item())

        self.assertEqual(self.probe(), self.probe())
        self.assertEqual(len(self.http.requests), 3)

    def test_no_seat(self) -> None:
        """Whoever has a meter, or pays alone, makes no organization be asked."""
        chat = paid(premium_interactions=NONE_AT_ALL, chat=bucket(80))
        for body in (
            {**chat, "token_based_billing": True},
            {**paid(premium_interactions=bucket(41)), "token_based_billing": True},
            {**chat, "token_based_billing": False},
            {**free({"chat": 1}, {"chat": 2}), "token_based_billing": True},
        ):
            with self.subTest(body=body):
                self.lines(body)
                self.assertEqual(set(self.asked()), {USER})

    def test_no_credits_of_others(self) -> None:
        """What the account's answer says of an organization is not taken for its figures."""
        self.seat(organization={"credits": 5})
        self.organizations()

        self.assertEqual(self.probe().lines, (NO_DATA,))

    def test_private(self) -> None:
        """An organization's name is in no log, note, error or snapshot."""
        self.seat()
        self.organizations("acme-PLANTED")
        self.billing("acme-PLANTED", item())
        host = self.host()
        with capturedLogs() as events:
            snapshot = self.probe(host)

        for text in (repr(snapshot), repr(host.visit.notes), *map(eventAsText, events)):
            self.assertNotIn("PLANTED", text)

    def test_restart(self) -> None:
        """The organization is remembered over a restart, in a file for the owner alone."""
        file = self.home / "state.json"
        for restart in (False, True):
            self.seat()
            if not restart:
                self.organizations("acme")
            self.billing("acme", item())
            visit = Visit()
            host = self.host(visit=visit, state=FileState(file, Files(run_inline), visit))
            self.assertEqual(len(self.probe(host).lines), 2)

        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(TOKEN, file.read_text())


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from((-1, 0, 1, 100, 10**400, -1e308, 1e308, float("nan"), float("inf"))),
    st.floats(),
    st.text(max_size=6),
    st.just(RESET),
)
WILD = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
BUCKET = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            "entitlement",
            "remaining",
            "percent_remaining",
            "unlimited",
            "overage_count",
            "overage_permitted",
            "credits_used",
        ),
        LEAVES,
    ),
)
COUNTS = st.fixed_dictionaries({}, optional={"chat": LEAVES, "completions": LEAVES}) | WILD
BODY = st.fixed_dictionaries(
    {},
    optional={
        "copilot_plan": WILD,
        "quota_reset_date": WILD,
        "limited_user_reset_date": WILD,
        "token_based_billing": LEAVES,
        "quota_snapshots": WILD
        | st.fixed_dictionaries(
            {},
            optional={
                "premium_interactions": BUCKET | WILD,
                "chat": BUCKET | WILD,
                "completions": BUCKET,
            },
        ),
        "limited_user_quotas": COUNTS,
        "monthly_quotas": COUNTS,
        "organization": WILD | st.fixed_dictionaries({"credits": LEAVES, "spend": LEAVES}),
    },
)


class WildTests(Case):
    """What GitHub has never said."""

    @settings(deadline=None, max_examples=100)
    @given(BODY)
    def test_mapping(self, body: dict[str, Any]) -> None:
        """Whatever an answer holds there are lines or none, never an exception."""
        for line in usage_lines(body):
            self.assertIsInstance(line, (Progress, Text))
        plan_name(body.get("copilot_plan"))

    @settings(deadline=None, max_examples=60)
    @given(BODY | WILD)
    def test_probe(self, body: object) -> None:
        """Any answer makes a snapshot or a `ProbeError`, and the same one a moment later."""
        self.state.values.clear()
        http = self.http = FakeHttp()
        http.reply("GET", USER, 200, json.dumps(body))
        http.reply("GET", ORGANIZATIONS, 200, [{"login": "acme"}])
        http.reply("GET", billing("acme"), 200, json.dumps({"usageItems": body}))
        ended: list[Any] = []
        for _ in range(2):
            self.start().addBoth(ended.append)
        first, second = (getattr(result, "value", result) for result in ended)
        self.assertIsInstance(first, (Snapshot, ProbeError))
        self.assertEqual(str(first), str(second))
