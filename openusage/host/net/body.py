"""The body of an answer, read to its end but never past a limit, however well it was packed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from openusage.model import UnexpectedResponseError

__all__ = ["PackedAgent", "read_body"]

_CODING = b"X-Openusage-Content-Encoding"
_GZIP = (b"gzip", b"x-gzip")
_NONE = (b"", b"identity")
_PIECE = 64 * 2**10


@implementer(IAgent)
@frozen
class PackedAgent:
    """An agent whose answers stay packed for `read_body`.

    treq unpacks gzip by itself, each piece in one go and without a bound, so what packs a body is
    hidden from it.
    """

    agent: IAgent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See `IAgent`."""
        asked: Deferred[IResponse] = self.agent.request(method, uri, headers, bodyProducer)
        return asked.addCallback(_hide_coding)


def _hide_coding(response: IResponse) -> IResponse:
    codings = response.headers.getRawHeaders(b"Content-Encoding")
    if codings:
        response.headers.setRawHeaders(_CODING, codings)
        response.headers.removeHeader(b"Content-Encoding")
    return response


def read_body(response: IResponse, limit: int) -> Deferred[bytes]:
    """The whole body of an answer that came by `PackedAgent`.

    Fails with `UnexpectedResponseError` when there is more than `limit` bytes of it, or when it is
    packed in a way that was not asked for. Cancelling it drops the connection.
    """
    codings = b",".join(response.headers.getRawHeaders(_CODING, [])).replace(b" ", b"").lower()
    response.headers.removeHeader(_CODING)
    response.headers.removeHeader(b"Content-Encoding")  # which Twisted leaves behind, empty
    reader = _Reader(response.code, limit, codings)
    response.deliverBody(reader)
    return reader.done


class _Reader(Protocol):
    """Collects one body.

    Attributes:
        done: fires with the body; cancelling it drops the connection.
    """

    def __init__(self, status: int, limit: int, codings: bytes) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._drop())
        self._status = status
        self._left = limit
        self._known = codings in (*_GZIP, *_NONE)
        self._gunzip = _Gunzip() if codings in _GZIP else None
        self._pieces: list[bytes] = []

    def connectionMade(self) -> None:
        if not self._known:
            self._fail("the answer is packed in a way that was not asked for")

    def dataReceived(self, data: bytes) -> None:
        try:
            for piece in [data] if self._gunzip is None else self._gunzip.unpack(data):
                if self.done.called:
                    return
                self._left -= len(piece)
                if self._left < 0:
                    self._fail("the answer is too large")
                    return
                self._pieces.append(piece)
        except zlib.error:
            self._fail("the answer is not valid gzip")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        # PotentialDataLoss: neither a length nor chunks, so that its end was all there is to go by.
        if not reason.check(ResponseDone, PotentialDataLoss):
            self.done.errback(reason)
        elif self._gunzip is not None and not self._gunzip.complete:
            self._fail("the answer is not valid gzip")
        else:
            self.done.callback(b"".join(self._pieces))

    def _fail(self, words: str) -> None:
        if not self.done.called:
            self._pieces.clear()
            self._drop()
            self.done.errback(UnexpectedResponseError(words, self._status))

    def _drop(self) -> None:
        transport = self.transport
        drop = getattr(transport, "abortConnection", None) or getattr(
            transport, "loseConnection", None
        )
        if drop is not None:
            drop()


class _Gunzip:
    """Unpacks gzip, in one or several members, in pieces of bounded size."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS + 16)
        self._begun = False

    @property
    def complete(self) -> bool:
        """Whether what came so far is nothing at all or ends where a member ends."""
        return self._member.eof or not self._begun

    def unpack(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(zlib.MAX_WBITS + 16)
            self._begun = True
            yield self._member.decompress(data, _PIECE)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
