"""The routes: every row of what clients rely on."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource

from openusage.api import Api, ApiSite, api_resource
from openusage.health import report
from openusage.model import Health, Progress, Snapshot
from openusage.roster import Instance, Roster
from openusage.store import Store
from openusage.testing import NOW, FakeProvider
from openusage.wire import to_json
from tests.wire_client import CORS, Answer, ask, exchange, split

IDS = ("claude", "codex", "cursor")
JSON = "application/json; charset=utf-8"


def snapshot(name: str, used: float = 42) -> Snapshot:
    return Snapshot(name, name.title(), "Pro", (Progress("Session", used, 100),), NOW)


def make_store(*enabled: str) -> Store:
    """A store that knows `IDS`, of which `enabled` are on."""
    instances = [Instance(name, name.title(), FakeProvider(name, name.title())) for name in IDS]
    store = Store()
    store.set_roster(Roster(tuple(instances), frozenset(enabled)))
    return store


def make_api(store: Store) -> IResource:
    return api_resource(Api(store, lambda: report(store, 61.5, ("settings.json: odd",))))


class AnswersTests(SynchronousTestCase):
    """What every answer has in common."""

    def setUp(self) -> None:
        self.store = make_store("claude", "codex")
        self.api = make_api(self.store)

    def assert_common(self, answer: Answer) -> None:
        for name, value in CORS.items():
            self.assertEqual(answer.all(name), [value], name)
        self.assertEqual(answer.all("transfer-encoding"), [])
        if answer.status == 204:
            self.assertEqual(answer.all("content-length"), [])
            self.assertEqual(answer.body, b"")
        else:
            self.assertEqual(answer.all("content-type"), [JSON])
            self.assertEqual(len(answer.all("content-length")), 1)

    def assert_error(self, answer: Answer, status: int, code: str) -> None:
        self.assertEqual((answer.status, answer.json()), (status, {"error": code}))
        self.assert_common(answer)


class UsageTests(AnswersTests):
    """`/v1/usage` and `/v1/usage/ID`."""

    def test_nothing_cached(self) -> None:
        """Without a snapshot the collection is an empty array, not an error."""
        answer = ask(self.api, "GET", "/v1/usage")

        self.assertEqual((answer.status, answer.body), (200, b"[]"))
        self.assert_common(answer)

    def test_collection(self) -> None:
        """The collection holds the enabled providers that have a snapshot, in settings order."""
        for name in reversed(IDS):
            self.store.keep(name, snapshot(name))

        answer = ask(self.api, "GET", "/v1/usage")

        self.assertEqual(answer.json(), [to_json(snapshot(n)) for n in ("claude", "codex")])
        self.assert_common(answer)

    def test_order_follows_the_roster(self) -> None:
        """A change of the order shows in the next answer."""
        for name in IDS:
            self.store.keep(name, snapshot(name))
        roster = self.store.roster
        self.store.set_roster(Roster(tuple(reversed(roster.instances)), frozenset(IDS)))

        answer = ask(self.api, "GET", "/v1/usage")

        self.assertEqual([s["providerId"] for s in answer.json()], ["cursor", "codex", "claude"])

    def test_one(self) -> None:
        """One provider's snapshot is an object, the same as in the collection."""
        self.store.keep("claude", snapshot("claude"))

        answer = ask(self.api, "GET", "/v1/usage/claude")

        self.assertEqual((answer.status, answer.json()), (200, to_json(snapshot("claude"))))
        self.assert_common(answer)

    def test_disabled(self) -> None:
        """A provider that is known but off is served alone all the same."""
        self.store.keep("cursor", snapshot("cursor"))

        self.assertEqual(ask(self.api, "GET", "/v1/usage/cursor").status, 200)
        self.assertEqual(ask(self.api, "GET", "/v1/usage").body, b"[]")

    def test_known_but_nothing_cached(self) -> None:
        """A known provider without a snapshot is a 204 with neither body nor length."""
        answer = ask(self.api, "GET", "/v1/usage/codex")

        self.assertEqual(answer.status, 204)
        self.assert_common(answer)

    def test_unknown(self) -> None:
        """An id that is none of ours is `provider_not_found`, however odd it is."""
        odd = [
            "zzz",
            "Claude",
            "CLAUDE",
            "claude%20",
            "%00",
            "%ff%fe",
            "..",
            "%2e%2e",
            "a" * 10_000,
        ]
        for name in odd:
            answer = ask(self.api, "GET", f"/v1/usage/{name}")
            self.assert_error(answer, 404, "provider_not_found")

    def test_cached_but_not_in_the_roster(self) -> None:
        """A snapshot of a provider that is gone is not served."""
        self.store.keep("gone", snapshot("gone"))

        self.assert_error(ask(self.api, "GET", "/v1/usage/gone"), 404, "provider_not_found")

    def test_percent_encoded(self) -> None:
        """An id is decoded before it is looked up."""
        self.store.keep("claude", snapshot("claude"))

        self.assertEqual(ask(self.api, "GET", "/v1/usage/%63laude").status, 200)

    def test_slashes_and_query(self) -> None:
        """Trailing slashes and a query string change nothing."""
        self.store.keep("claude", snapshot("claude"))
        for target in ("/v1/usage/?x=1", "/v1/usage//", "/v1/usage?a=b&c", "/v1/usage?/v1/zzz"):
            self.assertEqual(ask(self.api, "GET", target).json(), [to_json(snapshot("claude"))])
        for target in ("/v1/usage/claude/", "/v1/usage/claude///?y"):
            self.assertEqual(ask(self.api, "GET", target).json(), to_json(snapshot("claude")))


class RefusalTests(AnswersTests):
    """What is not there, and what may not be done."""

    def test_unknown_routes(self) -> None:
        """Anything else is `not_found`, whatever the method."""
        targets = [
            *("/", "/v1", "/v2/usage", "/v1/usages", "/v1/usage/a/b", "/v1/usage/a%2Fb"),
            *("/v1//usage", "//v1/usage", "/v1/usage//claude", "/V1/usage", "/%ff", "*", "/*"),
        ]
        for method in ("GET", "POST", "OPTIONS", "HEAD", "BREW"):
            for target in targets:
                answer = ask(self.api, method, target)
                self.assertEqual(answer.status, 404, (method, target))
                self.assert_common(answer)
                if method != "HEAD":
                    self.assertEqual(answer.json(), {"error": "not_found"})

    def test_options(self) -> None:
        """A preflight is a 204 for every id, known or not."""
        for target in ("/v1/usage", "/v1/usage/claude", "/v1/usage/zzz", "/v1/health"):
            answer = ask(self.api, "OPTIONS", target, "Origin: https://example.org")
            self.assertEqual(answer.status, 204)
            self.assert_common(answer)

    def test_other_methods(self) -> None:
        """Any other method is a 405 that names those allowed; HEAD has no body."""
        for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"):
            for target in ("/v1/usage", "/v1/usage/claude", "/v1/usage/zzz", "/v1/health"):
                answer = ask(self.api, method, target)
                self.assertEqual((answer.status, answer.all("allow")), (405, ["GET, OPTIONS"]))
                self.assert_common(answer)
                if method == "HEAD":
                    self.assertEqual(answer.body, b"")
                else:
                    self.assertEqual(answer.json(), {"error": "method_not_allowed"})

    def test_body_is_ignored(self) -> None:
        """A body, form or not, is read past and changes nothing."""
        more = ("Content-Type: multipart/form-data; boundary=",)
        answer = ask(self.api, "POST", "/v1/usage", *more, body=b"--x" * 100_000)

        self.assert_error(answer, 405, "method_not_allowed")

    def test_crash(self) -> None:
        """A bug of ours is a 500 without a word of our insides; the log has them."""
        self.store.collection = None  # type: ignore[assignment]

        answer = ask(self.api, "GET", "/v1/usage")

        self.assert_error(answer, 500, "internal_error")
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_crash_below_the_routes(self) -> None:
        """A resource that fails outside of Klein is the same 500."""

        class Broken(Resource):
            isLeaf = True

            def render(self, request: object) -> bytes:
                raise ZeroDivisionError

        answer = ask(Broken(), "GET", "/v1/usage")

        self.assert_error(answer, 500, "internal_error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class HttpTests(AnswersTests):
    """What Twisted would answer by itself, and how connections are used."""

    def test_not_http(self) -> None:
        """What cannot be parsed is a 400 in our own form, and ends the connection."""
        bad = [
            b"GARBAGE\r\n\r\n",
            b"GET /v1/usage HTTP/3.0\r\n\r\n",
            b"GET /v1/usage HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET /v1/usage HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"GET /v1/usage HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"POST /v1/usage HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET /" + b"a" * 70_000,
            b"GET /v1/usage HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(600)),
            b"\r\n\r\n\r\n",
        ]
        for sent in bad:
            answers = split(exchange(self.api, sent))
            self.assertEqual(len(answers), 1, sent[:60])
            self.assert_error(answers[0], 400, "bad_request")
            self.assertEqual(answers[0].all("connection"), ["close"])

    def test_chunked_body(self) -> None:
        """A chunked body is read past."""
        sent = b"GET /v1/usage HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

        (answer,) = split(exchange(self.api, sent))

        self.assertEqual(answer.status, 200)

    def test_odd_hosts(self) -> None:
        """The host that the client names changes nothing, even when it is none."""
        for host in ("", "..", "a" * 300, "\xff\xfe", "[::1", "x:y:z"):
            answer = ask(self.api, "GET", "/v1/usage", f"Host: {host}")
            self.assertEqual(answer.status, 200, host)

    def test_absolute_target(self) -> None:
        """A request in the form that proxies use is answered the same."""
        answer = ask(self.api, "GET", "http://127.0.0.1:6736/v1/usage?x")

        self.assertEqual((answer.status, answer.body), (200, b"[]"))

    def test_pipelining(self) -> None:
        """Requests sent at once are answered in order on one connection."""
        names = [b"claude", b"zzz", b"codex"] * 50
        sent = b"".join(b"GET /v1/usage/%s HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in names)
        self.store.keep("claude", snapshot("claude"))

        answers = split(exchange(self.api, sent, pieces=7))

        self.assertEqual([a.status for a in answers], [200, 404, 204] * 50)

    def test_http_1_0(self) -> None:
        """HTTP/1.0 is answered and the connection ends."""
        (answer,) = split(exchange(self.api, b"GET /v1/usage HTTP/1.0\r\n\r\n"))

        self.assertEqual((answer.status, answer.body), (200, b"[]"))
        self.assert_common(answer)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 400), st.lists(st.sampled_from(["claude", "zzz", "codex"]), max_size=6))
    def test_any_split(self, pieces: int, names: list[str]) -> None:
        """However the bytes arrive, the answers are the same but for their dates."""
        store = make_store("claude")
        store.keep("claude", snapshot("claude"))
        api = make_api(store)
        sent = b"".join(b"GET /v1/usage/%s HTTP/1.1\r\n\r\n" % name.encode() for name in names)

        whole = [(a.status, a.body) for a in split(exchange(api, sent))]
        split_up = [(a.status, a.body) for a in split(exchange(api, sent, pieces))]

        self.assertEqual(split_up, whole)
        self.assertEqual(len(whole), len(names))

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=200))
    def test_any_target(self, target: bytes) -> None:
        """Whatever a path holds, it is a 404 or a 400 of ours, never a 500 or another's page."""
        for answer in split(exchange(self.api, b"GET /" + target + b" HTTP/1.1\r\n\r\n")):
            self.assertIn((answer.status, answer.json()["error"]), REFUSALS)
            self.assert_common(answer)


REFUSALS = [(404, "not_found"), (404, "provider_not_found"), (400, "bad_request")]


class HealthTests(AnswersTests):
    """`/v1/health`."""

    def test_health(self) -> None:
        """Every instance is listed with how its probes go; the service with its version."""
        self.store.set_health(
            "claude",
            Health(
                last_attempt=NOW,
                last_success=NOW - timedelta(hours=1),
                error="unreachable",
                message="Usage request failed.",
                failures=2,
                next_attempt=NOW + timedelta(minutes=10),
                waiting="backoff",
                notes=("unknown model: x",),
            ),
        )

        answer = ask(self.api, "GET", "/v1/health")

        health = answer.json()
        self.assertEqual([p["providerId"] for p in health["providers"]], list(IDS))
        self.assertEqual(
            health["providers"][0],
            {
                "providerId": "claude",
                "displayName": "Claude",
                "enabled": True,
                "lastAttempt": "2026-11-24T12:00:00Z",
                "lastSuccess": "2026-11-24T11:00:00Z",
                "lastError": {"code": "unreachable", "message": "Usage request failed."},
                "failures": 2,
                "nextAttempt": "2026-11-24T12:10:00Z",
                "waiting": "backoff",
                "notes": ["unknown model: x"],
            },
        )
        self.assertIsNone(health["providers"][1]["lastError"])
        self.assertEqual(
            (health["uptimeSeconds"], health["problems"]), (61, ["settings.json: odd"])
        )
        self.assert_common(answer)


class MountTests(SynchronousTestCase):
    """The resource below a prefix of another site."""

    def test_prefix(self) -> None:
        """Every route is found below the prefix, and nothing else is touched."""
        store = make_store("claude")
        store.keep("claude", snapshot("claude"))
        root = Resource()
        root.putChild(b"tracker", make_api(store))

        self.assertEqual(ask(root, "GET", "/tracker/v1/usage/claude/").status, 200)
        self.assertEqual(ask(root, "GET", "/tracker/v1/usage/zzz").status, 404)
        self.assertEqual(ask(root, "GET", "/tracker").json(), {"error": "not_found"})


class ApiSiteTests(SynchronousTestCase):
    """The server's own behaviour."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.site = ApiSite(make_api(make_store("claude")), self.clock)

    def connect(self) -> tuple[IProtocol, StringTransport]:
        channel = self.site.buildProtocol(None)
        assert channel is not None
        transport = StringTransport()
        channel.makeConnection(transport)
        return channel, transport

    def test_idle(self) -> None:
        """A server without clients leaves the reactor asleep."""
        self.site.doStart()

        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.site.doStop()

    def test_close_nothing(self) -> None:
        """Closing a server without connections is done at once."""
        self.successResultOf(_deferred(self.site.close()))

    def test_close(self) -> None:
        """Closing ends all connections, and is done when they are gone."""
        connections = [self.connect(), self.connect()]

        closed = _deferred(self.site.close())

        self.assertTrue(all(transport.disconnecting for _, transport in connections))
        self.assertNoResult(closed)
        for channel, _ in connections:
            channel.connectionLost(_done())
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close_a_stuck_client(self) -> None:
        """A client that does not read is cut off after a moment."""
        _, transport = self.connect()
        _deferred(self.site.close())

        self.clock.advance(1)

        self.assertTrue(transport.disconnected)

    def test_date(self) -> None:
        """An answer bears the date, once."""
        channel, transport = self.connect()

        channel.dataReceived(b"GET /v1/usage HTTP/1.1\r\n\r\n")

        (date,) = split(transport.value())[0].all("date")
        seen = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
        self.assertLess(abs(datetime.now(timezone.utc) - seen), timedelta(minutes=1))


def _deferred(coroutine: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
    return Deferred.fromCoroutine(coroutine)


def _done() -> Failure:
    return Failure(ConnectionDone())
