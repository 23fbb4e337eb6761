"""Which hosts are asked directly: those that NO_PROXY names, and always this machine."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from attrs import frozen

__all__ = ["Bypass", "is_address", "is_loopback", "read_no_proxy"]


@frozen
class Bypass:
    """One entry of NO_PROXY: a host with all that is below it, or a network; one port or any."""

    host: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    def covers(self, host: str, port: int) -> bool:
        """Whether a target is to be asked directly; `host` is lower-case."""
        if self.port not in (None, port):
            return False
        if self.host == "*":
            return True
        if self.network is not None:
            address = _address(host)
            return address is not None and address in self.network
        return host == self.host or host.endswith("." + self.host)


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine: `localhost`, 127.0.0.0/8 or `::1`."""
    address = _address(host.strip("[]"))
    return host.lower().rstrip(".") == "localhost" or (address is not None and address.is_loopback)


def is_address(host: str) -> bool:
    """Whether `host` is an IP address rather than a name."""
    return _address(host) is not None


def read_no_proxy(text: str) -> Iterator[Bypass]:
    """The entries of NO_PROXY's value, set apart by commas or blanks.

    An entry is `*`, a host with all that is below it (a leading dot or `*.` changes nothing), an
    address or a network; `:port` behind it narrows it to one port.
    """
    for entry in text.replace(",", " ").lower().split():
        host, port = _host_and_port(entry)
        host = host.removeprefix("*.").lstrip(".").rstrip(".")
        if host:
            yield Bypass(host, _network(host), port)


def _host_and_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        port = rest.removeprefix(":")
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
    else:
        host, port = entry, ""
    return host, int(port) if port.isascii() and port.isdigit() else None


def _network(host: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(host, strict=False)
    except ValueError:
        return None


def _address(host: str) -> Any:
    try:
        return ip_address(host)
    except ValueError:
        return None
