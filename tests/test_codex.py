"""Probes of the Codex provider, from stored login to snapshot.

Where the original app spends refresh tokens whenever it likes, these tests hold that nothing is
spent unless the person allowed it; where it shows an error, that Codex's own log goes before.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host import Host, Response, Visit
from openusage.host.keychain import KeychainError
from openusage.model import (
    Badge,
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
from openusage.providers.codex import Codex
from openusage.providers.interface import IProvider, Provider
from openusage.sessionlogs import Day, History, LogRateLimits, LogWindow
from openusage.testing import (
    NOW,
    FakeHttp,
    FakeKeychain,
    FakeLogs,
    MemoryState,
    clock_at,
    fake_host,
)
from tests.test_codex_credentials import auth, jwt, put

USAGE = "https://chatgpt.com/backend-api/wham/usage"
RESETS = "https://chatgpt.com/backend-api/wham/rate-limit-reset-credits"
REFRESH = "https://auth.openai.com/oauth/token"
BODY = {
    "plan_type": "plus",
    "email": "ada@example.com",
    "rate_limit": {
        "primary_window": {"used_percent": 22, "limit_window_seconds": 18000},
        "secondary_window": {"used_percent": 9, "limit_window_seconds": 604800},
    },
}
BARS = (
    Progress("Session", 22, 100, period_ms=18_000_000),
    Progress("Weekly", 9, 100, period_ms=604_800_000),
)
EXPIRED = "Token expired. Run `codex` to log in again."
OFFLINE = "Usage request failed. Check your connection."
SOON = timedelta(minutes=4)


class ReadOnlyKeychain(FakeKeychain):
    """A keychain that saves nothing."""

    async def set(self, service: str, account: str | None, value: str) -> None:
        """Refuse."""
        raise KeychainError("locked")


class ChangingKeychain(FakeKeychain):
    """A keychain whose only item changes from one look-up to the next; the last value stays."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        super().__init__()
        self.documents = documents

    async def get(
        self, service: str, account: str | None = None, *, prompts: bool = False
    ) -> str | None:
        """The next value."""
        document = self.documents[0] if len(self.documents) == 1 else self.documents.pop(0)
        return json.dumps(document)


class BrokenLogs(FakeLogs):
    """Logs that cannot be read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def history(self, *args: Any, **more: Any) -> History | None:
        """Fail."""
        raise self.error


class HangingLogs(FakeLogs):
    """Logs that nobody has ever read to their end."""

    async def history(self, *args: Any, **more: Any) -> History | None:
        """Wait."""
        never: Deferred[None] = Deferred()
        await never
        return None


class Case(SynchronousTestCase):
    """A person's machine, empty at first."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        self.http = FakeHttp()
        self.keychain = FakeKeychain()
        self.state = MemoryState()
        self.logs = FakeLogs()
        self.clock: Clock = clock_at(NOW)
        self.file = self.home / ".codex" / "auth.json"

    def host(
        self,
        *,
        refresh: bool = False,
        env: Mapping[str, str] | None = None,
        platform: str = "linux",
    ) -> Host:
        """A host for one more visit to the same machine."""
        return fake_host(
            self.home,
            id="codex",
            env=env,
            platform=platform,
            http=self.http,
            keychain=self.keychain,
            clock=self.clock,
            logs=self.logs,
            state=self.state,
            refresh_credentials=refresh,
            visit=Visit(),
        )

    def probe(self, host: Host | None = None, **more: Any) -> Snapshot:
        """The snapshot of a probe that must succeed."""
        return self.successResultOf(self.start(host or self.host(**more)))

    def failure(self, kind: type[ProbeError], host: Host | None = None, **more: Any) -> ProbeError:
        """The error of a probe that must fail in this way."""
        error = self.failureResultOf(self.start(host or self.host(**more)), kind).value
        assert isinstance(error, ProbeError)
        return error

    def start(self, host: Host) -> Deferred[Snapshot]:
        """A probe that may be waiting."""
        return Deferred.fromCoroutine(Codex().probe(host))

    def usage(self, status: int = 200, body: Any = BODY, **headers: str) -> None:
        """Queue an answer of the usage endpoint."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.http.reply("GET", USAGE, status, body, named)

    def refresh(self, status: int = 200, body: Any = b"") -> None:
        """Queue an answer of the refresh endpoint."""
        self.http.reply("POST", REFRESH, status, body)

    def sent(self) -> list[str]:
        """Every request so far: the token of a usage request, the refresh token of a refresh."""
        return [
            request.headers["authorization"].removeprefix("Bearer ")
            if request.method == "GET"
            else "refresh " + parse_qs((request.body or b"").decode())["refresh_token"][0]
            for request in self.http.requests
        ]

    def on_keychain(self, document: Mapping[str, Any] | str) -> None:
        """Put a login into the macOS keychain."""
        text = document if isinstance(document, str) else json.dumps(document)
        self.keychain.items[("Codex Auth", "cli|0")] = text

    def stored(self) -> Any:
        """What `~/.codex/auth.json` holds now."""
        return json.loads(self.file.read_text())


class InterfaceTests(SynchronousTestCase):
    """`Codex` as a provider."""

    def test_provides(self) -> None:
        """It is what the registry and the type checker expect."""
        provider: Provider = Codex()
        self.assertTrue(verifyObject(IProvider, provider))

    def test_limits(self) -> None:
        """Each limit has its key, and the session goes before the week."""
        lines = Codex().lines
        self.assertEqual(
            {line.label: line.resource for line in lines if line.resource},
            {
                "Session": "session",
                "Weekly": "weekly",
                "Spark": "spark",
                "Spark Weekly": "sparkWeekly",
                "Reviews": "reviews",
                "Monthly credits": "monthlyCredits",
                "Rate Limit Resets": "rateLimitResets",
                "Credits": "credits",
            },
        )
        self.assertEqual([line.label for line in lines if line.primary], ["Session", "Weekly"])
        self.assertEqual([line.label for line in lines if line.weekly], ["Weekly"])


class DetectTests(Case):
    """`Codex.detect`."""

    def detect(self, **more: Any) -> str | None:
        """What is found, with nothing asked over the network or of the keychain."""
        found = self.successResultOf(Deferred.fromCoroutine(Codex().detect(self.host(**more))))
        self.assertEqual((self.http.requests, self.keychain.asked), ([], []))
        return found

    def test_nothing(self) -> None:
        """An empty machine has no Codex."""
        self.assertIsNone(self.detect(platform="darwin"))

    def test_login(self) -> None:
        """A file with a token is named as the person knows it."""
        put(self.file, auth())
        self.assertEqual(self.detect(), "~/.codex/auth.json")
        put(self.home / ".config/codex/auth.json", auth())
        self.assertEqual(self.detect(), "~/.config/codex/auth.json")

    def test_logs(self) -> None:
        """Without a token, session logs are enough."""
        put(self.file, {"OPENAI_API_KEY": "key"})
        self.assertIsNone(self.detect())
        (self.home / ".codex" / "archived_sessions").mkdir()
        self.assertEqual(self.detect(), "~/.codex/archived_sessions")
        (self.home / ".codex" / "sessions").mkdir()
        self.assertEqual(self.detect(), "~/.codex/sessions")

    def test_elsewhere(self) -> None:
        """A home outside the home folder is named by its variable."""
        folder = Path(self.mktemp()).absolute()
        (folder / "sessions").mkdir(parents=True)
        env = {"CODEX_HOME": str(folder)}
        self.assertEqual(self.detect(env=env), "$CODEX_HOME/sessions")
        put(folder / "auth.json", auth())
        self.assertEqual(self.detect(env=env), "$CODEX_HOME/auth.json")


class RequestTests(Case):
    """`Codex.probe`: what is sent, and the snapshot of a good answer."""

    def test_snapshot(self) -> None:
        """One request, and its answer is the snapshot."""
        put(self.file, auth("tok", account_id="acc"))
        self.usage()
        host = self.host()

        snapshot = self.probe(host)

        self.assertEqual(snapshot, Snapshot("codex", "Codex", "Plus", BARS, NOW))
        [request] = self.http.requests
        self.assertEqual((request.method, request.url, request.body), ("GET", USAGE, None))
        self.assertEqual(
            dict(request.headers),
            {
                "authorization": "Bearer tok",
                "accept": "application/json",
                "user-agent": "openusage/0",
                "chatgpt-account-id": "acc",
            },
        )
        self.assertEqual((request.timeout, request.follow_redirects), (10.0, False))
        self.assertEqual(host.visit.watched, {self.home / ".config/codex/auth.json", self.file})

    def test_no_account(self) -> None:
        """An unknown account is not sent."""
        put(self.file, auth("tok"))
        self.usage()
        self.probe()
        self.assertNotIn("chatgpt-account-id", self.http.requests[0].headers)

    def test_base(self) -> None:
        """The CLI's own base address is asked, without the list of resets."""
        put(self.file, auth("tok"))
        put(self.file.with_name("config.toml"), 'chatgpt_base_url = "https://proxy.example/"')
        body = {"rate_limit_reset_credits": {"available_count": 1}}
        self.http.reply("GET", "https://proxy.example/api/codex/usage", 200, body)
        self.assertEqual(self.probe().lines, (Text("Rate Limit Resets", "1 available"),))

    def test_no_data(self) -> None:
        """An answer that tells nothing is a badge, unless there is local history."""
        put(self.file, auth("tok"))
        self.usage(body={})
        self.assertEqual(self.probe().lines, (Badge("Status", "No usage data", "#a3a3a3"),))
        self.clock.advance(61)
        self.logs.found = History((), {})
        self.usage(body={})
        self.assertEqual([line.label for line in self.probe().lines], ["Today", "Yesterday"])

    def test_errors(self) -> None:
        """Each way in which the service can fail has its error; the keychain is not read then."""
        put(self.file, auth("tok"))
        self.on_keychain(auth("other"))
        for status, body, message in (
            (500, b"", "Usage request failed (HTTP 500). Try again later."),
            (404, b"{}", "Usage request failed (HTTP 404). Try again later."),
            (302, b"", "Usage request failed (HTTP 302). Try again later."),
            (200, b"bad", "Usage response invalid. Try again later."),
            (200, b"null", "Usage response invalid. Try again later."),
            (200, b"[]", "Usage response invalid. Try again later."),
            (200, b"\xff", "Usage response invalid. Try again later."),
            (200, b"[" * 100_000, "Usage response invalid. Try again later."),
            (200, {"detail": "x"}, "Usage response invalid. Try again later."),
            (200, {"rate_limit": [1]}, "Usage response invalid. Try again later."),
            (200, {"additional_rate_limits": {}}, "Usage response invalid. Try again later."),
            (
                200,
                {"rate_limit": {"primary_window": {"used_percent": "much"}}},
                "Usage response invalid. Try again later.",
            ),
        ):
            with self.subTest(status=status, body=str(body)[:40]):
                self.usage(status, body)
                error = self.failure(UnexpectedResponseError, platform="darwin")
                self.assertEqual(repr(error), repr(UnexpectedResponseError(message, status)))
                self.clock.advance(61)
        for raised in (UnreachableError("refused"), ProbeTimeoutError("10 s")):
            with self.subTest(raised=raised):
                self.http.fail("GET", USAGE, raised)
                error = self.failure(UnreachableError, platform="darwin")
                self.assertEqual(repr(error), repr(type(raised)(OFFLINE)))
                self.clock.advance(61)
        self.http.fail("GET", USAGE, UnexpectedResponseError("the answer is too large", 200))
        error = self.failure(UnexpectedResponseError, platform="darwin")
        message = "Usage response invalid: the answer is too large. Try again later."
        self.assertEqual(repr(error), repr(UnexpectedResponseError(message, 200)))
        self.assertEqual(self.keychain.asked, [])

    def test_shape_with_figures(self) -> None:
        """Where anything can be read, parts of another shape are left out."""
        put(self.file, auth("tok"))
        self.usage(body={**BODY, "credits": "x", "additional_rate_limits": {}})
        self.assertEqual(self.probe().lines, BARS)


class ResetsTests(Case):
    """`Codex.probe`: the list of resets."""

    def setUp(self) -> None:
        super().setUp()
        put(self.file, auth("tok", account_id="acc"))

    def resets(self, count: object) -> Text | None:
        """The line about resets after an answer that has `count` of them."""
        self.usage(body={"rate_limit_reset_credits": {"available_count": count}})
        lines = [line for line in self.probe().lines if isinstance(line, Text)]
        return lines[0] if lines else None

    def test_expiry(self) -> None:
        """The list says how many are left, and when the first that is still good is lost."""
        self.http.reply(
            "GET",
            RESETS,
            200,
            {
                "available_count": 3,
                "credits": [
                    {"status": "available", "expires_at": "2026-12-05T00:00:00Z"},
                    {"expires_at": 1796083200},
                    {"status": "consumed", "expires_at": "2026-11-25T00:00:00Z"},
                    {"expires_at": "2026-11-20T00:00:00Z"},
                    {"expires_at": None},
                    7,
                ],
            },
        )
        self.assertEqual(
            self.resets(2),
            Text("Rate Limit Resets", "3 available", subtitle="next expires 2026-12-01"),
        )
        request = self.http.requests[1]
        self.assertEqual((request.method, request.body, request.timeout), ("GET", None, 10.0))
        self.assertEqual(
            dict(request.headers),
            {
                **self.http.requests[0].headers,
                "openai-beta": "codex-1",
                "originator": "Codex Desktop",
            },
        )

    def test_not_asked(self) -> None:
        """Without a reset there is no list to ask for."""
        for count in (0, None, "x", -1):
            with self.subTest(count=count):
                self.resets(count)
                self.clock.advance(61)
        self.assertEqual({request.url for request in self.http.requests}, {USAGE})

    def test_best_effort(self) -> None:
        """Whatever happens to the list, the number of the usage answer stays."""
        replies = (
            (500, b""),
            (401, b""),
            (200, b"bad"),
            (200, b"[]"),
            (200, b'{"available_count":null}'),
            (200, b'{"available_count":-3}'),
            (404, b'{"available_count":9}'),
        )
        for status, body in replies:
            with self.subTest(status=status, body=body):
                self.http.reply("GET", RESETS, status, body)
                self.assertEqual(self.resets(2), Text("Rate Limit Resets", "2 available"))
                self.clock.advance(61)
        self.http.fail("GET", RESETS, UnreachableError("x"))
        self.assertEqual(self.resets("2"), Text("Rate Limit Resets", "2 available"))

    def test_senseless_list(self) -> None:
        """A list without anything that expires has no expiry."""
        self.http.reply("GET", RESETS, 200, {"available_count": 2, "credits": {"a": 1}})
        self.assertEqual(self.resets(2), Text("Rate Limit Resets", "2 available"))


class LoginTests(Case):
    """`Codex.probe`: which login is used."""

    def test_nothing(self) -> None:
        """Without a login the error says where it was looked for, and nothing is sent."""
        self.assertEqual(
            self.failure(NotLoggedInError).message,
            "Not logged in. Run `codex` to authenticate. (~/.config/codex/auth.json was not found; "
            "~/.codex/auth.json was not found; ~/.local/share/opencode/auth.json was not found; "
            "~/.config/opencode/auth.json was not found.)",
        )
        self.assertIn(
            "the keychain item Codex Auth was not found",
            self.failure(NotLoggedInError, platform="darwin").message,
        )

    def test_unusable(self) -> None:
        """A file or item that holds no token counts as none; the error names the key."""
        for text in ("{bad", "", '{"tokens":{}}', '{"user":"me"}'):
            with self.subTest(text=text):
                put(self.file, text)
                self.on_keychain(text)
                message = self.failure(NotLoggedInError, platform="darwin").message
                self.assertTrue(message.startswith("Not logged in. Run `codex` to authenticate."))
                reason = "no tokens.access_token" if "}" in text else "no JSON object"
                self.assertEqual(message.count(reason), 2)

    def test_file_before_keychain(self) -> None:
        """With a good file the keychain is not read."""
        put(self.file, auth("file"))
        self.on_keychain(auth("keychain"))
        self.usage()
        self.probe(platform="darwin")
        self.assertEqual((self.sent(), self.keychain.asked), (["file"], []))

    def test_keychain(self) -> None:
        """With a broken file the keychain's login is used, be it JSON or hex."""
        text = json.dumps(auth("keychain"))
        for value in (text, text.encode().hex(), "0X" + text.encode().hex().upper()):
            with self.subTest(value=value[:4]):
                put(self.file, "{bad")
                self.on_keychain(value)
                self.usage()
                self.probe(platform="darwin")
                self.assertEqual(self.sent()[-1], "keychain")
                self.clock.advance(61)
                self.state.values.clear()

    def test_keyring(self) -> None:
        """On Linux the keyring is read when the CLI is configured to use it, and only then."""
        self.assertEqual(self.keychain.asked, [])
        self.failure(NotLoggedInError)
        self.assertEqual(self.keychain.asked, [])
        put(self.file.with_name("config.toml"), 'cli_auth_credentials_store = "keyring"')
        self.failure(NotLoggedInError)
        [(service, account)] = self.keychain.asked
        self.assertEqual(service, "Codex Auth")
        self.keychain.items[(service, account)] = json.dumps(auth("ring"))
        self.usage()
        self.probe()
        self.assertEqual(self.sent(), ["ring"])

    def test_both_files(self) -> None:
        """The first of two good files is used."""
        put(self.home / ".config/codex/auth.json", auth("first"))
        put(self.file, auth("second"))
        self.usage()
        self.probe()
        self.assertEqual(self.sent(), ["first"])

    def test_codex_home(self) -> None:
        """`CODEX_HOME` shuts out the default files, and OpenCode's."""
        put(self.file, auth("default"))
        put(
            self.home / ".config/opencode/auth.json",
            {"openai": {"type": "oauth", "access": "open"}},
        )
        folder = Path(self.mktemp()).absolute()
        env = {"CODEX_HOME": f"{folder}/"}
        self.assertEqual(
            self.failure(NotLoggedInError, env=env).message,
            "Not logged in. Run `codex` to authenticate. ($CODEX_HOME/auth.json was not found.)",
        )
        put(folder / "auth.json", auth("own"))
        self.usage()
        self.probe(env=env)
        self.assertEqual(self.sent(), ["own"])

    def test_blank_codex_home(self) -> None:
        """A blank `CODEX_HOME` is none."""
        put(self.file, auth("default"))
        self.usage()
        self.probe(env={"CODEX_HOME": "   "})
        self.assertEqual(self.sent(), ["default"])

    def test_api_key(self) -> None:
        """An API key cannot read usage; the keychain is not bothered."""
        put(self.file, {"OPENAI_API_KEY": "key"})
        self.on_keychain(auth("keychain"))
        self.assertEqual(
            self.failure(NotAvailableError, platform="darwin").message,
            "Usage not available for API key.",
        )
        self.assertEqual(self.keychain.asked, [])

    def test_api_key_beside_login(self) -> None:
        """An API key in one file does not hide a login in the other (the original app: it does)."""
        put(self.home / ".config/codex/auth.json", {"OPENAI_API_KEY": "key"})
        put(self.file, auth("second"))
        self.usage()
        self.probe()
        self.assertEqual(self.sent(), ["second"])

    def test_opencode(self) -> None:
        """OpenCode's login is used when there is nothing else, and names its own tool."""
        path = self.home / ".local/share/opencode/auth.json"
        entry = {"type": "oauth", "access": "open", "refresh": "rt", "accountId": "acc"}
        put(path, {"openai": entry, "zai": {"key": "k"}})
        before = path.read_bytes()
        self.usage()
        self.probe(refresh=True)
        self.assertEqual(self.sent(), ["open"])
        self.clock.advance(61)
        self.usage(401)
        self.assertEqual(
            self.failure(TokenExpiredError, refresh=True).message,
            "Token expired. Run `opencode` to log in again.",
        )
        self.clock.advance(61)
        put(path, {"openai": {**entry, "expires": NOW.timestamp() * 1000 - 1}})
        self.assertEqual(
            self.failure(TokenExpiredError, refresh=True).message,
            "Token expired 2 min ago. Run `opencode` once to renew it.",
        )
        self.assertEqual(self.sent(), ["open", "open"])
        self.assertNotEqual(before, path.read_bytes())

    def test_opencode_watched(self) -> None:
        """A new login of OpenCode is noticed where there is none of Codex's own."""
        path = self.home / ".local/share/opencode/auth.json"
        host = self.host()
        self.failure(NotLoggedInError, host)
        self.assertIn(path, host.visit.watched)

        put(self.file, auth("tok"))
        self.usage()
        host = self.host()
        self.probe(host)
        self.assertNotIn(path, host.visit.watched)

    def test_opencode_last(self) -> None:
        """OpenCode's login is left alone while there is a login or an API key of Codex's own."""
        put(
            self.home / ".local/share/opencode/auth.json",
            {"openai": {"type": "oauth", "access": "open"}},
        )
        put(self.file, {"OPENAI_API_KEY": "key"})
        self.failure(NotAvailableError)
        put(self.file, auth("tok"))
        self.usage(401)
        self.failure(TokenExpiredError)
        self.assertEqual(self.sent(), ["tok"])

    def test_identity(self) -> None:
        """The account decides whose state is used, not the token; it is kept as a digest only."""
        hosts = []
        for token, account in (("a", "acc-1"), ("b", "acc-1"), ("b", "acc-2")):
            put(self.file, auth(token, account_id=account))
            self.usage()
            hosts.append(self.host())
            self.probe(hosts[-1])
            self.clock.advance(61)
        credentials = [host.visit.credential for host in hosts]
        self.assertEqual(credentials[0], credentials[1])
        self.assertNotEqual(credentials[1], credentials[2])
        self.assertNotIn("acc-", repr(credentials))


class ReadOnlyTests(Case):
    """`Codex.probe` when the person did not allow spending refresh tokens."""

    def test_expired(self) -> None:
        """A token that says it has expired is not sent; the error says since when."""
        for ago, words in (
            (timedelta(), "moments ago"),
            (timedelta(minutes=12), "12 min ago"),
            (timedelta(hours=3, minutes=50), "3 h ago"),
            (timedelta(days=5), "5 d ago"),
        ):
            with self.subTest(ago=ago):
                put(self.file, auth(jwt(NOW - ago), refresh_token="rt"))
                self.assertEqual(
                    self.failure(TokenExpiredError).message,
                    f"Token expired {words}. Run `codex` once to renew it.",
                )
        self.assertEqual(self.http.requests, [])

    def test_nearly_expired(self) -> None:
        """A token that is good for a second is used, and nothing is renewed."""
        token = jwt(NOW + timedelta(seconds=1))
        put(self.file, auth(token, refresh_token="rt", last_refresh="2000-01-01"))
        before = self.file.read_bytes()
        self.usage()
        self.assertEqual(self.probe().lines, BARS)
        self.assertEqual((self.sent(), self.file.read_bytes()), ([token], before))

    def test_refused(self) -> None:
        """A refused token is an error when the file still holds it; one request is enough."""
        for status in (401, 403):
            with self.subTest(status=status):
                put(self.file, auth(f"tok{status}", refresh_token="rt"))
                self.usage(status)
                self.assertEqual(self.failure(TokenExpiredError).message, EXPIRED)
        self.assertEqual(self.sent(), ["tok401", "tok403"])

    def refused_while(self, content: Mapping[str, Any] | str, *later: int) -> Deferred[Snapshot]:
        """A probe whose token is refused while the file's content changes; then come `later`."""
        put(self.file, auth("old", account_id="acc"))
        waiting = self.http.hang("GET", USAGE)
        probe = self.start(self.host())
        put(self.file, content)
        for status in later:
            self.usage(status)
        waiting.callback(Response(401, {}, b""))
        return probe

    def test_renewed_meanwhile(self) -> None:
        """When the CLI wrote a new token meanwhile, that one is tried, once."""
        new = auth("new", account_id="acc")
        probe = self.refused_while(new, 200)
        self.assertEqual(self.successResultOf(probe).lines, BARS)
        self.clock.advance(61)
        probe = self.refused_while(new, 403)
        self.assertEqual(self.failureResultOf(probe, TokenExpiredError).value.message, EXPIRED)
        self.assertEqual(self.sent(), ["old", "new", "old", "new"])

    def test_other_account_meanwhile(self) -> None:
        """Another account, or an API key, in the file is a conflict, not a retry."""
        contents: tuple[dict[str, Any], ...] = (
            auth("new", account_id="other"),
            auth("new"),
            {"OPENAI_API_KEY": "key"},
        )
        for content in contents:
            with self.subTest(content=content):
                probe = self.refused_while(content)
                self.assertEqual(
                    self.failureResultOf(probe, TokenExpiredError).value.message,
                    "Token conflict. Run `codex` to log in again.",
                )
                self.clock.advance(61)
        self.assertEqual(self.sent(), ["old"] * 3)

    def test_file_gone_meanwhile(self) -> None:
        """A file that can no longer be read counts as unchanged."""
        for content in ("{bad", '{"user":"me"}'):
            with self.subTest(content=content):
                probe = self.refused_while(content)
                error = self.failureResultOf(probe, TokenExpiredError).value
                self.assertEqual(error.message, EXPIRED)
                self.clock.advance(61)

    def test_next_login(self) -> None:
        """A login that is refused or expired gives way to the next; the last error is shown."""
        put(self.home / ".config/codex/auth.json", auth("first"))
        put(self.file, auth("second"))
        self.on_keychain(auth("third"))
        self.usage(401)
        self.usage()
        self.probe(platform="darwin")
        self.assertEqual((self.sent(), self.keychain.asked), (["first", "second"], []))
        self.clock.advance(61)
        put(self.file, auth(jwt(NOW)))
        self.usage(401)
        self.usage()
        self.probe(platform="darwin")
        self.assertEqual(self.sent()[2:], ["first", "third"])
        self.clock.advance(61)
        self.on_keychain(auth(jwt(NOW)))
        self.usage(401)
        self.assertEqual(
            self.failure(TokenExpiredError, platform="darwin").message,
            "Token expired 2 min ago. Run `codex` once to renew it.",
        )


class RefreshTests(Case):
    """`Codex.probe` when the person allowed spending refresh tokens."""

    def put(self, access_token: str = "old", refresh_token: str | None = "r1", **more: Any) -> None:
        """Put a login of the account `acc` into the file."""
        put(self.file, auth(access_token, refresh_token=refresh_token, account_id="acc", **more))

    def test_not_due(self) -> None:
        """A token that is good for six minutes is used, however old the login."""
        token = jwt(NOW + timedelta(minutes=6))
        for access, last in ((token, "2000-01-01"), ("opaque", None)):
            with self.subTest(last=last):
                self.put(access, last_refresh=last)
                self.usage()
                self.probe(refresh=True)
                self.assertEqual(self.sent()[-1], access)
                self.state.values.clear()
        self.assertEqual(len(self.http.requests), 2)

    def test_due(self) -> None:
        """A token that expires within five minutes, or a login of last week, is renewed first."""
        for access, last in (
            (jwt(NOW + SOON), NOW.isoformat()),
            (jwt(NOW - SOON), None),
            ("opaque", "2000-01-01T00:00:00Z"),
        ):
            with self.subTest(last=last):
                self.put(access, last_refresh=last)
                self.refresh(200, {"access_token": "new", "refresh_token": "r2", "id_token": "i2"})
                self.usage()
                self.probe(refresh=True)
                self.assertEqual(self.sent()[-2:], ["refresh r1", "new"])
                self.assertEqual(
                    self.stored(),
                    auth(
                        "new",
                        refresh_token="r2",
                        account_id="acc",
                        id_token="i2",
                        last_refresh="2026-11-24T12:00:00.000Z",
                    ),
                )
                self.state.values.clear()

    def test_request(self) -> None:
        """The refresh is a form, sent to the login service alone."""
        self.put(jwt(NOW), "r 1&+")
        self.refresh(200, {"access_token": "new"})
        self.usage()
        self.probe(refresh=True)

        request = self.http.requests[0]

        self.assertEqual((request.method, request.url, request.timeout), ("POST", REFRESH, 15.0))
        self.assertEqual(request.headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(
            request.body,
            b"grant_type=refresh_token&client_id=app_EMoamEEZ73f0CkXaXp7hrann"
            b"&refresh_token=r%201%26%2B",
        )

    def test_saved_as_it_was(self) -> None:
        """Unknown keys and the file's mode survive, and the text is pretty-printed."""
        document = {**auth(jwt(NOW), refresh_token="r1", odd=[1]), "more": {"x": None}}
        put(self.file, document)
        self.file.chmod(0o640)
        self.refresh(200, {"access_token": "new"})
        self.usage()

        self.probe(refresh=True)

        document["tokens"]["access_token"] = "new"
        document["last_refresh"] = "2026-11-24T12:00:00.000Z"
        self.assertEqual(self.file.read_text(), json.dumps(document, indent=2))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o640)

    def test_saved_to_keychain(self) -> None:
        """A login from the keychain goes back there, on one line."""
        self.on_keychain(auth(jwt(NOW), refresh_token="r1"))
        self.refresh(200, {"access_token": "new"})
        self.usage()

        self.probe(refresh=True, platform="darwin")

        [(service, account, text)] = self.keychain.saved
        expected = auth("new", refresh_token="r1", last_refresh="2026-11-24T12:00:00.000Z")
        self.assertEqual((service, account), ("Codex Auth", None))
        self.assertEqual(text, json.dumps(expected, separators=(",", ":")))

    def test_not_saved(self) -> None:
        """When the login cannot be saved, the new token is used all the same."""
        self.keychain = ReadOnlyKeychain()
        self.on_keychain(auth(jwt(NOW), refresh_token="r1"))
        self.refresh(200, {"access_token": "new"})
        self.usage()

        with capturedLogs() as events:
            self.assertEqual(self.probe(refresh=True, platform="darwin").lines, BARS)

        self.assertEqual(self.sent(), ["refresh r1", "new"])
        self.assertIn("could not be saved", "\n".join(map(eventAsText, events)))

    def test_cannot_be_saved(self) -> None:
        """A refresh token is not spent where its successor could not be saved; health says so."""
        token = jwt(NOW + SOON)
        for platform, document, reason in (
            ("linux", auth(token, refresh_token="r1"), "its file cannot be replaced"),
            (
                "darwin",
                auth(token, refresh_token="r1", id_token="x" * 4000),
                "its keychain item is too long to be saved safely",
            ),
        ):
            with self.subTest(platform=platform):
                if platform == "darwin":
                    self.file.unlink()
                    self.on_keychain(document)
                else:
                    put(self.file, document)
                    self.patch(os, "access", lambda path, mode: Path(path) != self.file.parent)
                self.usage()
                host = self.host(refresh=True, platform=platform)
                self.assertEqual(self.probe(host).lines, BARS)
                self.assertEqual(self.sent()[-1], token)
                self.assertEqual(host.visit.notes, [f"Login not renewed: {reason}."])
                self.state.values.clear()
        self.assertEqual(len(self.http.requests), 2)

    def test_sent_once(self) -> None:
        """A refresh without an answer is not tried again in the same probe: it may be spent."""
        self.put(jwt(NOW + SOON))
        self.http.fail("POST", REFRESH, ProbeTimeoutError("x"))
        self.usage(401)
        self.failure(TokenExpiredError, refresh=True)
        self.assertEqual(self.sent(), ["refresh r1", jwt(NOW + SOON)])

    def test_refused_by_a_proxy(self) -> None:
        """A refusal that is no JSON may be of a proxy's making: the token gets another chance."""
        self.put(jwt(NOW + SOON))
        for status, body in ((401, b"<html>"), (200, {"access_token": "new"})):
            self.refresh(status, body)
            self.usage()
            self.assertEqual(self.probe(refresh=True).lines, BARS)
            self.clock.advance(61)
        self.assertEqual(self.sent(), ["refresh r1", jwt(NOW + SOON), "refresh r1", "new"])

    def test_no_new_token(self) -> None:
        """When the login service gives nothing, the old token is used."""
        self.put(jwt(NOW + SOON))
        for status, body in (
            (500, b""),
            (302, b""),
            (200, b"not-json"),
            (200, b"{}"),
            (200, b'{"access_token":"a b"}'),
        ):
            with self.subTest(status=status, body=body):
                self.refresh(status, body)
                self.usage()
                self.assertEqual(self.probe(refresh=True).lines, BARS)
                self.clock.advance(61)
        self.http.fail("POST", REFRESH, UnreachableError("x"))
        self.usage()
        self.assertEqual(self.probe(refresh=True).lines, BARS)
        self.assertEqual(self.stored(), auth(jwt(NOW + SOON), refresh_token="r1", account_id="acc"))

    def test_refused_early(self) -> None:
        """A refused refresh does not matter while the old token works, and is never sent again."""
        self.put(jwt(NOW + SOON))
        self.on_keychain(auth("keychain"))
        self.refresh(401, {"error": {"code": "refresh_token_reused"}})
        for _ in range(2):
            self.usage()
            self.assertEqual(self.probe(refresh=True, platform="darwin").lines, BARS)
            self.clock.advance(61)
        self.assertEqual(self.sent(), ["refresh r1", jwt(NOW + SOON), jwt(NOW + SOON)])
        self.assertEqual(self.keychain.asked, [])

        self.put(jwt(NOW + SOON), "r2")
        self.refresh(200, {"access_token": "new"})
        self.usage()
        self.probe(refresh=True)
        self.assertEqual(self.sent()[3:], ["refresh r2", "new"])

    def test_refused_early_with_two_files(self) -> None:
        """The first file's token is used though its refresh was refused."""
        first = jwt(NOW + SOON)
        put(self.home / ".config/codex/auth.json", auth(first, refresh_token="r1"))
        put(self.file, auth("second"))
        self.refresh(401, {"error": {"code": "refresh_token_reused"}})
        self.usage()
        self.probe(refresh=True)
        self.assertEqual(self.sent(), ["refresh r1", first])

    def test_refused_early_then_broken(self) -> None:
        """After a refused refresh an error of the usage endpoint is the one that counts."""
        self.put(jwt(NOW + SOON))
        self.refresh(401, {"error": "refresh_token_reused"})
        self.usage(500)
        self.assertIn("HTTP 500", self.failure(UnexpectedResponseError, refresh=True).message)

    def test_refused_twice(self) -> None:
        """When usage is refused as well, the refusal of the refresh is the error."""
        for body, message in (
            (
                {"error": {"code": "refresh_token_expired"}},
                "Session expired. Run `codex` to log in again.",
            ),
            ({"error": "refresh_token_reused"}, "Token conflict. Run `codex` to log in again."),
            ({"code": "refresh_token_invalidated"}, "Token revoked. Run `codex` to log in again."),
            ({"error": "nope"}, EXPIRED),
            (b"{bad", EXPIRED),
            ({}, EXPIRED),
        ):
            for access, status in ((jwt(NOW + SOON), 400), ("opaque", 401)):
                with self.subTest(body=body, status=status):
                    self.put(access)
                    self.refresh(status, body)
                    self.usage(401)
                    self.assertEqual(self.failure(TokenExpiredError, refresh=True).message, message)
                    self.assertEqual(self.http.left, [])
                    self.state.values.clear()

    def test_refused_early_then_renewed_by_cli(self) -> None:
        """A token that the CLI wrote meanwhile is tried, and in the end renewed itself."""
        for later, expected in (
            ([200], ["refresh r1", jwt(NOW + SOON), "cli"]),
            ([401, 200], ["refresh r1", jwt(NOW + SOON), "cli", "refresh r2", "new"]),
        ):
            with self.subTest(later=later):
                self.http.requests.clear()
                self.put(jwt(NOW + SOON))
                self.refresh(401, {"error": {"code": "refresh_token_reused"}})
                waiting = self.http.hang("GET", USAGE)
                probe = self.start(self.host(refresh=True))
                self.put("cli", "r2")
                if later[0] == 401:
                    self.refresh(200, {"access_token": "new"})
                for status in later:
                    self.usage(status)
                waiting.callback(Response(401, {}, b""))
                self.assertEqual(self.successResultOf(probe).lines, BARS)
                self.assertEqual(self.sent(), expected)
                self.state.values.clear()

    def test_renewed_by_cli_before(self) -> None:
        """A token that the CLI renewed between reading and refreshing is used without a refresh."""
        new = jwt(NOW + timedelta(days=9))
        self.keychain = ChangingKeychain([auth(jwt(NOW), refresh_token="r1"), auth(new)])
        self.usage()
        self.probe(refresh=True, platform="darwin")
        self.assertEqual(self.sent(), [new])

    def test_renewed_by_cli_long_ago(self) -> None:
        """A token that the CLI stored meanwhile and that expires soon is renewed in its turn."""
        self.keychain = ChangingKeychain(
            [auth(jwt(NOW), refresh_token="r1"), auth(jwt(NOW + SOON), refresh_token="r2")]
        )
        self.refresh(200, {"access_token": "new"})
        self.usage()
        self.probe(refresh=True, platform="darwin")
        self.assertEqual(self.sent(), ["refresh r2", "new"])

    def test_switched_before(self) -> None:
        """Another account or an API key in the store stops the probe before anything is sent."""
        contents: tuple[dict[str, Any], ...] = (
            auth("new", account_id="other"),
            {"OPENAI_API_KEY": "key"},
        )
        for content in contents:
            with self.subTest(content=content):
                old = auth(jwt(NOW), refresh_token="r1", account_id="acc")
                self.keychain = ChangingKeychain([old, content])
                self.assertEqual(
                    self.failure(TokenExpiredError, refresh=True, platform="darwin").message,
                    "Token conflict. Run `codex` to log in again.",
                )
                self.state.values.clear()
        self.assertEqual(self.http.requests, [])

    def test_after_refusal(self) -> None:
        """A token that the service refuses is renewed once, and the new one is sent once."""
        for second, outcome in ((200, None), (403, EXPIRED)):
            with self.subTest(second=second):
                self.http.requests.clear()
                self.put("opaque")
                self.usage(401)
                self.refresh(200, {"access_token": "new"})
                self.usage(second)
                if outcome is None:
                    self.assertEqual(self.probe(refresh=True).lines, BARS)
                else:
                    error = self.failure(TokenExpiredError, refresh=True)
                    self.assertEqual(error.message, outcome)
                self.assertEqual(self.sent(), ["opaque", "refresh r1", "new"])
                self.state.values.clear()

    def test_renewed_in_vain(self) -> None:
        """A token that was bought a moment ago and is refused is not renewed again."""
        self.put(jwt(NOW))
        self.refresh(200, {"access_token": "new", "refresh_token": "r2"})
        self.usage(401)
        self.assertEqual(self.failure(TokenExpiredError, refresh=True).message, EXPIRED)
        self.assertEqual(self.sent(), ["refresh r1", "new"])

    def test_connection_lost_after_refresh(self) -> None:
        """A connection that fails after a refresh is told apart."""
        self.put("opaque")
        self.usage(401)
        self.refresh(200, {"access_token": "new"})
        self.http.fail("GET", USAGE, ProbeTimeoutError("x"))
        self.assertEqual(
            self.failure(ProbeTimeoutError, refresh=True).message,
            "Usage request failed after refresh. Try again.",
        )

    def test_next_login(self) -> None:
        """A login that cannot be renewed gives way to the next."""
        refusals = ("refresh_token_reused", "refresh_token_expired", "refresh_token_invalidated")
        for code in refusals:
            with self.subTest(code=code):
                self.http.requests.clear()
                self.put("file")
                self.on_keychain(auth("keychain"))
                self.usage(401)
                self.refresh(401, {"error": {"code": code}})
                self.usage()
                self.probe(refresh=True, platform="darwin")
                self.assertEqual(self.sent(), ["file", "refresh r1", "keychain"])
                self.state.values.clear()

    def test_no_refresh_token(self) -> None:
        """Without a refresh token nothing is renewed; the next login has its turn."""
        put(self.home / ".config/codex/auth.json", auth("first"))
        put(self.file, auth("second"))
        self.on_keychain(auth("third"))
        for status in (401, 401, 200):
            self.usage(status)
        self.probe(refresh=True, platform="darwin")
        self.assertEqual(self.sent(), ["first", "second", "third"])

    def test_last_error(self) -> None:
        """When all logins fail, the last one's error is shown."""
        self.put("file")
        self.on_keychain(auth("keychain", refresh_token="k1"))
        self.usage(401)
        self.refresh(401, {"error": {"code": "refresh_token_reused"}})
        self.usage(401)
        self.refresh(401, {"error": {"code": "refresh_token_expired"}})
        self.assertEqual(
            self.failure(TokenExpiredError, refresh=True, platform="darwin").message,
            "Session expired. Run `codex` to log in again.",
        )

    def test_refused_after_refresh(self) -> None:
        """A usage answer of 401, then 403 with the renewed token, ends with the next login."""
        self.put("file")
        self.on_keychain(auth("keychain"))
        self.usage(401)
        self.refresh(200, {"access_token": "new"})
        self.usage(403)
        self.usage()
        self.probe(refresh=True, platform="darwin")
        self.assertEqual(self.sent(), ["file", "refresh r1", "new", "keychain"])


class ThrottleTests(Case):
    """`Codex.probe`: never too often."""

    def setUp(self) -> None:
        super().setUp()
        put(self.file, auth("tok", account_id="acc"))

    def test_spacing(self) -> None:
        """Within a minute the last answer is shown again, and a probe asked for at its end."""
        self.usage()
        self.probe()
        self.clock.advance(59)
        host = self.host()
        self.assertEqual(self.probe(host), Snapshot("codex", "Codex", "Plus", BARS, NOW))
        self.assertEqual(host.visit.again_at, NOW + timedelta(seconds=60))
        self.assertEqual(host.visit.notes, [])
        self.clock.advance(1)
        self.usage()
        self.assertEqual(self.probe().fetched_at, NOW + timedelta(seconds=60))
        self.assertEqual(self.sent(), ["tok", "tok"])

    def test_spacing_after_failure(self) -> None:
        """Within a minute the same failure is raised again without a request."""
        for queue in (
            lambda: self.usage(500),
            lambda: self.usage(200, b"bad"),
            lambda: self.usage(401),
            lambda: self.http.fail("GET", USAGE, UnreachableError("x")),
            lambda: self.http.fail("GET", USAGE, ProbeTimeoutError("x")),
        ):
            queue()
            first = self.failure(ProbeError)
            self.clock.advance(59)
            with self.subTest(first=first):
                self.assertEqual(repr(self.failure(ProbeError)), repr(first))
            self.clock.advance(1)
        self.assertEqual(self.sent(), ["tok"] * 5)

    def test_new_login_need_not_wait(self) -> None:
        """A token that is new is sent at once, whatever happened to the old one."""
        self.usage(401)
        self.failure(TokenExpiredError)
        put(self.file, auth("new", account_id="acc"))
        self.usage()
        self.assertEqual(self.probe().lines, BARS)

    def test_stopped_request(self) -> None:
        """A request that was never answered counts as one."""
        self.http.hang("GET", USAGE)
        probe = self.start(self.host())
        self.assertNoResult(probe)
        self.assertEqual(self.failure(ProbeTimeoutError).message, OFFLINE)
        self.assertEqual(self.sent(), ["tok"])

    def test_retry_after(self) -> None:
        """A 429 is waited out as long as the service says, else for five minutes."""
        minute = format_datetime(NOW + timedelta(minutes=15), usegmt=True)
        past = format_datetime(NOW - timedelta(minutes=15), usegmt=True)
        for header, expected in (
            (None, 300),
            ("", 300),
            ("0", 300),
            ("-5", 300),
            ("soon", 300),
            ("90", 90),
            (" 600 ", 600),
            (minute, 900),
            (past, 300),
            ("Tue, 24 Nov 2026 12:15:00 -0000", 900),
            ("Tue, 99 Nov 2026 12:15:00 GMT", 300),
            ("9" * 400, 300),
            ("9" * 40, 31 * 86400),
        ):
            with self.subTest(header=header):
                headers = {} if header is None else {"retry_after": header}
                self.usage(429, b"", **headers)
                host = self.host()
                error = self.failure(RateLimitedError, host)
                assert isinstance(error, RateLimitedError)
                self.assertEqual(error.retry_after, expected)
                self.assertEqual(host.visit.again_at, NOW + timedelta(seconds=expected))
                self.state.values.clear()

    def test_short_wait(self) -> None:
        """A wait of seconds is made a minute, even for a login that is new."""
        self.usage(429, b"", retry_after="5")
        host = self.host()
        self.failure(RateLimitedError, host)
        self.assertEqual(host.visit.again_at, NOW + timedelta(minutes=1))
        put(self.file, auth(jwt(NOW + timedelta(days=1)), account_id="acc"))
        self.clock.advance(59)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 1)
        self.clock.advance(1)
        self.usage()
        self.probe()

    def test_waits(self) -> None:
        """Until the time has come nothing is sent, not even with a new token; then it is."""
        self.usage(429, b"", retry_after="600")
        self.failure(RateLimitedError)
        put(self.file, auth(jwt(NOW + timedelta(days=1)), account_id="acc"))
        self.clock.advance(599)
        error = self.failure(RateLimitedError, refresh=True)
        assert isinstance(error, RateLimitedError)
        self.assertEqual(error.retry_after, 1.0)
        self.assertEqual(len(self.http.requests), 1)
        self.clock.advance(1)
        self.usage()
        self.probe()
        self.clock.advance(60)
        self.usage()
        self.probe()

    def test_ends_the_probe(self) -> None:
        """A rate limit is no reason to try another login."""
        self.on_keychain(auth("other"))
        self.usage(429)
        self.failure(RateLimitedError, platform="darwin")
        self.assertEqual((self.sent(), self.keychain.asked), (["tok"], []))

    def test_other_account(self) -> None:
        """A rate limit is that of one account."""
        self.usage(429)
        self.failure(RateLimitedError)
        put(self.file, auth("tok", account_id="other"))
        self.usage()
        self.probe()

    def test_clock_set_back(self) -> None:
        """What is remembered of the future is forgotten."""
        self.usage()
        self.probe()
        self.clock.rightNow -= 3600
        self.usage()
        self.probe()
        self.usage(429, b"", retry_after="600")
        self.clock.advance(60)
        self.failure(RateLimitedError)
        self.clock.rightNow -= 40 * 86400
        self.usage()
        self.probe()

    def test_damaged_state(self) -> None:
        """State of any shape is as good as none."""
        for value in (
            3,
            {"answer": 3, "blockedUntil": "x", "failures": []},
            {"answer": {}, "blockedUntil": None, "failures": {"a": 1, "b": {"at": "x"}}},
        ):
            with self.subTest(value=value):
                host = self.host()
                host.identify("acc")
                self.state.values = {host.visit.credential: {"usage": value}}
                self.usage()
                self.assertEqual(self.probe().lines, BARS)

    def test_other_state_stays(self) -> None:
        """What else is remembered of the account is left alone."""
        host = self.host()
        host.identify("acc")
        self.state.values = {host.visit.credential: {"refusedRefresh": {"token": "x"}}}
        self.usage()
        self.probe()
        kept = self.state.values[host.visit.credential]
        self.assertEqual(kept["refusedRefresh"], {"token": "x"})


def limits(at: datetime, *windows: LogWindow, plan: str | None = "plus") -> LogRateLimits:
    """The limits that the CLI logged at `at`."""
    return LogRateLimits(at, plan, windows)


def session(used: float = 40, resets_at: datetime | None = None) -> LogWindow:
    """A logged window of five hours."""
    return LogWindow(used, 300, resets_at, "primary")


def week(used: float = 15, resets_at: datetime | None = None) -> LogWindow:
    """A logged window of a week."""
    return LogWindow(used, 10080, resets_at, "secondary")


def history(found: LogRateLimits | None = None, *notes: str) -> History:
    """A history with one day of usage."""
    return History((Day(date(2026, 11, 24), 150, 0.75),), {"gpt-5.4": 150}, notes, found)


LOCAL = ["Today", "Yesterday", "Last 30 Days", "Usage Trend", "gpt-5.4"]


class HistoryTests(Case):
    """`Codex.probe`: local history."""

    def test_lines(self) -> None:
        """Local lines follow those of the service; what is odd about the logs is noted."""
        put(self.file, auth("tok"))
        self.usage()
        self.logs.found = history(None, "unknown model: x")
        host = self.host()

        snapshot = self.probe(host)

        self.assertEqual([line.label for line in snapshot.lines], ["Session", "Weekly", *LOCAL])
        self.assertEqual(snapshot.lines[2], Text("Today", "$0.75 · 150 tokens"))
        self.assertEqual(host.visit.notes, ["unknown model: x"])
        [(tool, roots)] = self.logs.asked
        self.assertEqual((tool.id, roots), ("codex", (self.home / ".codex",)))

    def test_unreadable(self) -> None:
        """Logs that cannot be read, whatever the reason, cost only their own lines."""
        put(self.file, auth("tok"))
        for error in (PermissionError(13, "denied", "/home/ada/.codex"), ZeroDivisionError("bug")):
            with self.subTest(error=error):
                self.usage()
                self.logs = BrokenLogs(error)
                host = self.host()
                self.assertEqual(self.probe(host).lines, BARS)
                kind = type(error).__name__
                self.assertEqual(host.visit.notes, [f"local history could not be read ({kind})"])
                self.clock.advance(61)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_slow(self) -> None:
        """Logs that take too long cost only their own lines."""
        put(self.file, auth("tok"))
        self.usage()
        self.logs = HangingLogs()
        host = self.host()
        probe = self.start(host)
        self.clock.advance(19)
        self.assertNoResult(probe)
        self.clock.advance(1)
        self.assertEqual(self.successResultOf(probe).lines, BARS)
        self.assertEqual(host.visit.notes, ["local history was not read within 20 s"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """A probe that is cancelled while the logs are read ends."""
        put(self.file, auth("tok"))
        self.usage()
        self.logs = HangingLogs()
        probe = self.start(self.host())
        probe.cancel()
        self.failureResultOf(probe, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_login(self) -> None:
        """Without a login the local lines are a snapshot of now, and nothing is sent."""
        self.logs.found = history()
        host = self.host()
        snapshot = self.probe(host)
        self.assertEqual([line.label for line in snapshot.lines], LOCAL)
        self.assertEqual((snapshot.plan, snapshot.fetched_at), (None, NOW))
        self.assertTrue(host.visit.notes[0].startswith("Not logged in."))

    def test_api_key(self) -> None:
        """An API key has no windows, not even logged ones, but a history."""
        put(self.file, {"OPENAI_API_KEY": "key"})
        self.logs.found = history(limits(NOW, session()))
        host = self.host()
        self.assertEqual([line.label for line in self.probe(host).lines], LOCAL)
        self.assertEqual(host.visit.notes, ["Usage not available for API key."])


class OfflineTests(Case):
    """`Codex.probe`: the windows that the CLI itself logged."""

    AT = NOW - timedelta(minutes=12)

    def bars(self, found: LogRateLimits) -> dict[str, float]:
        """The bars of a probe without login."""
        self.logs.found = history(found)
        lines = self.probe().lines
        return {line.label: line.used for line in lines if isinstance(line, Progress)}

    def test_no_login(self) -> None:
        """Without a login logged windows are shown, as old as they are, and nothing is sent."""
        reset = NOW + timedelta(hours=2)
        self.logs.found = history(limits(self.AT, session(40, reset), week()))

        snapshot = self.probe()

        self.assertEqual(
            snapshot.lines[:2],
            (
                Progress("Session", 40, 100, resets_at=reset, period_ms=18_000_000),
                Progress("Weekly", 15, 100, period_ms=604_800_000),
            ),
        )
        self.assertEqual([line.label for line in snapshot.lines[2:]], LOCAL)
        self.assertEqual((snapshot.plan, snapshot.fetched_at), ("Plus", self.AT))

    def test_each_window_for_itself(self) -> None:
        """A window counts while it runs: not reset since, and the event younger than it is long."""
        past, coming = NOW, NOW + timedelta(seconds=1)
        hours = timedelta(hours=5)
        for found, expected in (
            (limits(NOW - hours + timedelta(seconds=1), session(), week()), ("Session", "Weekly")),
            (limits(NOW - hours, session(), week()), ("Weekly",)),
            (limits(NOW - hours, session(40, coming), week()), ("Weekly",)),
            (limits(self.AT, session(40, past), week(15, coming)), ("Weekly",)),
            (limits(self.AT, session(40, coming), week(15, past)), ("Session",)),
            (limits(NOW - timedelta(days=7), session(), week()), ()),
            (limits(self.AT, LogWindow(7, 10080, None, "primary")), ("Weekly",)),
            (limits(NOW + timedelta(minutes=3), session()), ("Session",)),
            (limits(self.AT, LogWindow(7, 10**300, None, "primary")), ("Session",)),
            (limits(self.AT), ()),
        ):
            with self.subTest(found=found):
                self.assertEqual(tuple(self.bars(found)), expected)

    def test_age_never_in_the_future(self) -> None:
        """An event of a clock that is ahead is of now."""
        self.logs.found = history(limits(NOW + timedelta(minutes=3), session()))
        self.assertEqual(self.probe().fetched_at, NOW)

    def test_service_fails(self) -> None:
        """When the service cannot be asked, the log stands in and says why."""
        put(self.file, auth("tok"))
        self.logs.found = history(limits(self.AT, session(), week(), plan=None))
        for queue, reason, note in (
            (lambda: self.http.fail("GET", USAGE, UnreachableError("x")), "offline", OFFLINE),
            (lambda: self.http.fail("GET", USAGE, ProbeTimeoutError("x")), "offline", OFFLINE),
            (lambda: self.usage(401), "login expired", EXPIRED),
            (
                lambda: self.usage(503),
                "HTTP 503",
                "Usage request failed (HTTP 503). Try again later.",
            ),
            (
                lambda: self.usage(429, b"", retry_after="600"),
                "rate limited",
                "Usage request rate limited. It is asked again later.",
            ),
        ):
            queue()
            host = self.host()
            with self.subTest(reason=reason):
                snapshot = self.probe(host)
                self.assertEqual(
                    [line.label for line in snapshot.lines], ["Session", "Weekly", *LOCAL, "Note"]
                )
                self.assertEqual(
                    snapshot.lines[-1],
                    Text(
                        "Note",
                        f"Live usage unavailable — {reason}; from Codex's own log 12 min ago",
                    ),
                )
                self.assertEqual((snapshot.plan, snapshot.fetched_at), (None, self.AT))
                self.assertEqual(host.visit.notes, [note])
            if reason != "rate limited":
                self.state.values.clear()
        self.assertEqual(len(self.http.requests), 5)
        host = self.host()
        self.probe(host)
        self.assertEqual(len(self.http.requests), 5)
        self.assertEqual(host.visit.again_at, NOW + timedelta(seconds=600))

    def test_expired_token(self) -> None:
        """An expired token is as good as a refused one."""
        put(self.file, auth(jwt(NOW - timedelta(hours=3))))
        self.logs.found = history(limits(self.AT, session()))
        host = self.host()
        self.assertEqual(
            self.probe(host).lines[-1],
            Text(
                "Note",
                "Live usage unavailable — login expired; from Codex's own log 12 min ago",
            ),
        )
        self.assertEqual(host.visit.notes, ["Token expired 3 h ago. Run `codex` once to renew it."])

    def test_not_for_every_error(self) -> None:
        """An answer that is not understood is an error, whatever the log says."""
        put(self.file, auth("tok"))
        self.logs.found = history(limits(self.AT, session()))
        for status, body in ((404, b""), (200, b"bad")):
            with self.subTest(status=status):
                self.usage(status, body)
                self.failure(UnexpectedResponseError)
                self.clock.advance(61)

    def test_nothing_logged(self) -> None:
        """Without a usable event the error stands, so that the last good snapshot stays too."""
        put(self.file, auth("tok"))
        for found in (None, history(), history(limits(NOW - timedelta(days=8), session(), week()))):
            with self.subTest(found=found):
                self.logs.found = found
                self.usage(503)
                self.failure(UnexpectedResponseError)
                self.clock.advance(61)

    def test_refused_without_events(self) -> None:
        """A login that is no good does not hide the history: it is shown, and why it is alone."""
        put(self.file, auth("tok"))
        self.logs.found = history()
        self.usage(401)
        host = self.host()

        snapshot = self.probe(host)

        self.assertEqual([line.label for line in snapshot.lines], [*LOCAL, "Note"])
        words = "token expired; run `codex` to log in again"
        self.assertEqual(snapshot.lines[-1], Text("Note", f"Live usage unavailable — {words}"))
        self.assertEqual((snapshot.fetched_at, host.visit.notes), (NOW, [EXPIRED]))

    def test_refused_after_an_answer(self) -> None:
        """The last figures of a refused login are shown with their age, but no ended window."""
        put(self.file, auth("tok"))
        self.logs.found = history()
        body: dict[str, Any] = copy.deepcopy(BODY)
        ends = int((NOW + timedelta(hours=1)).timestamp())
        body["rate_limit"]["primary_window"]["reset_at"] = ends
        self.usage(200, body)
        before = [line.label for line in self.probe().lines]
        self.clock.advance(2 * 3600)
        self.usage(401)

        snapshot = self.probe()

        self.assertIn("Session", before)
        bars = [label for label in before if label not in ("Session", *LOCAL)]
        labels = [line.label for line in snapshot.lines]
        self.assertEqual(labels, [*bars, *LOCAL, "Note"])
        self.assertEqual(snapshot.fetched_at, NOW)

    def test_older_than_the_last_answer(self) -> None:
        """What was logged before the last good answer is no news: its snapshot stays."""
        put(self.file, auth("tok"))
        self.usage()
        self.probe()
        self.clock.advance(300)
        now = NOW + timedelta(seconds=300)
        self.usage(503)
        self.logs.found = history(limits(NOW, session()))
        self.failure(UnexpectedResponseError)
        self.clock.advance(61)
        self.logs.found = history(limits(now, session(), plan=None))
        self.usage(503)
        snapshot = self.probe()
        self.assertEqual((snapshot.plan, snapshot.fetched_at), ("Plus", now))


SECRETS = ("S3CR3T-access", "S3CR3T-refresh", "S3CR3T-id", "S3CR3T-account", "ada@example.com")


class PrivacyTests(Case):
    """`Codex.probe`: nothing of a login comes out."""

    def test_secrets(self) -> None:
        """Whatever goes wrong, no token, account, address or path is in errors, logs or notes."""
        document = auth(
            SECRETS[0], refresh_token=SECRETS[1], id_token=SECRETS[2], account_id=SECRETS[3]
        )
        owner = {"email": SECRETS[4], "account_id": SECRETS[3]}
        limits = {**BODY["rate_limit"], **owner}  # type: ignore[dict-item]
        body = {**BODY, **owner, "rate_limit": limits, "additional_rate_limits": [owner]}
        for status, answer in ((200, body), (401, body), (429, body), (500, body), (200, b"[")):
            for refresh in (False, True):
                with self.subTest(status=status, refresh=refresh), capturedLogs() as events:
                    put(self.file, document)
                    self.usage(status, answer)
                    self.refresh(500, body)
                    host = self.host(refresh=refresh)
                    outcome: list[object] = []
                    self.start(host).addBoth(outcome.append)
                    texts = [
                        repr(outcome),
                        str(outcome),
                        repr(host.visit),
                        json.dumps(self.state.values, default=str),
                        *map(eventAsText, events),
                        *map(repr, events),
                    ]
                    for text in texts:
                        for secret in (*SECRETS, str(self.home)):
                            self.assertNotIn(secret, text.replace(repr(host.visit.watched), ""))
                    self.state.values.clear()
                    self.http._answers.clear()

    def test_broken_file(self) -> None:
        """A broken file is named with its key, never its value."""
        put(self.file, auth(f"{SECRETS[0]} with blanks"))
        message = self.failure(NotLoggedInError).message
        self.assertIn("~/.codex/auth.json has a broken tokens.access_token", message)
        self.assertNotIn("S3CR3T", message)


WILD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "plan_type",
                    "rate_limit",
                    "primary_window",
                    "used_percent",
                    "additional_rate_limits",
                    "limit_name",
                    "credits",
                    "balance",
                    "rate_limit_reset_credits",
                    "available_count",
                    "individual_limit",
                    "limit",
                    "used",
                    "tokens",
                    "access_token",
                    "account_id",
                    "openai",
                    "access",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=15,
)


class WildTests(SynchronousTestCase):
    """`Codex.probe` on what nobody has ever sent or stored."""

    def outcome(self, document: object, body: object, headers: dict[str, str]) -> object:
        """The snapshot, or the `ProbeError`, of a probe."""
        home = Path(self.mktemp())
        put(home / ".codex" / "auth.json", json.dumps(document))
        http = FakeHttp()
        http.reply("GET", USAGE, 200, json.dumps(body).encode(), headers)
        http.reply("GET", RESETS, 200, json.dumps(body).encode())
        outcome: list[Any] = []
        Deferred.fromCoroutine(Codex().probe(fake_host(home, http=http))).addBoth(outcome.append)
        return getattr(outcome[0], "value", outcome[0])

    @settings(deadline=None, max_examples=60)
    @given(WILD, st.text(max_size=6))
    def test_answers(self, body: object, header: str) -> None:
        """Any answer makes lines or a `ProbeError`."""
        headers = {"x-codex-primary-used-percent": header, "x-codex-credits-balance": header}
        self.assertIsInstance(
            self.outcome(auth("tok"), body, headers), (Snapshot, UnexpectedResponseError)
        )

    @settings(deadline=None, max_examples=60)
    @given(st.one_of(WILD, st.fixed_dictionaries({"tokens": WILD})))
    def test_logins(self, document: object) -> None:
        """Any stored document makes a snapshot or a `ProbeError`."""
        self.assertIsInstance(self.outcome(document, BODY, {}), (Snapshot, ProbeError))
