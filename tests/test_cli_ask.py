"""Asking a service over loopback."""

from __future__ import annotations

import contextlib
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from openusage.cli import ask as module
from openusage.cli.ask import NoServiceError, address, ask

SNAPSHOT: dict[str, Any] = {
    "providerId": "claude",
    "displayName": "Claude",
    "plan": None,
    "lines": [],
}
HEALTH: dict[str, Any] = {"version": "1", "problems": [], "providers": [{"providerId": "claude"}]}
USAGE = "/v1/usage"
REPORT = "/v1/health"


class Server:
    """An HTTP server on loopback with a body for each path; bytes are sent as they are."""

    def __init__(self, bodies: dict[str, Any], status: int = 200) -> None:
        self.asked: list[str] = []
        self._http = HTTPServer(("127.0.0.1", 0), self._handler(bodies, status))
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Close the port; returns when nothing runs any more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _handler(self, bodies: dict[str, Any], status: int) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                body = bodies.get(self.path)
                if callable(body):
                    body(self)
                    return
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(404 if body is None else status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
                """Nothing."""

        return Handler


def serve(test: SynchronousTestCase, bodies: dict[str, Any], status: int = 200) -> Server:
    """A server that runs until `test` is over."""
    server = Server(bodies, status)
    test.addCleanup(server.stop)
    return server


class AddressTests(SynchronousTestCase):
    """`address`"""

    def test_good(self) -> None:
        """Host, port and prefix of http and https."""
        for url, expected in (
            ("http://127.0.0.1:6736", (False, "127.0.0.1", 6736, "")),
            ("http://127.0.0.1:6736/", (False, "127.0.0.1", 6736, "")),
            ("https://example.org/usage/", (True, "example.org", None, "/usage")),
            ("http://[::1]:1", (False, "::1", 1, "")),
        ):
            with self.subTest(url=url):
                got = address(url)
                self.assertEqual((got.secure, got.host, got.port, got.prefix), expected)

    def test_bad(self) -> None:
        """What is no address of a service is refused in words."""
        for url in (
            "",
            "127.0.0.1:6736",
            "ftp://127.0.0.1",
            "http://",
            "http://127.0.0.1:port",
            "http://127.0.0.1:99999",
            "http://me:secret@127.0.0.1",
            "http://127.0.0.1/?x=1",
            "http://127.0.0.1/#x",
            "http://a b",
            "http://a..b",
            "http://" + "a" * 64,
            "http://ü",
            "http://[::1",
            "http://x/\x00",
        ):
            with self.subTest(url=url):
                error = self.assertRaises(ValueError, address, url)
                self.assertNotIn("secret", str(error))


class AskTests(SynchronousTestCase):
    """`ask`"""

    def refused(self, bodies: dict[str, Any], status: int = 200) -> str:
        server = serve(self, bodies, status)
        error = self.assertRaises(NoServiceError, ask, address(server.url))
        return str(error).replace(server.url, "URL")

    def test_all(self) -> None:
        """The snapshots as they are, and the health report."""
        server = serve(self, {USAGE: [SNAPSHOT], REPORT: HEALTH})

        reading = ask(address(server.url))

        self.assertEqual(
            (reading.source, reading.snapshots, reading.report, reading.health),
            ("service", [SNAPSHOT], HEALTH, HEALTH["providers"]),
        )

    def test_prefix(self) -> None:
        """The API may lie below a path."""
        server = serve(self, {"/x" + USAGE: []})

        self.assertEqual(ask(address(server.url + "/x")).snapshots, [])
        self.assertEqual(server.asked, ["/x/v1/usage", "/x/v1/health"])

    def test_no_proxy(self) -> None:
        """A proxy of the environment is never asked."""
        server, proxy = serve(self, {USAGE: []}), serve(self, {})

        with mock.patch.dict("os.environ", http_proxy=proxy.url, HTTP_PROXY=proxy.url):
            ask(address(server.url))

        self.assertEqual(proxy.asked, [])

    def test_no_health(self) -> None:
        """A service without health, or with an odd one, will do."""
        odd: list[Any] = [None, b"oops", [], {"providers": 1}, {"providers": [1]}]
        for health in odd:
            with self.subTest(health=health):
                server = serve(self, {USAGE: [SNAPSHOT], REPORT: health})

                reading = ask(address(server.url))

                self.assertEqual((reading.report, reading.health), (None, ()))

    def test_not_ours(self) -> None:
        """Anything that is not the API is no service, whatever it says."""
        bodies: list[Any] = [
            b"<html>hello</html>",
            b"\xff",
            b"[" * 100_000,
            b'[{"providerId": "x", "lines": [NaN]}]',
            {},
            [1],
            [{"lines": []}],
            [{"providerId": 1, "lines": []}],
            [{"providerId": "x"}],
            None,
        ]
        for body in bodies:
            with self.subTest(body=body):
                self.assertEqual(
                    self.refused({USAGE: body}), "what answers at URL is not openusage"
                )
        self.assertIn("is not openusage", self.refused({USAGE: []}, status=403))

    def test_no_http(self) -> None:
        """Something that does not speak HTTP is no service."""

        def garbage(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"SSH-2.0-x\r\n\r\n")

        self.assertIn("is not openusage", self.refused({USAGE: garbage}))

    def test_nobody(self) -> None:
        """A port at which nobody listens."""
        server = Server({})
        server.stop()

        error = self.assertRaises(NoServiceError, ask, address(server.url))

        self.assertEqual(str(error), f"no service at {server.url}")

    def test_unknown_host(self) -> None:
        """A host without address."""
        error = self.assertRaises(NoServiceError, ask, address("http://nowhere.invalid"))

        self.assertIn("no service at http://nowhere.invalid (", str(error))

    def test_slow(self) -> None:
        """Silence, and an answer that trickles, end when the patience does."""

        def silence(handler: BaseHTTPRequestHandler) -> None:
            handler.rfile.read()

        def trickle(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    handler.wfile.write(b" ")

        for body in (silence, trickle):
            with self.subTest(body=body), mock.patch.object(module, "PATIENCE", 0.1):
                words = self.refused({USAGE: body})

                self.assertEqual(words, "no answer from URL within 0.1 s")

    def test_large(self) -> None:
        """An answer without end is cut off."""

        def endless(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    handler.wfile.write(b" " * 4096)

        with mock.patch.object(module, "_LARGEST", 10_000):
            self.assertIn("is not openusage", self.refused({USAGE: endless}))
