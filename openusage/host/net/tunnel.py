"""Connections through a proxy: endpoints that have the conversation which opens the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from openusage.host.net.failures import TROUBLES, explain
from openusage.host.net.handshakes import MAX_HANDSHAKE, Handshake
from openusage.model import ProbeError, UnreachableError

__all__ = ["LookedUp", "ToProxy", "TunnelEndpoint"]


@implementer(IStreamClientEndpoint)
@frozen
class ToProxy:
    """The endpoint of a proxy; its failures say that it was the proxy."""

    endpoint: IStreamClientEndpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        connecting: Deferred[IProtocol] = self.endpoint.connect(protocolFactory)
        return connecting.addErrback(_proxy_trouble)


def _proxy_trouble(failure: Failure) -> Failure:
    failure.trap(*TROUBLES)
    known = explain(failure.value)
    return Failure(type(known)(f"proxy: {known}") if isinstance(known, ProbeError) else known)


@implementer(IStreamClientEndpoint)
@frozen
class LookedUp:
    """An endpoint that is made for the address of `host` once that is known."""

    resolver: IHostnameResolver
    host: str
    endpoint_for: Callable[[str], IStreamClientEndpoint]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        receiver = _Addresses()
        self.resolver.resolveHostName(receiver, self.host)
        return receiver.best.addCallback(
            lambda address: self.endpoint_for(address).connect(protocolFactory)
        )


@implementer(IResolutionReceiver)
class _Addresses:
    """Collects what a look-up finds.

    Attributes:
        best: fires with an address, of version 4 if there is one, which every proxy can reach.
    """

    def __init__(self) -> None:
        self.best: Deferred[Any] = Deferred()
        self._found: list[IPv4Address | IPv6Address] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """A look-up cannot be stopped; what comes after a cancellation is dropped."""

    def addressResolved(self, address: IAddress) -> None:
        if isinstance(address, IPv4Address | IPv6Address):
            self._found.append(address)

    def resolutionComplete(self) -> None:
        if self.best.called:
            return
        if not self._found:
            self.best.errback(DNSLookupError())
            return
        best = min(self._found, key=lambda address: isinstance(address, IPv6Address))
        self.best.callback(best.host)


@implementer(IStreamClientEndpoint)
@frozen
class TunnelEndpoint:
    """A way through the proxy at `proxy`: `handshake` makes the conversation that opens it.

    The connected protocol gets the proxy's transport, and every byte behind the conversation.
    """

    proxy: IStreamClientEndpoint
    handshake: Callable[[], Handshake]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`; also fails with `UnreachableError`."""
        connecting: Deferred[Any] = self.proxy.connect(_Tunnels(self.handshake, protocolFactory))
        return connecting.addCallback(lambda tunnel: tunnel.open)


class _Tunnels(Factory):
    noisy = False

    def __init__(self, handshake: Callable[[], Handshake], inner: IProtocolFactory) -> None:
        self._handshake = handshake
        self._inner = inner

    def doStart(self) -> None:
        self._inner.doStart()

    def doStop(self) -> None:
        self._inner.doStop()

    def buildProtocol(self, addr: Any) -> _Tunnel:
        return _Tunnel(self._handshake(), lambda: self._inner.buildProtocol(addr))


class _Tunnel(Protocol):
    """Talks with the proxy, then stands between its transport and the inner protocol.

    Attributes:
        open: fires with the inner protocol; cancelling it drops the connection.
    """

    def __init__(self, handshake: Handshake, build: Callable[[], IProtocol | None]) -> None:
        self._handshake = handshake
        self._build = build
        self._inner: IProtocol | None = None
        self._received = 0
        self.open: Deferred[IProtocol] = Deferred(lambda _: self._transport.abortConnection())

    @property
    def _transport(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        self._transport.write(self._handshake.start())

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        if self.open.called:
            return
        self._received += len(data)
        try:
            said = self._handshake.receive(data)
            if self._handshake.rest is None and self._received > MAX_HANDSHAKE:
                raise UnreachableError("proxy talks on and on")
        except UnreachableError as error:
            self._fail(error)
            return
        if said:
            self._transport.write(said)
        if self._handshake.rest is not None:
            self._hand_over(self._handshake.rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif not self.open.called:
            done = reason.check(ConnectionDone)
            words = "closed the connection" if done else explain(reason.value)
            self.open.errback(UnreachableError(f"proxy: {words}"))

    def _hand_over(self, rest: bytes) -> None:
        inner = self._build()
        if inner is None:
            self._fail(UnreachableError("connection closed"))
            return
        self._inner = inner
        inner.makeConnection(self._transport)
        self.open.callback(inner)
        if rest:
            inner.dataReceived(rest)

    def _fail(self, error: UnreachableError) -> None:
        self._transport.abortConnection()
        self.open.errback(error)
