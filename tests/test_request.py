"""Tests for `openusage.host.net.request`."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

from openusage import __version__
from openusage.host.net.request import Bytes, Request
from openusage.model import ProbeError, UnreachableError


class RequestTests(SynchronousTestCase):
    """Tests for `Request`."""

    def test_url(self) -> None:
        """The URL is made fit for sending; its fragment stays here."""
        for url, sent in {
            "https://a.example": "https://a.example",
            "https://a.example/x?y=%20z&w#f": "https://a.example/x?y=%20z&w",
            "HTTP://127.0.0.1:80/é": "http://127.0.0.1/%C3%A9",
            "https://bücher.example/": "https://xn--bcher-kva.example/",
            "http://[::1]:8080/": "http://[::1]:8080/",
        }.items():
            self.assertEqual(Request("GET", url, {}).url, sent)

    def test_bad_url(self) -> None:
        """What is no web address is refused in words that do not quote it."""
        for url in (
            *("", "hush", "//hush/", "ftp://hush/", "file:///hush", "http://", "https:///hush"),
            *("http://user:hush@a.example/", "http://hush:0/", "http://hush:65536/"),
            *(
                "http://hush:x/",
                "http://[hush/",
                "http://hu sh/",
                "http://hush\r\n/",
                "http://a%0d/",
            ),
            *("http://a..hush/", f"http://{'hush' * 16}/", f"http://{'a.' * 150}hush/"),
            *("http://a/hush\r\nX: y", "http://a/\x00hush", "http://\udcff/hush"),
        ):
            error = self.assertRaises(UnreachableError, Request, "GET", url, {})
            self.assertEqual(str(error), "not a web address")

    @settings(deadline=None)
    @given(st.text())
    def test_any_url(self, text: str) -> None:
        """Any text is a web address or an error of ours."""
        for url in (text, f"http://{text}", f"https://a.example/{text}"):
            try:
                sent = Request("GET", url, {}).url
            except UnreachableError:
                continue
            self.assertRegex(sent, r"\Ahttps?://[\x21-\x7e]+\Z")

    def test_method(self) -> None:
        """Methods are upper-case words."""
        self.assertEqual(Request("post", "http://a/", {}).method, "POST")
        self.assertRaises(ProbeError, Request, "GET /x", "http://a/", {})
        self.assertRaises(ProbeError, Request, "", "http://a/", {})

    def test_headers(self) -> None:
        """Headers are sent as they are, Latin-1 if need be."""
        raw = Request("GET", "http://a/", {"X-Key": "a b\té"}).raw_headers()

        self.assertEqual(raw.getRawHeaders(b"x-key"), [b"a b\t\xe9"])

    def test_user_agent(self) -> None:
        """We say who we are unless told otherwise."""
        ours = Request("GET", "http://a/", {}).raw_headers()
        theirs = Request("GET", "http://a/", {"user-agent": "x"}).raw_headers()

        self.assertEqual(ours.getRawHeaders("user-agent"), [f"openusage/{__version__}"])
        self.assertEqual(theirs.getRawHeaders("user-agent"), ["x"])

    def test_bad_header(self) -> None:
        """A header that would break out of its line, or cannot be written, is refused unquoted."""
        for value in ("hush\r\nX: y", "hush\n", "\x00hush", "hush€", "\x7f", "hush\udcff"):
            error = self.assertRaises(ProbeError, Request, "GET", "http://a/", {"X-Key": value})
            self.assertIn("X-Key", str(error))
            self.assertNotIn("hush", str(error))
        for name in ("", "hush hush", "hush:", "hush\r\n", "hüsh"):
            error = self.assertRaises(ProbeError, Request, "GET", "http://a/", {name: "x"})
            self.assertNotIn("hush", str(error))

    def test_repr(self) -> None:
        """Neither headers nor body show."""
        shown = repr(Request("POST", "http://a/", {"X-Key": "hush"}, b"hush"))

        self.assertNotIn("hush", shown)


class RedirectedTests(SynchronousTestCase):
    """Tests for `Request.redirected`."""

    HEADERS: ClassVar = {
        "Authorization": "Bearer x",
        "X-Key": "y",
        "Accept": "z",
        "Content-Type": "c",
    }

    def request(self, method: str = "GET") -> Request:
        return Request(method, "https://a.example/b/c?d", self.HEADERS, b"body")

    def test_none(self) -> None:
        """Without a redirect, or a place to go to, there is nothing to follow."""
        self.assertIsNone(self.request().redirected(200, "https://a.example/"))
        self.assertIsNone(self.request().redirected(304, "https://a.example/"))
        self.assertIsNone(self.request().redirected(302, None))

    def test_same_origin(self) -> None:
        """At the same origin everything but the body goes along."""
        for status in (301, 302, 303, 307, 308):
            following = self.request().redirected(status, "../e")

            self.assertEqual(
                following,
                Request(
                    "GET",
                    "https://a.example/e",
                    {"Authorization": "Bearer x", "X-Key": "y", "Accept": "z"},
                ),
            )

    def test_other_origin(self) -> None:
        """Another host, port or scheme gets nothing that may be a credential."""
        for location in (
            *("https://b.example/", "//b.example/", "http://a.example/", "https://a.example:444/"),
            *("https://a.example.b.example/", "https://x.a.example/"),
        ):
            following = self.request().redirected(302, location)

            assert following is not None
            self.assertEqual(following.headers, {"Accept": "z"})

    def test_method(self) -> None:
        """Only 303 leads elsewhere what may change something, and then as a GET."""
        for status in (301, 302, 307, 308):
            self.assertIsNone(self.request("POST").redirected(status, "/e"))
        following = self.request("POST").redirected(303, "/e")

        assert following is not None
        self.assertEqual((following.method, following.body), ("GET", None))

    def test_bad_location(self) -> None:
        """A place that is no web address is an error."""
        for location in ("file:///etc/passwd", "http://[", "javascript:x", "http://u:p@b.example/"):
            self.assertRaises(UnreachableError, self.request().redirected, 302, location)


class BytesTests(SynchronousTestCase):
    """Tests for `Bytes`."""

    def test_interface(self) -> None:
        """It is a body producer."""
        self.assertTrue(verifyObject(IBodyProducer, Bytes(b"")))

    def test_write(self) -> None:
        """It writes all it has, once."""
        transport = StringTransport()

        self.successResultOf(Bytes(b"abc").startProducing(transport))

        self.assertEqual(transport.value(), b"abc")
