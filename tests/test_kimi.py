"""Tests for `openusage.providers.kimi`."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, eventAsText

from openusage.host import Response
from openusage.host.files import Files
from openusage.model import (
    Badge,
    Line,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.kimi import Kimi
from openusage.providers.words import NO_DATA
from openusage.testing import NOW, run_inline
from tests.probes import ProbeTestCase

USAGES = "https://api.kimi.com/coding/v1/usages"
TOKEN = "https://auth.kimi.com/api/oauth/token"
OLD, NEW, KEY = "at-kimi-old-1234567890", "at-kimi-new-1234567890", "sk-kimi-key-1234567890"
OLD_REFRESH, NEW_REFRESH = "rt-kimi-old-1234567890", "rt-kimi-new-1234567890"
FILE, NEWER_FILE = ".kimi/credentials/kimi-code.json", ".kimi-code/credentials/kimi-code.json"
LATER = NOW.timestamp() + 3600
RESET = datetime(2027, 2, 7, 12, 0, 0, 123000, tzinfo=timezone.utc)
WEEK_RESET = datetime(2027, 2, 11, 17, 32, 50, 123000, tzinfo=timezone.utc)

NOT_LOGGED_IN = "Not logged in. Run `kimi login` to authenticate."
SESSION_EXPIRED = "Session expired. Run `kimi login` to authenticate."
TOKEN_EXPIRED = "Token expired. Run `kimi login` to authenticate."

BODY = {
    "usage": {
        "limit": "200",
        "used": "30",
        "remaining": "170",
        "resetTime": "2027-02-11T17:32:50.123456789Z",
    },
    "limits": [
        {
            "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
            "detail": {
                "limit": "80",
                "remaining": "60",
                "resetTime": "2027-02-07T12:00:00.123456Z",
            },
        }
    ],
    "user": {"membership": {"level": "LEVEL_INTERMEDIATE"}},
}
LINES = (
    Progress("Session", 25, 100, resets_at=RESET, period_ms=18_000_000),
    Progress("Weekly", 15, 100, resets_at=WEEK_RESET),
)


def login(**more: Any) -> dict[str, Any]:
    """A login that is good for an hour, unless `more` says otherwise; `None` takes a key away."""
    document = {
        "access_token": OLD,
        "refresh_token": OLD_REFRESH,
        "expires_at": LATER,
        "scope": "kimi-code",
        "token_type": "Bearer",
        "kept": {"by": "the CLI"},
        **more,
    }
    return {key: value for key, value in document.items() if value is not None}


def window(duration: object, unit: object, left: object, limit: object = 100) -> dict[str, Any]:
    """A window of which `left` is left."""
    return {
        "window": {"duration": duration, "timeUnit": unit},
        "detail": {"limit": limit, "remaining": left},
    }


def jwt(**claims: Any) -> str:
    """A token that says so."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({}, claims, {})
    ]
    return ".".join(part.rstrip("=") for part in parts)


class Case(ProbeTestCase):
    """A person's machine for `Kimi`."""

    provider = Kimi()

    def stored(self, file: str = FILE) -> Any:
        """What the file holds now."""
        return json.loads((self.home / file).read_text())

    def usages(self, body: Any = BODY, status: int = 200) -> None:
        """Queue an answer of the usage endpoint."""
        self.http.reply("GET", USAGES, status, body)

    def refreshed(self, body: Any, status: int = 200) -> None:
        """Queue an answer of the token endpoint."""
        self.http.reply("POST", TOKEN, status, body)

    def sent(self) -> list[str]:
        """Every request so far: the token of a usage request, the refresh token of a refresh."""
        return [
            request.headers["authorization"].removeprefix("Bearer ")
            if request.method == "GET"
            else "refresh " + parse_qs((request.body or b"").decode())["refresh_token"][0]
            for request in self.http.requests
        ]


class DetectTests(Case):
    """`Kimi.detect`."""

    def test_login(self) -> None:
        """A file with either token is found on each system, named as the person knows it."""
        for platform in ("linux", "darwin", "win32"):
            for document in (login(), login(access_token=None), login(refresh_token="")):
                self.write(FILE, document)
                self.assertEqual(self.detected(platform=platform), f"~/{FILE}")

    def test_newer(self) -> None:
        """The newer CLI's file is found as well."""
        self.write(NEWER_FILE, login())
        self.assertEqual(self.detected(), f"~/{NEWER_FILE}")

    def test_elsewhere(self) -> None:
        """A folder outside the home folder is named by its variable."""
        for variable in ("KIMI_SHARE_DIR", "KIMI_CODE_HOME"):
            folder = Path(self.mktemp()).absolute()
            (folder / "credentials").mkdir(parents=True)
            (folder / "credentials" / "kimi-code.json").write_text(json.dumps(login()))
            found = self.detected(env={variable: f"{folder}/"})
            self.assertEqual(found, f"${variable}/credentials/kimi-code.json")

    def test_key(self) -> None:
        """An API key is found by its variable's name."""
        self.assertEqual(self.detected(env={"KIMI_CODE_API_KEY": KEY}), "KIMI_CODE_API_KEY")

    def test_nothing(self) -> None:
        """A damaged file, one without tokens, and an empty machine have no login."""
        self.assertIsNone(self.detected(env={"KIMI_CODE_API_KEY": "two words"}))
        for document in ("{", "[]", login(access_token="", refresh_token=""), {}):
            self.write(FILE, document)
            self.assertIsNone(self.detected())


class NotLoggedInTests(Case):
    """`Kimi.probe` without a login."""

    def test_nothing(self) -> None:
        """The error names every place and what is wrong there; nothing is sent."""
        for document, reason in (
            (None, "was not found"),
            ("{", "is no JSON object"),
            (login(access_token="", refresh_token=""), "has no tokens"),
            (login(access_token="to ken", refresh_token=None), "has no tokens"),
            (login(access_token=None), "has no access token"),
        ):
            with self.subTest(reason=reason):
                if document is not None:
                    self.write(FILE, document)
                message = self.failure(NotLoggedInError)
                self.assertTrue(message.startswith(NOT_LOGGED_IN), message)
                self.assertIn(f"~/{FILE} {reason}", message)
                self.assertIn(f"~/{NEWER_FILE} was not found", message)
                self.assertIn("KIMI_CODE_API_KEY is not set", message)
                self.assertEqual(self.http.requests, [])

    def test_watched(self) -> None:
        """Both files are watched, so that a login is noticed when it comes."""
        host = self.host()
        self.failure(NotLoggedInError, host)
        self.assertEqual(host.visit.watched, {self.home / FILE, self.home / NEWER_FILE})

    def test_refresh_gives_none(self) -> None:
        """A refresh token alone that buys nothing is no login."""
        for body, status in (({}, 200), ("x", 200), ("", 500)):
            with self.subTest(body=body, status=status):
                self.setUp()
                self.write(FILE, login(access_token=None))
                self.refreshed(body, status)
                self.assertEqual(
                    self.failure(NotLoggedInError, refresh_credentials=True), NOT_LOGGED_IN
                )
                self.assertEqual(self.sent(), [f"refresh {OLD_REFRESH}"])


class UsageTests(Case):
    """`Kimi.probe` with a good login."""

    def test_snapshot(self) -> None:
        """The windows and the plan are shown, as of now."""
        self.write(FILE, login())
        self.usages()
        snapshot = self.probe()

        self.assertEqual(snapshot.lines, LINES)
        self.assertEqual(snapshot.plan, "Intermediate")
        self.assertEqual(snapshot.fetched_at, NOW)

    def test_request(self) -> None:
        """The token goes to the usage endpoint and says who asks; it has ten seconds."""
        self.write(FILE, login())
        self.usages()
        self.probe()

        (request,) = self.http.requests
        self.assertEqual((request.method, request.url, request.body), ("GET", USAGES, None))
        self.assertEqual(
            request.headers,
            {
                "authorization": f"Bearer {OLD}",
                "accept": "application/json",
                "user-agent": "openusage/0",
            },
        )
        self.assertEqual(request.timeout, 10.0)

    def test_spacing(self) -> None:
        """Within a minute the same figures come again without a request, from what was kept."""
        self.write(FILE, login())
        self.usages()
        first = self.probe()
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.clock.advance(2)
        self.usages()
        self.probe()
        self.assertEqual(len(self.http.requests), 2)

    def test_kept(self) -> None:
        """Of the answer nothing but the figures is remembered."""
        self.write(FILE, login())
        self.usages({**BODY, "user": {**BODY["user"], "email": "ada@planted.example"}})  # type: ignore[dict-item]
        self.probe()
        kept = json.dumps([*self.state.values.values()])
        self.assertNotIn("planted", kept)
        self.assertNotIn(OLD, kept)
        self.assertIn("LEVEL_INTERMEDIATE", kept)

    def test_account(self) -> None:
        """A person whose token says who that is stays the same when the token changes."""
        digests = []
        for token in (jwt(user_id="ada", n=1), jwt(user_id="ada", n=2), jwt(sub="bob"), NEW):
            self.setUp()
            self.write(FILE, login(access_token=token))
            self.usages()
            host = self.host()
            self.probe(host)
            digests.append(host.visit.credential)
        self.assertEqual(digests[0], digests[1])
        self.assertEqual(len({*digests}), 3)

    def test_troubles(self) -> None:
        """Each trouble has its class and its word."""
        for outcome, kind, message in (
            (500, UnexpectedResponseError, "Usage request failed (HTTP 500). Try again later."),
            (404, UnexpectedResponseError, "Usage request failed (HTTP 404). Try again later."),
            (429, RateLimitedError, "Usage request rate limited. It is asked again later."),
            (401, TokenExpiredError, TOKEN_EXPIRED),
            (403, TokenExpiredError, TOKEN_EXPIRED),
            (
                UnreachableError("refused"),
                UnreachableError,
                "Usage request failed. Check your connection.",
            ),
            (
                ProbeTimeoutError("silence"),
                ProbeTimeoutError,
                "Usage request failed. Check your connection.",
            ),
        ):
            with self.subTest(outcome=outcome):
                self.setUp()
                self.write(FILE, login())
                if isinstance(outcome, int):
                    self.usages("", outcome)
                else:
                    self.http.fail("GET", USAGES, outcome)
                self.assertEqual(self.failure(kind), message)
                self.assertEqual(self.sent(), [OLD])

    def test_other_shapes(self) -> None:
        """An answer that is no usage is an error, never a snapshot without figures."""
        for body in ("not-json", "[]", "null", {"error": "x"}, {"usage": 5}, {"limits": "x"}):
            with self.subTest(body=body):
                self.setUp()
                self.write(FILE, login())
                self.usages(body)
                message = self.failure(UnexpectedResponseError)
                self.assertEqual(message, "Usage response invalid. Try again later.")


class SourcesTests(Case):
    """`Kimi.probe` where there are several logins."""

    def test_best(self) -> None:
        """The login that is good for longest goes first, whichever CLI it belongs to."""
        for older, newer, expected in (
            (LATER, LATER + 1, NEW),
            (LATER + 1, LATER, OLD),
            (LATER, LATER, OLD),
            (1, LATER, NEW),
            (None, LATER, NEW),
            (None, None, OLD),
        ):
            with self.subTest(older=older, newer=newer):
                self.setUp()
                self.write(FILE, login(expires_at=older))
                self.write(NEWER_FILE, login(access_token=NEW, expires_at=newer))
                self.usages()
                self.probe()
                self.assertEqual(self.sent(), [expected])

    def test_next(self) -> None:
        """When the service refuses one login the next is tried, and then the API key."""
        self.write(FILE, login())
        self.write(NEWER_FILE, login(access_token=NEW, refresh_token=None, expires_at=LATER - 1))
        for _ in range(2):
            self.usages("", 401)
        self.usages()
        snapshot = self.probe(env={"KIMI_CODE_API_KEY": KEY})
        self.assertEqual(snapshot.lines, LINES)
        self.assertEqual(self.sent(), [OLD, NEW, KEY])

    def test_expired(self) -> None:
        """An expired login is not sent where the next one is good."""
        self.write(FILE, login(expires_at=1))
        self.usages()
        self.probe(env={"KIMI_CODE_API_KEY": KEY})
        self.assertEqual(self.sent(), [KEY])

    def test_all_refused(self) -> None:
        """When every login is refused the error is that of the best one."""
        self.write(FILE, login())
        self.usages("", 401)
        self.usages("", 401)
        message = self.failure(TokenExpiredError, env={"KIMI_CODE_API_KEY": KEY})
        self.assertEqual(message, TOKEN_EXPIRED)

    def test_same_token(self) -> None:
        """A login that lies in both files is sent once."""
        self.write(FILE, login())
        self.write(NEWER_FILE, login())
        self.usages("", 401)
        self.failure(TokenExpiredError)
        self.assertEqual(self.sent(), [OLD])

    def test_other_trouble(self) -> None:
        """Any other trouble is no reason to try the next login."""
        self.write(FILE, login())
        self.usages("", 500)
        self.failure(UnexpectedResponseError, env={"KIMI_CODE_API_KEY": KEY})
        self.assertEqual(self.sent(), [OLD])

    def test_only_the_best_is_renewed(self) -> None:
        """Where the best login is refused in full, no other one's refresh token is spent."""
        self.write(FILE, login())
        other = login(access_token=NEW, refresh_token=NEW_REFRESH, expires_at=1)
        self.write(NEWER_FILE, other)
        self.usages("", 401)
        self.refreshed({"error": "invalid_grant"}, 401)
        self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=True), SESSION_EXPIRED)
        self.assertEqual(self.sent(), [OLD, f"refresh {OLD_REFRESH}"])
        self.assertEqual(self.stored(NEWER_FILE), other)

    def test_key_alone(self) -> None:
        """An API key needs no file; a refused one is told as such."""
        env = {"KIMI_CODE_API_KEY": KEY}
        self.usages()
        self.assertEqual(self.probe(env=env).plan, "Intermediate")
        self.clock.advance(61)
        self.usages("", 401)
        message = self.failure(TokenExpiredError, env=env, refresh_credentials=True)
        self.assertEqual(message, "API key refused. Put a valid one into KIMI_CODE_API_KEY.")
        self.assertEqual(self.sent(), [KEY, KEY])

    def test_folder(self) -> None:
        """`KIMI_SHARE_DIR` and `KIMI_CODE_HOME` take the place of the usual folders."""
        self.write(FILE, login())
        self.write(NEWER_FILE, login())
        env = {"KIMI_SHARE_DIR": str(self.home / "a"), "KIMI_CODE_HOME": str(self.home / "b")}
        message = self.failure(NotLoggedInError, env=env)
        self.assertIn("~/a/credentials/kimi-code.json was not found", message)
        self.assertIn("~/b/credentials/kimi-code.json was not found", message)


class NotAllowedTests(Case):
    """`Kimi.probe` where nothing may be renewed, which is the default."""

    def test_expired(self) -> None:
        """An expired token is not sent; the error says what renews it."""
        self.write(FILE, login(expires_at=NOW.timestamp() - 7200))
        message = self.failure(TokenExpiredError)
        self.assertEqual(message, "Token expired 2 h ago. Run `kimi` once to renew it.")
        self.assertEqual(self.http.requests, [])

    def test_nearly_expired(self) -> None:
        """Until then, or when nobody knows, it is sent as it is."""
        for expires_at in (NOW.timestamp() + 1, str(LATER), None, "soon", 1e300, True):
            with self.subTest(expires_at=expires_at):
                self.setUp()
                before = login(expires_at=expires_at)
                self.write(FILE, before)
                self.usages()
                self.assertEqual(self.probe().lines, LINES)
                self.assertEqual(self.sent(), [OLD])
                self.assertEqual(self.stored(), before)

    def test_text(self) -> None:
        """The expiry may be a text of digits."""
        self.write(FILE, login(expires_at=str(NOW.timestamp() - 1)))
        self.failure(TokenExpiredError)


class RenewingTests(Case):
    """`Kimi.probe` where the person allowed it to renew the login."""

    def test_expired(self) -> None:
        """An expired login is renewed first, asked with, and stored."""
        path = self.write(FILE, login(expires_at=1))
        path.chmod(0o640)
        self.refreshed(
            {
                "access_token": NEW,
                "refresh_token": NEW_REFRESH,
                "expires_in": 900.5,
                "scope": "wider",
                "token_type": "bearer",
            }
        )
        usage = {"limit": 100, "remaining": 74}
        limits = [window(300, "TIME_UNIT_MINUTE", 85)]
        self.usages({"usage": usage, "limits": limits, "user": BODY["user"]})
        snapshot = self.probe(refresh_credentials=True)

        self.assertEqual(
            snapshot.lines,
            (
                Progress("Session", 15, 100, period_ms=18_000_000),
                Progress("Weekly", 26, 100),
            ),
        )
        self.assertEqual(snapshot.plan, "Intermediate")
        self.assertEqual(self.sent(), [f"refresh {OLD_REFRESH}", NEW])
        self.assertEqual(
            self.stored(),
            login(
                access_token=NEW,
                refresh_token=NEW_REFRESH,
                expires_at=NOW.timestamp() + 900.5,
                scope="wider",
                token_type="bearer",
            ),
        )
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)
        self.assertNotIn(b" ", path.read_bytes().replace(b"the CLI", b""))

    def test_request(self) -> None:
        """A refresh is a form that names the CLI, and has fifteen seconds."""
        self.write(FILE, login(expires_at=1, refresh_token="rt/with+odd=signs"))
        self.refreshed("", 500)
        self.usages()
        self.probe(refresh_credentials=True)

        request = self.http.requests[0]
        self.assertEqual(
            request.body,
            b"client_id=17e5f671-d194-4dfb-9706-5516cb48c098&grant_type=refresh_token"
            b"&refresh_token=rt%2Fwith%2Bodd%3Dsigns",
        )
        self.assertEqual(request.headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(request.headers["accept"], "application/json")
        self.assertEqual(request.timeout, 15.0)

    def test_due(self) -> None:
        """It is due five minutes before it expires, and when nobody knows when that is."""
        for expires_at, due in (
            (NOW.timestamp() + 300, True),
            (NOW.timestamp() + 301, False),
            (None, True),
            ("soon", True),
        ):
            with self.subTest(expires_at=expires_at):
                self.setUp()
                self.write(FILE, login(expires_at=expires_at))
                if due:
                    self.refreshed({"access_token": NEW})
                self.usages()
                self.probe(refresh_credentials=True)
                self.assertEqual(self.sent()[-1], NEW if due else OLD)

    def test_access_token_only(self) -> None:
        """What the answer does not name stays as it was, so the next probe renews again."""
        self.write(FILE, login(expires_at=1))
        self.refreshed({"access_token": NEW})
        self.usages()
        self.probe(refresh_credentials=True)
        self.assertEqual(self.stored(), login(access_token=NEW, expires_at=1))

        self.clock.advance(61)
        self.refreshed({"access_token": NEW})
        self.usages()
        self.probe(refresh_credentials=True)
        self.assertEqual(self.sent()[2:], [f"refresh {OLD_REFRESH}", NEW])

    def test_refresh_token_only(self) -> None:
        """A refresh token alone is enough to begin with."""
        self.write(FILE, login(access_token=None, expires_at=None))
        self.refreshed({"access_token": NEW, "expires_in": 900})
        self.usages()
        self.assertEqual(self.probe(refresh_credentials=True).lines, LINES)
        self.assertEqual(self.stored()["access_token"], NEW)

    def test_refused_by_the_service(self) -> None:
        """A login that the service refuses is renewed once and asked with again.

        Two windows that are alike but for their resets are both shown.
        """
        self.write(FILE, login())
        self.usages("", 401)
        self.refreshed({"access_token": NEW})
        quota = {"limit": 100, "used": 0}
        self.usages(
            {
                "usage": {**quota, "resetTime": "2027-02-11T17:00:00Z"},
                "limits": [{"detail": {**quota, "resetTime": "2027-02-07T12:00:00Z"}}],
            }
        )
        labels = [line.label for line in self.probe(refresh_credentials=True).lines]
        self.assertEqual(labels, ["Session", "Weekly"])
        self.assertEqual(self.sent(), [OLD, f"refresh {OLD_REFRESH}", NEW])

    def test_refused_again(self) -> None:
        """A new token that is refused too is the end."""
        self.write(FILE, login())
        self.usages("", 401)
        self.refreshed({"access_token": NEW})
        self.usages("", 403)
        self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=True), TOKEN_EXPIRED)

    def test_session_expired(self) -> None:
        """When the refresh token is refused the usage is not asked for, now or in the next one."""
        for status in (401, 403):
            for expires_at in (1, None):
                with self.subTest(status=status, expires_at=expires_at):
                    self.setUp()
                    self.write(FILE, login(expires_at=expires_at))
                    self.refreshed({"error": "invalid_grant"}, status)
                    message = self.failure(TokenExpiredError, refresh_credentials=True)
                    self.assertEqual(message, SESSION_EXPIRED)
                    self.clock.advance(61)
                    message = self.failure(TokenExpiredError, refresh_credentials=True)
                    self.assertEqual(message, SESSION_EXPIRED)
                    self.assertEqual(self.sent(), [f"refresh {OLD_REFRESH}"])

    def test_refused_but_good(self) -> None:
        """A token that is good for some minutes more is still used then."""
        self.write(FILE, login(expires_at=NOW.timestamp() + 240))
        self.refreshed({}, 401)
        self.usages()
        self.assertEqual(self.probe(refresh_credentials=True).lines, LINES)
        self.assertEqual(self.sent(), [f"refresh {OLD_REFRESH}", OLD])

    def test_no_new_token(self) -> None:
        """When the refresh gives none this time the old token is used, expired as it may be."""
        for answer, status in (("", 500), ({}, 200), ("not-json", 200), ("", 429)):
            with self.subTest(answer=answer, status=status):
                self.setUp()
                self.write(FILE, login(expires_at=1))
                self.refreshed(answer, status)
                self.usages()
                self.assertEqual(self.probe(refresh_credentials=True).lines, LINES)
                self.assertEqual(self.sent(), [f"refresh {OLD_REFRESH}", OLD])
                self.assertEqual(self.stored(), login(expires_at=1))

    def test_no_refresh_token(self) -> None:
        """Without a refresh token the token is used as it is, until the service refuses it."""
        for status, expires_at in ((200, 1), (401, LATER)):
            with self.subTest(status=status):
                self.setUp()
                self.write(FILE, login(refresh_token=None, expires_at=expires_at))
                self.usages(BODY, status)
                if status == 200:
                    self.probe(refresh_credentials=True)
                else:
                    self.assertEqual(
                        self.failure(TokenExpiredError, refresh_credentials=True), TOKEN_EXPIRED
                    )
                self.assertEqual(self.sent(), [OLD])

    def test_rotated_meanwhile(self) -> None:
        """A login that the CLI renewed meanwhile is used, and nothing is spent."""
        self.write(FILE, login())
        waiting = self.http.hang("GET", USAGES)
        work = self.start(refresh_credentials=True)
        self.write(FILE, login(access_token=NEW, refresh_token=NEW_REFRESH))
        self.usages()
        waiting.callback(Response(401, {}, b""))
        self.assertEqual(self.successResultOf(work).lines, LINES)
        self.assertEqual(self.sent(), [OLD, NEW])

    def test_network_after_refresh(self) -> None:
        """Trouble with the network after a refresh is told as such."""
        self.write(FILE, login())
        self.usages("", 401)
        self.refreshed({"access_token": NEW})
        self.http.fail("GET", USAGES, UnreachableError("reset"))
        message = self.failure(UnreachableError, refresh_credentials=True)
        self.assertEqual(message, "Usage request failed after refresh. Try again.")

    def test_not_saved(self) -> None:
        """A write that fails is logged, and the new token used all the same."""
        self.write(FILE, login(expires_at=1))
        self.refreshed({"access_token": NEW})
        self.usages()
        host = evolve(self.host(refresh_credentials=True), files=ReadOnlyFiles(run_inline))
        with capturedLogs() as events:
            snapshot = self.probe(host)
        self.assertEqual(snapshot.lines, LINES)
        self.assertEqual(self.sent(), [f"refresh {OLD_REFRESH}", NEW])
        self.assertEqual(self.stored(), login(expires_at=1))
        (event,) = events
        self.assertIn("could not be saved", eventAsText(event))

    def test_cannot_be_saved(self) -> None:
        """Where a new login could not be saved nothing is spent, and a note says so."""
        path = self.write(FILE, login(expires_at=1))
        self.patch(os, "access", lambda *_: False)
        self.usages()
        host = self.host(refresh_credentials=True)
        self.probe(host)
        self.assertEqual(self.sent(), [OLD])
        self.assertEqual(host.visit.notes, ["Login not renewed: its file cannot be replaced."])
        self.assertTrue(path.exists())


class ReadOnlyFiles(Files):
    """Files that cannot be written."""

    async def write(self, path: Path, data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))


class LinesTests(Case):
    """The answer as metric lines."""

    def lines(self, body: Mapping[str, Any]) -> tuple[Line, ...]:
        """The lines of an answer, which are the same when it is read from what was kept."""
        self.setUp()
        self.write(FILE, login())
        self.usages(body)
        snapshot = self.probe()
        self.assertEqual(self.probe(), snapshot)
        return snapshot.lines

    def used(self, body: Mapping[str, Any]) -> dict[str, tuple[float, int | None]]:
        """Percentage and length of window of each line."""
        return {
            line.label: (line.used, line.period_ms)
            for line in self.lines(body)
            if isinstance(line, Progress)
        }

    def test_nothing(self) -> None:
        """Limits of zero are no limits: there is nothing to show but the plan."""
        body = {
            "usage": {"limit": "0", "used": "0"},
            "limits": [window(-5, "MINUTE", 0, "0")],
            "user": {"membership": {"level": "LEVEL_FREE"}},
        }
        self.assertEqual(self.lines(body), (Badge("Status", "No usage data", "#a3a3a3"),))
        self.assertEqual(self.lines({}), (NO_DATA,))
        self.assertEqual(self.lines({"limits": []}), (NO_DATA,))

    def test_equal(self) -> None:
        """Where the week tells the same as the only window it is not shown."""
        quota = {"limit": "100", "remaining": "40", "resetTime": "2027-02-07T12:00:00Z"}
        unit = {"duration": 5, "timeUnit": "HOUR"}
        body = {"usage": quota, "limits": [{"window": unit, "detail": quota}]}
        self.assertEqual(self.used(body), {"Session": (60.0, 18_000_000)})

    def test_windows(self) -> None:
        """The shortest window is the session, the longest other one the week."""
        for limits, expected in (
            (
                [window(5, "MINUTE", 80), window(1, "DAY", 40), window(1, "HOUR", 70)],
                {"Session": (20.0, 300_000), "Weekly": (60.0, 86_400_000)},
            ),
            (
                [window(1, "YEAR", 90), window(30, "SECOND", 75), window(2, "UNKNOWN", 60)],
                {"Session": (25.0, 30_000), "Weekly": (10.0, None)},
            ),
            (
                [window(1, "YEAR", 90), window(2, "UNKNOWN", 60), window(3, None, 50)],
                {"Session": (10.0, None), "Weekly": (40.0, None)},
            ),
            (
                [window(5, "HOUR", 90), window(300, "MINUTE", 60)],
                {"Session": (10.0, 18_000_000), "Weekly": (40.0, 18_000_000)},
            ),
            ([window("300", "time_unit_minute", 90)], {"Session": (10.0, 18_000_000)}),
            ([window(0, "MINUTE", 90)], {"Session": (10.0, None)}),
            ([window(1e300, "DAY", 90)], {"Session": (10.0, None)}),
            ([window(1, "MINUTE_OF_A_DAY", 90)], {"Session": (10.0, 60_000)}),
        ):
            with self.subTest(limits=limits):
                self.assertEqual(self.used({"limits": limits}), expected)

    def test_spellings(self) -> None:
        """The reset has several spellings, of which the first that holds anything counts."""
        at = "2027-02-07T12:00:00.123999Z"
        for fields, expected in (
            ({"resetTime": at}, RESET),
            ({"reset_at": at}, RESET),
            ({"resetAt": at}, RESET),
            ({"reset_time": at}, RESET),
            ({"resetTime": "", "reset_at": None, "resetAt": at}, RESET),
            ({"resetTime": RESET.timestamp()}, RESET),
            ({"resetTime": RESET.timestamp() * 1000}, RESET),
            ({"resetTime": "soon"}, None),
            ({"resetTime": 0}, None),
            ({}, None),
        ):
            with self.subTest(fields=fields):
                (line,) = self.lines({"usage": {"limit": 100, "used": 1, **fields}})
                assert isinstance(line, Progress)
                self.assertEqual(line.resets_at, expected)

    def test_without_detail(self) -> None:
        """A quota may lie in the entry itself."""
        item = {
            "window": {"duration": 1, "time_unit": "DAY"},
            "limit": "200",
            "remaining": "150",
            "reset_at": "2027-02-07T12:00:00.123Z",
        }
        spent = {**item, "limit": "0"}
        body = {"limits": [item, spent], "user": {"membership": {"level": "LEVEL_"}}}
        line = Progress("Session", 25, 100, resets_at=RESET, period_ms=86_400_000)
        self.assertEqual(self.lines(body), (line,))
        self.assertEqual(self.lines({"limits": [{**item, "detail": "odd"}]}), (line,))
        self.assertEqual(self.lines({"limits": [{**item, "detail": None}]}), (NO_DATA,))

    def test_week_alone(self) -> None:
        """Without windows there is only the week."""
        nothing: tuple[object, ...] = ([], None, "odd", {}, [5, None])
        for limits in nothing:
            with self.subTest(limits=limits):
                body = {"usage": {"limit": "500", "used": "125"}, "limits": limits}
                self.assertEqual(self.used(body), {"Weekly": (25.0, None)})

    def test_figures(self) -> None:
        """Used goes before left; neither is no figure, and what is null is not taken for 0."""
        for fields, expected in (
            ({"limit": 100, "used": 120}, 120.0),
            ({"limit": 100, "remaining": 130}, 0.0),
            ({"limit": 100, "used": -5}, 0.0),
            ({"limit": 3, "used": 1}, 33.3),
            ({"limit": "80", "used": "20", "remaining": "1"}, 25.0),
            ({"limit": 80, "used": None, "remaining": 60}, 25.0),
            ({"limit": 80, "used": "", "remaining": 60}, 25.0),
            ({"limit": 80, "remaining": None}, None),
            ({"limit": 80, "used": True}, None),
            ({"limit": 80}, None),
            ({"limit": -1, "used": 1}, None),
            ({"limit": None, "used": 1}, None),
            ({"limit": 10**400, "used": 1}, None),
            ({"limit": 1e-300, "used": 1e300}, None),
            ({"limit": "many", "used": 1}, None),
        ):
            with self.subTest(fields=fields):
                weekly = {} if expected is None else {"Weekly": (expected, None)}
                self.assertEqual(self.used({"usage": fields}), weekly)

    def test_shares(self) -> None:
        """Newer answers tell shares of named windows; older parts of the same answer go first."""
        pools = {
            "limit_5h": {"used_ratio": 0.25, "reset_time": "2027-02-07T12:00:00.123Z"},
            "limit_7d": {"used_ratio": "0.8890", "reset_time": "2027-02-11T17:32:50.123Z"},
            "limit_month_total": {"used_ratio": 0},
        }
        self.assertEqual(
            self.lines({"usages": pools, "usage": None, "limits": None}),
            (
                Progress("Session", 25, 100, resets_at=RESET, period_ms=18_000_000),
                Progress("Weekly", 88.9, 100, resets_at=WEEK_RESET, period_ms=604_800_000),
                Progress("Monthly", 0, 100, period_ms=2_592_000_000),
            ),
        )
        both = {"usages": pools, "usage": {"limit": 100, "used": 7}}
        self.assertEqual(
            self.used(both),
            {
                "Session": (25.0, 18_000_000),
                "Weekly": (7.0, None),
                "Monthly": (0.0, 2_592_000_000),
            },
        )
        for odd in (None, -0.1, "x", float("nan"), True):
            self.assertEqual(self.lines({"usages": {"limit_5h": {"used_ratio": odd}}}), (NO_DATA,))

    def test_plan(self) -> None:
        """The level is the plan, in words."""
        for level, plan in (
            ("LEVEL_INTERMEDIATE", "Intermediate"),
            ("LEVEL_FREE", "Free"),
            (" LEVEL_VERY_ADVANCED ", "Very Advanced"),
            ("plain", "Plain"),
            ("LEVEL_", None),
            ("", None),
            (None, None),
            (5, None),
        ):
            with self.subTest(level=level):
                self.setUp()
                self.write(FILE, login())
                self.usages({**BODY, "user": {"membership": {"level": level}}})
                self.assertEqual(self.probe().plan, plan)

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever the service says makes a snapshot or a `ProbeError`; so does what is kept."""
        body = data.draw(bodies)
        self.setUp()
        self.write(FILE, login())
        self.usages(json.dumps(body))
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
    st.sampled_from(["1", "1e308", "LEVEL_X", "MINUTE", "2027-02-07T12:00:00Z"]),
    st.lists(st.integers(), max_size=2),
)
quota = st.dictionaries(
    st.sampled_from(["limit", "used", "remaining", "resetTime", "reset_at", "used_ratio"]), odd
)
entry = st.fixed_dictionaries(
    {},
    optional={
        "window": st.one_of(odd, st.dictionaries(st.sampled_from(["duration", "timeUnit"]), odd)),
        "detail": st.one_of(odd, quota),
        "limit": odd,
        "used": odd,
    },
)
bodies = st.one_of(
    odd,
    st.fixed_dictionaries(
        {},
        optional={
            "usage": st.one_of(odd, quota),
            "limits": st.one_of(odd, st.lists(st.one_of(odd, entry), max_size=4)),
            "usages": st.one_of(
                odd, st.dictionaries(st.sampled_from(["limit_5h", "limit_7d"]), quota)
            ),
            "user": st.one_of(odd, st.fixed_dictionaries({"membership": st.one_of(odd, quota)})),
        },
    ),
)
