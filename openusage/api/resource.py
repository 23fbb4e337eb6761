"""The API as a Twisted Web resource, for our own `Site` or below a prefix of another."""

from __future__ import annotations

from typing import cast

from klein.resource import KleinResource
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource

from openusage.api.answers import COMMON_HEADERS
from openusage.api.routes import Api

__all__ = ["api_resource"]

_NOTHING = b"\0"


def api_resource(api: Api) -> IResource:
    """A resource that answers every path below it, as `/v1/…` seen from where it is mounted."""
    return cast(IResource, _ApiResource(api.app.resource()))


class _ApiResource(Resource):
    """Klein, given only requests that neither it nor Werkzeug answers in words of its own."""

    isLeaf = True

    def __init__(self, routes: KleinResource) -> None:
        super().__init__()
        self._routes = routes

    def render(self, request: IRequest) -> object:
        for header, value in COMMON_HEADERS.items():
            request.setHeader(header, value)
        segments = [_utf8(segment) for segment in request.postpath]
        while segments and not segments[-1]:
            segments.pop()
        if b"" in segments:
            segments = [_NOTHING]  # Werkzeug would forgive doubled slashes, or redirect
        request.postpath = segments
        # No route depends on the host the client names, and Werkzeug refuses odd ones with a 500.
        request.requestHeaders.setRawHeaders(b"Host", [b"localhost"])
        return self._routes.render(request)


def _utf8(segment: bytes) -> bytes:
    """`segment`, with bytes that are no UTF-8 made into what no id contains: it is just unknown."""
    return segment.decode("utf-8", "replace").encode()
