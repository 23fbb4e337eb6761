"""The connection of one request: never fed an endless head, never left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse
from zope.interface import implementer

from openusage.model import UnexpectedResponseError

__all__ = ["HeldResponse", "Layered", "Line"]

MAX_HEAD = 256 * 2**10


@implementer(IStreamClientEndpoint)
@frozen
class Layered:
    """An endpoint with a layer between its transport and the protocol."""

    endpoint: IStreamClientEndpoint
    layer: Callable[[IProtocolFactory], Any]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        connecting: Deferred[Any] = self.endpoint.connect(self.layer(protocolFactory))
        return connecting.addCallback(lambda layer: layer.wrappedProtocol)


@define(eq=False)
class Line:
    """The connection of one request: bounded up to the answer's head, dropped after its body."""

    connection: Any = None
    answered: bool = False

    def watch(self, endpoint: IStreamClientEndpoint) -> IStreamClientEndpoint:
        """`endpoint`, to be connected once; an answer's head of more than 256 KiB ends it."""
        return Layered(endpoint, lambda inner: _Heads(inner, self))

    def hold(self, asked: Deferred[IResponse]) -> Deferred[Any]:
        """The answer to what was asked over this connection, as a `HeldResponse`."""
        return asked.addCallback(self._answered)

    def _answered(self, response: IResponse) -> HeldResponse:
        self.answered = True
        return HeldResponse(response, self)

    def drop(self) -> None:
        """Drop the connection if there still is one."""
        if self.connection is not None:
            self.connection.abortConnection()


class _Heads(WrappingFactory):
    noisy = False

    def __init__(self, inner: IProtocolFactory, line: Line) -> None:
        super().__init__(inner)
        self.line = line

    def doStart(self) -> None:
        """Begin; Twisted's own factory would announce every request, with its insides."""

    doStop = doStart

    def buildProtocol(self, addr: object) -> _Head:
        return _Head(self, self.wrappedFactory.buildProtocol(addr), self.line)


class _Head(ProtocolWrapper):
    """Passes everything on, unless the head of the answer will not end."""

    def __init__(self, factory: _Heads, inner: IProtocol, line: Line) -> None:
        super().__init__(cast(Any, factory), inner)
        self._line = line
        self._received = 0

    def makeConnection(self, transport: Any) -> None:
        self._line.connection = self
        super().makeConnection(transport)

    def dataReceived(self, data: bytes) -> None:
        self._received += 0 if self._line.answered else len(data)
        if self._is_endless():
            self._line.drop()
        else:
            super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._line.connection = None
        if self._is_endless():
            reason = Failure(UnexpectedResponseError("the head of the answer is too large"))
        super().connectionLost(reason)

    def _is_endless(self) -> bool:
        # The chunk that completes a head may be as large as a socket gives, and brings body along.
        return not self._line.answered and self._received > MAX_HEAD


class HeldResponse(proxyForInterface(IResponse)):  # type: ignore[misc]
    """An answer whose reader can drop the connection, and which drops it itself at its end."""

    def __init__(self, original: IResponse, line: Line) -> None:
        super().__init__(original)
        self._line = line

    def drop(self) -> None:
        """Drop the connection."""
        self._line.drop()

    def deliverBody(self, protocol: IProtocol) -> None:
        """See `IResponse`; the protocol's transport has `abortConnection`."""
        self.original.deliverBody(_Body(protocol, self._line))


class _Body(Protocol):
    def __init__(self, inner: IProtocol, line: Line) -> None:
        self._inner = inner
        self._line = line

    def connectionMade(self) -> None:
        self._inner.makeConnection(_BodyTransport(self.transport, self._line))

    def dataReceived(self, data: bytes) -> None:
        self._inner.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Over TLS a server could hold the connection by never saying goodbye.
        self._line.drop()
        self._inner.connectionLost(reason)


class _BodyTransport(proxyForInterface(IPushProducer)):  # type: ignore[misc]
    def __init__(self, original: Any, line: Line) -> None:
        super().__init__(original)
        self._line = line

    def abortConnection(self) -> None:
        self._line.drop()

    loseConnection = abortConnection
