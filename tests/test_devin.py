"""Probes of the Devin provider, from stored key to snapshot.

Where the original app shows what is left of a hidden daily quota as what is used of the weekly one,
these tests hold the opposite; its labels, order and dollar signs stay.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host import Host
from openusage.model import (
    Line,
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
from openusage.providers.devin import Devin, _lines, _usage
from openusage.providers.interface import IProvider, Provider
from openusage.testing import NOW
from tests.probes import ProbeTestCase

PATH = "/exa.seat_management_pb.SeatManagementService/GetUserStatus"
SERVER = f"https://server.codeium.com{PATH}"
KEY = "devin-session-token$PLANTED0123456789"
OTHER = "devin-session-token$PLANTED9876543210"
FILE = ".local/share/devin/credentials.toml"
STABLE = ".config/Devin/User/globalStorage/state.vscdb"
NEXT = ".config/Devin - Next/User/globalStorage/state.vscdb"
LOG_IN = "Run `devin auth login` or sign in to Devin and try again."
UNAVAILABLE = "Devin quota data unavailable. Try again later."
DAY, WEEK = 86_400_000, 604_800_000
DAILY_RESET = datetime(2026, 3, 21, 8, tzinfo=timezone.utc)
WEEKLY_RESET = datetime(2026, 3, 22, 8, tzinfo=timezone.utc)


def body(
    plan: object = "Max", hidden: object = False, **status: object
) -> dict[str, dict[str, Any]]:
    """An answer with `status` as the plan's state."""
    info = {"planName": plan, "hideDailyQuota": hidden, "isDevin": True}
    return {
        "userStatus": {"email": "ada@planted.example", "planStatus": {"planInfo": info, **status}}
    }


FIGURES: dict[str, object] = {
    "dailyQuotaRemainingPercent": 100,
    "weeklyQuotaRemainingPercent": 40,
    "overageBalanceMicros": "964220000",
    "dailyQuotaResetAtUnix": "1774080000",
    "weeklyQuotaResetAtUnix": "1774166400",
}
GOOD = body(**FIGURES)
LINES = (
    Progress("Daily quota", 0, 100, resets_at=DAILY_RESET, period_ms=DAY),
    Progress("Weekly quota", 60, 100, resets_at=WEEKLY_RESET, period_ms=WEEK),
    Text("Extra usage balance", "$964.22"),
)


def daily(used: float, resets_at: datetime | None = None) -> Progress:
    """The meter of a day."""
    return Progress("Daily quota", used, 100, resets_at=resets_at, period_ms=DAY)


def weekly(used: float, resets_at: datetime | None = None) -> Progress:
    """The meter of a week."""
    return Progress("Weekly quota", used, 100, resets_at=resets_at, period_ms=WEEK)


def credentials(**values: object) -> str:
    """The CLI's file."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


@define
class SpyingSqlite:
    """Databases that remember which of them were read."""

    real: Any
    asked: list[Path] = field(factory=list)

    async def query(self, path: Path, *args: Any) -> list[dict[str, Any]]:
        """The rows."""
        self.asked.append(path)
        rows: list[dict[str, Any]] = await self.real.query(path, *args)
        return rows


class Machine(ProbeTestCase):
    """A person's machine, empty at first."""

    provider = Devin()

    def setUp(self) -> None:
        super().setUp()
        self.read: list[Path] = []

    def host(self, **more: Any) -> Host:
        """A host that remembers which databases were read."""
        host = super().host(**more)
        spying: Any = SpyingSqlite(host.sqlite, self.read)
        return evolve(host, sqlite=spying)

    def file(self, text: str | None = None, place: str = FILE) -> Path:
        """Put a login into the CLI's file."""
        return self.write(place, credentials(windsurf_api_key=KEY) if text is None else text)

    def app(self, value: object = KEY, place: str = STABLE) -> Path:
        """Put a login into an application's database; a `str` is the key, bytes all there is."""
        path = self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = json.dumps({"apiKey": value}) if isinstance(value, str) else value
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS ItemTable (key TEXT UNIQUE, value BLOB)")
            connection.execute(
                "INSERT OR REPLACE INTO ItemTable VALUES ('windsurfAuthStatus', ?)", (stored,)
            )
        return path

    def reply(self, status: int = 200, answer: Any = GOOD, url: str = SERVER) -> None:
        """Queue an answer of the service."""
        self.http.reply("POST", url, status, answer)

    def sent(self) -> list[tuple[str, str]]:
        """Where each request went, and with which key."""
        return [
            (request.url.removesuffix(PATH), request.json()["metadata"]["apiKey"])
            for request in self.http.requests
        ]


class InterfaceTests(SynchronousTestCase):
    """`Devin` as a provider."""

    def test_provider(self) -> None:
        """It is a provider, for zope.interface and for the type checker."""
        provider: Provider = Devin()

        self.assertTrue(verifyObject(IProvider, provider))
        self.assertEqual(
            (provider.id, provider.name, provider.brand_color), ("devin", "Devin", "#000000")
        )

    def test_lines(self) -> None:
        """The weekly quota is the headline, and each limit has its key."""
        self.assertEqual(
            [(line.label, line.resource, line.primary, line.weekly) for line in Devin().lines],
            [
                ("Weekly quota", "weekly", 1, True),
                ("Daily quota", "daily", None, False),
                ("Extra usage balance", "extraUsageBalance", None, False),
            ],
        )


class RequestTests(Machine):
    """What the service is asked, and how its answers are taken."""

    def test_request(self) -> None:
        """The key goes in the body, with all six parts that the service wants."""
        self.file()
        self.reply()
        self.probe()

        (request,) = self.http.requests
        self.assertEqual((request.method, request.url, request.timeout), ("POST", SERVER, 15.0))
        self.assertEqual(
            request.headers,
            {"content-type": "application/json", "connect-protocol-version": "1"},
        )
        self.assertEqual(
            request.json(),
            {
                "metadata": {
                    "apiKey": KEY,
                    "ideName": "devin",
                    "ideVersion": "1.108.2",
                    "extensionName": "devin",
                    "extensionVersion": "1.108.2",
                    "locale": "en",
                }
            },
        )

    def test_snapshot(self) -> None:
        """Daily, weekly and balance in this order, with the plan; no database is read for it."""
        self.file(
            credentials(
                windsurf_api_key=KEY,
                api_server_url="https://server.example.org//",
                devin_api_url="https://api.devin.ai",
            )
        )
        self.app(OTHER)
        self.reply(url=f"https://server.example.org{PATH}")

        snapshot = self.probe()

        self.assertEqual((snapshot.plan, snapshot.lines), ("Max", LINES))
        self.assertEqual(snapshot.fetched_at, NOW)
        self.assertEqual(self.sent(), [("https://server.example.org", KEY)])
        self.assertEqual(self.read, [])

    def test_failures(self) -> None:
        """Each failure is told in its class and the words for it."""
        for outcome, kind, message in (
            ((401, b""), TokenExpiredError, LOG_IN),
            ((403, b""), TokenExpiredError, LOG_IN),
            ((400, b""), UnexpectedResponseError, UNAVAILABLE),
            ((500, b""), UnexpectedResponseError, UNAVAILABLE),
            ((200, b"not-json"), UnexpectedResponseError, UNAVAILABLE),
            ((200, b"[]"), UnexpectedResponseError, UNAVAILABLE),
            ((200, {}), UnexpectedResponseError, UNAVAILABLE),
            ((200, {"userStatus": {}}), UnexpectedResponseError, UNAVAILABLE),
            ((200, body()), UnexpectedResponseError, UNAVAILABLE),
            (UnreachableError("refused"), UnreachableError, UNAVAILABLE),
            (ProbeTimeoutError("silence"), ProbeTimeoutError, UNAVAILABLE),
        ):
            with self.subTest(outcome=outcome):
                self.setUp()
                self.file()
                if isinstance(outcome, ProbeError):
                    self.http.fail("POST", SERVER, outcome)
                else:
                    self.reply(*outcome)
                self.assertEqual(self.error(kind).message, message)
                self.assertEqual(self.error(kind).message, message)
                self.assertEqual(len(self.http.requests), 1)

    def test_rate_limited(self) -> None:
        """After a 429 nothing is sent before the time that the service named."""
        self.file()
        self.http.reply("POST", SERVER, 429, b"", {"retry-after": "600"})
        self.assertEqual(self.error(RateLimitedError).message[:26], "Usage request rate limited")
        self.clock.advance(590)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 1)

    def test_spacing(self) -> None:
        """Within a minute the figures are shown again, as old as they are."""
        self.file()
        self.reply()
        first = self.probe()
        self.clock.advance(59)

        self.assertEqual(self.probe(), first)
        self.assertEqual(len(self.http.requests), 1)

    def test_kept(self) -> None:
        """Of an answer only the figures get to the disk."""
        self.file()
        self.reply()
        self.probe()

        self.assertNotIn("planted", json.dumps(list(self.state.values.values())).lower())


class SourcesTests(Machine):
    """Which logins are tried."""

    def test_nothing(self) -> None:
        """Without a login the error says where was looked; nothing is sent."""
        message = self.error(NotLoggedInError).message

        self.assertTrue(message.startswith(LOG_IN), message)
        for place in (
            f"~/{FILE} was not found",
            "~/.devin/credentials.toml was not found",
            f"~/{STABLE} has no login",
            f"~/{NEXT} has no login",
            "WINDSURF_API_KEY and DEVIN_API_KEY are not set",
        ):
            self.assertIn(place, message)
        self.assertEqual(self.http.requests, [])

    def test_places(self) -> None:
        """Every place on each system holds a login that is found, sent and told of."""
        mac = "Library/Application Support"
        elsewhere = str(self.home / "elsewhere")
        for platform, env, place in (
            ("linux", {}, FILE),
            ("linux", {"XDG_DATA_HOME": elsewhere}, "elsewhere/devin/credentials.toml"),
            ("linux", {"XDG_DATA_HOME": elsewhere}, FILE),
            ("linux", {}, ".devin/credentials.toml"),
            ("linux", {}, STABLE),
            ("linux", {}, NEXT),
            ("linux", {"XDG_CONFIG_HOME": elsewhere}, STABLE.replace(".config", "elsewhere")),
            ("darwin", {}, FILE),
            ("darwin", {}, ".devin/credentials.toml"),
            ("darwin", {}, STABLE.replace(".config", mac)),
            ("darwin", {}, NEXT.replace(".config", mac)),
            ("win32", {}, "AppData/Roaming/devin/credentials.toml"),
            ("win32", {}, "AppData/Local/devin/credentials.toml"),
            ("win32", {"APPDATA": elsewhere}, "elsewhere/devin/credentials.toml"),
            ("win32", {"LOCALAPPDATA": elsewhere}, "elsewhere/devin/credentials.toml"),
            ("win32", {}, ".devin/credentials.toml"),
            ("win32", {}, STABLE.replace(".config", "AppData/Roaming")),
            ("win32", {}, NEXT.replace(".config", "AppData/Roaming")),
        ):
            with self.subTest(platform=platform, env=env, place=place):
                self.setUp()
                named = dict.fromkeys(env, str(self.home / "elsewhere"))
                is_file = place.endswith(".toml")
                path = self.file(place=place) if is_file else self.app(place=place)
                self.reply()
                host = self.host(platform=platform, env=named)
                self.probe(host)
                self.assertEqual(self.sent(), [("https://server.codeium.com", KEY)])
                self.assertEqual(self.detected(host), f"~/{place}")
                self.assertEqual(path in host.visit.watched, is_file)

    def test_order(self) -> None:
        """CLI, application, its preview, then the variables; each is tried after a refusal."""
        self.file(credentials(windsurf_api_key="one"))
        self.file(credentials(windsurf_api_key="two"), ".devin/credentials.toml")
        self.app("three")
        self.app("four", NEXT)
        host = self.host(env={"WINDSURF_API_KEY": "five", "DEVIN_API_KEY": "six"})
        for status in (401, 403, 401, 403):
            self.reply(status)
        self.reply()

        self.assertEqual(self.probe(host).lines, LINES)

        self.assertEqual([key for _, key in self.sent()], ["one", "two", "three", "four", "five"])
        self.assertEqual(self.read, [self.home / STABLE, self.home / NEXT])

    def test_variables(self) -> None:
        """A variable holds a key when nothing else does; the first of the two counts."""
        for env, key in (
            ({"WINDSURF_API_KEY": "w", "DEVIN_API_KEY": "d"}, "w"),
            ({"WINDSURF_API_KEY": " ", "DEVIN_API_KEY": "d"}, "d"),
        ):
            with self.subTest(env=env):
                self.setUp()
                self.reply()
                self.probe(env=env)
                self.assertEqual(self.sent(), [("https://server.codeium.com", key)])
        self.assertEqual(self.detected(env={"DEVIN_API_KEY": "d"}), "DEVIN_API_KEY")

    def test_next_app(self) -> None:
        """The preview's database is read when the application's has no login."""
        self.app(b"{}")
        self.app(OTHER, NEXT)
        self.reply()

        self.probe()

        self.assertEqual(self.read, [self.home / STABLE, self.home / NEXT])
        self.assertEqual(self.sent(), [("https://server.codeium.com", OTHER)])

    def test_app_refused(self) -> None:
        """A refused key makes way for the next one."""
        self.app()
        self.app(OTHER, NEXT)
        self.reply(401)
        self.reply()

        self.assertEqual(self.probe().lines, LINES)
        self.assertEqual([key for _, key in self.sent()], [KEY, OTHER])

    def test_cli_refused(self) -> None:
        """The plan is that of the login that was accepted."""
        self.file()
        self.app(OTHER)
        self.reply(401)
        self.reply(answer=body("Teams", **FIGURES))

        self.assertEqual(self.probe().plan, "Teams")
        self.assertEqual([key for _, key in self.sent()], [KEY, OTHER])

    def test_any_trouble(self) -> None:
        """Any trouble with one login makes way for the next one."""
        for outcome in (
            (500, b""),
            (429, b""),
            (200, b"not-json"),
            (200, {}),
            (200, body()),
            UnreachableError("refused"),
            ProbeTimeoutError("silence"),
        ):
            with self.subTest(outcome=outcome):
                self.setUp()
                self.file()
                self.app(OTHER)
                if isinstance(outcome, ProbeError):
                    self.http.fail("POST", SERVER, outcome)
                else:
                    self.reply(*outcome)
                self.reply()
                first = self.probe()
                self.assertEqual(first.lines, LINES)
                self.assertEqual(self.probe(), first)
                self.assertEqual([key for _, key in self.sent()], [KEY, OTHER])

    def test_refusal_wins(self) -> None:
        """When nothing works and one login was refused, the person is told to log in."""
        for statuses in ((401, 500), (500, 403)):
            with self.subTest(statuses=statuses):
                self.setUp()
                self.file()
                self.app(OTHER)
                for status in statuses:
                    self.reply(status)
                self.assertEqual(self.error(TokenExpiredError).message, LOG_IN)

    def test_first_trouble(self) -> None:
        """When nothing works and none was refused, the first trouble is told."""
        self.file()
        self.app(OTHER)
        self.http.fail("POST", SERVER, UnreachableError("refused"))
        self.reply(500)

        self.assertEqual(self.error(UnreachableError).message, UNAVAILABLE)

    def test_same_key(self) -> None:
        """The same key for the same server is not sent a second time."""
        self.file(credentials(windsurf_api_key=KEY, api_server_url="https://server.codeium.com/"))
        self.app()
        self.app(place=NEXT)
        self.reply(401)

        self.failure(TokenExpiredError, env={"DEVIN_API_KEY": KEY})

        self.assertEqual(len(self.http.requests), 1)

    def test_same_key_elsewhere(self) -> None:
        """The same key is sent to the usual server when the one in the file fails."""
        self.file(credentials(windsurf_api_key=KEY, api_server_url="https://corp.example.org"))
        self.app()
        self.reply(500, url="https://corp.example.org")
        self.reply()

        first = self.probe()

        self.assertEqual(first.lines, LINES)
        self.assertEqual(
            self.sent(), [("https://corp.example.org", KEY), ("https://server.codeium.com", KEY)]
        )
        self.assertEqual(self.probe(), first)
        self.assertEqual(len(self.http.requests), 2)

    def test_servers(self) -> None:
        """Only a secure server is taken from the file; anything else is ignored."""
        usual = "https://server.codeium.com"
        for server, expected in (
            ("https://corp.example.org", "https://corp.example.org"),
            (" https://corp.example.org/base/// ", "https://corp.example.org/base"),
            ("http://corp.example.org", usual),
            ("http://127.0.0.1:42100", usual),
            ("corp.example.org", usual),
            ("HTTPS//corp", usual),
            ("", usual),
            (7, usual),
            ([], usual),
        ):
            with self.subTest(server=server):
                self.setUp()
                self.file(credentials(windsurf_api_key=KEY, api_server_url=server))
                self.reply(url=expected)
                self.probe()
                self.assertEqual(self.sent(), [(expected, KEY)])

    def test_no_server(self) -> None:
        """A server without a name is one that cannot be reached."""
        self.file(credentials(windsurf_api_key=KEY, api_server_url="https://"))
        self.http.fail("POST", "https:/", UnreachableError("not a web address"))

        self.failure(UnreachableError)

    def test_files(self) -> None:
        """A file with a key in it is a login; any other is none, and says why."""
        for text, expected in (
            (f"windsurf_api_key = '{KEY}'", KEY),
            (f'  windsurf_api_key="{KEY}"  # mine\r\n[other]\r\nx = 1\r\n', KEY),
            (f'\ufeffwindsurf_api_key = "  {KEY}  "', KEY),
            (f'[other]\nwindsurf_api_key = "{KEY}"', "has no windsurf_api_key"),
            ('api_server_url = "https://corp.example.org"', "has no windsurf_api_key"),
            ('windsurf_api_key = ""', "has no windsurf_api_key"),
            ("windsurf_api_key = 7", "has no windsurf_api_key"),
            ('windsurf_api_key = "a b"', "has no windsurf_api_key"),
            ("", "has no windsurf_api_key"),
            (f'windsurf_api_key = "{KEY}', "is no TOML"),
            ('{"windsurf_api_key": "x"}', "is no TOML"),
            ("windsurf_api_key = " + "[" * 5_000, "is no TOML"),
        ):
            with self.subTest(text=text[:60]):
                self.setUp()
                self.file(text)
                if expected == KEY:
                    self.reply()
                    self.probe()
                    self.assertEqual(self.sent(), [("https://server.codeium.com", KEY)])
                    continue
                message = self.error(NotLoggedInError).message
                self.assertIn(f"~/{FILE} {expected}", message)
                self.assertNotIn("PLANTED", message)
                self.assertIsNone(self.detected())

    def test_databases(self) -> None:
        """An application's row is read as text or bytes; whatever else is there is no login."""
        row = json.dumps({"apiKey": KEY, "email": "ada@planted.example"})
        for value, expected in (
            (row.encode(), True),
            (row.encode("utf-16-le"), True),
            (b"{", False),
            (b"[]", False),
            (b"", False),
            (b'{"apiKey": ""}', False),
            (b'{"apiKey": 7}', False),
            (None, False),
            (7, False),
        ):
            with self.subTest(value=value):
                self.setUp()
                self.app(value)
                if expected:
                    self.reply()
                    self.probe()
                else:
                    self.failure(NotLoggedInError)

    def test_broken_database(self) -> None:
        """A file that is no database is no login, and is remarked without its folder's path."""
        self.write(STABLE, b"no database at all" * 100)
        host = self.host()

        self.failure(NotLoggedInError, host)

        self.assertEqual(len(host.visit.notes), 1)
        self.assertTrue(host.visit.notes[0].startswith(f"~/{STABLE} cannot be read"))
        self.assertNotIn(str(self.home), host.visit.notes[0])

    def test_watched(self) -> None:
        """The CLI's files are watched always, the databases only while there is no login."""
        files = {self.home / FILE, self.home / ".devin/credentials.toml"}
        databases = {self.home / STABLE, self.home / NEXT}
        host = self.host()
        self.failure(NotLoggedInError, host)
        self.assertEqual(host.visit.watched, files | databases)

        self.app()
        for status in (200, 401):
            host = self.host()
            self.reply(status)
            self.clock.advance(61)
            self.start(host).addErrback(lambda failure: failure.trap(ProbeError))
            self.assertEqual(host.visit.watched, files)

    def test_detect_nothing(self) -> None:
        """On an empty machine nothing is found, and nothing is made."""
        self.assertIsNone(self.detected())
        self.assertEqual(list(self.home.iterdir()), [])


class LinesTests(Machine):
    """What becomes of an answer."""

    def lines(self, answer: Mapping[str, Any]) -> list[Line]:
        """The lines that come of an answer, a minute after the one before."""
        self.clock.advance(60)
        self.file()
        self.reply(answer=answer)
        return list(self.probe().lines)

    def test_values(self) -> None:
        """What is left becomes what is used, within 0 and 100."""
        for left, used in (
            (82, 18),
            (35.5, 64.5),
            ("35.5", 64.5),
            (" 40 ", 60),
            (99.4, 0.6),
            (0, 100),
            (-5, 100),
            (120, 0),
            (1e308, 0),
            (-1e308, 100),
        ):
            with self.subTest(left=left):
                answer = body(dailyQuotaRemainingPercent=left, weeklyQuotaRemainingPercent=left)
                self.assertEqual(self.lines(answer), [daily(used), weekly(used)])

    def test_missing(self) -> None:
        """What is no number is no meter, whatever is known of its end."""
        for left in (None, "", " ", "many", True, [], [5], 10**400, "1e999"):
            with self.subTest(left=left):
                answer = body(
                    **{**FIGURES, "weeklyQuotaRemainingPercent": left, "overageBalanceMicros": left}
                )
                self.assertEqual(self.lines(answer), [daily(0, DAILY_RESET)])

    def test_used_up(self) -> None:
        """A window that ends and of which nothing is said is used up: nothing left is left out."""
        for window, label in (("daily", "Daily quota"), ("weekly", "Weekly quota")):
            with self.subTest(window=window):
                status = dict(FIGURES)
                del status[f"{window}QuotaRemainingPercent"]
                used = {
                    line.label: (line.used, line.resets_at is not None)
                    for line in self.lines(body(**status))
                    if isinstance(line, Progress)
                }
                self.assertEqual(used[label], (100, True))

    def test_no_resets(self) -> None:
        """Without an end the meters have their length all the same."""
        for reset in ({}, {"dailyQuotaResetAtUnix": "soon", "weeklyQuotaResetAtUnix": "0"}):
            with self.subTest(reset=reset):
                left = {"dailyQuotaRemainingPercent": 100, "weeklyQuotaRemainingPercent": 40}
                self.assertEqual(self.lines(body(**left, **reset)), [daily(0), weekly(60)])

    def test_resets(self) -> None:
        """An end is Unix seconds, as a number or a text; one outside the calendar is unknown."""
        for reset, expected in (
            ("1774080000", DAILY_RESET),
            (1774080000, DAILY_RESET),
            (1774080000.5, DAILY_RESET + timedelta(milliseconds=500)),
            (-5, None),
            (1e300, None),
        ):
            with self.subTest(reset=reset):
                answer = body(dailyQuotaRemainingPercent=50, dailyQuotaResetAtUnix=reset)
                self.assertEqual(self.lines(answer), [daily(50, expected)])

    def test_hidden(self) -> None:
        """A hidden daily quota is no meter; it stands for the week when nothing else does."""
        both_ends = {"dailyQuotaResetAtUnix": "1774080000", "weeklyQuotaResetAtUnix": "1774166400"}
        day, week = {"dailyQuotaRemainingPercent": 30}, {"weeklyQuotaRemainingPercent": 40}
        full = {"weeklyQuotaRemainingPercent": 100}
        for status, expected in (
            ({**day, **week, **both_ends}, [weekly(60, WEEKLY_RESET)]),
            ({**day, **full, **both_ends}, [weekly(0, WEEKLY_RESET)]),
            ({**day, **both_ends}, [weekly(100, WEEKLY_RESET)]),
            ({**day, "dailyQuotaResetAtUnix": "1774080000"}, [weekly(70)]),
            (day, [weekly(70)]),
            ({**day, **both_ends, "weeklyQuotaRemainingPercent": "many"}, []),
            (week, [weekly(60)]),
        ):
            for hidden in (True, "true", " True ", 1):
                with self.subTest(status=status, hidden=hidden):
                    balance = {"overageBalanceMicros": "5000000"}
                    self.assertEqual(
                        self.lines(body(hidden=hidden, **status, **balance)),
                        [*expected, Text("Extra usage balance", "$5.00")],
                    )

    def test_hidden_and_nothing(self) -> None:
        """Of a hidden daily quota that is not told nothing is made up."""
        self.file()
        self.reply(answer=body(hidden=True, dailyQuotaResetAtUnix="1774080000"))

        self.failure(UnexpectedResponseError)

    def test_not_hidden(self) -> None:
        """Anything else than yes hides nothing."""
        for hidden in (False, None, "false", "yes", 0, 2, [1]):
            with self.subTest(hidden=hidden):
                answer = body(hidden=hidden, dailyQuotaRemainingPercent=30)
                self.assertEqual(self.lines(answer), [daily(70)])

    def test_balance(self) -> None:
        """The balance in dollars: none is $0.00, and unknown is no line."""
        for micros, value in (
            ("12340000", "$12.34"),
            (12340000, "$12.34"),
            ("1234500000", "$1234.50"),
            ("0", "$0.00"),
            (0, "$0.00"),
            ("-5000000", "$0.00"),
            (-1e308, "$0.00"),
            ("5000", "$0.01"),
        ):
            with self.subTest(micros=micros):
                answer = body(weeklyQuotaRemainingPercent=40, overageBalanceMicros=micros)
                expected = [weekly(60), Text("Extra usage balance", value)]
                self.assertEqual(self.lines(answer), expected)

    def test_balance_only(self) -> None:
        """A balance alone is something to show."""
        self.assertEqual(
            self.lines(body(overageBalanceMicros="0")), [Text("Extra usage balance", "$0.00")]
        )

    def test_plans(self) -> None:
        """The plan is shown trimmed; one that is not told is unknown."""
        for plan, expected in (("Pro", "Pro"), (" Max ", "Max"), ("", "Unknown"), (7, "Unknown")):
            with self.subTest(plan=plan):
                self.lines(body(plan, **FIGURES))
                self.assertEqual(self.probe().plan, expected)

    def test_snake_case(self) -> None:
        """Keys in snake case are understood as well."""
        answer = {
            "user_status": {
                "plan_status": {
                    "plan_info": {"plan_name": "Max", "hide_daily_quota": False},
                    "daily_quota_remaining_percent": 100,
                    "weekly_quota_remaining_percent": 40,
                    "overage_balance_micros": "964220000",
                    "daily_quota_reset_at_unix": "1774080000",
                    "weekly_quota_reset_at_unix": "1774166400",
                }
            }
        }

        self.assertEqual(self.lines(answer), list(LINES))
        self.assertEqual(self.probe().plan, "Max")


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.sampled_from((-1, 0, 1, 50, 10**400, "1774080000", "true", "-1e308", "1e308", "\ud800")),
    st.text(max_size=6),
)
WILD = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
INFO = st.fixed_dictionaries({}, optional={"planName": LEAVES, "hideDailyQuota": LEAVES})
STATUS = st.fixed_dictionaries(
    {"planInfo": INFO | WILD}, optional=dict.fromkeys(FIGURES, LEAVES | WILD)
)
BODY = st.fixed_dictionaries({"userStatus": st.fixed_dictionaries({"planStatus": STATUS}) | WILD})


class WildTests(Machine):
    """What the service has never said."""

    @settings(deadline=None, max_examples=100)
    @given(BODY | st.dictionaries(st.text(max_size=3), WILD))
    def test_answers(self, answer: dict[str, Any]) -> None:
        """Whatever an answer holds there are lines or none, never an exception."""
        for line in _lines(_usage(answer)):
            self.assertIsInstance(line, (Progress, Text))

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.sampled_from(("daily", "dailyReset", "weekly", "weeklyReset", "overageMicros")), WILD
        )
    )
    def test_kept(self, usage: dict[str, Any]) -> None:
        """Whatever was kept on the disk there are lines or none, never an exception."""
        for line in _lines(usage):
            self.assertIsInstance(line, (Progress, Text))

    @settings(deadline=None, max_examples=60)
    @given(BODY | WILD)
    def test_probe(self, answer: object) -> None:
        """Any answer makes a snapshot or a `ProbeError`, and the same one a moment later."""
        self.state.values.clear()
        self.http.requests.clear()
        self.file()
        self.reply(answer=json.dumps(answer))
        ended: list[Any] = []
        for _ in range(2):
            self.start().addBoth(ended.append)
        first, second = (getattr(result, "value", result) for result in ended)
        self.assertIsInstance(first, (Snapshot, ProbeError))
        self.assertEqual(str(first), str(second))
