"""Tests for `openusage.providers.claude`: whole probes, from stored login to snapshot."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host import Host, Response, Visit
from openusage.host.keychain import KeychainError
from openusage.model import (
    Badge,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.claude import Claude
from openusage.providers.interface import IProvider, Provider
from openusage.sessionlogs import Day, History, SessionLogs, Tool
from openusage.testing import (
    NOW,
    FakeHttp,
    FakeKeychain,
    FakeLogs,
    MemoryState,
    Request,
    clock_at,
    fake_host,
)

USAGE = "https://api.anthropic.com/api/oauth/usage"
REFRESH = "https://platform.claude.com/v1/oauth/token"
SERVICE = "Claude Code-credentials"
LOG_IN = "Token expired. Run `claude` to log in again."
SESSION_EXPIRED = "Session expired. Run `claude` to log in again."
EMPTY = Badge("Status", "No usage data", color="#a3a3a3")
IDLE = [Text("Today", "$0.00 · 0 tokens"), Text("Yesterday", "$0.00 · 0 tokens")]
HOUR = 3600.0
MINUTE = 60.0

# Every secret of these tests holds this, and nothing that is shown may.
PLANTED = "planted"

_: type[Provider] = Claude


def body(used: float = 31.5, **more: object) -> dict[str, Any]:
    return {"five_hour": {"utilization": used, "resets_at": "2099-01-01T00:00:00Z"}, **more}


def session(used: float = 31.5) -> Progress:
    resets_at = datetime(2099, 1, 1, tzinfo=timezone.utc)
    return Progress("Session", used, 100, resets_at=resets_at, period_ms=18_000_000)


def limited(when: str) -> Badge:
    return Badge("Status", f"Rate limited, {when}", color="#f59e0b")


def limited_note(when: str) -> Text:
    return Text("Note", f"Live usage rate limited — {when}")


def unavailable(why: str) -> Text:
    return Text("Note", f"Live usage unavailable — {why}")


def stored(
    access: object = "at-planted", expires_in: float | None = 24 * HOUR, **oauth: object
) -> dict[str, Any]:
    """Credentials as Claude Code stores them, with keys that are none of our business."""
    expires_at = None if expires_in is None else int((NOW.timestamp() + expires_in) * 1000)
    login = {
        "accessToken": access,
        "refreshToken": "rt-planted",
        "expiresAt": expires_at,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
        "rateLimitTier": "default_claude_max_20x",
        **oauth,
    }
    return {"claudeAiOauth": login, "mcpOAuth": {"server": {"accessToken": "mcp-planted"}}}


def renewed(**more: object) -> dict[str, Any]:
    return {
        "access_token": "at2-planted",
        "refresh_token": "rt2-planted",
        "expires_in": 28800,
        **more,
    }


LOCAL_LABELS = ["Today", "Yesterday", "Last 30 Days", "Usage Trend", "claude-sonnet-5"]


def used_today() -> History:
    return History((Day(NOW.date(), 150, 0.75),), {"claude-sonnet-5": 150}, ("unknown model: x",))


@define
class BrokenLogs(FakeLogs):
    """Session logs whose reading fails with `error`."""

    error: Exception = field(factory=OSError, kw_only=True)

    async def history(self, tool: Tool, roots: Sequence[Path], **_: object) -> History | None:
        raise self.error


@define
class HangingLogs(FakeLogs):
    """Session logs whose reading takes for ever."""

    waiting: Deferred[History | None] = field(factory=Deferred)

    async def history(
        self,
        tool: Tool,
        roots: Sequence[Path],
        *,
        today: date,
        zone: object,
        days: int = 31,
    ) -> History | None:
        return await self.waiting


class Base(SynchronousTestCase):
    """A person whose home has a login, an HTTP service that can be told what to answer, a clock."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.file = self.home / ".claude" / ".credentials.json"
        self.http = FakeHttp()
        self.keychain = FakeKeychain()
        self.logs: SessionLogs = FakeLogs()
        self.state = MemoryState()
        self.clock = clock_at(NOW)
        self.env: dict[str, str] = {}
        self.platform = "linux"
        self.refreshing = False
        self.visit = Visit()

    def write(self, document: object, path: Path | None = None) -> None:
        path = path or self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))

    def read(self) -> Any:
        return json.loads(self.file.read_text())

    def host(self) -> Host:
        self.visit = Visit()
        return fake_host(
            self.home,
            env=self.env,
            platform=self.platform,
            http=self.http,
            keychain=self.keychain,
            clock=self.clock,
            logs=self.logs,
            state=self.state,
            refresh_credentials=self.refreshing,
            visit=self.visit,
        )

    def start(self) -> Deferred[Snapshot]:
        return Deferred.fromCoroutine(Claude().probe(self.host()))

    def probe(self) -> Snapshot:
        """The snapshot of a probe; nothing secret shows anywhere."""
        with capturedLogs() as events:
            snapshot = self.successResultOf(self.start())
        self.assertNotIn(PLANTED, f"{snapshot!r} {events!r} {self.visit!r}")
        return snapshot

    def lines(self) -> list[object]:
        return list(self.probe().lines)

    def error(self, kind: type[ProbeError], message: str | None = None) -> ProbeError:
        """The error of a probe; nothing secret shows anywhere."""
        with capturedLogs() as events:
            failure = self.failureResultOf(self.start(), kind)
        error = failure.value
        assert isinstance(error, ProbeError)
        self.assertNotIn(PLANTED, f"{error!r} {error} {events!r} {self.visit!r}")
        if message is not None:
            self.assertEqual(str(error), message)
        return error

    def answer(self, body: object, status: int = 200, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.http.reply("GET", USAGE, status, body, names)  # type: ignore[arg-type]

    def refresh_answer(self, body: object, status: int = 200) -> None:
        self.http.reply("POST", REFRESH, status, body)  # type: ignore[arg-type]

    @property
    def asked(self) -> list[str]:
        """The bearer of each usage request, `refresh` for each refresh."""
        return [
            "refresh" if request.method == "POST" else request.headers["authorization"][7:]
            for request in self.http.requests
        ]

    @property
    def notes(self) -> list[str]:
        return self.visit.notes


class ClaudeTests(SynchronousTestCase):
    """`Claude`: what it declares."""

    def test_interface(self) -> None:
        """It is a provider in full."""
        self.assertTrue(verifyObject(IProvider, Claude()))

    def test_lines(self) -> None:
        """Limits have resource keys, and Session goes before Weekly in a headline."""
        lines = Claude().lines
        resources = {line.label: line.resource for line in lines if line.resource}

        self.assertEqual(
            resources,
            {
                "Session": "session",
                "Weekly": "weekly",
                "Sonnet": "sonnet",
                "Opus": "opus",
                "Fable": "fable",
                "Extra usage spent": "extraUsage",
            },
        )
        self.assertEqual(
            [(line.label, line.primary, line.weekly) for line in lines if line.primary],
            [("Session", 1, False), ("Weekly", 2, True)],
        )


class DetectTests(Base):
    """`Claude.detect`."""

    def detect(self) -> str | None:
        found = self.successResultOf(Deferred.fromCoroutine(Claude().detect(self.host())))
        self.assertEqual((self.keychain.asked, self.http.requests), ([], []))
        return found

    def test_nothing(self) -> None:
        """Nothing is found on an empty machine, and on macOS no keychain is asked."""
        for self.platform in ("linux", "darwin", "win32"):
            self.assertIsNone(self.detect())

    def test_file(self) -> None:
        """A file with a token is found, wherever it was moved to."""
        self.write(stored())
        self.assertEqual(self.detect(), "~/.claude/.credentials.json")

        self.write(stored(), self.home / "work" / ".credentials.json")
        self.env["CLAUDE_CONFIG_DIR"] = "~/work"
        self.assertEqual(self.detect(), "~/work/.credentials.json")

    def test_no_token(self) -> None:
        """A file without a token is as good as none."""
        for document in ("{bad", {}, stored(""), {"claudeAiOauth": {"refreshToken": "r"}}):
            self.write(document)
            self.assertIsNone(self.detect())

    def test_variable(self) -> None:
        """The token in the environment is found."""
        self.env["CLAUDE_CODE_OAUTH_TOKEN"] = "env-planted"
        self.assertEqual(self.detect(), "CLAUDE_CODE_OAUTH_TOKEN")

    def test_logs(self) -> None:
        """Session logs are enough."""
        (self.home / ".claude" / "projects").mkdir(parents=True)
        self.assertEqual(self.detect(), "~/.claude/projects")


class LoginTests(Base):
    """`Claude.probe`: which login it uses, and what it says when there is none."""

    def test_request(self) -> None:
        """One request is made, as Claude Code makes it, and it names us too."""
        self.write(stored())
        self.answer(body())

        self.probe()

        self.assertEqual(
            self.http.requests,
            [
                Request(
                    "GET",
                    USAGE,
                    {
                        "authorization": "Bearer at-planted",
                        "accept": "application/json",
                        "content-type": "application/json",
                        "anthropic-beta": "oauth-2025-04-20",
                        "user-agent": "claude-code/2.1.69 (compatible; openusage/0)",
                    },
                    None,
                )
            ],
        )

    def test_snapshot(self) -> None:
        """The snapshot has the plan and the instant of the answer."""
        self.write(stored())
        self.answer(body())

        snapshot = self.probe()

        self.assertEqual(snapshot, Snapshot("claude", "Claude", "Max 20x", (session(),), NOW))
        self.assertEqual(self.notes, [])

    def test_nothing(self) -> None:
        """Without login and logs the error names the places that were looked at."""
        looked = "~/.claude/.credentials.json, CLAUDE_CODE_OAUTH_TOKEN, ~/.claude/projects"

        self.error(
            NotLoggedInError,
            f"Not logged in. Run `claude` to authenticate. (looked for {looked})",
        )

    def test_damaged(self) -> None:
        """A damaged file counts as missing, and the error names file and key, never a value."""
        file = "~/.claude/.credentials.json"
        for document, problem in (
            ("{planted", f"({file}: no JSON object; looked for "),
            (
                {"claudeAiOauth": {"refreshToken": "rt-planted"}},
                f"({file}: claudeAiOauth.accessToken is missing or no text; looked for ",
            ),
            (stored(["at-planted"]), f"({file}: claudeAiOauth.accessToken is missing or no text; "),
            (stored("at-planted\nx"), f"({file}: claudeAiOauth.accessToken has a character "),
        ):
            self.write(document)
            self.assertIn(problem, str(self.error(NotLoggedInError)))

    def test_no_path(self) -> None:
        """No path of the machine is in an error."""
        self.env["CLAUDE_CONFIG_DIR"] = "/srv/ada"

        message = str(self.error(NotLoggedInError))

        self.assertIn("$CLAUDE_CONFIG_DIR/.credentials.json", message)
        self.assertNotIn("ada", message)

    def test_logs_alone(self) -> None:
        """Logs need no login: their lines are the snapshot, and health tells what is missing."""
        self.logs = FakeLogs(used_today())

        snapshot = self.probe()

        self.assertEqual(snapshot.plan, None)
        self.assertEqual(
            [line.label for line in snapshot.lines],
            LOCAL_LABELS,
        )
        self.assertEqual(snapshot.fetched_at, NOW)
        self.assertEqual(self.notes[0], "unknown model: x")
        self.assertIn("Not logged in.", self.notes[1])

    def test_environment_token(self) -> None:
        """The token in the environment asks nothing; the history is shown, also an empty one."""
        self.env["CLAUDE_CODE_OAUTH_TOKEN"] = "env-planted"
        self.logs = FakeLogs(History((), {}))

        self.assertEqual(self.lines(), IDLE)
        self.assertEqual(self.http.requests, [])
        self.assertIn("CLAUDE_CODE_OAUTH_TOKEN", self.notes[0])

    def test_environment_token_and_file(self) -> None:
        """It replaces the stored token, whose plan is shown all the same."""
        self.env["CLAUDE_CODE_OAUTH_TOKEN"] = "env-planted"
        self.write(stored())

        snapshot = self.probe()

        self.assertEqual((snapshot.plan, list(snapshot.lines)), ("Max 20x", [EMPTY]))
        self.assertEqual(self.http.requests, [])

    def test_scopes(self) -> None:
        """A login that may not read usage asks nothing and is no error; an old one asks."""
        self.write(stored(scopes=["user:inference"]))
        self.assertEqual(self.lines(), [EMPTY])
        self.assertIn("sign in again", self.notes[0])

        old: tuple[object, ...] = ([], None)
        for scopes in old:
            self.write(stored(scopes=scopes))
            self.state = MemoryState()
            self.answer(body())
            self.assertEqual(self.lines(), [session()])

    def test_keychain(self) -> None:
        """On macOS the keychain goes before a stale file."""
        self.platform = "darwin"
        self.write(stored("stale-planted", -HOUR))
        self.keychain.items[SERVICE, "ada"] = json.dumps(stored("mac-planted"))
        self.answer(body())

        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.asked, ["mac-planted"])

    def test_malformed_url(self) -> None:
        """A malformed service address fails and is never replaced by the public one."""
        self.write(stored())
        self.env["CLAUDE_CODE_CUSTOM_OAUTH_URL"] = "planted"
        self.logs = FakeLogs(used_today())

        message = "Invalid Claude OAuth URL. Check CLAUDE_CODE_CUSTOM_OAUTH_URL."
        self.error(ProbeError, message)

    def test_custom_url(self) -> None:
        """Another service is asked where the environment says so."""
        self.write(stored())
        self.env["CLAUDE_CODE_CUSTOM_OAUTH_URL"] = "https://claude.example/"
        self.http.reply("GET", "https://claude.example/api/oauth/usage", 200, body())

        self.assertEqual(self.lines(), [session()])

    def test_watched(self) -> None:
        """A new login is noticed: by the file, on macOS by the name of the account."""
        self.error(NotLoggedInError)
        self.assertEqual(self.visit.watched, {self.file})

        self.platform = "darwin"
        self.error(NotLoggedInError)
        self.assertEqual(self.visit.watched, {self.file, self.home / ".claude.json"})

    def test_identity(self) -> None:
        """What is kept for an account outlives its tokens, and another account does not see it."""
        account = {"accountUuid": "a-planted", "organizationUuid": "o-planted"}
        self.write({"oauthAccount": account}, self.home / ".claude.json")
        self.write(stored())
        self.answer(body(1))
        self.probe()

        self.write(stored("at3-planted", refreshToken="rt3-planted"))
        self.assertEqual(self.lines(), [session(1)])

        other = {**account, "organizationUuid": "o2-planted"}
        self.write({"oauthAccount": other}, self.home / ".claude.json")
        self.answer(body(2))
        self.assertEqual(self.lines(), [session(2)])


class UsageTests(Base):
    """`Claude.probe`: what it makes of the answer."""

    def setUp(self) -> None:
        super().setUp()
        self.write(stored())

    def test_empty(self) -> None:
        """A body without figures is a neutral state, or the local lines where there are logs."""
        self.answer({})
        self.assertEqual(self.lines(), [EMPTY])

        self.state = MemoryState()
        self.logs = FakeLogs(History((), {}))
        self.answer({})
        self.assertEqual(self.lines(), IDLE)

    def test_order(self) -> None:
        """The local lines follow the limits."""
        self.logs = FakeLogs(used_today())
        self.answer(body(seven_day={"utilization": 2}))

        self.assertEqual(
            [line.label for line in self.probe().lines],
            ["Session", "Weekly", *LOCAL_LABELS],
        )

    def test_blank_plan(self) -> None:
        """A blank subscription is no plan."""
        self.write(stored(subscriptionType="   "))
        self.answer(body())

        self.assertIsNone(self.probe().plan)

    def test_status(self) -> None:
        """Any other status is an error that names it, with the history or without."""
        for status in (300, 302, 400, 404, 500, 503):
            self.state = MemoryState()
            self.logs = FakeLogs(used_today() if status == 500 else None)
            self.answer("planted", status)
            error = self.error(
                UnexpectedResponseError, f"Usage request failed (HTTP {status}). Try again later."
            )
            assert isinstance(error, UnexpectedResponseError)
            self.assertEqual(error.status, status)

    def test_no_json(self) -> None:
        """An answer that is no JSON object is an error."""
        for text in (b"planted", b"", b"null", b"[]", b'"x"', b"\xff", b"[" * 100_000):
            self.state = MemoryState()
            self.answer(text)
            self.error(UnexpectedResponseError, "Usage response invalid. Try again later.")

    def test_unreachable(self) -> None:
        """Without connection the error says so and keeps its kind."""
        for error in (UnreachableError("no route"), ProbeTimeoutError("10 s")):
            self.state = MemoryState()
            self.http.fail("GET", USAGE, error)
            self.error(type(error), "Usage request failed. Check your connection.")

    def test_too_large(self) -> None:
        """An answer that is too large is invalid, for the reason that the host gives."""
        self.http.fail("GET", USAGE, UnexpectedResponseError("the answer is too large", 200))
        message = "Usage response invalid: the answer is too large. Try again later."
        error = self.error(UnexpectedResponseError, message)
        assert isinstance(error, UnexpectedResponseError)
        self.assertEqual(error.status, 200)

    def test_changed_shape(self) -> None:
        """An answer of another shape without any figure is an error, no neutral state."""
        for answer in (
            {"error": {"type": "planted"}},
            {"five_hour": "planted", "seven_day": [1]},
            {"five_hour": {"utilization": {"percent": 5}}},
            {"five_hour": {"utilization": "much"}, "seven_day": None},
            {"limits": {"session": 5}},
            {"extra_usage": True},
        ):
            self.state = MemoryState()
            self.answer(answer)
            self.error(UnexpectedResponseError, "Usage response invalid. Try again later.")

        self.state = MemoryState()
        self.answer(body(seven_day="planted", limits=5))
        self.assertEqual(self.lines(), [session()])

    def test_kept(self) -> None:
        """Nothing is kept of an answer but the figures that lines need."""
        owner: dict[str, Any] = {"email": "ada@planted.example", "id": "planted"}
        model = {"model": {"display_name": "Fable"}, "owner": owner}
        scoped = {"kind": "weekly_scoped", "percent": 5, "owner": owner, "scope": model}
        limits: list[object] = [scoped, [owner], *[{"kind": "x"}] * 1000]
        answer = {
            **owner,
            "five_hour": {"utilization": 5, "resets_at": None, **owner},
            "seven_day_opus": [owner],
            "extra_usage": {"is_enabled": True, "used_credits": 5, **owner},
            "limits": limits,
        }
        self.answer(answer)

        lines = self.lines()

        (state,) = self.state.values.values()
        self.assertNotIn(PLANTED, json.dumps(state))
        self.assertLess(len(json.dumps(state)), 5000)
        self.assertEqual(self.lines(), lines)

    @given(
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(["five_hour", "limits", "extra_usage", "utilization", "kind"]),
                    inner,
                    max_size=4,
                ),
            ),
        )
    )
    @settings(deadline=None, max_examples=50)
    def test_any_json(self, answer: object) -> None:
        """Whatever JSON is answered, a snapshot or a `ProbeError` comes of it."""
        self.http, self.state = FakeHttp(), MemoryState()
        self.answer(json.dumps(answer))
        outcome: list[object] = []

        self.start().addBoth(outcome.append)

        (result,) = outcome
        error = getattr(result, "value", None)
        self.assertIsInstance(error or result, (Snapshot, ProbeError))


class ExpiredTests(Base):
    """`Claude.probe` with a token that is no longer good, and no permission to renew it."""

    def test_expired(self) -> None:
        """An expired token is an error that says since when; nothing is sent."""
        for ago, text in (
            (0, "0 s"),
            (59, "59 s"),
            (90, "1 min"),
            (3 * HOUR + 5, "3 h"),
            (50 * HOUR, "2 d"),
        ):
            self.write(stored(expires_in=-ago))
            message = f"Token expired {text} ago. Run `claude` once to renew it."
            self.error(TokenExpiredError, message)
        self.assertEqual(self.http.requests, [])

    def test_not_yet(self) -> None:
        """A token that expires soon, or does not say when, is used as it is."""
        for expires_in in (1, 4 * MINUTE, None):
            self.state = MemoryState()
            self.write(stored(expires_in=expires_in))
            self.answer(body())
            self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.asked, ["at-planted"] * 3)

    def test_refused(self) -> None:
        """A refused token is an error; nothing is renewed or sent twice."""
        for status in (401, 403):
            self.state, self.http = MemoryState(), FakeHttp()
            self.write(stored())
            self.answer("planted", status)
            self.error(TokenExpiredError, LOG_IN)
            self.assertEqual(self.asked, ["at-planted"])
            self.assertEqual(self.read(), stored())

    def test_refused_again(self) -> None:
        """While the next attempt waits, the error stands; then the token gets another chance."""
        self.write(stored())
        self.answer("", 403)
        self.error(TokenExpiredError)

        self.clock.advance(MINUTE)
        self.error(TokenExpiredError, LOG_IN)
        self.assertEqual(len(self.asked), 1)

        self.clock.advance(5 * MINUTE)
        self.answer(body())
        self.assertEqual(self.lines(), [session()])

    def test_new_login(self) -> None:
        """A new login after a refused one is used at once."""
        self.write({"oauthAccount": {"accountUuid": "a"}}, self.home / ".claude.json")
        self.write(stored())
        self.answer("", 401)
        self.error(TokenExpiredError)

        self.write(stored("at3-planted"))
        self.answer(body())
        self.assertEqual(self.lines(), [session()])

    def test_history(self) -> None:
        """With logs the local lines are shown, with a note about the rest."""
        self.logs = FakeLogs(History((), {}))
        self.write(stored(expires_in=-3 * HOUR))

        snapshot = self.probe()

        note = unavailable("token expired 3 h ago; run `claude` once to renew it")
        self.assertEqual(list(snapshot.lines), [*IDLE, note])
        self.assertEqual((snapshot.plan, snapshot.fetched_at), ("Max 20x", NOW))
        self.assertIn("Token expired 3 h ago. Run `claude` once to renew it.", self.notes)

    def test_history_refused(self) -> None:
        """A token that the service refuses is told of in the same way."""
        self.logs = FakeLogs(History((), {}))
        self.write(stored())
        self.answer("", 401)

        note = unavailable("token expired; run `claude` to log in again")
        self.assertEqual(self.lines(), [*IDLE, note])
        self.assertEqual(self.lines(), [*IDLE, note])
        self.assertEqual(len(self.asked), 1)

    def test_last_known(self) -> None:
        """The figures last known are shown as of when they were fetched, never as new."""
        self.logs = FakeLogs(History((), {}))
        self.write(stored(expires_in=HOUR))
        self.answer(body())
        self.probe()

        self.clock.advance(3 * HOUR)
        snapshot = self.probe()

        note = unavailable("token expired 2 h ago; run `claude` once to renew it")
        self.assertEqual(list(snapshot.lines), [session(), *IDLE, note])
        self.assertEqual(snapshot.fetched_at, NOW)

    def test_ended_window(self) -> None:
        """Of old figures a window that has ended since is left out."""
        self.logs = FakeLogs(History((), {}))
        self.write(stored(expires_in=HOUR))
        soon = (NOW + timedelta(hours=2)).isoformat()
        self.answer({"five_hour": {"utilization": 97, "resets_at": soon}})
        self.assertEqual(self.lines()[0].label, "Session")  # type: ignore[attr-defined]

        self.clock.advance(3 * HOUR)
        snapshot = self.probe()

        self.assertNotIn("Session", [line.label for line in snapshot.lines])
        self.assertEqual(snapshot.fetched_at, NOW + timedelta(hours=3))

    def test_history_fails(self) -> None:
        """Logs that cannot be read are no history to show instead."""
        self.logs = BrokenLogs(error=OSError("planted"))
        self.write(stored(expires_in=-3 * HOUR))

        self.error(TokenExpiredError)


class HistoryTests(Base):
    """`Claude.probe`: the local history beside the limits."""

    def setUp(self) -> None:
        super().setUp()
        self.write(stored())
        self.answer(body())

    def test_asked(self) -> None:
        """The logs are looked for where Claude Code keeps them."""
        self.logs = logs = FakeLogs()
        self.env["CLAUDE_CONFIG_DIR"] = str(self.home / "d")
        self.write(stored(), self.home / "d" / ".credentials.json")

        self.probe()

        ((tool, roots),) = logs.asked
        self.assertEqual((tool.id, roots), ("claude", (self.home / "d",)))

    def test_trouble(self) -> None:
        """History that cannot be read never costs the limits."""
        self.logs = BrokenLogs(error=PermissionError("planted"))

        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.notes, ["local history could not be read (PermissionError)"])

    def test_crash(self) -> None:
        """Neither does a bug in reading it, which is logged."""
        self.logs = BrokenLogs(error=KeyError("x"))

        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.notes, ["local history could not be read (KeyError)"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_slow(self) -> None:
        """Nor history that takes too long."""
        self.logs = HangingLogs()
        probe = self.start()
        self.assertNoResult(probe)

        self.clock.advance(20)

        self.assertEqual(list(self.successResultOf(probe).lines), [session()])
        self.assertEqual(self.notes, ["local history was not read within 20 s"])

    def test_cancelled(self) -> None:
        """A cancelled probe ends, and does not take it for trouble with the history."""
        self.logs = logs = HangingLogs()
        probe = self.start()

        probe.cancel()

        self.failureResultOf(probe, CancelledError)
        self.assertTrue(logs.waiting.called)


class ThrottleTests(Base):
    """`Claude.probe`: how often it asks, and what it shows in between."""

    def setUp(self) -> None:
        super().setUp()
        self.write(stored())

    def limit(self, retry_after: str | None = None, **headers: str) -> None:
        if retry_after is not None:
            headers["retry_after"] = retry_after
        self.answer("", 429, **headers)

    def test_spacing(self) -> None:
        """A second probe within five minutes shows the same again, as of the first."""
        self.answer(body())
        first = self.probe()

        self.clock.advance(30)
        second = self.probe()

        self.assertEqual(first, second)
        self.assertEqual(self.visit.again_at, NOW + timedelta(minutes=5))
        self.clock.advance(4 * MINUTE + 29)
        self.assertEqual(self.lines(), [session()])
        self.assertEqual(len(self.asked), 1)

        self.clock.advance(2)
        self.answer(body(40))
        snapshot = self.probe()
        self.assertEqual(list(snapshot.lines), [session(40)])
        self.assertEqual(snapshot.fetched_at, NOW + timedelta(minutes=5, seconds=1))
        self.assertIsNone(self.visit.again_at)

    def test_written_before(self) -> None:
        """The attempt is on record before the request is sent."""
        self.http.hang("GET", USAGE)
        self.start()

        (state,) = self.state.values.values()
        self.assertEqual(state["lastFetch"], NOW.timestamp())
        self.assertNotIn(PLANTED, json.dumps(state))

    def test_interrupted(self) -> None:
        """A request that was cut short counts as one that failed."""
        self.http.hang("GET", USAGE)
        probe = self.start()
        probe.cancel()
        self.failureResultOf(probe, CancelledError)

        message = "Usage request interrupted. Try again later."
        self.error(ProbeTimeoutError, message)
        self.assertEqual(len(self.asked), 1)

        self.clock.advance(5 * MINUTE)
        self.answer(body())
        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.notes, [])

    def test_failed_attempt(self) -> None:
        """A failed attempt starts the five minutes too; health tells why nothing is new."""
        self.answer(body())
        self.probe()
        self.clock.advance(6 * MINUTE)
        self.answer("", 500)
        self.error(UnexpectedResponseError)

        self.clock.advance(MINUTE)

        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.notes, ["Usage request failed (HTTP 500). Try again later."])
        self.assertEqual(len(self.asked), 2)

    def test_failed_first(self) -> None:
        """Without anything known a probe in that time fails again: there is nothing to show."""
        for error in (
            UnreachableError("x"),
            ProbeTimeoutError("x"),
            UnexpectedResponseError("x", 200),
        ):
            self.state, self.http = MemoryState(), FakeHttp()
            self.http.fail("GET", USAGE, error)
            message = str(self.error(type(error)))

            self.logs = FakeLogs(used_today())
            self.error(type(error), message)
            self.assertEqual(len(self.asked), 1)
            self.assertEqual(self.visit.again_at, NOW + timedelta(minutes=5))

    def test_no_retry_after(self) -> None:
        """A 429 that does not say for how long holds for five minutes."""
        self.limit()
        self.assertEqual(
            self.lines(), [limited("try again later"), limited_note("data may be stale")]
        )

        self.clock.advance(4 * MINUTE + 59)
        self.assertEqual(self.lines(), [limited("retry in ~1m"), limited_note("retry in ~1m")])
        self.assertEqual(len(self.asked), 1)

        self.clock.advance(2)
        self.answer(body())
        self.assertEqual(self.lines(), [session()])

    def test_retry_after(self) -> None:
        """`Retry-After` is seconds or a date; what is unreadable counts as absent."""
        for header, when in (
            ("600", "~10m"),
            (" 1200 ", "~20m"),
            ("90 s", "~2m"),
            ("0", "~now"),
            ("Tue, 24 Nov 2026 12:15:00 GMT", "~15m"),
            ("Fri, 24 Nov 2026 12:15:00 GMT", "~15m"),
            ("Tue, 24 Nov 2026 12:15:00 -0000", "~15m"),
            ("Tue, 24 Nov 2026 11:00:00 GMT", "~now"),
            ("9" * 5000, "~10080m"),
            ("Tue, 24 Nov 9999 12:15:00 GMT", "~10080m"),
        ):
            self.state = MemoryState()
            self.limit(header)
            words = f"retry in {when}"
            self.assertEqual(self.lines(), [limited(words), limited_note(words)], header)
        for header in ("-5", "", "soon", "+5", "Tue, 99 Foo 2026 12:15:00 GMT", "\xff"):
            self.state = MemoryState()
            self.limit(header)
            self.assertEqual(self.lines()[0], limited("try again later"), header)

    def test_inside_window(self) -> None:
        """While the limit runs nothing is sent, and the time that is left is told."""
        self.limit("300")
        for _ in range(2):
            self.probe()
            self.assertEqual(self.visit.again_at, NOW + timedelta(minutes=5))
            self.clock.advance(MINUTE / 2)

        self.assertEqual(self.lines(), [limited("retry in ~4m"), limited_note("retry in ~4m")])
        self.assertEqual(len(self.asked), 1)

    def test_restart(self) -> None:
        """The limit is kept in the state, so that a restart does not end it."""
        self.limit("300")
        self.probe()
        self.state = MemoryState(json.loads(json.dumps(dict(self.state.values))))

        self.assertEqual(self.lines()[0], limited("retry in ~5m"))
        self.assertEqual(len(self.asked), 1)

    def test_short_window(self) -> None:
        """When the limit is over the service is asked, though five minutes have not passed."""
        self.limit("60")
        self.probe()

        self.clock.advance(90)
        self.answer(body())

        self.assertEqual(self.lines(), [session()])

    def test_window_ended_once(self) -> None:
        """The end of a limit permits one request, after which the five minutes hold again."""
        self.limit("60")
        self.probe()
        self.clock.advance(90)
        self.answer("", 500)
        self.error(UnexpectedResponseError)

        self.clock.advance(90)

        self.error(UnexpectedResponseError)
        self.assertEqual(len(self.asked), 2)

    def test_zero(self) -> None:
        """`Retry-After: 0` is over at once, but we leave a minute between requests, and say so."""
        self.answer(body())
        self.probe()
        self.clock.advance(5 * MINUTE)
        self.limit("0")
        self.assertEqual(
            self.lines(), [limited("retry in ~now"), session(), limited_note("retry in ~now")]
        )
        self.assertEqual(self.visit.again_at, NOW + timedelta(minutes=6))

        self.clock.advance(59)
        self.assertEqual(
            self.lines(), [limited("retry in ~1m"), session(), limited_note("retry in ~1m")]
        )
        self.assertEqual(self.visit.again_at, NOW + timedelta(minutes=6))
        self.assertEqual(len(self.asked), 2)

        self.clock.advance(1)
        self.answer(body(40))
        self.assertEqual(self.lines(), [session(40)])

    def test_cached(self) -> None:
        """A limit after a good answer shows the figures known, as of when they were fetched."""
        self.answer(body())
        self.probe()
        self.clock.advance(5 * MINUTE + 1)
        self.limit("600")

        snapshot = self.probe()

        self.assertEqual(
            list(snapshot.lines),
            [limited("retry in ~10m"), session(), limited_note("retry in ~10m")],
        )
        self.assertEqual(snapshot.fetched_at, NOW)

    def test_history(self) -> None:
        """The local lines stand between badge and note."""
        self.logs = FakeLogs(History((), {}))
        self.limit("600")

        self.assertEqual(
            self.lines(), [limited("retry in ~10m"), *IDLE, limited_note("retry in ~10m")]
        )

    def test_clock_set_back(self) -> None:
        """A clock that was wrong when the state was written does not silence us for years."""
        for key, seconds in (("lastFetch", 1e4), ("rateLimitedUntil", 1e9)):
            self.answer(body())
            self.probe()
            (state,) = self.state.values.values()
            state.update({"lastFetch": None, key: NOW.timestamp() + seconds})
            self.answer(body(2))
            self.assertEqual(self.lines(), [session(2)], key)
            self.state = MemoryState()

    def test_damaged_state(self) -> None:
        """Whatever the state holds, a probe goes on as if it were empty."""
        values: tuple[object, ...] = ("x", [], {}, True, None, float("nan"))
        for value in values:
            self.answer(body())
            self.probe()
            (credential,) = self.state.values
            keys = ("lastFetch", "rateLimitedUntil", "body", "bodyFetchedAt", "trouble")
            self.state.values[credential] = dict.fromkeys((*keys, "refusedToken"), value)
            self.answer(body(2))
            self.assertEqual(self.lines(), [session(2)], value)
            self.state = MemoryState()


class RefreshTests(Base):
    """`Claude.probe` where renewing the login was allowed."""

    def setUp(self) -> None:
        super().setUp()
        self.refreshing = True

    def test_expired(self) -> None:
        """An expired login is renewed, used and saved once, in one line, all else kept."""
        self.write(json.dumps(stored(expires_in=-1, novel=[1]), indent=2))
        self.refresh_answer(renewed())
        self.answer(body())

        self.assertEqual(self.lines(), [session()])

        self.assertEqual(self.asked, ["refresh", "at2-planted"])
        expected = stored("at2-planted", 28800, refreshToken="rt2-planted", novel=[1])
        self.assertEqual(self.read(), expected)
        self.assertNotIn("\n", self.file.read_text())

    def test_request(self) -> None:
        """The refresh asks for what Claude Code asks for."""
        self.write(stored(expires_in=-1))
        self.refresh_answer(renewed())
        self.answer(body())

        self.probe()

        request = self.http.requests[0]
        self.assertEqual((request.url, request.timeout), (REFRESH, 15.0))
        self.assertEqual(request.headers, {"content-type": "application/json"})
        scope = "user:profile user:inference user:sessions:claude_code user:mcp_servers"
        self.assertEqual(
            request.json(),
            {
                "grant_type": "refresh_token",
                "refresh_token": "rt-planted",
                "client_id": "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
                "scope": f"{scope} user:file_upload",
            },
        )

    def test_due(self) -> None:
        """A login is renewed from five minutes before its end; one that does not say is used."""
        for expires_in, refreshed in (
            (-HOUR, True),
            (5 * MINUTE, True),
            (5 * MINUTE + 1, False),
            (24 * HOUR, False),
            (None, False),
        ):
            self.http, self.state = FakeHttp(), MemoryState()
            self.write(stored(expires_in=expires_in))
            if refreshed:
                self.refresh_answer(renewed())
            self.answer(body())
            self.assertEqual(self.lines(), [session()])
            self.assertEqual("refresh" in self.asked, refreshed, expires_in)

    def test_no_refresh_token(self) -> None:
        """Without a refresh token the token at hand is used."""
        self.write(stored(expires_in=-1, refreshToken=None))
        self.answer(body())

        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.asked, ["at-planted"])

    def test_no_answer(self) -> None:
        """When a refresh comes to nothing the token at hand is used, and nothing is saved."""
        for status, answer in (
            (500, ""),
            (200, "not-json"),
            (200, {}),
            (200, []),
            (200, {"access_token": " "}),
            (200, {"access_token": 5}),
            (200, {"access_token": "at2 planted"}),
            (200, {"access_token": "at2\r\nplanted"}),
            (302, {"access_token": "at2-planted"}),
            (0, None),
        ):
            self.http, self.state = FakeHttp(), MemoryState()
            self.write(stored(expires_in=-1))
            if status:
                self.refresh_answer(answer, status)
            else:
                self.http.fail("POST", REFRESH, UnreachableError("x"))
            self.answer(body())
            self.assertEqual(self.lines(), [session()], answer)
            self.assertEqual(self.asked, ["refresh", "at-planted"])
            self.assertEqual(self.read(), stored(expires_in=-1))

    def test_answer_details(self) -> None:
        """An answer may leave out all but the access token; odd values are not kept."""
        for more, refresh_token, life in (
            ({"refresh_token": None}, "rt-planted", 28800.0),
            ({"refresh_token": 5}, "rt-planted", 28800.0),
            ({"refresh_token": " "}, "rt-planted", 28800.0),
            ({"access_token": " at2-planted "}, "rt2-planted", 28800.0),
            ({"expires_in": "28800"}, "rt2-planted", -1.0),
            ({"expires_in": None}, "rt2-planted", -1.0),
            ({"expires_in": -5}, "rt2-planted", 0.0),
            ({"expires_in": 1e300}, "rt2-planted", 3650 * 86400.0),
        ):
            self.state = MemoryState()
            self.write(stored(expires_in=-1))
            self.refresh_answer(renewed(**more))
            self.answer(body())
            self.probe()
            expected = stored("at2-planted", life, refreshToken=refresh_token)
            self.assertEqual(self.read(), expected, more)

    def test_refused(self) -> None:
        """A refused refresh token is an error, and usage is not asked for."""
        for status, answer, message in (
            (400, {"error": "invalid_grant"}, SESSION_EXPIRED),
            (401, {"error": "", "error_description": "invalid_grant"}, SESSION_EXPIRED),
            (401, {"error": "nope"}, LOG_IN),
            (400, {"error": {"type": "planted"}}, LOG_IN),
            (400, "not-json", LOG_IN),
        ):
            self.http, self.state = FakeHttp(), MemoryState()
            self.write(stored(expires_in=-1))
            self.refresh_answer(answer, status)
            self.error(TokenExpiredError, message)
            self.assertEqual(self.asked, ["refresh"])

    def test_refused_for_good(self) -> None:
        """A refused refresh token is not sent again until the stored one changes."""
        self.write({"oauthAccount": {"accountUuid": "a"}}, self.home / ".claude.json")
        for code, message in (("invalid_grant", SESSION_EXPIRED), ("nope", LOG_IN)):
            self.http, self.state = FakeHttp(), MemoryState()
            self.write(stored(expires_in=-1))
            self.refresh_answer({"error": code}, 400)
            self.error(TokenExpiredError)
            for _ in range(3):
                self.clock.advance(4 * MINUTE)
                self.error(TokenExpiredError, message)
            self.assertEqual(self.asked, ["refresh"])

            self.write(stored("at3-planted", 24 * HOUR, refreshToken="rt3-planted"))
            self.answer(body())
            self.assertEqual(self.lines(), [session()])

    def test_refused_by_a_proxy(self) -> None:
        """A refusal that is no JSON may be of a proxy's making: the token gets another chance."""
        self.write(stored(expires_in=-1))
        self.refresh_answer("<html>", 401)
        self.error(TokenExpiredError, LOG_IN)
        self.clock.advance(6 * MINUTE)
        self.refresh_answer(renewed())
        self.answer(body())

        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.asked, ["refresh", "refresh", "at2-planted"])

    def test_sent_once(self) -> None:
        """A refresh that got no answer is not tried again in the same probe: it may be spent."""
        self.write(stored(expires_in=-1))
        self.http.fail("POST", REFRESH, ProbeTimeoutError("x"))
        self.answer("", 401)

        self.error(TokenExpiredError, LOG_IN)

        self.assertEqual(self.asked, ["refresh", "at-planted"])
        self.assertEqual(self.http.left, [])

    def test_refused_with_history(self) -> None:
        """With logs the local lines are shown, with a note about the rest."""
        self.logs = FakeLogs(History((), {}))
        self.write(stored(expires_in=-1))
        self.refresh_answer({"error": "invalid_grant"}, 400)

        note = unavailable("session expired; run `claude` to log in again")
        self.assertEqual(self.lines(), [*IDLE, note])

    def test_reactive(self) -> None:
        """A token that the service refuses is renewed once and the request repeated."""
        for status in (401, 403):
            self.http, self.state = FakeHttp(), MemoryState()
            self.write(stored())
            self.answer("", status)
            self.refresh_answer(renewed())
            self.answer(body())
            self.assertEqual(self.lines(), [session()])
            self.assertEqual(self.asked, ["at-planted", "refresh", "at2-planted"])

    def test_reactive_refused(self) -> None:
        """When the renewed token is refused as well, that is the end."""
        self.write(stored())
        self.answer("", 401)
        self.refresh_answer(renewed())
        self.answer("", 403)

        self.error(TokenExpiredError, LOG_IN)
        self.error(TokenExpiredError, LOG_IN)
        self.assertEqual(len(self.asked), 3)

    def test_reactive_impossible(self) -> None:
        """Without a refresh token, or an answer to it, a refused token is an error."""
        self.write(stored(refreshToken=None))
        self.answer("", 401)
        self.error(TokenExpiredError, LOG_IN)

        self.state = MemoryState()
        self.write(stored())
        self.answer("", 401)
        self.refresh_answer("", 500)
        self.error(TokenExpiredError, LOG_IN)

    def test_reactive_unreachable(self) -> None:
        """A connection that is lost after the refresh is told apart."""
        self.write(stored())
        self.answer("", 401)
        self.refresh_answer(renewed())
        self.http.fail("GET", USAGE, UnreachableError("x"))

        self.error(UnreachableError, "Usage request failed after refresh. Try again.")

    def test_renewed_by_claude(self) -> None:
        """A login that Claude Code renewed while we asked is used, and nothing is spent."""
        self.write(stored())
        first = self.http.hang("GET", USAGE)
        probe = self.start()
        self.write(stored("at3-planted", refreshToken="rt3-planted"))
        self.answer(body())

        first.callback(Response(401, {}, b""))

        self.assertEqual(list(self.successResultOf(probe).lines), [session()])
        self.assertEqual(self.asked, ["at-planted", "at3-planted"])

    def test_limited(self) -> None:
        """While a rate limit runs nothing is renewed either."""
        self.write(stored(expires_in=10 * MINUTE))
        self.answer("", 429, retry_after="1200")
        self.probe()

        self.clock.advance(15 * MINUTE)

        self.assertEqual(self.lines()[0], limited("retry in ~5m"))
        self.assertEqual(self.asked, ["at-planted"])

    def test_keychain(self) -> None:
        """A renewed login goes back to the item it came from, and to no other."""
        self.platform = "darwin"
        for account, by in (("ada", "ada"), ("other", None)):
            self.http, self.state = FakeHttp(), MemoryState()
            self.keychain = FakeKeychain({(SERVICE, account): json.dumps(stored(expires_in=-1))})
            self.refresh_answer(renewed())
            self.answer(body())
            self.probe()
            ((service, saved_by, value),) = self.keychain.saved
            self.assertEqual((service, saved_by), (SERVICE, by))
            expected = stored("at2-planted", 28800, refreshToken="rt2-planted")
            self.assertEqual(json.loads(value), expected)
            self.assertNotIn("\n", value)
            self.assertFalse(self.file.exists())

    def test_save_fails(self) -> None:
        """When a renewed login cannot be saved the probe goes on, and the log tells."""
        self.platform = "darwin"
        self.keychain.items[SERVICE, "ada"] = json.dumps(stored(expires_in=-1))
        self.refresh_answer(renewed())
        self.answer(body())

        async def refuse(service: str, account: str | None, value: str) -> None:
            raise KeychainError("planted")

        self.patch(FakeKeychain, "set", staticmethod(refuse))
        with capturedLogs() as events:
            snapshot = self.successResultOf(self.start())

        self.assertEqual(list(snapshot.lines), [session()])
        self.assertEqual(self.asked, ["refresh", "at2-planted"])
        (event,) = [e for e in events if "could not be saved" in e["log_format"]]
        self.assertEqual(event["log_level"].name, "error")
        self.assertNotIn(PLANTED, str(event))

    def test_read_only_folder(self) -> None:
        """Where the file cannot be replaced its refresh token is not spent."""
        self.write(stored(expires_in=-1))
        self.answer("", 401)

        self.patch(os, "access", lambda path, mode: Path(path) != self.file.parent)
        self.error(TokenExpiredError, LOG_IN)

        self.assertEqual(self.asked, ["at-planted"])
        self.assertEqual(self.notes, ["Login not renewed: its file cannot be replaced."])

    def test_long_item(self) -> None:
        """A keychain item that is too long to be saved is never put at risk."""
        self.platform = "darwin"
        document = {**stored(expires_in=-1), "mcpOAuth": "x" * 4000}
        self.keychain.items[SERVICE, "ada"] = json.dumps(document)
        self.answer(body())

        self.assertEqual(self.lines(), [session()])
        self.assertEqual(self.asked, ["at-planted"])
        self.assertIn("too long", self.notes[0])
