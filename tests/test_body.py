"""Tests for `openusage.host.net.body`."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from openusage.host.net.body import PackedAgent, read_body
from openusage.model import UnexpectedResponseError


@define
class FakeResponse:
    """An answer whose body is delivered by the test."""

    headers: Headers = field(factory=Headers)
    code: int = 200
    transport: StringTransport = field(factory=StringTransport)
    protocol: Any = None

    def deliverBody(self, protocol: Any) -> None:
        """Connect the reader."""
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def deliver(self, *pieces: bytes, end: Exception | None = None) -> None:
        """Have the reader read, to the end."""
        for piece in pieces:
            self.protocol.dataReceived(piece)
        self.protocol.connectionLost(Failure(end or ResponseDone()))


@define
class FakeAgent:
    """Gives one answer."""

    response: FakeResponse

    def request(self, *_: object) -> Deferred[FakeResponse]:
        """See `IAgent`."""
        return succeed(self.response)


class BodyTestCase(SynchronousTestCase):
    """Reads answers that came by `PackedAgent`."""

    def read(self, coding: str | None = None, limit: int = 100) -> tuple[FakeResponse, Any]:
        """An answer, and its body to come."""
        headers = {} if coding is None else {"Content-Encoding": [coding]}
        agent: Any = FakeAgent(FakeResponse(Headers(headers)))
        response: Any = self.successResultOf(PackedAgent(agent).request(b"GET", b"http://a/"))
        return response, read_body(response, limit)

    def failure(self, body: Deferred[bytes]) -> str:
        """The words in which reading failed."""
        return str(self.failureResultOf(body, UnexpectedResponseError).value)


class PackedAgentTests(BodyTestCase):
    """Tests for `PackedAgent`."""

    def test_hidden(self) -> None:
        """What packs a body is hidden from treq, and gone when the body is read."""
        response = FakeResponse(Headers({"Content-Encoding": ["gzip"], "X-A": ["b"]}))
        agent: Any = FakeAgent(response)

        self.successResultOf(PackedAgent(agent).request(b"GET", b"http://a/"))
        self.assertFalse(response.headers.hasHeader("Content-Encoding"))
        read_body(response, 1)  # type: ignore[arg-type]

        self.assertEqual(list(response.headers.getAllRawHeaders()), [(b"X-A", [b"b"])])


class ReadBodyTests(BodyTestCase):
    """Tests for `read_body`."""

    def test_plain(self) -> None:
        """Pieces are put together."""
        response, body = self.read()

        response.deliver(b"ab", b"", b"c")

        self.assertEqual(self.successResultOf(body), b"abc")

    def test_until_close(self) -> None:
        """A body that ends with the connection is whole."""
        response, body = self.read()

        response.deliver(b"ab", end=PotentialDataLoss())

        self.assertEqual(self.successResultOf(body), b"ab")

    def test_broken(self) -> None:
        """A connection that breaks is an error, whatever came."""
        response, body = self.read()

        response.deliver(b"ab", end=ConnectionLost())

        self.failureResultOf(body, ConnectionLost)

    def test_limit(self) -> None:
        """The limit itself is allowed; one byte more drops the connection at once."""
        response, body = self.read(limit=3)
        response.deliver(b"abc")
        self.assertEqual(self.successResultOf(body), b"abc")

        response, body = self.read(limit=3)
        response.protocol.dataReceived(b"abcd")

        self.assertEqual(self.failure(body), "the answer is too large")
        self.assertTrue(response.transport.disconnecting)
        response.deliver(b"more")

    @settings(deadline=None)
    @given(
        st.lists(st.binary(), min_size=1), st.integers(1, 7), st.sampled_from(["gzip", "X-GZIP"])
    )
    def test_gzip(self, members: list[bytes], size: int, coding: str) -> None:
        """What is packed is unpacked, in any pieces and members."""
        packed = b"".join(gzip.compress(member) for member in members)
        response, body = self.read(coding, limit=10**6)

        response.deliver(*(packed[at : at + size] for at in range(0, len(packed), size)))

        self.assertEqual(self.successResultOf(body), b"".join(members))

    def test_gzip_large(self) -> None:
        """More than one piece's worth comes out of one read, whole."""
        whole = b"abcdefg" * 100_000
        response, body = self.read("gzip", limit=10**6)

        response.deliver(gzip.compress(whole))

        self.assertEqual(self.successResultOf(body), whole)

    def test_gzip_empty(self) -> None:
        """No body at all is an empty body."""
        response, body = self.read("gzip")

        response.deliver()

        self.assertEqual(self.successResultOf(body), b"")

    def test_bomb(self) -> None:
        """A bomb costs no more memory than the limit and a piece."""
        bomb = gzip.compress(bytes(200 * 2**20))
        response, body = self.read("gzip", limit=2**20)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

        response.protocol.dataReceived(bomb)

        self.assertEqual(self.failure(body), "the answer is too large")
        self.assertLess(tracemalloc.get_traced_memory()[1], 3 * 2**20)
        self.assertTrue(response.transport.disconnecting)

    def test_not_gzip(self) -> None:
        """What is not gzip, or not all of it, is an error, and drops the connection."""
        packed = gzip.compress(b"abc" * 10)
        for data in (b"<html>", packed[:-1], packed[:-9] + b"123456789", packed + b"\0\0\0"):
            response, body = self.read("gzip")

            response.deliver(data)

            self.assertEqual(self.failure(body), "the answer is not valid gzip")
            self.assertTrue(response.transport.disconnecting)

    def test_other_coding(self) -> None:
        """A coding that was not asked for is an error, whether or not anything comes."""
        for coding in ("br", "gzip, gzip", "deflate"):
            response, body = self.read(coding)
            response.deliver(zlib.compress(b"abc"))

            self.assertIn("not asked for", self.failure(body))

    def test_identity(self) -> None:
        """Not packed may be said out loud."""
        response, body = self.read("identity")

        response.deliver(b"abc")

        self.assertEqual(self.successResultOf(body), b"abc")

    def test_cancelled(self) -> None:
        """Cancelling drops the connection; what comes after it is dropped too."""
        response, body = self.read()
        response.protocol.dataReceived(b"abc")

        body.cancel()

        self.failureResultOf(body, CancelledError)
        self.assertTrue(response.transport.disconnecting)
        response.deliver(b"d", end=ConnectionLost())
