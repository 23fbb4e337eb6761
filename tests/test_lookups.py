"""Tests for `openusage.host.net.lookups`."""

from __future__ import annotations

import socket
import threading
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.trial.unittest import TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from openusage.host.net.lookups import LookUps, WithLookUps
from tests.loopback import reactor


@implementer(IResolutionReceiver)
class Receiver:
    """Fires `found` with all addresses."""

    def __init__(self) -> None:
        self.found: Deferred[list[IAddress]] = Deferred()
        self._addresses: list[IAddress] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """See `IResolutionReceiver`."""

    def addressResolved(self, address: IAddress) -> None:
        """See `IResolutionReceiver`."""
        self._addresses.append(address)

    def resolutionComplete(self) -> None:
        """See `IResolutionReceiver`."""
        self.found.callback(self._addresses)


class LookUpsTests(TestCase):
    """Tests for `LookUps`."""

    timeout = 30.0

    def setUp(self) -> None:
        self.threads: list[threading.Thread] = []

    def found(self, answer: list[Any] | Exception, name: str = "a.example") -> Any:
        """What comes of a look-up that the system answers so."""

        def getaddrinfo(*_: object, **__: object) -> list[Any]:
            self.threads.append(threading.current_thread())
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.patch(socket, "getaddrinfo", getaddrinfo)
        receiver = Receiver()
        look_ups = LookUps(reactor)
        verifyObject(IHostnameResolver, look_ups)
        self.assertEqual(look_ups.resolveHostName(receiver, name, 443).name, name)
        return receiver.found

    async def test_addresses(self) -> None:
        """Addresses come in the order of the system, whichever kind they are of."""
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 443, 0, 0))
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))

        found = await self.found([six, four])

        self.assertEqual(
            found, [IPv6Address("TCP", "2001:db8::1", 443), IPv4Address("TCP", "192.0.2.1", 443)]
        )

    async def test_unknown(self) -> None:
        """A name that is not known, or is none, has no address."""
        self.assertEqual(await self.found(socket.gaierror(-2, "unknown")), [])
        self.assertEqual(await self.found(UnicodeError("no name")), [])

    async def test_thread(self) -> None:
        """The process may end while the system still looks."""
        await self.found([])

        self.assertTrue(self.threads[0].daemon)

    def test_address(self) -> None:
        """An address is its own, at once."""
        receiver = Receiver()

        LookUps(reactor).resolveHostName(receiver, "192.0.2.7", 80)

        found = self.successResultOf(receiver.found)
        self.assertEqual(found, [IPv4Address("TCP", "192.0.2.7", 80)])


class WithLookUpsTests(TestCase):
    """Tests for `WithLookUps`."""

    def test_reactor(self) -> None:
        """It is the reactor but for its way to look names up."""
        look_ups = LookUps(reactor)

        network = WithLookUps(reactor, look_ups)

        verifyObject(IReactorPluggableNameResolver, network)
        self.assertIs(network.nameResolver, look_ups)
        self.assertEqual(network.connectTCP, reactor.connectTCP)
