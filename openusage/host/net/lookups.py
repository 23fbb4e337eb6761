"""Looking names up so that a look-up which hangs keeps nobody, least of all the end of the process.

The reactor waits for its own threads when it stops, and an unreachable name server can hold a
thread for half a minute.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from threading import Thread
from typing import Any

from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

from openusage.host.net.noproxy import is_address

__all__ = ["LookUps", "WithLookUps"]


@implementer(IHostnameResolver)
@frozen
class LookUps:
    """Asks the operating system, in a thread that ends with the process."""

    reactor: Any

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See `IHostnameResolver`; addresses are for TCP, of all types."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def deliver(found: Sequence[IAddress]) -> None:
            for address in found:
                resolutionReceiver.addressResolved(address)
            resolutionReceiver.resolutionComplete()

        def look_up() -> None:
            self.reactor.callFromThread(deliver, _addresses(hostName, portNumber))

        if is_address(hostName):
            deliver(_addresses(hostName, portNumber))  # which asks nobody
            return resolution
        Thread(target=look_up, name="look-up", daemon=True).start()
        return resolution


@implementer(IReactorPluggableNameResolver)
@frozen
class WithLookUps:
    """`reactor`, but that it looks names up by `nameResolver`."""

    reactor: Any
    nameResolver: IHostnameResolver

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """See `IReactorPluggableNameResolver`; the names here are looked up in one way."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reactor, name)


@implementer(IHostResolution)
@frozen
class _Resolution:
    name: str

    def cancel(self) -> None:
        """A look-up cannot be stopped."""


def _addresses(host: str, port: int) -> list[IAddress]:
    """What `host` is known by; nothing when it is not known. Blocks."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses: list[IAddress] = []
    for family, _, _, _, address in found:
        if family == socket.AF_INET:
            addresses.append(IPv4Address("TCP", *address))
        elif family == socket.AF_INET6:
            addresses.append(IPv6Address("TCP", *address))
    return addresses
