"""The server: a `Site` whose every answer, those of Twisted itself included, follows our rules."""

from __future__ import annotations

from io import BytesIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from openusage._version import __version__
from openusage.api.answers import COMMON_HEADERS, JSON_TYPE, answer_error, error_body
from openusage.log import logger

__all__ = ["ApiSite"]

_GRACE = 1.0


class _ApiRequest(Request):
    """A request whose body is not kept, and whose failures are JSON."""

    def gotLength(self, length: int | None) -> None:
        """No route reads a body: none is ever put on the disk or held in memory."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Drop it."""

    def process(self) -> None:
        """Route `*` and absolute targets (RFC 9112, 3.2) like any other path."""
        if not self.path.startswith(b"/"):
            _, scheme, rest = self.path.partition(b"://")
            self.path = b"/" + (rest.partition(b"/")[2] if scheme else self.path)
        super().process()

    def render(self, resrc: IResource) -> None:
        """Name ourselves, not the framework."""
        self.setHeader(b"Server", b"openusage/" + __version__.encode())
        super().render(resrc)

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer a failure that not even the routes' own handler saw."""
        _log.failure("a request could not be answered", reason)
        self.write(answer_error(self, 500, "internal_error"))
        self.finish()
        return reason


class _ApiChannel(HTTPChannel):
    """A connection that its site knows of, and that refuses what is no HTTP in our own words."""

    site: ApiSite

    def connectionMade(self) -> None:
        self.site.channels.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.site.lost(self)
        super().connectionLost(reason)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Say why the connection ends, which Twisted does not for an endless line."""
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """The one way Twisted has of refusing what it cannot parse; its own answer is bare."""
        self.write(_BAD_REQUEST)
        self.loseConnection()


class ApiSite(Site):
    """Serves a resource; it wakes for nothing but its clients, and can close all connections."""

    protocol = _ApiChannel  # type: ignore[assignment]
    noisy = False

    def __init__(self, resource: IResource, reactor: IReactorTime) -> None:
        super().__init__(resource, requestFactory=_ApiRequest, reactor=reactor)
        self.displayTracebacks = False
        self.channels: set[_ApiChannel] = set()
        self._empty: Deferred[None] | None = None

    def startFactory(self) -> None:
        """Nothing: Twisted would wake every second for the date of an access log we do not keep."""

    def stopFactory(self) -> None:
        """Nothing, as nothing was started."""

    def log(self, request: object) -> None:
        """Keep no access log; formatting one costs more than the answer."""

    def lost(self, channel: _ApiChannel) -> None:
        """A connection is gone."""
        self.channels.discard(channel)
        if not self.channels and self._empty is not None:
            empty, self._empty = self._empty, None
            empty.callback(None)

    async def close(self) -> None:
        """Close all connections: what is written is sent, and who does not read is cut off."""
        if not self.channels:
            return
        empty = self._empty = Deferred()
        cut = self.reactor.callLater(_GRACE, self._cut)
        for channel in tuple(self.channels):
            channel.loseConnection()
        await empty
        if cut.active():
            cut.cancel()

    def _cut(self) -> None:
        for channel in tuple(self.channels):
            channel.forceAbortClient()


def _bad_request() -> bytes:
    body = error_body("bad_request")
    headers = {
        **COMMON_HEADERS,
        b"Content-Type": JSON_TYPE,
        b"Content-Length": b"%d" % len(body),
        b"Connection": b"close",
    }
    lines = [b"HTTP/1.1 400 Bad Request", *(b"%s: %s" % pair for pair in headers.items())]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


_BAD_REQUEST = _bad_request()
_log = logger(__name__)
