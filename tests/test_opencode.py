"""Probes of the OpenCode provider, from key and databases to snapshot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from openusage.host import Host
from openusage.host.files import Files
from openusage.host.sqlite import Sqlite
from openusage.model import (
    Badge,
    BarChart,
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
from openusage.providers.opencode import OpenCode
from openusage.testing import NOW, MemoryState, run_inline
from tests.planters.opencode_go import write_messages
from tests.probes import ProbeTestCase

URL = "https://opencode.ai/zen/go/v1/usage"
FOLDER = ".local/share/opencode"
KEY = {"$schema": "x", "list": [1], "opencode-go": {"type": "api", "key": " go-planted "}}
USAGE = {
    "usage": {
        "rolling": {"status": "ok", "percent": 23, "resetsAt": "2026-11-24T13:30:00.662Z"},
        "weekly": {"status": "ok", "percent": 0, "resetsAt": "2026-11-30T00:00:00.662Z"},
        "monthly": {"status": "rate-limited", "percent": 100, "resetsAt": "soon"},
    }
}
METERS = (
    Progress(
        "Session",
        23,
        100,
        resets_at=datetime(2026, 11, 24, 13, 30, 0, 662000, timezone.utc),
        period_ms=18_000_000,
    ),
    Progress(
        "Weekly",
        0,
        100,
        resets_at=datetime(2026, 11, 30, 0, 0, 0, 662000, timezone.utc),
        period_ms=604_800_000,
    ),
    Progress("Monthly", 100, 100, period_ms=2_592_000_000),
)
NOT_ENTITLED = {"type": "error", "error": {"type": "EntitlementError", "message": "no"}}
NO_DATA = Badge("Status", "No usage data", "#a3a3a3")
NO_DATABASE = (
    "Couldn't read OpenCode's local database. "
    "Quit OpenCode and refresh, or check the data directory's permissions."
)
DAY = timedelta(days=1)


def millis(at: datetime) -> int:
    """An instant in Unix milliseconds."""
    return int(at.timestamp() * 1000)


def spent(
    cost: object, tokens: object = 0, at: datetime = NOW, provider: object = "opencode", **more: Any
) -> tuple[object, str]:
    """A message that cost so many dollars for so many tokens."""
    data = {"providerID": provider, "role": "assistant", "cost": cost, "modelID": "glm-5"}
    return millis(at), json.dumps({**data, "tokens": {"total": tokens}, **more})


class Case(ProbeTestCase):
    """A machine with a home folder, empty at first."""

    provider = OpenCode()

    def login(self, content: object = KEY, folder: str = FOLDER) -> None:
        """Write OpenCode's logins; what is no text as JSON."""
        self.write(f"{folder}/auth.json", content)

    def messages(self, *rows: tuple[object, object], name: str = f"{FOLDER}/opencode.db") -> None:
        """Make a database of messages."""
        (self.home / name).unlink(missing_ok=True)
        write_messages(self.home / name, rows)

    def damage(self, name: str = f"{FOLDER}/opencode.db") -> None:
        """Put something else in the place of a database."""
        self.write(name, b"no database" * 100)

    def answer(self, status: int = 200, body: Any = USAGE) -> None:
        """Let the service answer; nothing is remembered of what it said before."""
        self.state = MemoryState()
        self.http.reply("GET", URL, status, body)


def texts(lines: Sequence[Line]) -> dict[str, str]:
    """What the text lines say, by their labels."""
    return {line.label: line.value for line in lines if isinstance(line, Text)}


class MeterTests(Case):
    """What the service tells."""

    def test_sent(self) -> None:
        """One request with the key, who we are, and 15 seconds to answer."""
        self.login()
        self.answer()
        self.probe()
        (request,) = self.http.requests
        self.assertEqual(request.url, URL)
        self.assertEqual(request.headers["authorization"], "Bearer go-planted")
        self.assertEqual(request.headers["accept"], "application/json")
        self.assertEqual(request.headers["user-agent"], "openusage/0")
        self.assertEqual(request.timeout, 15.0)

    def test_windows(self) -> None:
        """There are three meters, zero included; a reset that is no date costs only the date."""
        self.login()
        self.answer()
        snapshot = self.probe()
        self.assertEqual((snapshot.plan, snapshot.lines), ("Go", METERS))

    def test_percent(self) -> None:
        """A share is kept within 0 and 100, and may be a text."""
        self.login()
        for told, used in ((150, 100), (-4, 0), (35, 35), (0.5, 0.5), (1, 1), ("35", 35)):
            window = {"percent": told}
            self.answer(200, {"usage": dict.fromkeys(("rolling", "weekly", "monthly"), window)})
            bars = [line for line in self.probe().lines if isinstance(line, Progress)]
            self.assertEqual([bar.used for bar in bars], [used] * 3)

    def test_invalid(self) -> None:
        """An answer that lacks a window or a share is an error, whatever was spent here."""
        self.login()
        self.messages(spent(1, 1))
        window = {"percent": 1}
        bodies: list[Any] = [
            {},
            {"usage": None},
            {"usage": []},
            {"usage": {"weekly": window}},
            {"usage": {"rolling": window, "weekly": window, "monthly": {}}},
            {"usage": {"rolling": window, "weekly": window, "monthly": {"percent": True}}},
            {"usage": {"rolling": window, "weekly": window, "monthly": {"percent": "much"}}},
            {"usage": {"rolling": window, "weekly": window, "monthly": 5}},
            {"unsubscribed": True},
            b"<html>",
            b"",
            b"[]",
        ]
        for body in bodies:
            self.answer(200, body)
            text = self.failure(UnexpectedResponseError)
            self.assertEqual(text, "Usage response invalid. Try again later.")

    def test_trouble(self) -> None:
        """Any trouble with the service is an error, even where something was spent here."""
        self.login()
        self.messages(spent(1, 1))
        failed = "Usage request failed (HTTP {}). Try again later."
        rejected = "OpenCode Go key was rejected. Log into OpenCode Go again."
        other = {"type": "error", "error": {"type": "AuthError", "message": "no"}}
        for status, body, kind, text in (
            (401, other, TokenExpiredError, rejected),
            (401, NOT_ENTITLED, TokenExpiredError, rejected),
            (403, b"<html>", TokenExpiredError, failed.format(403)),
            (403, other, TokenExpiredError, failed.format(403)),
            (403, {"error": "EntitlementError"}, TokenExpiredError, failed.format(403)),
            (429, b"", RateLimitedError, failed.format(429)),
            (500, NOT_ENTITLED, UnexpectedResponseError, failed.format(500)),
            (302, b"", UnexpectedResponseError, failed.format(302)),
        ):
            self.answer(status, body)
            error = self.error(kind)
            self.assertIs(type(error), kind)
            self.assertEqual(str(error), text)

    def test_unreachable(self) -> None:
        """No connection and no answer are told apart by class."""
        self.login()
        for trouble in (UnreachableError("refused"), ProbeTimeoutError("no answer within 15 s")):
            self.state = MemoryState()
            self.http.fail("GET", URL, trouble)
            error = self.error(type(trouble))
            self.assertIs(type(error), type(trouble))
            self.assertEqual(str(error), "Usage request failed. Check your connection.")

    def test_rate_limited(self) -> None:
        """After a 429 nothing is sent before the time that the service names."""
        self.login()
        self.http.reply("GET", URL, 429, b"", {"Retry-After": "600"})
        self.failure(RateLimitedError)
        self.clock.advance(599)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 1)

    def test_spaced(self) -> None:
        """Within a minute nothing is asked again; what was spent meanwhile is shown."""
        self.login()
        self.answer()
        first = self.probe()
        self.clock.advance(59)
        self.messages(spent(1, 1000))
        again = self.probe()
        self.assertEqual(again.fetched_at, first.fetched_at)
        self.assertEqual(again.lines[:3], METERS)
        self.assertEqual(texts(again.lines)["Today"], "$1.00 · 1K tokens")
        self.assertEqual(len(self.http.requests), 1)

    def test_no_subscription(self) -> None:
        """A key without subscription leaves what was spent here, and that is not asked again."""
        self.login()
        self.messages(spent(1, 1000))
        self.answer(403, NOT_ENTITLED)
        for _ in range(2):
            snapshot = self.probe()
            self.assertIsNone(snapshot.plan)
            self.assertEqual(
                [line.label for line in snapshot.lines], ["Today", "Last 30 Days", "Usage Trend"]
            )
        self.assertEqual(len(self.http.requests), 1)

    def test_no_subscription_nor_spend(self) -> None:
        """With nothing spent here the missing subscription is the error, if that is known."""
        self.login()
        for prepare, text in (
            (lambda: None, "No OpenCode Go subscription on this key."),
            (self.messages, "No OpenCode Go subscription on this key."),
            (self.damage, NO_DATABASE),
        ):
            prepare()
            self.answer(403, NOT_ENTITLED)
            self.assertEqual(self.failure(NotAvailableError), text)

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Any JSON of roughly the shape makes a snapshot or a `ProbeError`."""
        odd: st.SearchStrategy[Any] = (
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
        )
        window = st.fixed_dictionaries({"percent": odd, "resetsAt": odd}) | odd
        windows = st.dictionaries(st.sampled_from(("rolling", "weekly", "monthly")), window)
        self.login()
        self.answer(200, {"usage": data.draw(windows | odd)})
        ended: list[object] = []

        self.start().addBoth(ended.append)

        (result,) = ended
        self.assertIsInstance(getattr(result, "value", result), (Snapshot, ProbeError))


class SpendTests(Case):
    """What was spent on this machine."""

    def shown(self, *rows: tuple[object, object]) -> dict[str, str]:
        """The text lines of these messages."""
        self.messages(*rows)
        return texts(self.probe().lines)

    def test_without_key(self) -> None:
        """It needs no login, and nobody is asked."""
        self.messages(
            spent(5.1742, 9_200_000), spent(1234, 500, NOW - DAY, "opencode-go"), spent(0, 0)
        )
        snapshot = self.probe()
        self.assertEqual(self.http.requests, [])
        self.assertIsNone(snapshot.plan)
        self.assertEqual(
            texts(snapshot.lines),
            {
                "Today": "$5.17 · 9.2M tokens",
                "Yesterday": "$1,234.00 · 500 tokens",
                "Last 30 Days": "$1,239.17 · 9.2M tokens",
            },
        )
        trend = snapshot.lines[-1]
        assert isinstance(trend, BarChart)
        self.assertEqual((trend.label, trend.note), ("Usage Trend", "From your OpenCode logs"))
        self.assertEqual([point.value for point in trend.points[-2:]], [500, 9_200_000])
        self.assertEqual([point.label for point in trend.points[-2:]], ["Nov 23", "Nov 24"])
        self.assertEqual(len(trend.points), 31)

    def test_databases(self) -> None:
        """What is in all databases is added together; one that is damaged costs only itself."""
        self.messages(
            spent(2.0, 1000, provider="opencode-go"),
            spent(1.0, 500),
            spent(3.0, 2000, NOW - DAY),
            spent(None, 9),
            (millis(NOW), "[1]"),
        )
        self.messages(spent(4.0, 800), name=f"{FOLDER}/opencode-next.db")
        self.assertEqual(texts(self.probe().lines)["Last 30 Days"], "$10.00 · 4.3K tokens")
        self.damage(f"{FOLDER}/opencode.db")
        host = self.host()
        self.assertEqual(texts(self.probe(host).lines)["Last 30 Days"], "$4.00 · 800 tokens")
        self.assertEqual(host.visit.notes, ["opencode.db: file is not a database"])

    def test_others(self) -> None:
        """Only answers of the two services whose cost is a number count."""
        good = spent(1, 100)
        rows: list[tuple[object, object]] = [
            good,
            spent(1, 100, provider="anthropic"),
            spent(1, 100, provider=["opencode"]),
            spent(1, 100, provider=None),
            spent(1, 100, role="user"),
            spent("1", 100),
            spent(True, 100),
            spent(-1, 100),
            spent(10**400, 100),
            (millis(NOW), "{no json"),
            (millis(NOW), ""),
            (millis(NOW), None),
            (millis(NOW), b"\xff\xfe"),
            (millis(NOW), '"text"'),
            (None, good[1]),
            ("soon", good[1]),
            (10**18, good[1]),
            (-1, good[1]),
        ]
        self.assertEqual(self.shown(*rows)["Last 30 Days"], "$1.00 · 100 tokens")

    def test_tokens(self) -> None:
        """Tokens that are not told are none, and no message has more than 1e15 of them."""
        for tokens, text in (
            (1e19, "1000000B"),
            (10**19, "1000000B"),
            (-5, None),
            (None, None),
            ("900", "900"),
            ("many", None),
            ({"total": 5}, None),
            (1500.7, "1.5K"),
        ):
            shown = f"$1.00 · {text or 0} tokens"
            self.assertEqual(self.shown(spent(1, tokens))["Today"], shown)
        bare = json.dumps({"providerID": "opencode", "role": "assistant", "cost": 1})
        self.assertEqual(self.shown((millis(NOW), bare))["Today"], "$1.00 · 0 tokens")

    def test_odd_models(self) -> None:
        """The model may be missing or be anything."""
        models: list[Any] = [None, 5, [], {"id": "x"}, "x" * 5000]
        for model in models:
            lines = self.shown(spent(1, 100, modelID=model))
            self.assertEqual(lines["Today"], "$1.00 · 100 tokens")

    def test_window(self) -> None:
        """Counted are the days of the person's zone, today and thirty before it."""
        zone = ZoneInfo("America/New_York")
        midnight = datetime(2026, 10, 25, 0, tzinfo=zone)
        second = timedelta(seconds=1)
        self.messages(
            spent(1, 1, midnight.astimezone(timezone.utc) - second),
            spent(2, 2, midnight),
            spent(4, 4, datetime(2026, 11, 24, 4, 59, tzinfo=timezone.utc)),
            spent(8, 8, datetime(2026, 11, 24, 5, tzinfo=timezone.utc)),
        )
        self.assertEqual(
            texts(self.probe(zone=zone).lines),
            {
                "Today": "$8.00 · 8 tokens",
                "Yesterday": "$4.00 · 4 tokens",
                "Last 30 Days": "$14.00 · 14 tokens",
            },
        )

    def test_nothing_spent(self) -> None:
        """A database in which nothing was spent is told so, and is no error."""
        self.messages(spent(3, 3, provider="anthropic"))
        host = self.host()
        self.assertEqual(self.probe(host).lines, (NO_DATA,))
        self.assertIsNotNone(host.visit.credential)

    def test_beside_the_meters(self) -> None:
        """With a key both are shown, the meters first."""
        self.login()
        self.messages(spent(1, 1000))
        self.answer()
        snapshot = self.probe()
        self.assertEqual(snapshot.plan, "Go")
        self.assertEqual(snapshot.lines[:3], METERS)
        self.assertEqual(
            [line.label for line in snapshot.lines[3:]], ["Today", "Last 30 Days", "Usage Trend"]
        )

    def test_unreadable(self) -> None:
        """Databases that cannot be read cost the spend; where that is all, they are the error."""
        for content in (b"", b"no database", b"SQLite format 3\0"):
            self.messages()
            self.write(f"{FOLDER}/opencode.db", content)
            self.assertEqual(self.failure(NotAvailableError), NO_DATABASE)
        self.login()
        self.answer()
        host = self.host()
        snapshot = self.probe(host)
        self.assertEqual((snapshot.plan, snapshot.lines), ("Go", METERS))
        self.assertEqual(len(host.visit.notes), 1)

    def test_not_listable(self) -> None:
        """So does a folder that may not be looked into, which counts as found."""

        def run(function: Any, /, *args: Any, **more: Any) -> Deferred[Any]:
            if function.__name__ == "_databases":
                raise PermissionError(13, "Permission denied")
            return run_inline(function, *args, **more)

        host = evolve(self.host(), run=run)
        self.assertEqual(self.failure(NotAvailableError, host), NO_DATABASE)
        self.assertEqual(self.detected(host), f"~/{FOLDER}")
        self.login()
        self.answer()
        host = evolve(self.host(), run=run)
        self.assertEqual(self.probe(host).lines, METERS)
        self.assertEqual(
            host.visit.notes, ["OpenCode's folder cannot be listed (Permission denied)"]
        )

    def test_slow(self) -> None:
        """A database that takes for ever costs only the spend."""

        def hang(function: Any, /, *args: Any, **more: Any) -> Deferred[Any]:
            return Deferred()

        self.login()
        self.messages(spent(1, 1))
        self.answer()
        host = evolve(self.host(), sqlite=Sqlite(hang))
        work = self.start(host)
        self.assertNoResult(work)
        self.clock.advance(20)
        self.assertEqual(self.successResultOf(work).lines, METERS)
        self.assertEqual(host.visit.notes, ["OpenCode's database was not read within 20 s"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever messages are like, there is a snapshot, and no bug is met."""
        odd: st.SearchStrategy[Any] = (
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
        )
        message = st.fixed_dictionaries(
            {
                "providerID": st.just("opencode"),
                "role": st.just("assistant") | odd,
                "cost": odd | st.floats(0, 9),
                "tokens": st.fixed_dictionaries({"total": odd}) | odd,
                "modelID": odd,
            }
        )
        columns = st.integers(-(2**63), 2**63 - 1) | st.just(millis(NOW)) | st.none()
        messages = st.tuples(columns, message.map(json.dumps))
        self.messages(*data.draw(st.lists(messages, max_size=4)))
        snapshot = self.probe()
        self.assertTrue(snapshot.lines)
        self.assertEqual(self.flushLoggedErrors(), [])


class PlaceTests(Case):
    """Where the key and the databases are found."""

    def assert_sent(self, key: str, host: Host) -> None:
        self.answer()
        self.probe(host)
        self.assertEqual(self.http.requests[-1].headers["authorization"], f"Bearer {key}")

    def test_folders(self) -> None:
        """The folder is where the environment or the system has it."""
        for env, platform, folder in (
            ({"OPENCODE_DATA_DIR": "~/mine//"}, "linux", "mine"),
            ({"XDG_DATA_HOME": "~/data/"}, "linux", "data/opencode"),
            ({}, "darwin", FOLDER),
            ({}, "darwin", "Library/Application Support/opencode"),
            ({}, "win32", FOLDER),
            ({}, "win32", "AppData/Local/opencode"),
            ({}, "win32", "AppData/Roaming/opencode"),
        ):
            host = self.host(env=env, platform=platform)
            self.login(folder=folder)
            self.assert_sent("go-planted", host)
            self.assertEqual(self.detected(host), f"~/{folder}/auth.json")
            (self.home / folder / "auth.json").unlink()
            self.messages(spent(1, 1), name=f"{folder}/opencode.db")
            self.assertIn("Today", texts(self.probe(host).lines))
            self.assertEqual(self.detected(host), f"~/{folder}/opencode.db")
            (self.home / folder / "opencode.db").unlink()

    def test_one_folder(self) -> None:
        """Where the environment names the folder of the data no other is looked in."""
        self.login()
        self.messages(spent(1, 1))
        host = self.host(env={"OPENCODE_DATA_DIR": "~/empty"})
        self.failure(NotLoggedInError, host)
        self.assertIsNone(self.detected(host))

    def test_environment(self) -> None:
        """The key in the environment is used where OpenCode keeps none."""
        host = self.host(env={"OPENCODE_API_KEY": "go-env"})
        self.assertEqual(self.detected(host), "OPENCODE_API_KEY")
        self.assert_sent("go-env", host)
        self.login()
        self.assert_sent("go-planted", host)

    def test_no_key(self) -> None:
        """An entry that is missing, blank or no object is no key; the error names every place."""
        contents: list[Any] = [
            {},
            {"opencode-go": {"key": " "}},
            {"opencode-go": {"key": 5}},
            {"opencode-go": "go-planted"},
            {"opencode": {"type": "api", "key": "zen-planted"}},
        ]
        for content in contents:
            self.login(content)
            host = self.host()
            text = self.failure(NotLoggedInError, host)
            start = "OpenCode not detected. Log in with OpenCode Go or use OpenCode locally first."
            self.assertTrue(text.startswith(start))
            for place in (f"~/{FOLDER}/auth.json", f"~/{FOLDER}/opencode.db", "OPENCODE_API_KEY"):
                self.assertIn(place, text)
            self.assertIn(self.home / FOLDER / "auth.json", host.visit.watched)
            self.assertIsNone(host.visit.credential)
            self.assertIsNone(self.detected(host))

    def test_unreadable_logins(self) -> None:
        """Logins that cannot be read are the error, unless something was spent here."""
        for content in ("", "{half", "[]"):
            self.login(content)
            text = self.failure(NotLoggedInError)
            start = (
                "Couldn't read OpenCode's auth.json. "
                "Check its file permissions or log into OpenCode Go again. "
            )
            self.assertEqual(text, f"{start}(~/{FOLDER}/auth.json is no JSON object.)")
            self.assertIsNone(self.detected())
        self.messages(spent(1, 1))
        host = self.host()
        self.assertIn("Today", texts(self.probe(host).lines))
        self.assertEqual(host.visit.notes, [f"~/{FOLDER}/auth.json is no JSON object"])

    def test_forbidden_logins(self) -> None:
        """Logins that are not for us to read count as found."""

        def run(function: Any, /, *args: Any, **more: Any) -> Deferred[Any]:
            if function.__name__ == "_read":
                raise PermissionError(13, "Permission denied")
            return run_inline(function, *args, **more)

        self.login()
        host = evolve(self.host(), files=Files(run))
        self.assertEqual(self.detected(host), f"~/{FOLDER}/auth.json")
        self.assertIn("cannot be read (Permission denied)", self.failure(NotLoggedInError, host))

    def test_detected(self) -> None:
        """A database counts as found by its newest answers of the two services."""
        self.assertIsNone(self.detected())
        self.messages(spent(1, 1, provider="anthropic"), spent(None, 1))
        self.damage(f"{FOLDER}/opencode-dev.db")
        self.assertIsNone(self.detected())
        self.messages(spent(0, 0, NOW - 900 * DAY), name=f"{FOLDER}/opencode-next.db")
        self.assertEqual(self.detected(), f"~/{FOLDER}/opencode-next.db")
