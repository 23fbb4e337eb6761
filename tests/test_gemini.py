"""Tests for `openusage.providers.gemini`."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host.files import Files
from openusage.model import (
    BarChart,
    Line,
    NotAvailableError,
    NotLoggedInError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.gemini import Gemini, client
from openusage.providers.gemini.client import find_client
from openusage.providers.gemini.quota import _SHAPE, _least, quota_lines
from openusage.providers.gemini.words import NO_CLIENT, NOT_LOGGED_IN, SHUT_DOWN, WORDS
from openusage.providers.googleclient import Client
from openusage.providers.interface import IProvider, Provider
from openusage.providers.shape import cut
from openusage.providers.words import NO_DATA
from openusage.sessionlogs import Day, History, LocalSessionLogs
from openusage.sessionlogs.gemini import GEMINI
from openusage.testing import (
    NOW,
    FakeHttp,
    MemoryState,
    run_inline,
)
from tests.probes import ProbeTestCase

LOAD = "https://cloudcode-pa.googleapis.com/v1internal:loadCodeAssist"
QUOTA = "https://cloudcode-pa.googleapis.com/v1internal:retrieveUserQuota"
PROJECTS = "https://cloudresourcemanager.googleapis.com/v1/projects"
TOKEN = "https://oauth2.googleapis.com/token"
OLD, NEW = "ya29-old-1234567890", "ya29-new-1234567890"
REFRESH, NEW_REFRESH = "1//rt-gemini-old-1234567890", "1//rt-gemini-new-1234567890"
FILE = ".gemini/oauth_creds.json"
CLIENT = {
    "GEMINI_OAUTH_CLIENT_ID": "client-id.apps.googleusercontent.com",
    "GEMINI_OAUTH_CLIENT_SECRET": "cs-gemini-1234567890",
}
SCRIPT = "const OAUTH_CLIENT_ID='client-id'; const OAUTH_CLIENT_SECRET='client-secret';"
MODULE = "@google/gemini-cli-core/dist/src/code_assist/oauth2.js"
NESTED = f"@google/gemini-cli/node_modules/{MODULE}"

EXPIRED = "Gemini session expired. Run `gemini` and re-authenticate when prompted."
RESET = "2026-11-25T08:00:00Z"
RESETS_AT = datetime(2026, 11, 25, 8, tzinfo=timezone.utc)
ACCOUNT = {
    "currentTier": {"id": "standard-tier", "name": "Standard"},
    "cloudaicompanionProject": "gen-lang-client-123",
}


def jwt(**claims: Any) -> str:
    """A token that says so."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({}, claims))
    return ".".join([*(part.rstrip("=") for part in parts), "signature"])


def millis(hours: float) -> int:
    """The instant so many hours from now, as the CLI stores it."""
    return int((NOW.timestamp() + hours * 3600) * 1000)


def login(hours: float | None = 24, **more: Any) -> dict[str, Any]:
    """A login that expires in so many hours; `None` in `more` takes a key away."""
    known = {
        "access_token": OLD,
        "refresh_token": REFRESH,
        "id_token": jwt(sub="u-1", email="ada@example.com"),
        "token_type": "Bearer",
        "scope": "cloud-platform",
        "expiry_date": None if hours is None else millis(hours),
        **more,
    }
    return {key: value for key, value in known.items() if value is not None}


def bucket(model: object, left: object, reset: object = RESET) -> dict[str, Any]:
    """A model's quota."""
    return {
        "modelId": model,
        "tokenType": "REQUESTS",
        "remainingFraction": left,
        "resetTime": reset,
    }


BUCKETS = {"buckets": [bucket("gemini-2.5-pro", 0.2), bucket("gemini-2.5-flash", 0.6)]}


def bar(label: str, used: float, resets_at: datetime | None = RESETS_AT) -> Progress:
    """The line of a quota."""
    return Progress(label, used, 100, resets_at=resets_at, period_ms=86_400_000)


class Case(ProbeTestCase):
    """A person's machine for `Gemini`."""

    provider = Gemini()

    def setUp(self) -> None:
        super().setUp()
        self.file = self.home / FILE
        system = patch.object(client, "SYSTEM", self.home.with_name("system"))
        system.start()
        self.addCleanup(system.stop)

    def set_type(self, settings: object) -> None:
        """Store settings of the CLI."""
        self.write(".gemini/settings.json", settings)

    def stored(self) -> Any:
        """What the file holds now."""
        return json.loads(self.file.read_text())

    def account(self, status: int = 200, body: Any = ACCOUNT) -> None:
        """Queue what Google says of the account."""
        self.http.reply("POST", LOAD, status, body)

    def quota(self, status: int = 200, body: Any = BUCKETS) -> None:
        """Queue what Google says of the quota."""
        self.http.reply("POST", QUOTA, status, body)

    def projects(self, status: int = 200, body: Any = b"") -> None:
        """Queue what Google says of the projects."""
        self.http.reply("GET", PROJECTS, status, body)

    def bought(self, status: int = 200, body: Any = None, **more: Any) -> None:
        """Queue an answer of the token service."""
        tokens = {"access_token": NEW, "expires_in": 3599, **more}
        given = {key: value for key, value in tokens.items() if value is not None}
        other = {"error": "invalid_grant"} if body is None else body
        self.http.reply("POST", TOKEN, status, given if status == 200 else other)

    def sent(self) -> list[str]:
        """Every request: what it asks for, and with which token."""
        return [
            f"refresh {parse_qs((request.body or b'').decode())['refresh_token'][0]}"
            if request.url == TOKEN
            else f"{request.url.rpartition('/')[2].rpartition(':')[2]} "
            + request.headers["authorization"].removeprefix("Bearer ")
            for request in self.http.requests
        ]


GOOD = [f"loadCodeAssist {OLD}", f"retrieveUserQuota {OLD}"]
RENEWED = [f"refresh {REFRESH}", f"loadCodeAssist {NEW}", f"retrieveUserQuota {NEW}"]


class InterfaceTests(SynchronousTestCase):
    """`Gemini` as a provider."""

    def test_provides(self) -> None:
        """It is what the registry and the type checker expect."""
        provider: Provider = Gemini()
        self.assertTrue(verifyObject(IProvider, provider))

    def test_limits(self) -> None:
        """The larger models go first."""
        lines = [line for line in Gemini().lines if line.resource]
        self.assertEqual(
            [(line.label, line.resource, line.primary) for line in lines],
            [("Pro", "pro", 1), ("Flash", "flash", 2)],
        )


class DetectTests(Case):
    """`Gemini.detect`."""

    def test_login(self) -> None:
        """A login that the CLI uses is found, on every system."""
        self.assertIsNone(self.detected())
        self.write(FILE, {"refresh_token": REFRESH})
        for platform in ("linux", "darwin", "win32"):
            self.assertEqual(self.detected(platform=platform), "~/.gemini/oauth_creds.json")

        self.set_type({"authType": "api-key"})
        self.assertIsNone(self.detected())

    def test_other_home(self) -> None:
        """`GEMINI_CLI_HOME` names the folder above, or the folder itself."""
        elsewhere = self.home.with_name("elsewhere")
        env = {"GEMINI_CLI_HOME": str(elsewhere)}
        self.write(str(elsewhere / "oauth_creds.json"), login())
        self.assertEqual(self.detected(env=env), "$GEMINI_CLI_HOME/oauth_creds.json")
        self.write(str(elsewhere / ".gemini/oauth_creds.json"), login())
        self.assertEqual(self.detected(env=env), "$GEMINI_CLI_HOME/.gemini/oauth_creds.json")

    def test_sessions(self) -> None:
        """Without a login, sessions are enough; a folder without any is not."""
        (self.home / ".gemini/tmp/0f3a").mkdir(parents=True)
        self.assertIsNone(self.detected())
        (self.home / ".gemini/tmp/0f3a/chats").mkdir()
        self.assertEqual(self.detected(), "~/.gemini/tmp")


class CredentialsTests(Case):
    """Which login is used."""

    def test_nothing(self) -> None:
        """Without tokens there is no login, and the error says where it was looked for."""
        for document, reason in (
            (None, "was not found"),
            ({"user": "me"}, "has no tokens"),
            ('"bad-shape"', "is no JSON object"),
            ("", "is no JSON object"),
            ({"access_token": " ", "refresh_token": 5}, "has no tokens"),
            ({"access_token": "t\u00f6ken"}, "has no tokens"),
        ):
            if document is not None:
                self.write(FILE, document)
            host = self.host()
            message = f"{NOT_LOGGED_IN} (~/.gemini/oauth_creds.json {reason}.)"
            self.assertEqual(self.failure(NotLoggedInError, host), message)
            self.assertEqual(host.visit.watched, {self.file})
        self.assertEqual(self.http.requests, [])

    def test_type(self) -> None:
        """Where the CLI uses something else than a Google account, its login is not used."""
        self.write(FILE, login())
        for chosen, named in (
            ("api-key", "api-key"),
            ("gemini-api-key", "api-key"),
            ("vertex-ai", "vertex-ai"),
            (" Unknown-Mode ", "unknown-mode"),
            ("cloud-shell", "cloud-shell"),
        ):
            for settings_ in (
                {"authType": chosen},
                {"security": {"auth": {"selectedType": chosen}}, "authType": "oauth-personal"},
            ):
                self.set_type(settings_)
                message = f"Gemini auth type {named} is not supported."
                self.assertEqual(self.failure(NotAvailableError), message)
        self.assertEqual(self.http.requests, [])

    def test_personal(self) -> None:
        """Settings that say nothing else, or cannot be read, leave it at that."""
        for settings_ in (
            {"security": {"auth": {"selectedType": "oauth-personal"}}, "authType": "api-key"},
            {"authType": " OAuth-Personal "},
            {"security": "none"},
            {"authType": 5},
            "// no JSON",
            {},
        ):
            self.setUp()
            self.write(FILE, login())
            self.set_type(settings_)
            self.account()
            self.quota()
            self.probe()

        self.setUp()
        self.set_type("{")
        self.failure(NotLoggedInError)

    def test_type_without_login(self) -> None:
        """What the CLI is set to is told before that there is no login."""
        self.set_type({"authType": "vertex-ai"})
        self.failure(NotAvailableError)

    def test_other_home(self) -> None:
        """The settings beside a login are those that count."""
        env = {"GEMINI_CLI_HOME": "~/g"}
        self.write(FILE, login())
        self.failure(NotLoggedInError, env=env)
        self.write("g/.gemini/oauth_creds.json", login())
        self.set_type({"authType": "api-key"})
        self.account()
        self.quota()
        self.probe(env=env)

    def test_identity(self) -> None:
        """Who is logged in stays the same with other tokens, and differs between people."""

        def credential(**more: Any) -> str | None:
            self.setUp()
            self.write(FILE, login(**more))
            self.account()
            self.quota()
            host = self.host()
            self.probe(host)
            return host.visit.credential

        same = credential()
        self.assertEqual(same, credential(access_token=NEW, refresh_token=NEW_REFRESH))
        others = {
            credential(id_token=jwt(sub="u-2")),
            credential(id_token=jwt(email="bob@example.com")),
            credential(id_token=None),
            credential(id_token=5, refresh_token=None),
        }
        self.assertEqual(len(others | {same}), 5)


class RequestTests(Case):
    """What Google is asked."""

    def test_requests(self) -> None:
        """The account, then the quota of its project."""
        self.write(FILE, login())
        self.account()
        self.quota()
        snapshot = self.probe()

        self.assertEqual(self.sent(), GOOD)
        first, second = self.http.requests
        self.assertEqual(first.json()["metadata"]["pluginType"], "GEMINI")
        self.assertEqual(second.json(), {"project": "gen-lang-client-123"})
        for request in self.http.requests:
            self.assertEqual(request.headers["content-type"], "application/json")
            self.assertEqual(request.headers["accept"], "application/json")
        self.assertEqual(snapshot.lines, (bar("Pro", 80), bar("Flash", 40)))
        self.assertEqual(snapshot.plan, "Paid")

    def test_project(self) -> None:
        """The project is that of the account, in all its forms, of the environment, or listed."""
        listed = {
            "projects": [
                {"projectId": "other-project"},
                {"projectId": "gen-lang-client-456"},
                {"projectId": "gen-lang-client-789"},
            ]
        }
        labelled = {"projects": [{"projectId": "p-1", "labels": {"generative-language": ""}}]}
        for named, env, answer, project in (
            ({"id": "p-2"}, {}, None, "p-2"),
            ({"projectId": "p-3"}, {"GOOGLE_CLOUD_PROJECT": "p-4"}, None, "p-3"),
            (None, {"GOOGLE_CLOUD_PROJECT": "p-4", "GOOGLE_CLOUD_PROJECT_ID": "p-5"}, None, "p-4"),
            (" ", {"GOOGLE_CLOUD_PROJECT_ID": "p-5"}, None, "p-5"),
            (None, {}, (200, listed), "gen-lang-client-456"),
            ({}, {}, (200, labelled), "p-1"),
            (5, {}, (200, {"projects": [{"projectId": "other"}, 5, {"labels": []}]}), None),
            (None, {}, (200, "no-json"), None),
            (None, {}, (403, {}), None),
            (None, {}, (429, {}), None),
            (None, {}, (500, {}), None),
        ):
            self.setUp()
            self.write(FILE, login())
            self.account(body={"cloudaicompanionProject": named})
            if answer is not None:
                self.projects(*answer)
            self.quota()
            self.probe(env=env)
            body = self.http.requests[-1].json()
            self.assertEqual(body, {} if project is None else {"project": project})

    def test_account_unknown(self) -> None:
        """What Google does not say of the account costs only the plan."""
        for status, body in ((500, {}), (404, ""), (200, "no-json"), (200, [])):
            self.setUp()
            self.write(FILE, login())
            self.account(status, body)
            self.projects(200, {"projects": [{"projectId": "gen-lang-client-1"}]})
            self.quota()
            snapshot = self.probe()
            self.assertIsNone(snapshot.plan)
            self.assertEqual(len(snapshot.lines), 2)
            self.assertEqual(self.http.requests[-1].json(), {"project": "gen-lang-client-1"})

    def test_trouble(self) -> None:
        """Each trouble with the quota has its words."""
        for status, body, kind, message in (
            (
                500,
                {},
                UnexpectedResponseError,
                "Gemini quota request failed (HTTP 500). Try again later.",
            ),
            (200, "bad-json", UnexpectedResponseError, WORDS.invalid),
            (200, [], UnexpectedResponseError, WORDS.invalid),
            (200, {"error": {"code": 5}}, UnexpectedResponseError, WORDS.invalid),
            (401, {}, TokenExpiredError, EXPIRED),
            (403, {}, TokenExpiredError, EXPIRED),
            (429, {}, RateLimitedError, WORDS.rate_limited),
        ):
            self.setUp()
            self.write(FILE, login())
            self.account()
            self.quota(status, body)
            self.assertEqual(self.failure(kind), message)

    def test_no_connection(self) -> None:
        """Without a connection the person is told to check it."""
        message = "Usage request failed. Check your connection."
        for url in (LOAD, QUOTA):
            for error in (UnreachableError("refused"), ProbeTimeoutError("no answer")):
                self.setUp()
                self.write(FILE, login())
                if url == QUOTA:
                    self.account()
                self.http.fail("POST", url, error)
                self.assertEqual(self.failure(type(error)), message)

    def test_rate_limited(self) -> None:
        """Google is left alone as long as it says, also when it is the account it does not tell."""
        self.write(FILE, login())
        self.http.reply("POST", LOAD, 429, {}, {"retry-after": "600"})
        self.failure(RateLimitedError)
        self.clock.advance(599)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 1)

    def test_spacing(self) -> None:
        """Within a minute nothing is asked again, and the same is told; nothing else is kept."""
        self.write(FILE, login())
        self.account(body={**ACCOUNT, "manageSubscriptionUri": "https://example.com/ada"})
        self.quota()
        first = self.probe()
        self.clock.advance(59)

        self.assertEqual(self.probe(), first)
        kept = json.dumps(list(self.state.values.values()))
        for text in ("example.com", "gen-lang", "ya29", "REQUESTS"):
            self.assertNotIn(text, kept)

    def test_shut_down(self) -> None:
        """Who is not served any more is told what to use instead."""
        texts = (
            '{"error": "UNSUPPORTED_CLIENT"}',
            "IneligibleTierError: this tier",
            "Gemini Code Assist for individuals is no longer supported here",
            "Please MIGRATE from Gemini CLI to Antigravity",
        )
        for text in texts:
            for status in (400, 403, 500):
                for queue in (self.on_account, self.on_quota, self.on_token):
                    self.setUp()
                    queue(status, text)
                    self.assertEqual(self.failure(NotAvailableError, env=CLIENT), SHUT_DOWN)
                    self.assertEqual(self.http.left, [])

        self.write(FILE, login())
        self.state, self.http = MemoryState(), FakeHttp()
        self.account(403, "Gemini Code Assist is fine, Gemini too, migrate nothing")
        self.failure(TokenExpiredError)

    def on_account(self, status: int, text: str) -> None:
        self.write(FILE, login())
        self.account(status, text)

    def on_quota(self, status: int, text: str) -> None:
        self.write(FILE, login())
        self.account()
        self.quota(status, text)

    def on_token(self, status: int, text: str) -> None:
        self.write(FILE, login(-1))
        self.bought(status, text)


class RenewingTests(Case):
    """A new token for an old one."""

    def answers(self) -> None:
        self.account()
        self.quota()

    def test_expired(self) -> None:
        """A token that expires within five minutes is renewed; the file stays as it is."""
        for hours in (-1, 4.9 / 60):
            self.setUp()
            before = self.write(FILE, login(hours)).read_bytes()
            self.bought()
            self.answers()
            self.probe(env=CLIENT)

            self.assertEqual(self.sent(), RENEWED)
            self.assertEqual(
                parse_qs((self.http.requests[0].body or b"").decode()),
                {
                    "client_id": ["client-id.apps.googleusercontent.com"],
                    "client_secret": ["cs-gemini-1234567890"],
                    "refresh_token": [REFRESH],
                    "grant_type": ["refresh_token"],
                },
            )
            self.assertEqual(self.http.requests[0].timeout, 15.0)
            self.assertEqual(self.file.read_bytes(), before)
            self.assertEqual([path.name for path in self.home.iterdir()], [".gemini"])

    def test_good(self) -> None:
        """One that is good for longer, or does not say, is used as it is."""
        for document in (
            login(5.1 / 60),
            login(None),
            login(expiry_date="not-a-number"),
            login(expiry_date=True),
            login(expiry_date=NOW.timestamp() + 3600),
            login(-1, refresh_token=None),
        ):
            self.setUp()
            self.write(FILE, document)
            self.answers()
            self.probe(env=CLIENT)
            self.assertEqual(self.sent(), GOOD)

    def test_only_refresh_token(self) -> None:
        """Without an access token one is bought first."""
        self.write(FILE, login(access_token=None))
        self.bought()
        self.answers()
        self.probe(env=CLIENT)
        self.assertEqual(self.sent(), RENEWED)

    def test_write_back(self) -> None:
        """Where the person allowed it the file has the new tokens, and all else as it was."""
        self.write(FILE, login(-1, other={"kept": True}))
        self.file.chmod(0o640)
        token = jwt(sub="u-1", hd="example.com")
        self.bought(id_token=token, refresh_token=NEW_REFRESH)
        self.account(body={"currentTier": {"id": "free-tier"}})
        self.projects()
        self.quota()
        snapshot = self.probe(refresh_credentials=True, env=CLIENT)

        self.assertEqual(
            self.stored(),
            login(
                access_token=NEW,
                refresh_token=NEW_REFRESH,
                id_token=token,
                other={"kept": True},
                expiry_date=millis(0) + 3_599_000,
            ),
        )
        self.assertTrue(self.file.read_text().startswith('{\n  "access_token"'))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o640)
        self.assertEqual(snapshot.plan, "Workspace")

    def test_not_written(self) -> None:
        """A login that the CLI stored meanwhile is left alone; so is a file that is damaged."""
        case = self
        for meanwhile in (login(access_token="other"), "{half"):

            class Changing(FakeHttp):
                async def request(self, *request: Any, **more: Any) -> Any:
                    case.write(FILE, case.meanwhile)
                    return await super().request(*request, **more)

            self.setUp()
            self.meanwhile: Any = meanwhile
            self.write(FILE, login(-1))
            self.http = Changing()
            self.bought()
            self.answers()
            self.probe(refresh_credentials=True, env=CLIENT)
            text = meanwhile if isinstance(meanwhile, str) else json.dumps(meanwhile)
            self.assertEqual(self.file.read_text(), text)

    def test_not_saved(self) -> None:
        """A new login that cannot be stored is used all the same, and the log says so."""

        class ReadOnly(Files):
            async def write(self, path: Path, data: bytes) -> None:
                raise OSError("read-only")

        self.write(FILE, login(-1))
        self.bought()
        self.answers()
        host = evolve(self.host(refresh_credentials=True, env=CLIENT), files=ReadOnly(run_inline))
        with capturedLogs() as events:
            self.probe(host)

        text = " ".join(map(eventAsText, events))
        self.assertIn("could not be saved", text)
        self.assertNotIn("ya29", text)

    def test_failed(self) -> None:
        """Renewing failing, the old token is used; a session that is over is told."""
        for status, body in ((500, {}), (400, None), (200, {}), (429, {}), (404, "page")):
            self.setUp()
            self.write(FILE, login(-1))
            if status == 200:
                self.bought(access_token=None)
            else:
                self.bought(status, body)
            self.answers()
            self.probe(env=CLIENT)
            self.assertEqual(self.sent(), [f"refresh {REFRESH}", *GOOD])

        for status in (401, 403):
            self.setUp()
            self.write(FILE, login(-1))
            self.bought(status)
            self.assertEqual(self.failure(TokenExpiredError, env=CLIENT), EXPIRED)
            self.assertEqual(len(self.http.requests), 1)

    def test_no_connection(self) -> None:
        """So it is when nobody answers."""
        self.write(FILE, login(-1))
        self.http.fail("POST", TOKEN, UnreachableError("connection refused"))
        self.answers()
        self.probe(env=CLIENT)
        self.assertEqual(self.sent(), [f"refresh {REFRESH}", *GOOD])

    def test_failed_without_token(self) -> None:
        """Renewing failing, and without an access token, there is no login."""
        self.write(FILE, login(access_token=None))
        self.bought(500)
        self.assertEqual(self.failure(NotLoggedInError, env=CLIENT), NOT_LOGGED_IN)
        self.assertEqual(self.failure(NotLoggedInError, env=CLIENT), NOT_LOGGED_IN)
        self.assertEqual(len(self.http.requests), 1)

    def test_refused_for_good(self) -> None:
        """A refresh token that was refused is not sent again until there is another one."""
        for status in (400, 401):
            self.setUp()
            self.write(FILE, login(-1))
            for _ in range(2):
                if not self.http.requests:
                    self.bought(status)
                if status == 400:
                    self.answers()
                    self.probe(env=CLIENT)
                else:
                    self.failure(TokenExpiredError, env=CLIENT)
                self.clock.advance(61)
            self.assertEqual([text.split()[0] for text in self.sent()].count("refresh"), 1)

            self.write(FILE, login(-1, refresh_token=NEW_REFRESH))
            self.bought()
            self.answers()
            self.probe(env=CLIENT)
            self.assertEqual(self.http.left, [])

    def test_refused_by_a_page(self) -> None:
        """What a proxy on the way says is not for good."""
        self.write(FILE, login(-1))
        for _ in range(2):
            self.bought(401, "<html>")
            self.failure(TokenExpiredError, env=CLIENT)
            self.clock.advance(61)

    def test_no_client(self) -> None:
        """Without the CLI's client nothing can be renewed: the old token is used, with a note."""
        self.write(FILE, login(-1))
        self.answers()
        host = self.host()
        self.probe(host)
        self.assertEqual(self.sent(), GOOD)
        self.assertEqual(host.visit.notes, [NO_CLIENT])

        self.write(FILE, login(-1, access_token=None))
        self.clock.advance(61)
        self.assertEqual(self.failure(NotLoggedInError), NOT_LOGGED_IN)

    def test_refused(self) -> None:
        """A token that is refused is renewed once, whatever it was refused for."""
        for status in (401, 403):
            self.setUp()
            self.write(FILE, login())
            self.account(status, {})
            self.bought()
            self.answers()
            self.probe(env=CLIENT)
            self.assertEqual(self.sent(), [GOOD[0], *RENEWED])

            self.setUp()
            self.write(FILE, login())
            self.account()
            self.quota(status, {})
            self.bought()
            self.quota()
            self.probe(env=CLIENT)
            self.assertEqual(self.sent(), [*GOOD, RENEWED[0], RENEWED[2]])

    def test_refused_again(self) -> None:
        """Refused with the new one too, or none to be had, the session is over."""
        self.write(FILE, login())
        self.account(401, {})
        self.bought()
        self.account(401, {})
        self.assertEqual(self.failure(TokenExpiredError, env=CLIENT), EXPIRED)

        for env in ({}, CLIENT):
            self.setUp()
            self.write(FILE, login())
            self.account(401, {})
            if env:
                self.bought(500)
            self.assertEqual(self.failure(TokenExpiredError, env=env), EXPIRED)
            self.assertEqual(self.http.left, [])

    def test_once(self) -> None:
        """A token that was bought a moment ago and is refused is not renewed again."""
        self.write(FILE, login(-1))
        self.bought()
        self.account()
        self.quota(401, {})
        self.failure(TokenExpiredError, env=CLIENT)
        self.assertEqual(self.sent(), RENEWED)


class ClientTests(Case):
    """`find_client`."""

    def find(self, env: Mapping[str, str] | None = None, **more: Any) -> Client | None:
        found: Client | None = self.successResultOf(
            Deferred.fromCoroutine(find_client(self.host(env=env, **more)))
        )
        return found

    def assert_found(self, path: Path, env: Mapping[str, str] | None = None, **more: Any) -> None:
        """The client is read from the file `path`, and from no other."""
        self.assertIsNone(self.find(env, **more), path)
        self.write(str(path), SCRIPT)
        self.assertEqual(self.find(env, **more), Client("client-id", "client-secret"), path)
        path.unlink()

    def test_variables(self) -> None:
        """Both variables go first; one alone is none."""
        found = self.find(CLIENT)
        assert found is not None
        self.assertEqual(found.id, "client-id.apps.googleusercontent.com")
        self.assertNotIn("cs-gemini", repr(found))
        for name in CLIENT:
            self.assertIsNone(self.find({**CLIENT, name: " "}))

    def test_named_file(self) -> None:
        """A variable may name the file."""
        self.assert_found(self.home / "o.js", {"GEMINI_OAUTH2_JS_PATH": "~/o.js"})

    def test_folders(self) -> None:
        """The folders of the package managers are looked into."""
        below = {
            "linux": (
                ".bun/install/global/node_modules",
                ".npm-global/lib/node_modules",
                ".local/share/pnpm/global/5/node_modules",
                ".nvm/versions/node/v22.0.0/lib/node_modules",
                ".local/share/fnm/node-versions/v22/installation/lib/node_modules",
                ".volta/tools/image/packages/@google/gemini-cli/lib/node_modules",
                "../system/usr/local/lib/node_modules",
                "../system/usr/lib/node_modules",
            ),
            "darwin": (
                "Library/pnpm/global/5/node_modules",
                "Library/Application Support/fnm/node-versions/v22/installation/lib/node_modules",
                "../system/opt/homebrew/lib/node_modules",
                "../system/opt/homebrew/opt/gemini-cli/libexec/lib/node_modules",
                "../system/usr/local/Cellar/gemini-cli/0.9.0/libexec/lib/node_modules",
            ),
            "win32": (
                "AppData/Roaming/npm/node_modules",
                "AppData/Roaming/nvm/v22.0.0/node_modules",
                "AppData/Roaming/fnm/node-versions/v22/installation/node_modules",
                "AppData/Local/pnpm/global/5/node_modules",
                "AppData/Local/Volta/tools/image/packages/@google/gemini-cli/node_modules",
            ),
        }
        for platform, folders in below.items():
            for folder in folders:
                for module in (MODULE, NESTED, "@google/gemini-cli/bundle/chunk-A1.js"):
                    self.assert_found(self.home / folder / module, platform=platform)

    def test_program(self) -> None:
        """The command on the path leads to the CLI, in each way in which it is installed."""
        root = self.home / "opt"
        package = root / "lib/node_modules/@google/gemini-cli"
        program = root / "bin/gemini"
        self.write(str(program), "#!")
        env = {"PATH": f"/nowhere:{root / 'bin'}"}
        for module in (
            root / "libexec/lib/node_modules" / NESTED,
            root / "lib/node_modules" / NESTED,
            root / "share/gemini-cli/node_modules" / MODULE,
            self.home / "gemini-cli-core/dist/src/code_assist/oauth2.js",
            root / "node_modules" / MODULE,
        ):
            self.assert_found(module, env)

        self.write(str(package / "package.json"), {"name": "something else"})
        self.write(str(package / "bundle/gemini.js"), SCRIPT)
        self.assertIsNone(self.find(env))
        (package / "bundle/gemini.js").unlink()
        self.write(str(package / "package.json"), {"name": "@google/gemini-cli"})
        for name in ("dist/src/code_assist/oauth2.js", "bundle/gemini.js", "bundle/x.js"):
            self.assert_found(package / name, env)

        program.unlink()
        self.write(str(package / "bundle/gemini.js"), "#!")
        program.symlink_to(package / "bundle/gemini.js")
        self.assert_found(package / "bundle/other.js", env)
        env = {"Path": f"C:\\nowhere;{root / 'bin'}"}
        self.assert_found(package / "bundle/other.js", env, platform="win32")

    def test_imports(self) -> None:
        """A bundle's imports are followed, wherever below it they lie, and not out of it."""
        folder = self.home / ".npm-global/lib/node_modules/@google/gemini-cli/bundle"
        self.write(
            str(folder / "gemini.js"), 'import {a} from "./deep/one.js"; import("./gemini.js")'
        )
        self.write(str(folder / "deep/one.js"), "import './two.js'; import '../../../out.js';")
        self.write(".npm-global/lib/node_modules/@google/out.js", SCRIPT)
        self.assert_found(folder / "deep/two.js")

    def test_forms(self) -> None:
        """The constants may be written in several ways; both must be in the same file."""
        path = self.home / "o.js"
        env = {"GEMINI_OAUTH2_JS_PATH": str(path)}
        for text, name in (
            ("var OAUTH_CLIENT_ID =\n  \"a.b\";\nvar OAUTH_CLIENT_SECRET   =\t'G-s_1';", "a.b"),
            ("OAUTH_CLIENT_ID='a'", None),
            ("OAUTH_CLIENT_SECRET='a'", None),
            ("OAUTH_CLIENT_ID=a; OAUTH_CLIENT_SECRET=b", None),
            ("OAUTH_CLIENT_ID='a\"; OAUTH_CLIENT_SECRET='b'", None),
            ("OAUTH_CLIENT_ID=''; OAUTH_CLIENT_SECRET='b'", None),
            ("OAUTH_CLIENT_ID='\u00e4'; OAUTH_CLIENT_SECRET='b'", None),
        ):
            self.write(str(path), text)
            found = self.find(env)
            self.assertEqual(found and found.id, name, text)

    def test_unreadable(self) -> None:
        """A file without the client, or that cannot be read, is passed over."""
        nvm = self.home / ".nvm/versions/node"
        self.write(str(nvm / "v24.0.0/lib/node_modules" / MODULE), "nothing")
        (nvm / "v23.0.0/lib/node_modules" / MODULE).mkdir(parents=True)
        self.write(str(nvm / "v22.0.0/lib/node_modules/@google/gemini-cli/package.json"), "\xff")
        self.assert_found(nvm / "v20.0.0/lib/node_modules" / NESTED)

    def test_bounded(self) -> None:
        """No more than so many files, and so much of them, is read."""
        folder = self.home / ".npm-global/lib/node_modules/@google/gemini-cli/bundle"
        for number in range(client._MOST_FILES + 5):
            self.write(str(folder / f"a{number:04}.js"), "x")
        self.write(str(folder / "b.js"), SCRIPT)
        self.assertIsNone(self.find())

        self.setUp()
        folder = self.home / ".npm-global/lib/node_modules/@google/gemini-cli/bundle"
        self.write(str(folder / "a.js"), "x" * 1000 + SCRIPT)
        with patch.object(client, "_LONGEST_FILE", 1000):
            self.assertIsNone(self.find())
        self.assertIsNotNone(self.find())

    def test_used(self) -> None:
        """The client of the installed CLI is what a token is renewed with."""
        self.write(FILE, login(-1))
        self.write(str(self.home / ".nvm/versions/node/v22.0.0/lib/node_modules" / NESTED), SCRIPT)
        self.bought()
        self.account()
        self.quota()
        self.probe()
        form = parse_qs((self.http.requests[0].body or b"").decode())
        self.assertEqual(
            (form["client_id"], form["client_secret"]), (["client-id"], ["client-secret"])
        )


class LineTests(Case):
    """What is shown."""

    def shown(self, body: Any, account: Any = ACCOUNT, **more: Any) -> Snapshot:
        """What Google's answers make."""
        self.setUp()
        self.write(FILE, login(**more))
        self.account(body=account)
        if "cloudaicompanionProject" not in account:
            self.projects()
        self.quota(body=body)
        return self.probe()

    def lines(self, body: Any) -> list[Line]:
        return list(self.shown(body).lines)

    def test_least(self) -> None:
        """Of the models of a kind the one with the least left tells, and when it is full again."""
        later = "2026-11-26T08:00:00Z"
        body = {
            "buckets": [
                bucket("gemini-2.5-pro", 0.4, later),
                bucket("gemini-3-pro-preview", 0.2),
                bucket("Gemini-2.5-PRO_vertex", 1, later),
                bucket("models/gemini-2.5-flash", 0.6),
            ]
        }
        self.assertEqual(self.lines(body), [bar("Pro", 80), bar("Flash", 40)])

    def test_nested(self) -> None:
        """Quotas are found on whatever level, and by their other names."""
        item = {"model_id": "gemini-2.5-pro", "remainingFraction": 0.1, "reset_time": RESET}
        self.assertEqual(self.lines({"data": {"items": [item]}}), [bar("Pro", 90)])
        self.assertEqual(self.lines({"quotaBuckets": [[{"x": item}]]}), [bar("Pro", 90)])

    def test_kinds(self) -> None:
        """What is of no kind has no line; light models count to their kind."""
        for name, label in (
            ("gemini-2.5-flash-lite", "Flash"),
            ("gemini-flash-pro", "Pro"),
            ("other-model", None),
            ("pro", None),
            (None, None),
            (5, None),
        ):
            expected = NO_DATA if label is None else bar(label, 50)
            self.assertEqual(self.lines({"buckets": [bucket(name, 0.5)]}), [expected], name)

    def test_fractions(self) -> None:
        """Whole percent, none beyond the ends; what is no fraction is no quota."""
        for left, used in (
            (0.63, 37),
            (0, 100),
            (1, 0),
            (-0.5, 100),
            (1.5, 0),
            (0.995, 1),
            (0.9951, 0),
            (1e308, 0),
            ("0.5", None),
            (True, None),
            (None, None),
        ):
            expected = NO_DATA if used is None else bar("Pro", used)
            self.assertEqual(self.lines({"buckets": [bucket("gemini-pro", left)]}), [expected])

    def test_amounts(self) -> None:
        """Without a fraction an amount does, if it says of how much it is."""
        for amount, used in (
            ("63%", 37),
            (" 3 / 10 ", 70),
            ("0%", 100),
            ("3/0", None),
            ("63", None),
            (63, None),
            ("-3%", None),
        ):
            body = {
                "buckets": [
                    {"modelId": "gemini-pro", "remainingAmount": amount, "resetTime": RESET}
                ]
            }
            expected = NO_DATA if used is None else bar("Pro", used)
            self.assertEqual(self.lines(body), [expected], amount)
        both = {**bucket("gemini-pro", 0.5), "remainingAmount": "1%"}
        self.assertEqual(self.lines({"buckets": [both]}), [bar("Pro", 50)])

    def test_reset(self) -> None:
        """When a quota is full again may be unknown."""
        resets: tuple[Any, ...] = (None, "soon", [], 1e300)
        for reset in resets:
            body = {"buckets": [bucket("gemini-pro", 0.5, reset)]}
            self.assertEqual(self.lines(body), [bar("Pro", 50, None)])

    def test_no_quota(self) -> None:
        """Without a quota that is known a badge says so, and the plan is shown all the same."""
        bodies: tuple[Any, ...] = (
            {},
            {"buckets": []},
            {"buckets": [bucket("other-model", 0.5)]},
        )
        for body in bodies:
            snapshot = self.shown(body, {"currentTier": {"id": "free-tier"}})
            self.assertEqual((snapshot.lines, snapshot.plan), ((NO_DATA,), "Free"))

    def test_plan(self) -> None:
        """What the account pays for, else its tier, in the forms of several versions."""
        workspace = {"id_token": jwt(sub="u-1", hd="example.com")}
        for account, more, plan in (
            (
                {"paidTier": {"name": " Gemini Code Assist Standard "}},
                {},
                "Gemini Code Assist Standard",
            ),
            ({"paidTier": {"name": "X"}, "currentTier": {"id": "free-tier"}}, {}, "X"),
            ({"currentTier": {"id": "standard-tier"}}, {}, "Paid"),
            ({"currentTier": {"id": "Legacy-Tier"}}, {}, "Legacy"),
            ({"currentTier": {"id": "free-tier"}}, {}, "Free"),
            ({"currentTier": {"id": "free-tier"}}, workspace, "Workspace"),
            ({"currentTier": {"id": "standard-tier"}}, workspace, "Paid"),
            ({"tier": "standard-tier"}, {}, "Paid"),
            ({"a": [{"subscriptionTier": "legacy-tier"}]}, {}, "Legacy"),
            ({"response": {"userTier": "free-tier"}}, workspace, "Workspace"),
            ({"currentTier": {"id": "other-tier"}}, {}, None),
            ({"currentTier": "standard-tier"}, {}, None),
            ({}, workspace, None),
        ):
            self.assertEqual(self.shown(BUCKETS, account, **more).plan, plan, account)

    def test_account(self) -> None:
        """Whose account it is, is not told."""
        snapshot = self.shown(BUCKETS)
        self.assertNotIn("Account", [line.label for line in snapshot.lines])
        self.assertNotIn("ada@", repr(snapshot))

    _values = st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(10**400), 10**400),
            st.floats(),
            st.sampled_from(["gemini-pro", "gemini-flash", RESET, "3/10", "9" * 300]),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    ["modelId", "remainingFraction", "remainingAmount", "resetTime", "buckets"]
                ),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=12,
    )

    @settings(deadline=None, max_examples=100)
    @given(st.dictionaries(st.sampled_from(["buckets", "Pro", "Flash"]), _values))
    def test_any(self, body: dict[str, Any]) -> None:
        """Whatever is told makes lines, or an error; what was kept of it makes the same lines."""
        quota_lines(body)
        try:
            found = _least(body)
        except UnexpectedResponseError:
            return
        self.assertEqual(quota_lines(cut(found, _SHAPE)), quota_lines(found))


class HistoryTests(Case):
    """What the CLI logged."""

    def test_with_quota(self) -> None:
        """It follows the quota, without idle days."""
        self.write(FILE, login())
        self.logs.found = History([Day(NOW.date(), 12_900, 1.0)], {"gemini-2.5-pro": 12_900})
        self.account()
        self.quota()
        lines = self.probe().lines

        self.assertEqual(
            [line.label for line in lines], ["Pro", "Flash", "Today", "Last 30 Days", "Usage Trend"]
        )
        self.assertEqual(lines[2], Text("Today", "$1.00 \u00b7 12.9K tokens"))
        assert isinstance(lines[-1], BarChart)
        self.assertEqual(len(lines[-1].points), 31)
        self.assertEqual(self.logs.asked, [(GEMINI, (self.home / ".gemini",))])

    def test_alone(self) -> None:
        """It needs no login: with none, or one that is no good, a note says so."""
        self.logs.found = History([Day(NOW.date(), 5, 1.0)], {"gemini-2.5-pro": 5})
        host = self.host()
        labels = ["Today", "Last 30 Days", "Usage Trend"]
        self.assertEqual([line.label for line in self.probe(host).lines], labels)
        self.assertTrue(host.visit.notes[0].startswith(NOT_LOGGED_IN))

        self.set_type({"authType": "api-key"})
        note = "Live usage unavailable \u2014 gemini auth type api-key is not supported"
        self.assertEqual(self.probe().lines[-1], Text("Note", note))

        self.set_type({})
        self.write(FILE, login(refresh_token=None))
        self.account(401, {})
        self.assertEqual(self.probe().lines[-1].label, "Note")

    def test_other_trouble(self) -> None:
        """Any other trouble is an error, since the last figures are still good."""
        self.logs.found = History([Day(NOW.date(), 5, 1.0)], {"gemini-2.5-pro": 5})
        self.write(FILE, login())
        self.account()
        self.quota(500, {})
        self.failure(UnexpectedResponseError)

    def test_real_logs(self) -> None:
        """Real sessions below the folder that the variable names are read."""
        message = {
            "id": "m1",
            "type": "gemini",
            "timestamp": NOW.isoformat(),
            "model": "gemini-2.5-flash",
            "tokens": {"input": 1_000_000, "total": 1_000_000},
        }
        session = {"sessionId": "s1", "messages": [message]}
        path = self.write("g/.gemini/tmp/p/chats/session-1.json", session)
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        logs = LocalSessionLogs(run_inline, clock=self.clock)

        lines = self.probe(env={"GEMINI_CLI_HOME": "~/g"}, logs=logs).lines
        self.assertEqual(lines[0], Text("Today", "$0.30 \u00b7 1M tokens"))
