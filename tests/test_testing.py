"""Tests for `openusage.testing`."""

from __future__ import annotations

import sqlite3
from collections.abc import Coroutine
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host import Response, Visit
from openusage.host.keychain import KeychainError
from openusage.model import NotLoggedInError, Progress, Snapshot, UnreachableError
from openusage.providers.interface import IProvider
from openusage.sessionlogs import History
from openusage.sessionlogs.claude import CLAUDE
from openusage.testing import (
    NOW,
    FakeHttp,
    FakeKeychain,
    FakeLogs,
    FakeProvider,
    MemoryState,
    Request,
    clock_at,
    fake_host,
    run_inline,
)

T = TypeVar("T")


class FakesCase(SynchronousTestCase):
    """A home folder."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir(parents=True)

    def start(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        return Deferred.fromCoroutine(work)

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        return self.successResultOf(self.start(work))

    def failure(self, work: Coroutine[Any, Any, object], kind: type[BaseException]) -> Any:
        return self.failureResultOf(self.start(work), kind).value


class RunInlineTests(SynchronousTestCase):
    """`run_inline`."""

    def test_result(self) -> None:
        """The result is there when the call returns, and so is a failure."""
        self.assertEqual(self.successResultOf(run_inline(divmod, 7, 2)), (3, 1))
        self.failureResultOf(run_inline(int, "x"), ValueError)

    def test_keywords(self) -> None:
        """Keywords are passed on."""
        self.assertEqual(self.successResultOf(run_inline(int, "ff", base=16)), 255)


class ClockAtTests(SynchronousTestCase):
    """`clock_at`."""

    def test_time(self) -> None:
        """The clock stands at the instant, and moves on when it is advanced."""
        clock = clock_at(NOW)
        self.assertEqual(clock.seconds(), NOW.timestamp())

        clock.advance(1.5)

        self.assertEqual(clock.seconds(), NOW.timestamp() + 1.5)


class FakeHttpTests(FakesCase):
    """`FakeHttp`."""

    def setUp(self) -> None:
        super().setUp()
        self.http = FakeHttp()

    def get(self, url: str) -> Response:
        return self.result(self.http.request("GET", url))

    def test_reply(self) -> None:
        """A reply has the status, the headers in lower case and the body that was queued."""
        self.http.reply("GET", "https://x.test/", 429, b"slow", {"Retry-After": "30"})

        response = self.get("https://x.test/usage?a=1")

        self.assertEqual(response, Response(429, {"retry-after": "30"}, b"slow"))

    def test_bodies(self) -> None:
        """A mapping or sequence becomes JSON, text becomes UTF-8."""
        for body, data in (
            ({"a": 1}, b'{"a": 1}'),
            ([1], b"[1]"),
            ("\u00e4", b"\xc3\xa4"),
            ("", b""),
        ):
            self.http.reply("GET", "https://x.test/", body=body)
            self.assertEqual(self.get("https://x.test/").body, data)

    def test_requests(self) -> None:
        """Requests are kept, with header names in lower case."""
        self.http.reply("POST", "https://x.test/")

        self.result(
            self.http.request(
                "POST",
                "https://x.test/token",
                headers={"X-Key": "K"},
                body=b'{"a": 1}',
                timeout=5,
                verify=False,
            )
        )

        request = Request(
            "POST", "https://x.test/token", {"x-key": "K"}, b'{"a": 1}', timeout=5, verify=False
        )
        self.assertEqual(self.http.requests, [request])
        self.assertEqual(self.http.requests[0].json(), {"a": 1})

    def test_queue(self) -> None:
        """Each reply serves one request, in the order in which they were queued."""
        self.http.reply("GET", "https://x.test/", 401)
        self.http.reply("GET", "https://x.test/", 200)

        statuses = [self.get("https://x.test/").status for _ in range(2)]

        self.assertEqual(statuses, [401, 200])
        self.failure(self.http.request("GET", "https://x.test/"), AssertionError)

    def test_longest_prefix(self) -> None:
        """The reply whose prefix fits best goes first."""
        self.http.reply("GET", "https://x.test/", 1)
        self.http.reply("GET", "https://x.test/usage", 2)

        self.assertEqual(self.get("https://x.test/usage").status, 2)
        self.assertEqual(self.get("https://x.test/usage").status, 1)

    def test_unexpected(self) -> None:
        """A request that nothing was queued for fails the test and names what is left."""
        self.http.reply("POST", "https://x.test/")

        error = self.failure(self.http.request("GET", "https://x.test/"), AssertionError)

        self.assertIn("GET https://x.test/", str(error))
        self.assertIn("POST https://x.test/", str(error))

    def test_left(self) -> None:
        """Replies that nobody asked for are told."""
        self.http.reply("GET", "https://x.test/a")
        self.http.reply("GET", "https://x.test/b")
        self.get("https://x.test/a")

        self.assertEqual(self.http.left, ["GET https://x.test/b"])

    def test_fail(self) -> None:
        """A request may fail as transport does, once."""
        self.http.fail("GET", "https://x.test/", UnreachableError("refused"))
        self.http.reply("GET", "https://x.test/")

        self.failure(self.http.request("GET", "https://x.test/"), UnreachableError)
        self.assertEqual(self.get("https://x.test/").status, 200)

    def test_hang(self) -> None:
        """A request may stay without answer until the test gives one, and be cancelled."""
        answer = self.http.hang("GET", "https://x.test/")
        asking = self.start(self.http.request("GET", "https://x.test/"))
        self.assertNoResult(asking)
        answer.callback(Response(204, {}, b""))
        self.assertEqual(self.successResultOf(asking).status, 204)

        self.http.hang("GET", "https://x.test/")
        asking = self.start(self.http.request("GET", "https://x.test/"))
        asking.cancel()
        self.failureResultOf(asking, CancelledError)


class FakeKeychainTests(FakesCase):
    """`FakeKeychain`."""

    def test_get(self) -> None:
        """An item is found by service and account, or by service alone; every look-up is told."""
        keychain = FakeKeychain({("a", "ada"): "1", ("a", "grace"): "2", ("b", None): "3"})

        found = [
            self.result(keychain.get("a", "grace")),
            self.result(keychain.get("a", prompts=True)),
            self.result(keychain.get("a", "none")),
            self.result(keychain.get("b")),
            self.result(keychain.get("c")),
        ]

        self.assertEqual(found, ["2", "1", None, "3", None])
        self.assertEqual(
            keychain.asked, [("a", "grace"), ("a", None), ("a", "none"), ("b", None), ("c", None)]
        )
        self.assertEqual(keychain.prompted, [("a", None)])

    def test_set(self) -> None:
        """A saved value is found; without account it replaces the service's item."""
        keychain = FakeKeychain({("a", "ada"): "1"})

        self.result(keychain.set("a", None, "2"))
        self.result(keychain.set("b", None, "3"))

        self.assertEqual(keychain.items, {("a", "ada"): "2", ("b", None): "3"})
        self.assertEqual(keychain.saved, [("a", None, "2"), ("b", None, "3")])

    def test_locked(self) -> None:
        """A locked keychain finds nothing and refuses to save."""
        keychain = FakeKeychain({("a", "ada"): "1"}, locked=True)

        self.assertIsNone(self.result(keychain.get("a", "ada")))
        self.failure(keychain.set("a", "ada", "2"), KeychainError)
        self.assertEqual(keychain.saved, [])

    def test_read_only(self) -> None:
        """A keychain that may only be read refuses to save, and nothing else."""
        keychain = FakeKeychain({("a", "ada"): "1"}, read_only=True)

        self.failure(keychain.set("a", "ada", "2"), KeychainError)
        self.assertEqual(self.result(keychain.get("a", "ada")), "1")

    def test_background(self) -> None:
        """With nobody there only items that need no dialog are found."""
        keychain = FakeKeychain({("a", "ada"): "1"}, background=True)

        self.assertIsNone(self.result(keychain.get("a", "ada", prompts=True)))
        self.assertEqual(self.result(keychain.get("a", "ada")), "1")


class MemoryStateTests(FakesCase):
    """`MemoryState`."""

    def test_credentials(self) -> None:
        """Each login has its own object, shared by the hosts that are given the same state."""
        state = MemoryState()
        for account in ("one", "two"):
            host = fake_host(self.home, state=state)
            self.assertEqual(self.result(host.state.read()), {})
            host.identify(account)
            self.assertEqual(self.result(host.state.read()), {})
            self.result(host.state.write({"account": account}))

        host = fake_host(self.home, state=state)
        host.identify("one")

        self.assertEqual(self.result(host.state.read()), {"account": "one"})

    def test_copies(self) -> None:
        """What is kept is a copy, and only JSON can be."""
        state = MemoryState()
        value: dict[str, Any] = {"list": [1]}
        self.result(state.write(value))

        value["list"].append(2)
        self.result(state.read())["list"].append(3)

        self.assertEqual(self.result(state.read()), {"list": [1]})
        self.failure(state.write({"x": object()}), TypeError)


class FakeLogsTests(FakesCase):
    """`FakeLogs`."""

    def test_history(self) -> None:
        """What was given is found, wherever it is looked for."""
        for found in (None, History((), {}, ())):
            logs = FakeLogs(found)
            looking = logs.history(CLAUDE, [self.home], today=date(2026, 11, 24), zone=timezone.utc)

            self.assertEqual(self.result(looking), found)
            self.assertEqual(logs.asked, [(CLAUDE, (self.home,))])


class FakeHostTests(FakesCase):
    """`fake_host`."""

    def test_defaults(self) -> None:
        """Without more than a home there is a host with fakes, at `NOW`, on Linux."""
        host = fake_host(self.home)

        self.assertEqual((host.id, host.name, host.platform), ("claude", "Claude", "linux"))
        self.assertEqual(host.now(), NOW)
        self.assertIsInstance(host.http, FakeHttp)
        self.assertIsInstance(host.keychain, FakeKeychain)
        self.assertFalse(host.refresh_credentials)
        self.assertIsNone(host.env.get("HOME"))

    def test_given(self) -> None:
        """What is given is used."""
        http, keychain, clock, logs = FakeHttp(), FakeKeychain(), clock_at(NOW), FakeLogs()
        visit, zone = Visit(), timezone(timedelta(hours=9))

        host = fake_host(
            self.home,
            id="claude-work",
            name="Work",
            env={"claude_config_dir": "x"},
            platform="win32",
            http=http,
            keychain=keychain,
            clock=clock,
            zone=zone,
            logs=logs,
            refresh_credentials=True,
            visit=visit,
        )

        self.assertEqual((host.id, host.name, host.platform), ("claude-work", "Work", "win32"))
        self.assertEqual(host.env.get("CLAUDE_CONFIG_DIR"), "x")
        for given, used in (
            (http, host.http),
            (keychain, host.keychain),
            (clock, host.clock),
            (zone, host.zone),
            (logs, host.logs),
            (visit, host.visit),
        ):
            self.assertIs(used, given)
        self.assertTrue(host.refresh_credentials)

    def test_real_files(self) -> None:
        """Files and databases are those below the home."""
        host = fake_host(self.home)
        with sqlite3.connect(self.home / "a.db") as connection:
            connection.execute("CREATE TABLE t AS SELECT 5 AS x")
        connection.close()

        self.result(host.files.write(host.path("~/.claude/b"), b"1"))

        self.assertEqual((self.home / ".claude" / "b").read_bytes(), b"1")
        self.assertEqual(
            self.result(host.sqlite.query(host.path("a.db"), "SELECT x FROM t")), [{"x": 5}]
        )


class FakeProviderTests(FakesCase):
    """`FakeProvider`."""

    def test_interface(self) -> None:
        """It is what a provider has to be."""
        self.assertTrue(verifyObject(IProvider, FakeProvider()))

    def test_probe(self) -> None:
        """A probe finds the usage it was told of, under the host's names, and is counted."""
        provider = FakeProvider(usage=(Progress("Weekly", 7, 100),), plan="Max")
        host = fake_host(self.home, id="fake-2", name="Fake (2)")

        snapshot = self.result(provider.probe(host))

        self.assertEqual(
            snapshot, Snapshot("fake-2", "Fake (2)", "Max", (Progress("Weekly", 7, 100),), NOW)
        )
        self.assertEqual(provider.probes, 1)
        self.assertEqual(provider.hosts, [host])

    def test_snapshot(self) -> None:
        """A snapshot that was given is returned as it is."""
        host = fake_host(self.home)
        snapshot = host.snapshot((Progress("Session", 1, 100),))

        self.assertIs(self.result(FakeProvider(snapshot=snapshot).probe(host)), snapshot)

    def test_error(self) -> None:
        """An error that was given is raised."""
        error = NotLoggedInError("no login")
        provider = FakeProvider(error=error)

        self.assertIs(self.failure(provider.probe(fake_host(self.home)), NotLoggedInError), error)
        self.assertEqual(provider.probes, 1)

    def test_hanging(self) -> None:
        """A probe that hangs ends when it is let go."""
        provider = FakeProvider(hanging=True)
        probing = self.start(provider.probe(fake_host(self.home)))
        self.assertNoResult(probing)

        provider.pending[-1].callback(None)

        self.assertEqual(self.successResultOf(probing).plan, "Pro")
        self.assertEqual(provider.cancelled, 0)

    def test_cancelled(self) -> None:
        """A probe that hangs can be cancelled, which is counted."""
        provider = FakeProvider(hanging=True)
        probing = self.start(provider.probe(fake_host(self.home)))

        probing.cancel()

        self.failureResultOf(probing, CancelledError)
        self.assertEqual(provider.cancelled, 1)

    def test_detect(self) -> None:
        """Detection finds what it was told, and is counted."""
        provider = FakeProvider(detected=None)

        self.assertIsNone(self.result(provider.detect(fake_host(self.home))))
        self.assertEqual(provider.detects, 1)
