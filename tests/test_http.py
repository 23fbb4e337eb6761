"""Tests for `openusage.host.net.http`, in memory; `test_agent` has those on real sockets."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from openusage.host.net.http import MAX_BODY, Http, HttpClient, Response, build_http
from openusage.host.net.lookups import LookUps
from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    UnexpectedResponseError,
    UnreachableError,
)

_: type[Http] = HttpClient


class Upstream(Resource):
    """A service that answers by a function and keeps what it was asked."""

    isLeaf = True

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[Any] = []

    def render(self, request: Any) -> Any:
        """Answer."""
        self.requests.append(request)
        return self.answer(request)


def client(upstream: Upstream) -> HttpClient:
    """A client of `upstream`."""
    return HttpClient(RequestTraversalAgent(upstream), Clock())


@implementer(IAgent)
@define
class FakeAgent:
    """An agent whose requests stay open, or end in `outcome`."""

    outcome: Any = None
    asked: list[Deferred[Any]] = field(factory=list)
    cancelled: Any = None

    def request(self, *_: object) -> Deferred[Any]:
        """See `IAgent`."""
        asked: Deferred[Any] = Deferred(self.cancelled) if self.outcome is None else self.outcome()
        self.asked.append(asked)
        return asked


class ResponseTests(SynchronousTestCase):
    """Tests for `Response`."""

    def test_json(self) -> None:
        """The body as JSON."""
        self.assertEqual(Response(200, {}, '{"a": "é"}'.encode()).json(), {"a": "é"})

    def test_not_json(self) -> None:
        """What is not JSON is a `ValueError`, whatever it is."""
        for body in (b"", b"<html>", b"\xff", b"[" * 100_000):
            self.assertRaises(ValueError, Response(200, {}, body).json)

    def test_text(self) -> None:
        """The body as text, with a mark for what is none."""
        self.assertEqual(Response(200, {}, b"a\xc3\xa9\xff").text(), "aé\ufffd")

    def test_repr(self) -> None:
        """Neither headers nor body show."""
        self.assertEqual(repr(Response(200, {"a": "b"}, b"c")), "Response(status=200)")


class HttpClientTests(SynchronousTestCase):
    """Tests for `HttpClient`."""

    def ask(self, upstream: Upstream, method: str = "GET", **how: Any) -> Response:
        asking = client(upstream).request(method, "http://a.example/x", **how)
        return self.successResultOf(Deferred.fromCoroutine(asking))

    def test_answer(self) -> None:
        """Status, headers in lower case (the last of each) and the whole body come back."""

        def answer(request: Any) -> bytes:
            request.setResponseCode(418)
            request.responseHeaders.setRawHeaders("X-A", ["1", "2"])
            return b"hello"

        response = self.ask(Upstream(answer))

        self.assertEqual((response.status, response.body), (418, b"hello"))
        self.assertEqual(response.headers["x-a"], "2")

    def test_question(self) -> None:
        """Method, headers and body go out as given."""
        upstream = Upstream(lambda request: request.content.read())

        response = self.ask(upstream, "post", headers={"X-Key": "kéy"}, body=b"question")

        [request] = upstream.requests
        self.assertEqual((request.method, response.body), (b"POST", b"question"))
        self.assertEqual(request.requestHeaders.getRawHeaders(b"x-key"), [b"k\xe9y"])

    def test_empty_body(self) -> None:
        """An empty body is a body of length 0."""
        upstream = Upstream(lambda request: b"")

        self.ask(upstream, "POST", body=b"")

        headers = upstream.requests[0].requestHeaders
        self.assertEqual(headers.getRawHeaders("content-length"), ["0"])

    def test_gzip(self) -> None:
        """A packed answer is asked for and unpacked."""

        def answer(request: Any) -> bytes:
            request.setHeader("Content-Encoding", "gzip")
            return gzip.compress(request.getHeader("accept-encoding").encode())

        response = self.ask(Upstream(answer))

        self.assertEqual(response.body, b"gzip")
        self.assertNotIn("content-encoding", response.headers)
        self.assertFalse([name for name in response.headers if "openusage" in name])

    def test_limit(self) -> None:
        """8 MiB are taken, one byte more is not."""
        self.assertEqual(len(self.ask(Upstream(lambda _: bytes(MAX_BODY))).body), MAX_BODY)
        asking = client(Upstream(lambda _: bytes(MAX_BODY + 1))).request("GET", "http://a.example/")

        error = self.failureResultOf(Deferred.fromCoroutine(asking), UnexpectedResponseError).value

        self.assertEqual(error.status, 200)

    def test_bad_request(self) -> None:
        """What cannot be sent is an error of ours, and nothing is sent."""
        upstream = Upstream(lambda _: b"")
        for url, headers, kind in (
            ("file:///etc/passwd", {}, UnreachableError),
            ("http://a.example/", {"X-Key": "a\r\nX-Other: b"}, ProbeError),
        ):
            asking = client(upstream).request("GET", url, headers=headers)

            self.failureResultOf(Deferred.fromCoroutine(asking), kind)
        self.assertEqual(upstream.requests, [])

    def test_failure(self) -> None:
        """A failure of the network comes in plain words."""
        agent = FakeAgent(lambda: fail(ResponseFailed([Failure(Refused("hush"))])))

        asking = HttpClient(agent, Clock()).request("GET", "http://a.example/")

        error = self.failureResultOf(Deferred.fromCoroutine(asking), UnreachableError).value
        self.assertEqual(str(error), "connection refused")

    def test_bug(self) -> None:
        """A bug is no network trouble and stays itself."""
        asking = HttpClient(FakeAgent(lambda: fail(KeyError("x"))), Clock()).request(
            "GET", "http://a.example/"
        )

        self.failureResultOf(Deferred.fromCoroutine(asking), KeyError)

    def test_log(self) -> None:
        """Each answer is logged for us, without what is secret in its URL."""
        with capturedLogs() as events:
            asking = client(Upstream(lambda _: b"")).request(
                "GET", "http://a.example/x?token=abc&b=c"
            )
            self.successResultOf(Deferred.fromCoroutine(asking))

        [event] = (event for event in events if event["log_namespace"] == "openusage.host.net.http")
        self.assertEqual(
            formatEvent(event), "HTTP GET http://a.example/x?token=[REDACTED]&b=c -> 200"
        )
        self.assertIs(event["log_level"], LogLevel.debug)

    def test_no_reactor(self) -> None:
        """Neither importing nor asking installs the global reactor."""
        code = (
            "import sys\n"
            "from tests.test_http import *\n"
            "http = client(Upstream(lambda request: b''))\n"
            "asking = http.request('POST', 'http://a.example/', body=b'x')\n"
            "Deferred.fromCoroutine(asking).addCallback(lambda r: print(r.status))\n"
            "print('twisted.internet.reactor' in sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent.parent,
        )

        self.assertEqual(done.stdout.split(), ["200", "False"], done.stderr)


class TimeoutTests(SynchronousTestCase):
    """Tests for the time limit of `HttpClient`, and for cancelling."""

    def setUp(self) -> None:
        self.clock = Clock()

    def ask(self, agent: Any, **how: Any) -> Deferred[Response]:
        client = HttpClient(agent, self.clock)
        return Deferred.fromCoroutine(client.request("GET", "http://a.example/", **how))

    def test_silence(self) -> None:
        """A request that is not answered in time is given up."""
        asking = self.ask(FakeAgent(), timeout=2.5)
        self.clock.advance(2.4)
        self.assertNoResult(asking)

        self.clock.advance(0.2)

        error = self.failureResultOf(asking, ProbeTimeoutError).value
        self.assertEqual(str(error), "no answer within 2.5 s")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_body(self) -> None:
        """So is one whose body does not end in time."""

        def drip(request: Any) -> int:
            request.write(b"x")
            return NOT_DONE_YET

        agent = RequestTraversalAgent(Upstream(drip))
        asking = self.ask(agent)
        agent.flush()

        self.clock.advance(11)

        self.failureResultOf(asking, ProbeTimeoutError)
        agent.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_in_time(self) -> None:
        """An answer ends the watch."""
        self.successResultOf(self.ask(RequestTraversalAgent(Upstream(lambda _: b""))))

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_time(self) -> None:
        """A limit that is over already is a timeout, not a crash."""
        asking = self.ask(FakeAgent(), timeout=-1)

        self.clock.advance(0)

        self.failureResultOf(asking, ProbeTimeoutError)

    def test_cancelled(self) -> None:
        """Cancelling is not a timeout, and cancels what is under way."""
        agent = FakeAgent()
        asking = self.ask(agent)

        asking.cancel()

        self.failureResultOf(asking, CancelledError)
        self.assertTrue(agent.asked[0].called)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled_in_disguise(self) -> None:
        """It is not a failure either, however the agent puts it."""

        def disguise(asked: Deferred[Any]) -> None:
            asked.errback(ResponseFailed([Failure(CancelledError())]))

        asking = self.ask(FakeAgent(cancelled=disguise))

        asking.cancel()

        self.failureResultOf(asking, CancelledError)

    def test_timed_out_in_disguise(self) -> None:
        """A timeout is one, even if the agent ends the request some other way."""

        def disguise(asked: Deferred[Any]) -> None:
            asked.errback(Refused())

        asking = self.ask(FakeAgent(cancelled=disguise))

        self.clock.advance(10)

        self.failureResultOf(asking, ProbeTimeoutError)


class RedirectTests(SynchronousTestCase):
    """Tests for redirects of `HttpClient`."""

    def setUp(self) -> None:
        self.hops = 1
        self.upstream = Upstream(self.answer)
        self.to = "http://a.example/next"

    def answer(self, request: Any) -> bytes:
        if len(self.upstream.requests) <= self.hops:
            request.setResponseCode(302)
            request.setHeader("Location", self.to)
            request.setHeader("Set-Cookie", "a=b")
        return b"body"

    def ask(self, **how: Any) -> Deferred[Response]:
        headers = {"Authorization": "Bearer x", "Accept": "y"}
        return Deferred.fromCoroutine(
            client(self.upstream).request("GET", "http://a.example/first", headers=headers, **how)
        )

    def test_not_followed(self) -> None:
        """A redirect is an answer like any other."""
        response = self.successResultOf(self.ask())

        self.assertEqual((response.status, response.headers["location"]), (302, self.to))
        self.assertEqual(len(self.upstream.requests), 1)

    def test_followed(self) -> None:
        """It is followed on demand, without the cookies set on the way."""
        response = self.successResultOf(self.ask(follow_redirects=True))

        self.assertEqual((response.status, response.body), (200, b"body"))
        second = self.upstream.requests[1]
        self.assertEqual(second.uri, b"/next")
        self.assertEqual(second.getHeader("authorization"), "Bearer x")
        self.assertIsNone(second.getHeader("cookie"))

    def test_other_host(self) -> None:
        """Credentials do not go along to another host."""
        self.to = "http://b.example/"

        self.successResultOf(self.ask(follow_redirects=True))

        second = self.upstream.requests[1]
        self.assertEqual(second.getHeader("host"), "b.example")
        self.assertIsNone(second.getHeader("authorization"))
        self.assertEqual(second.getHeader("accept"), "y")

    def test_five(self) -> None:
        """Five are followed, a sixth is not."""
        self.hops = 5
        self.assertEqual(self.successResultOf(self.ask(follow_redirects=True)).status, 200)
        self.upstream.requests.clear()
        self.hops = 6

        self.failureResultOf(self.ask(follow_redirects=True), UnexpectedResponseError)

        self.assertEqual(len(self.upstream.requests), 6)

    def test_nowhere(self) -> None:
        """To what is no web address there is no way."""
        self.to = "file:///etc/passwd"

        self.failureResultOf(self.ask(follow_redirects=True), UnreachableError)


class VerifyTests(SynchronousTestCase):
    """Tests for `verify` of `HttpClient`."""

    def setUp(self) -> None:
        self.strict, self.lax = FakeAgent(), FakeAgent()
        self.client = HttpClient(self.strict, Clock(), self.lax)

    def ask(self, url: str, client: HttpClient | None = None, **how: Any) -> Deferred[Response]:
        asking = Deferred.fromCoroutine((client or self.client).request("GET", url, **how))
        asking.addErrback(lambda failure: failure.trap(CancelledError) and None)
        self.addCleanup(asking.cancel)
        return asking

    def test_verified(self) -> None:
        """Certificates are verified, on loopback too."""
        self.ask("https://127.0.0.1:1/")

        self.assertEqual((len(self.strict.asked), len(self.lax.asked)), (1, 0))

    def test_unverified(self) -> None:
        """On loopback they need not be."""
        for host in ("127.0.0.1:1", "localhost", "[::1]:2"):
            self.ask(f"https://{host}/", verify=False)

        self.assertEqual((len(self.strict.asked), len(self.lax.asked)), (0, 3))

    def test_elsewhere(self) -> None:
        """Elsewhere they must be."""
        for host in ("a.example", "10.0.0.1", "localhost.example"):
            self.failureResultOf(self.ask(f"https://{host}/", verify=False), ValueError)

        self.assertEqual((self.strict.asked, self.lax.asked), ([], []))

    def test_redirected_elsewhere(self) -> None:
        """A redirect from loopback to elsewhere leads to where they are verified."""

        def answer(request: Any) -> bytes:
            request.redirect(b"https://a.example/")
            return b""

        client = HttpClient(self.strict, Clock(), RequestTraversalAgent(Upstream(answer)))

        self.ask("http://127.0.0.1/", client, verify=False, follow_redirects=True)

        self.assertEqual(len(self.strict.asked), 1)

    def test_strict_client(self) -> None:
        """A client with nothing for it refuses."""
        client = HttpClient(self.strict, Clock())

        self.failureResultOf(self.ask("https://[::1]/", client, verify=False), ValueError)


class BuildHttpTests(SynchronousTestCase):
    """Tests for `build_http`."""

    def build(self, environ: dict[str, str]) -> tuple[HttpClient, MemoryReactorClock, str]:
        reactor = MemoryReactorClock()
        with capturedLogs() as events:
            client = build_http(reactor, environ=environ, home=Path(self.mktemp()))
        return client, reactor, " ".join(formatEvent(event) for event in events)

    def port(self, environ: dict[str, str], url: str, **how: Any) -> int:
        """The port that a request connects to."""
        client, reactor, _ = self.build(environ)
        asking = Deferred.fromCoroutine(client.request("GET", url, **how))
        asking.addErrback(lambda failure: failure.trap(CancelledError) and None)
        [(_, port, *_)] = reactor.tcpClients
        asking.cancel()
        return int(port)

    def test_direct(self) -> None:
        """Without settings a request goes where its URL says."""
        self.assertEqual(self.port({}, "https://10.1.1.1:4444/"), 4444)

    def test_proxy(self) -> None:
        """With a proxy set it goes there, and that is said without the login."""
        environ = {"https_proxy": "http://us:hush@10.2.2.2:3128"}

        self.assertEqual(self.port(environ, "https://10.1.1.1:4444/"), 3128)
        *_, logged = self.build(environ)
        self.assertIn("http://***@10.2.2.2:3128", logged)
        self.assertNotIn("hush", logged)

    def test_loopback(self) -> None:
        """Never to a proxy with a request for this machine."""
        environ = {"all_proxy": "http://10.2.2.2:3128"}
        for verify in (True, False):
            self.assertEqual(self.port(environ, "https://127.0.0.1:5/", verify=verify), 5)

    def test_look_ups(self) -> None:
        """No name is looked up in a thread that the reactor waits for when it stops."""
        client, _, _ = self.build({})
        agent: Any = client.agent

        self.assertIsInstance(agent.reactor.nameResolver, LookUps)

    def test_broken_trust(self) -> None:
        """Broken trust settings fail the requests that need them, not the start."""
        client, _, logged = self.build({"SSL_CERT_FILE": "/nowhere/ca.pem"})

        asking = Deferred.fromCoroutine(client.request("GET", "https://10.1.1.1/"))

        error = self.failureResultOf(asking, UnreachableError).value
        self.assertIn("SSL_CERT_FILE", str(error))
        self.assertIn("SSL_CERT_FILE", logged)
