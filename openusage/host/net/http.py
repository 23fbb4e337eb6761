"""HTTP as a probe sees it: one request, one whole answer, or an error in plain words."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Protocol, cast

from attrs import field, frozen
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent

from openusage.host.net.agent import ProxyingAgent
from openusage.host.net.body import PackedAgent, read_body
from openusage.host.net.failures import TROUBLES, explain
from openusage.host.net.lookups import LookUps, WithLookUps
from openusage.host.net.noproxy import is_loopback
from openusage.host.net.proxysettings import read_proxies
from openusage.host.net.request import Bytes, Request
from openusage.host.net.trust import Unverified, tls_policy
from openusage.log import logger
from openusage.model import ProbeTimeoutError, UnexpectedResponseError
from openusage.redact import redact_url

__all__ = ["MAX_BODY", "Http", "HttpClient", "Response", "build_http"]

MAX_BODY = 8 * 2**20
MAX_REDIRECTS = 5

log = logger()


@frozen
class Response:
    """An answer, read to its end.

    Header names are lower-case; of a repeated one the last is kept.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError`."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("JSON nested too deep") from None

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become U+FFFD."""
        return self.body.decode("utf-8", "replace")


class Http(Protocol):
    """Asks services."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 10.0,
        follow_redirects: bool = False,
        verify: bool = True,
    ) -> Response:
        """The whole answer to one request, whatever its status.

        `timeout` is in seconds and covers everything from the look-up of the name to the last byte.
        Redirects, when followed, are at most 5, for GET and HEAD (303: for all, as GET); headers
        other than `Accept` and `User-Agent` stay with the origin they were meant for. Without
        `verify` (loopback only, else `ValueError`) any certificate will do.

        Raises `UnreachableError`, `ProbeTimeoutError`, `UnexpectedResponseError` for an answer of
        more than 8 MiB or one that is not HTTP, or a plain `ProbeError` for a header that cannot
        be sent.
        """
        ...


@frozen
class HttpClient:
    """`Http` by treq; no cookie outlives an answer, no connection is used twice.

    `unverified` is the agent for requests without `verify`; with none, they are refused.
    """

    agent: IAgent
    clock: IReactorTime
    unverified: IAgent | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 10.0,
        follow_redirects: bool = False,
        verify: bool = True,
    ) -> Response:
        """See `Http.request`."""
        request = Request(method, url, headers or {}, body)
        if not verify and not is_loopback(request.target.host):
            raise ValueError("a certificate may go unverified on loopback only")
        hops = MAX_REDIRECTS if follow_redirects else 0
        work = Deferred.fromCoroutine(self._follow(request, hops, verify))
        work.addTimeout(max(timeout, 0), self.clock, partial(_timed_out, timeout))
        return await work

    async def _follow(self, request: Request, hops: int, verify: bool) -> Response:
        for _ in range(hops + 1):
            response = await self._ask(request, self._agent(request.target.host, verify))
            if not hops:
                return response
            following = request.redirected(response.status, response.headers.get("location"))
            if following is None:
                return response
            request = following
        raise UnexpectedResponseError("redirected too often", response.status)

    def _agent(self, host: str, verify: bool) -> IAgent:
        if verify or not is_loopback(host):
            return self.agent
        if self.unverified is None:
            raise ValueError("this client verifies every certificate")
        return self.unverified

    async def _ask(self, request: Request, agent: IAgent) -> Response:
        # A client for one request only: with it goes its cookie jar.
        client = HTTPClient(PackedAgent(agent), data_to_body_producer=Bytes)
        try:
            answer = await client.request(
                request.method,
                request.target,
                headers=request.raw_headers(),
                data=request.body,
                allow_redirects=False,
                unbuffered=True,
                reactor=cast(Any, self.clock),
            )
            body = await read_body(answer, MAX_BODY)
        except TROUBLES as trouble:
            raise explain(trouble) from None
        log.debug(
            "HTTP {method} {url} -> {status}",
            method=request.method,
            url=redact_url(request.url),
            status=answer.code,
        )
        return Response(answer.code, _last_ones(answer.headers), body)


def build_http(
    reactor: Any, *, environ: Mapping[str, str], home: Path, platform: str = sys.platform
) -> HttpClient:
    """The client for real use, with the proxies and trusted certificates of the person's machine.

    Reads their settings at once, so call it before the reactor runs.
    """
    proxies = read_proxies(environ, home)
    for proxy in dict.fromkeys(filter(None, (proxies.https, proxies.http))):
        log.info("requests go through {proxy}", proxy=str(proxy))
    network = WithLookUps(reactor, LookUps(reactor))
    return HttpClient(
        ProxyingAgent(network, tls_policy(environ, platform), proxies),
        reactor,
        unverified=ProxyingAgent(network, Unverified()),
    )


def _timed_out(timeout: float, outcome: object, seconds: float) -> NoReturn:
    """Fail, whatever a cancelled request may have ended with."""
    raise ProbeTimeoutError(f"no answer within {timeout:g} s")


def _last_ones(headers: Headers) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in headers.getAllRawHeaders()
    }
