"""Probes of the OpenCode Go provider, from OpenCode's database to snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from openusage.host import Host
from openusage.model import Badge, NotLoggedInError, Progress, Snapshot
from openusage.providers.opencode_go import OpenCodeGo
from openusage.testing import clock_at, run_inline
from tests.planters.opencode_go import write_messages
from tests.probes import ProbeTestCase

FOLDER = ".local/share/opencode"
FRIDAY = datetime(2026, 3, 6, 12, tzinfo=timezone.utc)
KEY = {"opencode-go": {"type": "api", "key": "go-planted"}}
NO_DATA = Badge("Status", "No usage data", "#a3a3a3")
HOUR = 3_600_000


def instant(text: str) -> datetime:
    """The instant of 2026 that `text` names: `03-06 09:30`, with or without seconds."""
    form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
    return datetime.strptime(f"2026-{text}", form).replace(tzinfo=timezone.utc)


def millis(text: str) -> int:
    """The same in Unix milliseconds."""
    return int(instant(text).timestamp() * 1000)


def answered(text: str, cost: object, **more: object) -> tuple[object, str]:
    """A message of the service at an instant that costs so many dollars."""
    created = {"time": {"created": millis(text)}}
    data = {"providerID": "opencode-go", "role": "assistant", "cost": cost, **created, **more}
    return 1, json.dumps(data)


class Case(ProbeTestCase):
    """A machine on a Friday in March, with a home folder that is empty at first."""

    provider = OpenCodeGo()

    def setUp(self) -> None:
        super().setUp()
        self.clock = clock_at(FRIDAY)

    def login(self, content: object = KEY, folder: str = FOLDER) -> None:
        """Write OpenCode's logins; what is no text as JSON."""
        self.write(f"{folder}/auth.json", content)

    def messages(self, *rows: tuple[object, object], name: str = f"{FOLDER}/opencode.db") -> None:
        """Make a database of messages."""
        (self.home / name).unlink(missing_ok=True)
        write_messages(self.home / name, rows)

    def probe(self, host: Host | None = None, **more: Any) -> Snapshot:
        """The snapshot, for which nobody is asked."""
        snapshot = super().probe(host, **more)
        self.assertEqual(self.http.requests, [])
        return snapshot

    def bars(self, host: Host | None = None) -> dict[str, Progress]:
        """The three meters by their labels."""
        snapshot = self.probe(host)
        self.assertEqual(snapshot.plan, "Go")
        bars = {line.label: line for line in snapshot.lines if isinstance(line, Progress)}
        self.assertEqual(list(bars), ["Session", "Weekly", "Monthly"])
        return bars

    def used(self, host: Host | None = None) -> tuple[float, ...]:
        """What is used of each of the three windows."""
        return tuple(bar.used for bar in self.bars(host).values())


class WindowTests(Case):
    """The three windows."""

    def test_nothing_used(self) -> None:
        """With a key and no use there are three meters at zero, the month that of the calendar."""
        self.login()
        self.messages()

        self.assertEqual(
            self.probe().lines,
            (
                Progress("Session", 0, 100, resets_at=instant("03-06 17:00"), period_ms=5 * HOUR),
                Progress("Weekly", 0, 100, resets_at=instant("03-09 00:00"), period_ms=168 * HOUR),
                Progress("Monthly", 0, 100, resets_at=instant("04-01 00:00"), period_ms=744 * HOUR),
            ),
        )

    def test_without_key(self) -> None:
        """Use alone is enough to know of the subscription."""
        self.messages(answered("03-06 11:00", 3))

        self.assertEqual(self.bars()["Session"].used, 25)

    def test_time_of_the_row(self) -> None:
        """A message that does not tell its time has that of its row."""
        data = {"providerID": "opencode-go", "role": "assistant", "cost": 1.2}
        times: list[dict[str, Any]] = [{}, {"time": {}}, {"time": {"created": None}}]
        for time in times:
            self.messages((millis("03-06 09:30"), json.dumps({**data, **time})))
            session = self.bars()["Session"]
            self.assertEqual((session.used, session.resets_at), (10, instant("03-06 14:30")))

    def test_session(self) -> None:
        """The session are the last five hours, and ends that long after its oldest message."""
        self.messages(
            answered("03-06 06:30", 9), answered("03-06 08:00", 2.4), answered("03-06 10:00", 1.2)
        )
        session = self.bars()["Session"]
        self.assertEqual((session.used, session.resets_at), (30, instant("03-06 13:00")))

    def test_session_edges(self) -> None:
        """A message of exactly five hours ago still counts, one of this very instant not yet."""
        self.messages(
            answered("03-06 06:59:59", 6), answered("03-06 07:00", 3), answered("03-06 12:00", 6)
        )
        self.assertEqual(self.bars()["Session"].used, 25)

    def test_week(self) -> None:
        """The week begins on Monday, by UTC."""
        self.messages(
            answered("03-01 23:59:59", 10), answered("03-02 00:00", 6), answered("03-05 09:00", 3)
        )
        week = self.bars()["Weekly"]
        self.assertEqual((week.used, week.resets_at), (30, instant("03-09 00:00")))

    def test_monday(self) -> None:
        """On a Monday the week has just begun."""
        self.clock.rightNow = instant("03-09 00:00").timestamp()
        self.messages(answered("03-08 23:59:59", 10), answered("03-09 00:00", 6))
        week = self.bars()["Weekly"]
        self.assertEqual((week.used, week.resets_at), (20, instant("03-16 00:00")))

    def test_month(self) -> None:
        """The month begins on the day and at the time of the very first message."""
        self.messages(
            answered("02-25 07:53:16", 2.181),
            answered("03-01 00:00", 0.2),
            answered("03-04 12:00", 0.2904),
        )
        self.assertEqual(
            self.bars()["Monthly"],
            Progress(
                "Monthly",
                4.5,
                100,
                resets_at=instant("03-25 07:53:16"),
                period_ms=28 * 24 * HOUR,
            ),
        )

    def test_month_of_long_ago(self) -> None:
        """The first message may be years old; it begins the month and is no part of it."""
        first = int(datetime(2024, 10, 3, 4, 5, 6, 789000, timezone.utc).timestamp() * 1000)
        data = {"providerID": "opencode-go", "role": "assistant", "cost": 600}
        self.messages((first, json.dumps(data)), answered("03-03 04:06", 6))
        month = self.bars()["Monthly"]
        self.assertEqual(month.used, 10)
        self.assertEqual(month.resets_at, instant("04-03 04:05:06") + timedelta(milliseconds=789))

    def test_short_months(self) -> None:
        """A month without such a day begins on its last one."""
        for now, start, end in (
            ("03-06 12:00", "02-28 10:00", "03-31 10:00"),
            ("02-28 09:00", "01-31 10:00", "02-28 10:00"),
            ("03-31 10:00", "03-31 10:00", "04-30 10:00"),
            ("12-31 11:00", "12-31 10:00", None),
        ):
            self.clock.rightNow = instant(now).timestamp()
            self.messages(answered("01-31 10:00", 1))
            until = instant(end) if end else datetime(2027, 1, 31, 10, tzinfo=timezone.utc)
            month = self.bars()["Monthly"]
            length = (until - instant(start)) // timedelta(milliseconds=1)
            self.assertEqual((month.resets_at, month.period_ms), (until, length))

    def test_month_over_new_year(self) -> None:
        """A month that began in December ends in January."""
        self.clock.rightNow = instant("01-06 12:00").timestamp()
        at = int(datetime(2025, 12, 20, tzinfo=timezone.utc).timestamp() * 1000)
        data = {"providerID": "opencode-go", "role": "assistant", "cost": 6}
        self.messages((at, json.dumps(data)))
        month = self.bars()["Monthly"]
        self.assertEqual((month.used, month.resets_at), (10, instant("01-20 00:00")))

    def test_over_the_limit(self) -> None:
        """What is over a limit is all of it."""
        self.messages(answered("03-06 11:00", 40))
        self.assertEqual(self.used(), (100, 100, 66.7))

    def test_huge(self) -> None:
        """No cost is too large, alone or in sum."""
        self.messages(*[answered("03-06 11:00", 0.9e308)] * 3, answered("03-06 10:00", 10**400))
        self.assertEqual(self.used(), (100, 100, 100))

    def test_rounded(self) -> None:
        """Shares have one decimal."""
        self.messages(answered("03-06 11:00", 0.00004), answered("03-06 11:01", 0.01))
        self.assertEqual(self.used()[0], 0.1)


class RowTests(Case):
    """Which messages count."""

    def test_others(self) -> None:
        """Only answers of the service whose cost is a number count; what is no JSON is none."""
        good = answered("03-06 11:00", 3)
        rows: list[tuple[object, object]] = [
            good,
            answered("03-06 11:00", 3, providerID="opencode"),
            answered("03-06 11:00", 3, providerID=["opencode-go"]),
            answered("03-06 11:00", 3, role="user"),
            answered("03-06 11:00", "3"),
            answered("03-06 11:00", None),
            answered("03-06 11:00", True),
            answered("03-06 11:00", -3),
            answered("03-06 11:00", 3, time={"created": 0}),
            answered("03-06 11:00", 3, time={"created": -5}),
            answered("03-06 11:00", 3, time={"created": "soon"}),
            answered("03-06 11:00", 3, time={"created": 1e300}),
            (millis("03-06 11:00"), "{no json"),
            (millis("03-06 11:00"), ""),
            (millis("03-06 11:00"), None),
            (millis("03-06 11:00"), b"\xff\xfe"),
            (millis("03-06 11:00"), "[1]"),
            (millis("03-06 11:00"), '"text"'),
            (None, '{"providerID": "opencode-go", "role": "assistant", "cost": 3}'),
        ]
        self.messages(*rows)
        self.assertEqual(self.used(), (25, 10, 5))

    def test_whole_dollars(self) -> None:
        """Costs may be whole numbers or have a fraction, zero included."""
        self.messages(
            answered("03-06 11:00", 3), answered("03-06 11:00", 3.0), answered("03-06 11:00", 0)
        )
        self.assertEqual(self.used()[0], 50)

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever messages are like, there is a snapshot or none was used."""
        odd: st.SearchStrategy[Any] = (
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
        )
        near = st.integers(millis("02-01 00:00"), millis("03-07 00:00"))
        message = st.fixed_dictionaries(
            {"cost": odd | st.floats(0, 9), "time": st.fixed_dictionaries({"created": near | odd})}
        )
        rows = [
            answered("03-06 11:00", **drawn) for drawn in data.draw(st.lists(message, max_size=4))
        ]
        self.messages(*rows)
        ended: list[object] = []

        self.start().addBoth(ended.append)

        (result,) = ended
        result = getattr(result, "value", result)
        self.assertIsInstance(result, (Snapshot, NotLoggedInError))


class PlaceTests(Case):
    """Where the key and the database are found."""

    def test_no_key(self) -> None:
        """What is damaged, blank or no object is no key, and no error of its own."""
        contents: list[Any] = [
            "{no json",
            "",
            [],
            {},
            {"opencode-go": "go-planted"},
            {"opencode-go": {"key": " "}},
            {"opencode-go": {"key": 5}},
            {"opencode": {"key": "go-planted"}},
        ]
        for content in contents:
            self.login(content)
            self.assertIsNone(self.detected())
            text = "OpenCode Go not detected. Log in with OpenCode Go or use it locally first."
            self.assertTrue(self.failure(NotLoggedInError).startswith(text))

    def test_any_type(self) -> None:
        """The type of the entry does not matter."""
        self.login({"$schema": "x", "opencode-go": {"type": "other", "key": " go-planted "}})
        self.messages()
        self.assertEqual(self.used(), (0, 0, 0))
        self.assertEqual(self.detected(), f"~/{FOLDER}/auth.json")

    def test_no_database(self) -> None:
        """With a key and no database that can be read, that is all there is to say."""
        self.login()
        self.assertEqual(self.probe().lines, (NO_DATA,))
        for content in (b"", b"no database", b"SQLite format 3\0"):
            self.write(f"{FOLDER}/opencode.db", content)
            snapshot = self.probe()
            self.assertEqual((snapshot.plan, snapshot.lines), ("Go", (NO_DATA,)))

    def test_why_not(self) -> None:
        """A database that cannot be read is remarked, without its folder."""
        self.login()
        self.write(f"{FOLDER}/opencode.db", b"no database" * 100)
        host = self.host()
        self.probe(host)
        self.assertEqual(host.visit.notes, ["opencode.db: file is not a database"])

    def test_not_listable(self) -> None:
        """A folder that may not be looked into is told like a database that cannot be read."""

        def run(function: Any, /, *args: Any, **more: Any) -> Deferred[Any]:
            if function.__name__ == "_databases":
                raise PermissionError(13, "Permission denied")
            return run_inline(function, *args, **more)

        self.login()
        host = evolve(self.host(), run=run)
        self.assertEqual(self.probe(host).lines, (NO_DATA,))
        self.assertEqual(
            host.visit.notes, ["OpenCode's folder cannot be listed (Permission denied)"]
        )
        self.login({})
        self.assertIn("cannot be listed (Permission denied)", self.failure(NotLoggedInError, host))
        self.assertIsNone(self.detected(host))

    def test_several_databases(self) -> None:
        """Each channel of OpenCode has a database; one that is damaged costs only itself."""
        self.messages(answered("03-06 11:00", 3))
        self.messages(answered("03-06 11:30", 1.2), name=f"{FOLDER}/opencode-next.db")
        self.messages(answered("03-06 11:30", 9), name=f"{FOLDER}/other.db")
        self.assertEqual(self.used()[0], 35)
        self.write(f"{FOLDER}/opencode-dev.db", b"no database")
        self.assertEqual(self.used()[0], 35)

    def test_folders(self) -> None:
        """The folder is where the environment or the system has it."""
        for env, platform, folder in (
            ({"OPENCODE_DATA_DIR": "~/mine/"}, "linux", "mine"),
            ({"XDG_DATA_HOME": "~/data"}, "linux", "data/opencode"),
            ({}, "darwin", FOLDER),
            ({}, "darwin", "Library/Application Support/opencode"),
            ({}, "win32", FOLDER),
            ({}, "win32", "AppData/Local/opencode"),
            ({"LOCALAPPDATA": "~/local"}, "win32", "local/opencode"),
        ):
            host = self.host(env=env, platform=platform)
            name = f"{folder}/opencode.db"
            self.messages(answered("03-06 11:00", 3), name=name)
            self.assertEqual(self.used(host)[0], 25)
            self.assertEqual(self.detected(host), f"~/{name}")
            (self.home / name).unlink()

    def test_other_use(self) -> None:
        """A database without use of the service says nothing of it."""
        self.messages(answered("03-06 11:00", 3, providerID="anthropic"))
        self.assertIsNone(self.detected())
        host = self.host()
        text = self.failure(NotLoggedInError, host)
        for name in ("auth.json", "opencode.db"):
            self.assertIn(f"~/{FOLDER}/{name}", text)
            self.assertIn(self.home / FOLDER / name, host.visit.watched)

    def test_watched(self) -> None:
        """The database changes with every message, so it is not watched once it tells anything."""
        self.messages(answered("03-06 11:00", 3))
        host = self.host()
        self.probe(host)
        self.assertEqual(host.visit.watched, {self.home / FOLDER / "auth.json"})

    def test_identity(self) -> None:
        """Use without key belongs to its folder, and with a key to that."""

        def identity(env: Mapping[str, str]) -> str | None:
            host = self.host(env=env)
            self.probe(host)
            return host.visit.credential

        self.messages(answered("03-06 11:00", 3), name="one/opencode.db")
        self.messages(answered("03-06 11:00", 3), name="two/opencode.db")
        one, two = {"OPENCODE_DATA_DIR": "~/one"}, {"OPENCODE_DATA_DIR": "~/two"}
        self.assertNotEqual(identity(one), identity(two))
        self.login(folder="one")
        self.login(folder="two")
        self.assertEqual(identity(one), identity(two))
