"""Tests for `openusage.host.net.tunnel`."""

from __future__ import annotations

from typing import Any, cast

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
)
from twisted.internet.error import (
    ConnectionRefusedError as Refused,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import (
    AccumulatingProtocol,
    MemoryReactorClock,
    StringTransport,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from openusage.host.net.handshakes import Connect
from openusage.host.net.tunnel import LookedUp, ToProxy, TunnelEndpoint
from openusage.model import UnreachableError

CONSENT = b"HTTP/1.1 200 OK\r\n\r\n"


class Accumulating(Factory):
    """Makes protocols that keep what they get."""

    protocol: Any = AccumulatingProtocol
    protocolConnectionMade = None


class Transport(StringTransport):
    """A transport that can be told to drop everything."""

    aborted = False

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True


@implementer(IStreamClientEndpoint)
@define
class FakeProxy:
    """A proxy: the test says what it says."""

    transport: Transport = field(factory=Transport)
    protocol: Any = None

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Connect at once."""
        protocolFactory.doStart()
        self.protocol = protocolFactory.buildProtocol(self.transport.getPeer())
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)

    def say(self, data: bytes) -> None:
        """Have the client read."""
        self.protocol.dataReceived(data)

    def close(self, reason: Exception) -> None:
        """Lose the connection."""
        self.protocol.connectionLost(Failure(reason))


class TunnelEndpointTests(SynchronousTestCase):
    """Tests for `TunnelEndpoint`."""

    def setUp(self) -> None:
        self.proxy = FakeProxy()
        self.endpoint = TunnelEndpoint(self.proxy, lambda: Connect("a.example:443", {}))
        self.factory: Any = Accumulating()

    def connect(self) -> Deferred[Any]:
        return self.endpoint.connect(self.factory)

    def test_interface(self) -> None:
        """It is an endpoint."""
        self.assertTrue(verifyObject(IStreamClientEndpoint, self.endpoint))

    def test_open(self) -> None:
        """Once the proxy consents, the protocol has the connection as its own."""
        connecting = self.connect()
        self.assertTrue(self.proxy.transport.value().startswith(b"CONNECT a.example:443 "))
        self.assertNoResult(connecting)

        self.proxy.say(CONSENT[:10])
        self.proxy.say(CONSENT[10:])

        protocol = self.successResultOf(connecting)
        self.assertIs(protocol.transport, self.proxy.transport)
        self.proxy.say(b"hello")
        self.assertEqual(protocol.data, b"hello")
        self.proxy.close(ConnectionDone())
        self.assertEqual(protocol.closed, 1)

    def test_early(self) -> None:
        """What comes right behind the consent is the protocol's."""
        connecting = self.connect()

        self.proxy.say(CONSENT + b"hello")

        self.assertEqual(self.successResultOf(connecting).data, b"hello")

    def test_refused(self) -> None:
        """A refusal is the connection's failure, and drops it."""
        connecting = self.connect()

        self.proxy.say(b"HTTP/1.1 403 No\r\n\r\n")

        error = self.failureResultOf(connecting, UnreachableError).value
        self.assertEqual(str(error), "proxy refused: 403 Forbidden")
        self.assertTrue(self.proxy.transport.aborted)
        self.proxy.say(b"more")
        self.proxy.close(ConnectionLost())

    def test_closed(self) -> None:
        """So is a connection that ends before the consent."""
        for reason, words in (
            (ConnectionDone(), "proxy: closed the connection"),
            (ConnectionLost(), "proxy: connection reset"),
        ):
            connecting = self.connect()

            self.proxy.close(reason)

            error = self.failureResultOf(connecting, UnreachableError).value
            self.assertEqual(str(error), words)

    def test_endless(self) -> None:
        """A proxy that talks on and on is heard for 64 KiB only."""
        connecting = self.connect()

        for _ in range(100):
            self.proxy.say(b"HTTP/1.1 102 Wait\r\n\r\n" * 100)

        self.failureResultOf(connecting, UnreachableError)
        self.assertTrue(self.proxy.transport.aborted)

    def test_long_line(self) -> None:
        """A head without an end is refused too."""
        connecting = self.connect()

        for _ in range(100):
            self.proxy.say(b"HTTP/1.1 200 " + b"x" * 1000)

        self.failureResultOf(connecting, UnreachableError)
        self.assertTrue(self.proxy.transport.aborted)

    def test_cancelled(self) -> None:
        """Cancelling during the conversation drops the connection."""
        connecting = self.connect()

        connecting.cancel()

        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(self.proxy.transport.aborted)
        self.proxy.say(CONSENT)
        self.proxy.close(ConnectionLost())

    def test_no_protocol(self) -> None:
        """A factory that wants no connection gets none."""
        self.factory.buildProtocol = lambda _: None
        connecting = self.connect()

        self.proxy.say(CONSENT)

        self.failureResultOf(connecting, UnreachableError)
        self.assertTrue(self.proxy.transport.aborted)

    def test_factory(self) -> None:
        """The factory is told when it starts and stops."""
        told: list[str] = []
        self.factory.doStart = lambda: told.append("start")
        self.factory.doStop = lambda: told.append("stop")
        reactor = MemoryReactorClock()
        proxy = TCP4ClientEndpoint(reactor, "127.0.0.1", 1)

        connecting = TunnelEndpoint(proxy, lambda: Connect("a:1", {})).connect(self.factory)
        factory: Any = reactor.tcpClients[0][2]
        factory.doStart()
        factory.clientConnectionFailed(None, Failure(Refused()))
        factory.doStop()

        self.failureResultOf(connecting, Refused)
        self.assertEqual(told, ["start", "stop"])


class ToProxyTests(SynchronousTestCase):
    """Tests for `ToProxy`."""

    def test_failure(self) -> None:
        """A failure to connect says that it was the proxy."""
        failing: Any = FailingEndpoint(Refused())

        error = self.failureResultOf(ToProxy(failing).connect(Factory()), UnreachableError).value

        self.assertEqual(str(error), "proxy: connection refused")

    def test_cancelled(self) -> None:
        """A cancellation stays one, and a bug a bug."""
        for error in (CancelledError(), ZeroDivisionError()):
            failing: Any = FailingEndpoint(error)

            self.failureResultOf(ToProxy(failing).connect(Factory()), type(error))

    def test_success(self) -> None:
        """A connection is handed on."""
        proxy = FakeProxy()

        protocol = self.successResultOf(ToProxy(proxy).connect(Accumulating()))

        self.assertIs(protocol, proxy.protocol)


@implementer(IStreamClientEndpoint)
@define
class FailingEndpoint:
    """Fails to connect."""

    error: Exception

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Fail at once."""
        return fail(self.error)


@define
class FakeResolver:
    """Keeps the receiver for the test to use."""

    receiver: Any = None

    def resolveHostName(self, receiver: Any, hostName: str) -> None:
        """See `IHostnameResolver`."""
        self.receiver = receiver
        receiver.resolutionBegan(None)


class LookedUpTests(SynchronousTestCase):
    """Tests for `LookedUp`."""

    def setUp(self) -> None:
        self.resolver = FakeResolver()
        self.made: list[str] = []
        endpoint = LookedUp(cast(Any, self.resolver), "a.example", self.endpoint_for)
        self.connecting: Deferred[Any] = endpoint.connect(Factory())

    def endpoint_for(self, address: str) -> Any:
        self.made.append(address)
        return FailingEndpoint(Refused())

    def answer(self, *addresses: object) -> None:
        for address in addresses:
            self.resolver.receiver.addressResolved(address)
        self.resolver.receiver.resolutionComplete()

    def test_found(self) -> None:
        """The endpoint is made for the address, of version 4 if there is one."""
        self.answer(IPv6Address("TCP", "::2", 0), IPv4Address("TCP", "1.2.3.4", 0))

        self.failureResultOf(self.connecting, Refused)
        self.assertEqual(self.made, ["1.2.3.4"])

    def test_version_6(self) -> None:
        """An address of version 6 will do."""
        self.answer(object(), IPv6Address("TCP", "::2", 0))

        self.failureResultOf(self.connecting, Refused)
        self.assertEqual(self.made, ["::2"])

    def test_unknown(self) -> None:
        """No address is an unknown host."""
        self.answer()

        self.failureResultOf(self.connecting, DNSLookupError)

    def test_cancelled(self) -> None:
        """An answer that comes after a cancellation changes nothing."""
        self.connecting.cancel()
        self.failureResultOf(self.connecting, CancelledError)

        self.answer(IPv4Address("TCP", "1.2.3.4", 0))

        self.assertEqual(self.made, [])
