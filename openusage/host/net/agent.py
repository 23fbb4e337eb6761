"""An agent that goes through proxies and never leaves a connection behind."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.client import URI, Agent, ProxyAgent
from twisted.web.http import PROXY_AUTH_REQUIRED
from twisted.web.http_headers import Headers
from twisted.web.iweb import (
    IAgent,
    IAgentEndpointFactory,
    IBodyProducer,
    IPolicyForHTTPS,
    IResponse,
)
from zope.interface import implementer

from openusage.host.net.handshakes import Connect, Socks5, login_header
from openusage.host.net.line import HeldResponse, Layered, Line
from openusage.host.net.noproxy import is_address
from openusage.host.net.proxysettings import Proxies, Proxy
from openusage.host.net.tunnel import LookedUp, ToProxy, TunnelEndpoint
from openusage.model import UnreachableError

__all__ = ["ProxyingAgent"]


@implementer(IAgent)
@frozen
class ProxyingAgent:
    """An agent whose every request has a connection of its own, by way of a proxy where one is set.

    The connection is dropped as soon as the body of the answer ends, or when its reader calls
    `abortConnection`, whatever the other side does. A head of more than 256 KiB is refused.
    """

    reactor: Any
    policy: IPolicyForHTTPS
    proxies: Proxies = field(factory=Proxies)

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See `IAgent`; also fails with `UnreachableError` for trouble with a proxy."""
        target = URI.fromBytes(uri)
        scheme, host = target.scheme.decode("ascii"), target.host.decode("ascii")
        proxy = self.proxies.proxy_for(scheme, host, target.port)
        line = Line()
        if proxy is not None and scheme == "http" and proxy.scheme in ("http", "https"):
            agent = ProxyAgent(line.watch(self._to(proxy)), self.reactor)
            headers = _with_login(headers, proxy)
            asked = line.hold(agent.request(method, uri, headers, bodyProducer))
            return asked.addCallback(_let_through)
        way = self._way(host, target.port, proxy)
        if scheme == "https":
            way = self._tls(way, host, target.port)
        agent = Agent.usingEndpointFactory(self.reactor, _Fixed(line.watch(way)))
        return line.hold(agent.request(method, uri, headers, bodyProducer))

    def _way(self, host: str, port: int, proxy: Proxy | None) -> IStreamClientEndpoint:
        if proxy is None:
            return HostnameEndpoint(self.reactor, host, port)
        entrance = self._to(proxy)
        if proxy.scheme in ("http", "https"):
            netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return TunnelEndpoint(entrance, lambda: Connect(netloc, login_header(proxy)))

        def through(name: str) -> TunnelEndpoint:
            return TunnelEndpoint(entrance, lambda: Socks5(proxy, name, port))

        if proxy.scheme == "socks5" and not is_address(host):
            return LookedUp(self.reactor.nameResolver, host, through)
        return through(host)

    def _to(self, proxy: Proxy) -> IStreamClientEndpoint:
        endpoint: IStreamClientEndpoint = HostnameEndpoint(self.reactor, proxy.host, proxy.port)
        if proxy.scheme == "https":
            endpoint = self._tls(endpoint, proxy.host, proxy.port)
        return ToProxy(endpoint)

    def _tls(self, way: IStreamClientEndpoint, host: str, port: int) -> IStreamClientEndpoint:
        creator = self.policy.creatorForNetloc(host.encode("ascii"), port)
        # `wrapClientTLS` takes no clock in older Twisted and then asks for the global reactor.
        return Layered(
            way, lambda inner: TLSMemoryBIOFactory(creator, True, inner, clock=self.reactor)
        )


def _with_login(headers: Headers | None, proxy: Proxy) -> Headers:
    headers = Headers() if headers is None else headers.copy()
    for name, value in login_header(proxy).items():
        headers.setRawHeaders(name, [value])
    return headers


def _let_through(response: HeldResponse) -> HeldResponse:
    if response.code == PROXY_AUTH_REQUIRED:
        response.drop()
        raise UnreachableError("proxy authentication failed (407)")
    return response


@implementer(IAgentEndpointFactory)
@frozen
class _Fixed:
    endpoint: IStreamClientEndpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self.endpoint
