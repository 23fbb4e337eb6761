"""One HTTP request: a value that holds only what can be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin

from attrs import field, frozen
from hyperlink import EncodedURL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from openusage._version import __version__
from openusage.model import ProbeError, UnreachableError

__all__ = ["Bytes", "Request"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_LONGEST_HOST = 253
_HOST = re.compile(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_URL = re.compile(r"[^\x00-\x20\x7f]+")

_SAME_METHOD = (301, 302, 307, 308)
_SEE_OTHER = 303
_ABOUT_BODY = ("content-type", "content-encoding")
_HARMLESS = ("accept", "user-agent")


class _Target(EncodedURL):
    """A URL whose host may be an IPv6 address, which hyperlink would encode as a name."""

    def to_uri(self) -> EncodedURL:
        if ":" not in self.host:
            return super().to_uri()
        return self.replace(host="localhost").to_uri().replace(host=self.host)


def _target(url: str) -> EncodedURL:
    """`url` ready to be sent. Raises `UnreachableError`, which does not quote it."""
    try:
        target = _Target.from_text(url).to_uri().replace(fragment="")
        target = target.normalize(path=False, query=False, percents=False)
    except ValueError:
        raise UnreachableError("not a web address") from None
    if (
        target.scheme not in ("http", "https")
        or target.userinfo
        or not 0 < (target.port or 0) < 2**16
        or not _HOST.fullmatch(target.host)
        or len(target.host) > _LONGEST_HOST
        or not _URL.fullmatch(url)
    ):
        raise UnreachableError("not a web address")
    return target


def _method(method: str) -> str:
    if not _TOKEN.fullmatch(method):
        raise ProbeError("a request has a method that HTTP does not allow")
    return method.upper()


def _headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ProbeError("a request header has a name that HTTP does not allow")
        if not _VALUE.fullmatch(value):
            raise ProbeError(f"the request header {name} has a character that HTTP does not allow")
    return headers


@frozen
class Request:
    """A request; making one raises `UnreachableError` for a bad URL, `ProbeError` for a bad header.

    The words of either quote no value.
    """

    method: str = field(converter=_method)
    target: EncodedURL = field(converter=_target)
    headers: Mapping[str, str] = field(converter=_headers, repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL as it is sent."""
        return self.target.to_text()

    @property
    def origin(self) -> tuple[str, str, int | None]:
        """Whom the request is for: scheme, host and port."""
        return self.target.scheme, self.target.host.lower(), self.target.port

    def raw_headers(self) -> Headers:
        """The headers as Twisted takes them, with a `User-Agent` if they have none."""
        raw = Headers({b"User-Agent": [f"openusage/{__version__}".encode()]})
        for name, value in self.headers.items():
            raw.setRawHeaders(name.encode("ascii"), [value.encode("latin-1")])
        return raw

    def redirected(self, status: int, location: str | None) -> Request | None:
        """The request to follow an answer with `status` and `location`; `None`: there is none.

        Only GET and HEAD are sent elsewhere; 303 makes any other method a GET. Headers that may
        hold a credential stay with the origin they were meant for.
        """
        safe = self.method in ("GET", "HEAD")
        if not location or not (status == _SEE_OTHER or (status in _SAME_METHOD and safe)):
            return None
        try:
            url = urljoin(self.url, location)
        except ValueError:
            raise UnreachableError("redirected to what is not a web address") from None
        following = Request(self.method if safe else "GET", url, {})
        same = following.origin == self.origin
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() in _HARMLESS or (same and name.lower() not in _ABOUT_BODY)
        }
        return Request(following.method, url, headers)


@implementer(IBodyProducer)
class Bytes:
    """A request body in one piece; treq's own would ask for the global reactor."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Write it all."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All is written already."""

    resumeProducing = stopProducing = pauseProducing
