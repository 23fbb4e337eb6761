"""Tests for `openusage.providers.grok`."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host.files import Files
from openusage.model import (
    Badge,
    BarChart,
    Line,
    NotLoggedInError,
    Progress,
    RateLimitedError,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.grok import Grok
from openusage.providers.grok.billing import _SHAPE, usage_lines
from openusage.providers.grok.credentials import EXPIRED
from openusage.providers.interface import IProvider, Provider
from openusage.providers.shape import cut
from openusage.sessionlogs import Day, History, LocalSessionLogs
from openusage.sessionlogs.grok import GROK
from openusage.testing import (
    NOW,
    FakeHttp,
    MemoryState,
    run_inline,
)
from tests.probes import ProbeTestCase

BILLING = "https://cli-chat-proxy.grok.com/v1/billing"
CREDITS = f"{BILLING}?format=credits"
SETTINGS = "https://cli-chat-proxy.grok.com/v1/settings"
TOKEN = "https://auth.x.ai/oauth2/token"
OLD, NEW, OTHER = "at-grok-old-1234567890", "at-grok-new-1234567890", "at-grok-other-123456"
OLD_REFRESH, NEW_REFRESH = "rt-grok-old-1234567890", "rt-grok-new-1234567890"
FILE = ".grok/auth.json"
SCOPE = "https://auth.x.ai::client-in-scope"
LEGACY_SCOPE = "https://accounts.x.ai/sign-in"

NOT_LOGGED_IN = "Grok not logged in. Run `grok login`."
INVALID = "Grok auth invalid. Run `grok login` again."
CHANGED = "Grok billing response changed."

START, END = "2026-11-20T05:10:11.120000+00:00", "2026-11-27T05:10:11.120000+00:00"
RESETS_AT = datetime(2026, 11, 27, 5, 10, 11, 120000, tzinfo=timezone.utc)
WEEK = 604_800_000
DISABLED = Badge("Pay as you go", "Disabled", "#a3a3a3")
WEEKLY = {
    "config": {
        "creditUsagePercent": 41.5,
        "currentPeriod": {"type": "USAGE_PERIOD_TYPE_WEEKLY", "start": START, "end": END},
        "onDemandCap": {"val": 500},
        "onDemandUsed": {"val": 0},
        "prepaidBalance": {"val": 0},
        "billingPeriodEnd": END,
    }
}
MONTHLY = {
    "config": {
        "monthlyLimit": {"val": 60000},
        "used": {"val": 4277},
        "onDemandCap": {"val": 0},
        "billingPeriodStart": "2026-11-01T00:00:00+00:00",
        "billingPeriodEnd": "2026-12-01T00:00:00+00:00",
        "history": [{"billingCycle": {"year": 2026, "month": 10}, "totalUsed": {"val": 900}}],
    }
}
PLAN = {"subscription_tier_display": " SuperGrok Heavy ", "email": "ada@example.com"}


def jwt(**claims: Any) -> str:
    """A token that says so."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({}, claims))
    return ".".join([*(part.rstrip("=") for part in parts), "signature"])


def iso(hours: float) -> str:
    """The instant so many hours from now."""
    return (NOW + timedelta(hours=hours)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry(hours: float | None = 24, **more: Any) -> dict[str, Any]:
    """A login that expires in so many hours; `None` in `more` takes a field away."""
    known = {
        "key": OLD,
        "refresh_token": OLD_REFRESH,
        "expires_at": None if hours is None else iso(hours),
        "oidc_client_id": "client-id",
        "user_id": "u-1",
        "email": "ada@example.com",
        "custom_field": {"kept": True},
        **more,
    }
    return {key: value for key, value in known.items() if value is not None}


def changed(config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An answer with other parts; `...` takes one away."""
    merged = {**config["config"], **more}
    return {"config": {key: value for key, value in merged.items() if value is not ...}}


class Case(ProbeTestCase):
    """A person's machine for `Grok`."""

    provider = Grok()

    def setUp(self) -> None:
        super().setUp()
        self.file = self.home / FILE

    def stored(self) -> Any:
        """What the file holds now."""
        return json.loads(self.file.read_text())

    def answer(self, body: Any = WEEKLY, status: int = 200, plan: Any = PLAN) -> None:
        """Queue an answer to the newer question, and one about the plan."""
        self.http.reply("GET", CREDITS, status, body)
        if status == 200 and plan is not None:
            self.http.reply("GET", SETTINGS, 200, plan)

    def bought(self, status: int = 200, **more: Any) -> None:
        """Queue an answer of the token service."""
        tokens = {"access_token": NEW, "refresh_token": NEW_REFRESH, "expires_in": 3600, **more}
        given = {key: value for key, value in tokens.items() if value is not None}
        self.http.reply(
            "POST", TOKEN, status, given if status == 200 else {"error": "invalid_grant"}
        )

    def sent(self) -> list[str]:
        """Every request: what it asks for, and with which token."""
        return [
            f"refresh {parse_qs((request.body or b'').decode())['refresh_token'][0]}"
            if request.method == "POST"
            else f"{request.url.removeprefix('https://cli-chat-proxy.grok.com/v1/')} "
            + request.headers["authorization"].removeprefix("Bearer ")
            for request in self.http.requests
        ]


class InterfaceTests(SynchronousTestCase):
    """`Grok` as a provider."""

    def test_provides(self) -> None:
        """It is what the registry and the type checker expect."""
        provider: Provider = Grok()
        self.assertTrue(verifyObject(IProvider, provider))

    def test_limits(self) -> None:
        """The pool of the week goes before the credits of the month."""
        lines = [line for line in Grok().lines if line.resource]
        self.assertEqual(
            [(line.label, line.resource, line.weekly) for line in lines],
            [("Weekly limit", "weekly", True), ("Credits used", "creditsUsed", False)],
        )


class DetectTests(Case):
    """`Grok.detect`."""

    def test_login(self) -> None:
        """A file with a token in any entry is a login, on every system."""
        self.assertIsNone(self.detected())
        for document in (
            "",
            "[]",
            {"a": 1},
            {"a": {"email": "ada@example.com"}},
            {"a": entry(key=" ")},
        ):
            self.write(FILE, document)
            self.assertIsNone(self.detected())
        self.write(FILE, {"a": {}, "b": {"key": OLD}})
        for platform in ("linux", "darwin", "win32"):
            self.assertEqual(self.detected(platform=platform), "~/.grok/auth.json")

    def test_variables(self) -> None:
        """Another folder, and a token in the environment, count too."""
        self.write(str(self.home.with_name("elsewhere") / "auth.json"), {"a": entry()})
        elsewhere = {"GROK_HOME": str(self.home.with_name("elsewhere"))}
        self.assertEqual(self.detected(env=elsewhere), "$GROK_HOME/auth.json")
        self.assertEqual(self.detected(env={"GROK_OAUTH_TOKEN": OLD}), "GROK_OAUTH_TOKEN")

    def test_log(self) -> None:
        """Without a login the log is enough."""
        self.write(".grok/logs/unified.jsonl", "")
        self.assertEqual(self.detected(), "~/.grok/logs/unified.jsonl")
        self.write("g/logs/unified.jsonl", "")
        self.assertEqual(self.detected(env={"GROK_HOME": "~/g"}), "~/g/logs/unified.jsonl")


class CredentialsTests(Case):
    """Which login is used."""

    def test_nothing(self) -> None:
        """Without a login nothing is sent, and the error says where it was looked for."""
        for document, message in (
            (None, f"{NOT_LOGGED_IN} (~/.grok/auth.json was not found.)"),
            ("no-json", f"{NOT_LOGGED_IN} (~/.grok/auth.json is no JSON object.)"),
            ("[1]", f"{NOT_LOGGED_IN} (~/.grok/auth.json is no JSON object.)"),
            ({}, f"{INVALID} (~/.grok/auth.json has no token.)"),
            (
                {"account": {"email": "user@example.com"}},
                f"{INVALID} (~/.grok/auth.json has no token.)",
            ),
            ({"a": entry(key="t\u00f6ken")}, f"{INVALID} (~/.grok/auth.json has no token.)"),
        ):
            if document is not None:
                self.write(FILE, document)
            host = self.host()
            self.assertEqual(self.failure(NotLoggedInError, host), message)
            self.assertEqual(host.visit.watched, {self.file})
        self.assertEqual(self.http.requests, [])

    def test_request(self) -> None:
        """The token is sent to the service, with what its own tool says of itself."""
        self.write(FILE, {"x": "no entry", "y": {"key": " "}, SCOPE: entry(key=f" {OLD} ")})
        self.answer()

        self.probe()

        self.assertEqual(self.sent(), [f"billing?format=credits {OLD}", f"settings {OLD}"])
        for request in self.http.requests:
            self.assertEqual(request.headers["x-xai-token-auth"], "xai-grok-cli")
            self.assertEqual(request.headers["user-agent"], "openusage/0")

    def test_other_home(self) -> None:
        """`GROK_HOME` goes first; without a login there the usual place is looked at."""
        self.write(FILE, {SCOPE: entry()})
        env = {"GROK_HOME": "~/other"}
        for path in (None, self.home / "other/auth.json"):
            if path:
                self.write(str(path), {SCOPE: entry(key=OTHER, user_id="u-2")})
            self.answer()
            self.probe(env=env)
        self.assertEqual(
            [sent for sent in self.sent() if sent.startswith("billing")],
            [f"billing?format=credits {token}" for token in (OLD, OTHER)],
        )

    def test_variable(self) -> None:
        """A token in the environment is used where no file has one that is good."""
        env = {"GROK_OAUTH_TOKEN": OTHER}
        self.answer()
        self.probe(env=env)
        self.write(FILE, {SCOPE: entry(-1)})
        self.clock.advance(61)
        self.answer()
        self.probe(env=env)

        self.assertEqual({text.split()[1] for text in self.sent()}, {OTHER})

    def test_expired(self) -> None:
        """A token that has expired is not sent."""
        for document, cure in (
            ({SCOPE: entry(-3)}, "Run `grok` once to renew it."),
            ({SCOPE: entry(-3, refresh_token=None)}, "Run `grok login` again."),
            ({SCOPE: entry(None, expires=iso(-3))}, "Run `grok` once to renew it."),
            (
                {SCOPE: entry(24, key=jwt(exp=NOW.timestamp() - 3 * 3600))},
                "Run `grok` once to renew it.",
            ),
        ):
            self.write(FILE, document)
            message = self.failure(TokenExpiredError)
            self.assertEqual(message, f"Token expired 3 h ago. {cure}")
        self.assertEqual(self.http.requests, [])

    def test_expiry(self) -> None:
        """What the token says of itself goes before what is stored beside it."""
        for each in (
            entry(-3, key=jwt(exp=NOW.timestamp() + 3600)),
            entry(None),
            entry(None, expires_at="some day"),
            entry(None, expires_at=5),
            entry(0.01),
        ):
            self.setUp()
            self.write(FILE, {SCOPE: each})
            self.answer()
            self.probe()

    def test_second_entry(self) -> None:
        """An entry that has expired, or is refused, leaves the next one."""
        self.write(FILE, {LEGACY_SCOPE: entry(-3, refresh_token=None), SCOPE: entry(key=NEW)})
        self.answer()
        self.probe(refresh_credentials=True)
        self.assertEqual(self.sent(), [f"billing?format=credits {NEW}", f"settings {NEW}"])

        self.setUp()
        self.write(FILE, {LEGACY_SCOPE: entry(), SCOPE: entry(key=NEW)})
        self.answer(status=401)
        self.answer()
        self.probe()
        self.assertEqual(
            self.sent(),
            [f"billing?format=credits {token}" for token in (OLD, NEW)] + [f"settings {NEW}"],
        )
        self.probe()  # nothing is asked again within a minute

    def test_all_refused(self) -> None:
        """When all are refused the error is that of the first, and none is sent twice."""
        self.write(FILE, {LEGACY_SCOPE: entry(), SCOPE: entry(key=NEW, user_id="u-2")})
        self.answer(status=401)
        self.answer(status=403)

        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(len(self.http.requests), 2)

    def test_identity(self) -> None:
        """Who is logged in stays the same with another token, and differs between people."""

        def credential(**more: Any) -> str | None:
            self.setUp()
            self.write(FILE, {SCOPE: entry(**more)})
            self.answer()
            host = self.host()
            self.probe(host)
            return host.visit.credential

        nameless = {"user_id": None, "email": None}
        same = credential()
        self.assertEqual(same, credential(key=NEW, refresh_token=NEW_REFRESH))
        others = {
            credential(user_id="u-2"),
            credential(team_id="t-1"),
            credential(user_id=None),
            credential(key=jwt(sub="u-3"), **nameless),
            credential(**nameless),
            credential(refresh_token=None, **nameless),
        }
        self.assertEqual(len(others | {same}), 7)


class RefreshTests(Case):
    """Renewing a login, where the person allowed it."""

    def test_expired(self) -> None:
        """One that has expired is renewed before it is used, and stored with all else as it was."""
        self.write(FILE, {"other": {"kept": 1}, SCOPE: entry(-3, id_token="it-old")})
        self.file.chmod(0o640)
        self.bought(id_token="it-new")
        self.answer()

        snapshot = self.probe(refresh_credentials=True)

        self.assertEqual(snapshot.plan, "SuperGrok Heavy")
        self.assertEqual(
            self.sent(),
            [f"refresh {OLD_REFRESH}", f"billing?format=credits {NEW}", f"settings {NEW}"],
        )
        self.assertEqual(
            self.stored(),
            {
                "other": {"kept": 1},
                SCOPE: entry(1, key=NEW, refresh_token=NEW_REFRESH, id_token="it-new"),
            },
        )
        self.assertEqual(self.stored()[SCOPE]["expires_at"], "2026-11-24T13:00:00.000Z")
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o640)

    def test_form(self) -> None:
        """The form is in order, and what has a meaning in it is encoded."""
        self.write(FILE, {SCOPE: entry(-3, refresh_token="refresh token&=+/?%")})
        self.bought()
        self.answer()
        self.probe(refresh_credentials=True)

        request = self.http.requests[0]
        self.assertEqual(request.timeout, 15.0)
        self.assertEqual(
            request.body,
            b"grant_type=refresh_token&client_id=client-id"
            b"&refresh_token=refresh%20token%26%3D%2B%2F%3F%25",
        )

    def test_client(self) -> None:
        """The client is the entry's own, else that of its scope, else the usual one."""
        usual = "b1a00492-073a-47ea-816f-4c329264a828"
        for scope, own, client in (
            (SCOPE, " client-id ", "client-id"),
            (SCOPE, None, "client-in-scope"),
            ("a::b::c", " ", "c"),
            ("https://auth.x.ai::", None, usual),
            (LEGACY_SCOPE, None, usual),
        ):
            self.setUp()
            self.write(FILE, {scope: entry(-3, oidc_client_id=own)})
            self.bought()
            self.answer()
            self.probe(refresh_credentials=True)
            form = parse_qs((self.http.requests[0].body or b"").decode())
            self.assertEqual(form["client_id"], [client])

    def test_lifetime(self) -> None:
        """How long the new token is good: as the service says, else the token, else an hour."""
        token = jwt(exp=NOW.timestamp() + 7200)
        for tokens, hours in (
            ({"expires_in": 1800}, 0.5),
            ({"expires_in": 1800, "access_token": token}, 0.5),
            ({"expires_in": None, "access_token": token}, 2),
            ({"expires_in": 0, "access_token": token}, 2),
            ({"expires_in": None}, 1),
            ({"expires_in": "soon"}, 1),
        ):
            self.setUp()
            self.write(FILE, {SCOPE: entry(-3)})
            self.bought(**tokens)
            self.answer()
            self.probe(refresh_credentials=True)
            self.assertEqual(self.stored()[SCOPE]["expires_at"], iso(hours))

    def test_other_names(self) -> None:
        """A refresh token under its other name is spent, and the new one stored under the usual."""
        self.write(FILE, {SCOPE: entry(-3, refresh_token=None, refresh=OLD_REFRESH)})
        self.bought()
        self.answer()
        self.probe(refresh_credentials=True)

        self.assertEqual(self.sent()[0], f"refresh {OLD_REFRESH}")
        self.assertEqual(self.stored()[SCOPE]["refresh_token"], NEW_REFRESH)

    def test_refused(self) -> None:
        """A token that is refused is renewed once, and used once more."""
        for status in (401, 403):
            self.setUp()
            self.write(FILE, {SCOPE: entry()})
            self.answer(status=status)
            self.bought()
            self.answer()
            self.probe(refresh_credentials=True)
            self.assertEqual(
                self.sent(),
                [
                    f"billing?format=credits {OLD}",
                    f"refresh {OLD_REFRESH}",
                    f"billing?format=credits {NEW}",
                    f"settings {NEW}",
                ],
            )

    def test_refused_again(self) -> None:
        """Refused with the new one too, the login is no good."""
        self.write(FILE, {SCOPE: entry()})
        self.answer(status=401)
        self.bought()
        self.answer(status=401)

        self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=True), EXPIRED)
        self.assertEqual(self.http.left, [])

    def test_soon(self) -> None:
        """With minutes left a failed renewal costs nothing, and is not tried again."""
        for expiry in ({"hours": 4 / 60}, {"key": jwt(exp=NOW.timestamp() + 240)}):
            for status in (401, 400, 403, 500):
                self.setUp()
                self.write(FILE, {SCOPE: entry(**expiry)})
                self.bought(status)
                self.answer()
                self.probe(refresh_credentials=True)

                self.clock.advance(61)
                if status == 500:
                    self.bought(status)
                self.answer()
                self.probe(refresh_credentials=True)
                self.assertEqual(self.http.left, [])

    def test_failed(self) -> None:
        """Renewal failing, a token that has expired is not sent; the next entry is tried."""
        self.write(FILE, {LEGACY_SCOPE: entry(-3), SCOPE: entry(key=NEW, user_id="u-2")})
        for outcome in (401, 500):
            self.state = MemoryState()
            self.http = FakeHttp()
            self.bought(outcome)
            self.answer()
            self.probe(refresh_credentials=True)
            self.assertEqual(
                self.sent(),
                [f"refresh {OLD_REFRESH}", f"billing?format=credits {NEW}", f"settings {NEW}"],
            )

        self.write(FILE, {LEGACY_SCOPE: entry(-3)})
        for status, message in (
            (400, EXPIRED),
            (500, "Token expired 3 h ago. Run `grok` once to renew it."),
        ):
            self.state, self.http = MemoryState(), FakeHttp()
            self.bought(status)
            self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=True), message)
            self.assertEqual(len(self.http.requests), 1)

    def test_unusable_answer(self) -> None:
        """An answer without a token is none."""
        for token in (None, "", 5):
            self.setUp()
            self.write(FILE, {SCOPE: entry(0.05)})
            before = self.stored()
            self.bought(access_token=token)
            self.answer()
            self.probe(refresh_credentials=True)
            self.assertEqual(self.sent()[1], f"billing?format=credits {OLD}")
            self.assertEqual(self.stored(), before)

    def test_rotated(self) -> None:
        """A login that the CLI renewed meanwhile is taken, and nothing spent."""
        case = self

        class Renewing(FakeHttp):
            async def request(self, *request: Any, **more: Any) -> Any:
                case.write(FILE, {SCOPE: entry(key=NEW, refresh_token=NEW_REFRESH)})
                return await super().request(*request, **more)

        self.write(FILE, {SCOPE: entry()})
        self.http = Renewing()
        self.answer(status=401)
        self.answer()
        self.probe(refresh_credentials=True)

        self.assertEqual(
            self.sent(),
            [f"billing?format=credits {OLD}", f"billing?format=credits {NEW}", f"settings {NEW}"],
        )

    def test_damaged_meanwhile(self) -> None:
        """A file that cannot be read when the new login is to be stored is left alone."""
        case = self

        class Damaging(FakeHttp):
            async def request(self, *request: Any, **more: Any) -> Any:
                case.write(FILE, "{half")
                return await super().request(*request, **more)

        self.write(FILE, {SCOPE: entry(-3)})
        self.http = Damaging()
        self.bought()
        self.answer()

        self.assertEqual(self.probe(refresh_credentials=True).plan, "SuperGrok Heavy")
        self.assertEqual(self.file.read_text(), "{half")

    def test_not_saved(self) -> None:
        """A new login that cannot be stored is used all the same, and the log says so."""

        class ReadOnly(Files):
            async def write(self, path: Path, data: bytes) -> None:
                raise OSError("read-only")

        self.write(FILE, {SCOPE: entry(-3)})
        self.bought()
        self.answer()
        with capturedLogs() as events:
            self.probe(evolve(self.host(refresh_credentials=True), files=ReadOnly(run_inline)))

        self.assertIn(f"billing?format=credits {NEW}", self.sent())
        text = " ".join(map(eventAsText, events))
        self.assertIn("could not be saved", text)
        self.assertNotIn("rt-grok", text)

    def test_not_allowed(self) -> None:
        """Without permission nothing is spent and nothing written."""
        self.write(FILE, {SCOPE: entry()})
        self.answer(status=401)
        before = self.stored()

        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.stored(), before)
        self.assertEqual(self.sent(), [f"billing?format=credits {OLD}"])


class TroubleTests(Case):
    """The service is not as it should be."""

    def test_status(self) -> None:
        """Each trouble has its words; a failed billing fails the probe."""
        for status, kind, message in (
            (
                503,
                UnexpectedResponseError,
                "Grok billing request failed (HTTP 503). Try again later.",
            ),
            (401, TokenExpiredError, EXPIRED),
            (403, TokenExpiredError, EXPIRED),
            (
                429,
                RateLimitedError,
                "Grok billing request rate limited. It is asked again later.",
            ),
        ):
            self.setUp()
            self.write(FILE, {SCOPE: entry(refresh_token=None)})
            self.answer(status=status)
            self.assertEqual(self.failure(kind), message)
            self.assertEqual(len(self.http.requests), 1)

    def test_no_connection(self) -> None:
        """Without a connection the person is told to check it."""
        self.write(FILE, {SCOPE: entry()})
        self.http.fail("GET", CREDITS, UnreachableError("connection refused"))

        message = "Grok billing request failed. Check your connection."
        self.assertEqual(self.failure(UnreachableError), message)

    def test_changed(self) -> None:
        """An answer in neither form is none, and no figure is made up."""
        period = WEEKLY["config"]["currentPeriod"]
        assert isinstance(period, dict)
        bodies: tuple[Any, ...] = (
            "not-json",
            [],
            {},
            {"config": {}},
            {"config": None},
            {"config": {"currentPeriod": {}}},
            {"config": {"currentPeriod": None}},
            changed(WEEKLY, creditUsagePercent="high"),
            changed(WEEKLY, creditUsagePercent=None),
            changed(WEEKLY, creditUsagePercent=True),
            changed(WEEKLY, onDemandCap={"val": "lots"}),
            changed(WEEKLY, onDemandCap=5),
            changed(WEEKLY, currentPeriod={**period, "type": " "}),
            changed(WEEKLY, currentPeriod={**period, "type": None}),
            changed(WEEKLY, currentPeriod={**period, "end": START}),
            changed(WEEKLY, currentPeriod={**period, "start": END, "end": START}),
            changed(WEEKLY, currentPeriod={**period, "start": "then"}),
            changed(WEEKLY, currentPeriod={**period, "end": 1763985600}),
            changed(MONTHLY, used=...),
            changed(MONTHLY, onDemandCap=...),
            changed(MONTHLY, billingPeriodEnd=...),
            changed(MONTHLY, billingPeriodEnd="soon"),
            changed(MONTHLY, monthlyLimit={"val": 0}),
            changed(MONTHLY, monthlyLimit={}),
            changed(MONTHLY, used={"val": "many"}),
        )
        for body in bodies:
            self.setUp()
            self.write(FILE, {SCOPE: entry()})
            self.answer(body, plan=None)
            self.assertEqual(self.failure(UnexpectedResponseError), CHANGED, body)
            self.assertEqual(len(self.http.requests), 1)

    def test_plan(self) -> None:
        """A plan that cannot be told costs nothing else; an address is never taken for one."""
        for status, body in (
            (500, {}),
            (401, {}),
            (429, {}),
            (200, "no-json"),
            (200, {}),
            (200, {"subscription_tier_display": " "}),
            (200, {"subscription_tier_display": 5, "email": "ada@example.com"}),
        ):
            self.setUp()
            self.write(FILE, {SCOPE: entry()})
            self.answer(plan=None)
            self.http.reply("GET", SETTINGS, status, body)
            snapshot = self.probe()
            self.assertIsNone(snapshot.plan)
            self.assertEqual(snapshot.lines[0].label, "Weekly limit")

    def test_spacing(self) -> None:
        """Within a minute nothing is asked again, and the same is told."""
        self.write(FILE, {SCOPE: entry()})
        self.answer()
        first = self.probe()
        self.clock.advance(59)

        self.assertEqual(self.probe(), first)
        kept = json.dumps(list(self.state.values.values()))
        self.assertNotIn("example.com", kept)
        self.assertNotIn("prepaidBalance", kept)


class LineTests(Case):
    """What is shown."""

    def shown(self, *bodies: Any) -> list[Line]:
        """The lines that the service's answers make."""
        self.setUp()
        self.write(FILE, {SCOPE: entry()})
        self.answer(bodies[0])
        for body in bodies[1:]:
            self.http.reply("GET", BILLING, 200, body)
        lines = list(self.probe().lines)
        self.assertEqual(self.http.left, [])
        return lines

    def weekly(self, used: float) -> Progress:
        return Progress("Weekly limit", used, 100, resets_at=RESETS_AT, period_ms=WEEK)

    def test_weekly(self) -> None:
        """The pool of the week and what may be bought beside it, and nothing else."""
        cap = Badge("Pay as you go", "500 cap", "#22c55e")

        self.assertEqual(self.shown(WEEKLY), [self.weekly(41.5), cap])

    def test_percent(self) -> None:
        """A share that is left out is 0; none is beyond the ends."""
        for percent, used in ((..., 0), (0, 0), (99, 99), (150, 100), (-5, 0), ("12.5", 12.5)):
            body = changed(WEEKLY, creditUsagePercent=percent, onDemandCap=...)
            self.assertEqual(self.shown(body), [self.weekly(used), DISABLED])

    def test_cap(self) -> None:
        """The cap as a number, or that there is none."""
        for cap, text in (
            ({"val": 750}, "750 cap"),
            ({"val": "2500"}, "2500 cap"),
            ({"val": 2500.5}, "2500.5 cap"),
            ({"val": 0}, "Disabled"),
            ({"val": "0"}, "Disabled"),
            ({"val": -5}, "Disabled"),
            ({}, "Disabled"),
            (None, "Disabled"),
            (..., "Disabled"),
        ):
            badge = self.shown(changed(WEEKLY, onDemandCap=cap))[1]
            color = "#a3a3a3" if text == "Disabled" else "#22c55e"
            self.assertEqual(badge, Badge("Pay as you go", text, color))

    def test_not_weekly(self) -> None:
        """A pool for another time has no weekly line, and is no error."""
        period = {"type": "USAGE_PERIOD_TYPE_MONTHLY", "start": START, "end": END}
        body = changed(WEEKLY, currentPeriod=period, onDemandCap=...)

        self.assertEqual(self.shown(body), [DISABLED])

    def test_monthly(self) -> None:
        """An older plan has credits for a month, told by the same answer."""
        used, cap = self.shown(MONTHLY)

        assert isinstance(used, Progress)
        self.assertEqual((used.label, used.limit, used.period_ms), ("Credits used", 100, None))
        self.assertAlmostEqual(used.used, 4277 / 600)
        self.assertEqual(used.resets_at, datetime(2026, 12, 1, tzinfo=timezone.utc))
        self.assertEqual(cap, DISABLED)

    def test_monthly_values(self) -> None:
        """Its numbers may be text, and no share is beyond the ends."""
        for used, limit, share in (
            ("2500", "10000", 25),
            (20, 10, 100),
            (-5, 10, 0),
            (0, 10, 0),
            (1e308, 1e-300, 100),
        ):
            body = changed(MONTHLY, used={"val": used}, monthlyLimit={"val": limit})
            line = self.shown(body)[0]
            assert isinstance(line, Progress)
            self.assertEqual(line.used, share)
        body = changed(MONTHLY, onDemandCap={"val": "2500"})
        self.assertEqual(self.shown(body)[1], Badge("Pay as you go", "2500 cap", "#22c55e"))

    def test_asked_plainly(self) -> None:
        """Where the newer form tells nothing of the plan, the older one is asked for."""
        lines = self.shown({"config": {"onDemandCap": {"val": 0}}}, MONTHLY)
        self.assertEqual(lines[0].label, "Credits used")

        for status in (400, 404, 422):
            self.setUp()
            self.write(FILE, {SCOPE: entry()})
            self.http.reply("GET", CREDITS, status, {"error": "no such format"})
            self.http.reply("GET", BILLING, 200, MONTHLY)
            self.http.reply("GET", SETTINGS, 200, PLAN)
            self.assertEqual(self.probe().lines[0].label, "Credits used")
            self.assertEqual(self.sent()[1], f"billing {OLD}")

    _values = st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(10**400), 10**400),
            st.floats(),
            st.text(max_size=5),
            st.sampled_from([START, END, "USAGE_PERIOD_TYPE_WEEKLY", "12"]),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2),
            st.dictionaries(st.sampled_from(["val", "type", "start", "end"]), inner, max_size=4),
        ),
        max_leaves=6,
    )

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(st.sampled_from([*WEEKLY["config"], *MONTHLY["config"]]), _values),
        st.sampled_from([WEEKLY, MONTHLY, {"config": {}}]),
    )
    def test_any(self, parts: dict[str, Any], good: dict[str, Any]) -> None:
        """Whatever is told makes lines, or an error; what was kept of it makes the same lines."""
        body = {"config": {**good["config"], **parts}}
        try:
            lines = usage_lines(body)
        except UnexpectedResponseError:
            return
        self.assertEqual(usage_lines(cut(body, _SHAPE)), lines)


class HistoryTests(Case):
    """What the CLI logged."""

    def test_with_limits(self) -> None:
        """It follows the limits, without idle days."""
        self.write(FILE, {SCOPE: entry()})
        self.logs.found = History([Day(NOW.date(), 1_000_000, 1.0)], {"grok-build": 1_000_000})
        self.answer()
        lines = self.probe().lines

        self.assertEqual(
            [line.label for line in lines],
            ["Weekly limit", "Pay as you go", "Today", "Last 30 Days", "Usage Trend"],
        )
        self.assertEqual(lines[2], Text("Today", "$1.00 \u00b7 1M tokens"))
        assert isinstance(lines[-1], BarChart)
        self.assertEqual(lines[-1].note, "From your Grok logs (estimated)")
        self.assertEqual(self.logs.asked, [(GROK, (self.home / ".grok",))])

    def test_alone(self) -> None:
        """It needs no login: with none, or one that is no good, a note says so."""
        self.logs.found = History([Day(NOW.date(), 5, 1.0)], {"grok-build": 5})
        host = self.host()
        self.assertEqual(self.probe(host).lines[0].label, "Today")
        self.assertEqual(len(host.visit.notes), 1)
        self.assertTrue(host.visit.notes[0].startswith(NOT_LOGGED_IN))

        self.write(FILE, {SCOPE: entry(-3)})
        host = self.host()
        note = "Live usage unavailable \u2014 token expired 3 h ago; run `grok` once to renew it"
        self.assertEqual(self.probe(host).lines[-1], Text("Note", note))
        self.assertEqual(len(host.visit.notes), 1)

    def test_other_trouble(self) -> None:
        """Any other trouble is an error, since the last figures are still good."""
        self.logs.found = History([Day(NOW.date(), 5, 1.0)], {"grok-build": 5})
        self.write(FILE, {SCOPE: entry()})
        self.answer(status=503)

        self.failure(UnexpectedResponseError)

    def test_real_log(self) -> None:
        """A real log below `GROK_HOME` is read."""
        at = NOW.isoformat()
        records = (
            {"ts": at, "pid": 1, "msg": "model changed", "ctx": {"model": "grok-build"}},
            {
                "ts": at,
                "pid": 1,
                "msg": "shell.turn.inference_done",
                "ctx": {"prompt_tokens": 1_000_000},
            },
        )
        log = self.home / "g/logs/unified.jsonl"
        self.write(str(log), "".join(json.dumps(record) + "\n" for record in records))
        logs = LocalSessionLogs(run_inline, clock=self.clock)
        os.utime(log, (NOW.timestamp(), NOW.timestamp()))

        lines = self.probe(env={"GROK_HOME": "~/g"}, logs=logs).lines
        self.assertEqual(lines[0], Text("Today", "$1.00 \u00b7 1M tokens"))
