"""Tests for `openusage.host.net.agent`, on real sockets."""

from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent

from openusage.host.net.agent import ProxyingAgent
from openusage.host.net.http import HttpClient
from openusage.host.net.proxysettings import Proxies, Proxy, parse_proxy
from openusage.host.net.trust import Unverified, tls_policy
from openusage.model import ProbeTimeoutError, UnexpectedResponseError, UnreachableError
from tests.loopback import (
    Authority,
    ConnectProxy,
    HttpPeer,
    LoopbackTestCase,
    Peer,
    SocksProxy,
    reactor,
    replies,
)

OURS, THEIRS = Authority(), Authority()
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"
HOST = "service.example"


class AgentTestCase(LoopbackTestCase):
    """A client that trusts `OURS` and goes through `proxy`, if there is one."""

    def client(self, proxy: Proxy | str | None = None) -> HttpClient:
        proxy = parse_proxy(proxy) if isinstance(proxy, str) else proxy
        trusted = Path(self.mktemp())
        trusted.write_bytes(OURS.pem)
        policy = tls_policy({"SSL_CERT_FILE": str(trusted)}, "linux")
        return HttpClient(
            ProxyingAgent(reactor, policy, Proxies(proxy, proxy)),
            reactor,
            unverified=ProxyingAgent(reactor, Unverified()),
        )

    def serve(self, data: bytes = HELLO, tls: Any = None) -> int:
        return self.listen(lambda: HttpPeer(replies(data)), tls)

    async def words(self, client: HttpClient, url: str, **how: Any) -> str:
        """The words in which a request fails."""
        return str(await self.assertFailure(self.ask(client, url, **how), UnreachableError))

    def ask(self, client: HttpClient, url: str, **how: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(client.request("GET", url, **how))


class DirectTests(AgentTestCase):
    """Tests for `ProxyingAgent` without a proxy."""

    async def test_http(self) -> None:
        """An answer comes whole, and the connection is gone after it."""
        port = self.serve()

        response = await self.ask(self.client(), f"http://{HOST}:{port}/x?y")

        self.assertEqual((response.status, response.body), (200, b"hello"))
        self.assertEqual(response.headers["x-a"], "1")
        [peer] = self.peers
        self.assertIn(b"GET /x?y HTTP/1.1\r\n", peer.head)
        self.assertIn(f"Host: {HOST}:{port}\r\n".encode(), peer.head)
        self.assertIn(b"Connection: close\r\n", peer.head)
        await peer.closed

    async def test_https(self) -> None:
        """The same over TLS, with a certificate that is trusted."""
        port = self.serve(tls=OURS.server(HOST))

        response = await self.ask(self.client(), f"https://{HOST}:{port}/")

        self.assertEqual(response.body, b"hello")
        await self.peers[0].closed

    async def test_post(self) -> None:
        """A body goes along."""
        received: Deferred[bytes] = Deferred()

        class Taker(Peer):
            def dataReceived(self, data: bytes) -> None:
                received.callback(data)
                self.wire.write(HELLO)

        port = self.listen(Taker, OURS.server(HOST))
        client = self.client()

        await client.request("POST", f"https://{HOST}:{port}/", body=b"question")

        head, _, body = (await received).partition(b"\r\n\r\n")
        self.assertIn(b"Content-Length: 8", head)
        self.assertEqual(body, b"question")

    async def test_wrong_authority(self) -> None:
        """A certificate of somebody else's is not trusted."""
        port = self.serve(tls=THEIRS.server(HOST))

        words = await self.words(self.client(), f"https://{HOST}:{port}/")

        self.assertEqual(words, "certificate not trusted")
        self.assertEqual(self.peers[0].head, b"")

    async def test_wrong_name(self) -> None:
        """Nor is one for another host."""
        port = self.serve(tls=OURS.server("other.example"))

        for host in (HOST, "127.0.0.1"):
            words = await self.words(self.client(), f"https://{host}:{port}/")
            self.assertEqual(words, "certificate is for another host")
        self.assertEqual([peer.head for peer in self.peers], [b"", b""])

    async def test_no_name(self) -> None:
        """Nor is one that names no host, even if it was for the right one."""
        port = self.serve(tls=OURS.nameless(HOST))

        with capturedLogs() as events:
            for host in (HOST, "127.0.0.1"):
                words = await self.words(self.client(), f"https://{host}:{port}/")
                self.assertEqual(words, "certificate is for another host")

        self.assertEqual([peer.head for peer in self.peers], [b"", b""])
        self.assertFalse([event for event in events if "log_failure" in event])

    async def test_quiet(self) -> None:
        """Twisted announces no request and no end of one."""
        with capturedLogs() as events:
            await self.ask(self.client(), f"http://{HOST}:{self.serve()}/")

        told = [formatEvent(event) for event in events]
        self.assertIn("HTTP GET", " ".join(told))
        self.assertFalse([text for text in told if "HTTP11ClientFactory" in text])

    async def test_unverified(self) -> None:
        """On loopback any certificate will do if the caller says so."""
        port = self.serve(tls=THEIRS.server("other.example"))

        response = await self.ask(self.client(), f"https://127.0.0.1:{port}/", verify=False)

        self.assertEqual(response.body, b"hello")

    async def test_no_tls(self) -> None:
        """A server that does not speak TLS is told as that."""

        class Plain(Peer):
            def dataReceived(self, data: bytes) -> None:
                self.wire.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        port = self.listen(Plain)

        words = await self.words(self.client(), f"https://{HOST}:{port}/")

        self.assertEqual(words, "TLS handshake failed")

    async def test_refused(self) -> None:
        """Nobody listening is a refusal."""
        number = await self.nobody()

        words = await self.words(self.client(), f"http://{HOST}:{number}/")

        self.assertEqual(words, "connection refused")

    async def test_unknown(self) -> None:
        """A name that nobody knows is told as that."""
        words = await self.words(self.client(), "https://nowhere.example/")

        self.assertEqual(words, "host not found")

    async def test_reset(self) -> None:
        """A connection that breaks before the answer is told as that."""
        port = self.listen(lambda: HttpPeer(lambda peer: peer.wire.abortConnection()))

        words = await self.words(self.client(), f"http://{HOST}:{port}/")

        self.assertEqual(words, "connection reset")

    async def test_cut_short(self) -> None:
        """So is one that ends within the answer."""

        def half(peer: HttpPeer) -> None:
            peer.write(HELLO[:-1])
            peer.wire.loseConnection()

        port = self.listen(lambda: HttpPeer(half), OURS.server(HOST))

        words = await self.words(self.client(), f"https://{HOST}:{port}/")

        self.assertEqual(words, "connection closed before the answer was complete")

    async def test_until_close(self) -> None:
        """An answer without a length ends with the connection."""

        def old(peer: HttpPeer) -> None:
            peer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
            peer.wire.loseConnection()

        port = self.listen(lambda: HttpPeer(old))

        self.assertEqual((await self.ask(self.client(), f"http://{HOST}:{port}/")).body, b"hello")

    async def test_large(self) -> None:
        """A body may be larger than a head may be."""
        body = b"x" * 2**20
        port = self.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + body)

        response = await self.ask(self.client(), f"http://{HOST}:{port}/")

        self.assertEqual(response.body, body)

    async def test_too_large(self) -> None:
        """An answer of more than 8 MiB is dropped on the way, and so is its connection."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
        port = self.serve(head + b"x" * (8 * 2**20 + 1), OURS.server(HOST))

        await self.assertFailure(
            self.ask(self.client(), f"https://{HOST}:{port}/"), UnexpectedResponseError
        )

        await self.peers[0].closed

    async def test_bomb(self) -> None:
        """What counts is what an answer unpacks to."""
        packed = gzip.compress(bytes(9 * 2**20))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        port = self.serve(head % len(packed) + packed)

        await self.assertFailure(
            self.ask(self.client(), f"http://{HOST}:{port}/"), UnexpectedResponseError
        )

        await self.peers[0].closed

    async def test_endless_head(self) -> None:
        """A head that does not end is dropped."""
        port = self.serve(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 2**17)

        error = await self.assertFailure(
            self.ask(self.client(), f"http://{HOST}:{port}/"), UnexpectedResponseError
        )

        self.assertEqual(str(error), "the head of the answer is too large")
        await self.peers[0].closed

    async def test_drip(self) -> None:
        """The time limit covers the body, and the connection is gone when it is over."""
        for tls in (None, OURS.server(HOST)):
            port = self.serve(HELLO[:-1], tls)
            scheme = "http" if tls is None else "https"
            url = f"{scheme}://{HOST}:{port}/"

            await self.assertFailure(self.ask(self.client(), url, timeout=0.3), ProbeTimeoutError)

            await self.peers[-1].closed

    async def test_silence(self) -> None:
        """It covers the wait for the answer and for the TLS handshake too."""
        port = self.listen(Peer)
        for scheme in ("http", "https"):
            await self.assertFailure(
                self.ask(self.client(), f"{scheme}://{HOST}:{port}/", timeout=0.3),
                ProbeTimeoutError,
            )
            await self.peers[-1].closed

    async def test_cancelled(self) -> None:
        """A request that is cancelled drops its connection and is cancelled, not failed."""
        for data in (b"", HELLO[:20], HELLO[:-1]):
            begun: Deferred[None] = Deferred()

            def answer(peer: HttpPeer, data: bytes, begun: Deferred[None]) -> None:
                peer.write(data)
                reactor.callLater(0.05, begun.callback, None)

            port = self.listen(lambda: HttpPeer(partial(answer, data=data, begun=begun)))  # noqa: B023
            asking = self.ask(self.client(), f"http://{HOST}:{port}/")
            await begun

            asking.cancel()

            await self.assertFailure(asking, CancelledError)
            await self.peers[-1].closed

    async def test_cookies(self) -> None:
        """A cookie does not come back to who set it."""
        port = self.serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        client = self.client()

        for _ in range(2):
            response = await self.ask(client, f"http://{HOST}:{port}/")

        self.assertEqual(response.headers["set-cookie"], "a=b")
        self.assertEqual(len(self.peers), 2)
        self.assertNotIn(b"cookie", self.peers[1].head.lower())


@frozen
class Kind:
    """A kind of proxy: its scheme, and its server for a target's port."""

    scheme: str
    server: Any
    tls: bool = False


KINDS = (
    Kind("http", ConnectProxy),
    Kind("https", ConnectProxy, tls=True),
    Kind("socks5", SocksProxy),
    Kind("socks5h", SocksProxy),
)


class ProxyTests(AgentTestCase):
    """Tests for `ProxyingAgent` with a proxy."""

    def proxy(self, kind: Kind, target: int, **how: Any) -> Proxy:
        tls = OURS.server("proxy.example") if kind.tls else None
        port = self.listen(partial(kind.server, target, **how), tls)
        return Proxy(kind.scheme, "proxy.example", port)

    async def test_https(self) -> None:
        """Every kind of proxy leads to an HTTPS server, whose certificate counts."""
        for kind in KINDS:
            target = self.serve(tls=OURS.server(HOST))
            client = self.client(self.proxy(kind, target))

            response = await self.ask(client, f"https://{HOST}/")

            self.assertEqual(response.body, b"hello", kind)
            for peer in self.peers:
                await peer.closed

    async def test_wrong_authority(self) -> None:
        """A proxy cannot stand in for the server."""
        for kind in KINDS:
            target = self.serve(tls=THEIRS.server(HOST))

            words = await self.words(self.client(self.proxy(kind, target)), f"https://{HOST}/")

            self.assertEqual(words, "certificate not trusted", kind)

    async def test_no_goodbye(self) -> None:
        """A server cannot hold a connection by leaving TLS's goodbye unanswered."""

        def cling(peer: HttpPeer) -> None:
            peer.write(HELLO)
            peer.wire.pauseProducing()

        target = self.listen(lambda: HttpPeer(cling), OURS.server(HOST))
        client = self.client(self.proxy(KINDS[0], target))

        await self.ask(client, f"https://{HOST}/")

        await self.peers[0].closed

    async def test_looked_up(self) -> None:
        """With `socks5` the name is looked up here, with the other kinds there."""
        for kind in KINDS:
            target = self.serve(tls=OURS.server(HOST))
            self.names.asked.clear()

            await self.ask(self.client(self.proxy(kind, target)), f"https://{HOST}/")

            proxy = next(peer for peer in reversed(self.peers) if hasattr(peer, "asked"))
            here = kind.scheme == "socks5"
            self.assertIn(b"\x7f\x00\x00\x01" if here else HOST.encode(), proxy.asked[-1])
            self.assertEqual(HOST in self.names.asked, here)

    async def test_unknown(self) -> None:
        """A name that has to be looked up here and is unknown is told as that."""
        proxy = self.proxy(KINDS[2], 1)

        words = await self.words(self.client(proxy), "https://nowhere.example/")

        self.assertEqual((words, self.peers), ("host not found", []))

    async def test_login(self) -> None:
        """The login is given to the proxy and to nobody else."""
        target = self.serve(tls=OURS.server(HOST))
        port = self.listen(partial(ConnectProxy, target))

        await self.ask(self.client(f"http://us:pass@proxy.example:{port}"), f"https://{HOST}/")

        proxy, server = self.peers
        self.assertIn(b"Proxy-Authorization: Basic dXM6cGFzcw==\r\n", proxy.asked[0])
        self.assertNotIn(b"dXM6cGFzcw", server.head)

    async def test_socks_login(self) -> None:
        """So is a login for SOCKS."""
        target = self.serve()
        port = self.listen(partial(SocksProxy, target, locked=True))

        response = await self.ask(
            self.client(f"socks5h://us:pass@proxy.example:{port}"), f"http://{HOST}/"
        )

        self.assertEqual(response.body, b"hello")

    async def test_socks_login_refused(self) -> None:
        """A login that the proxy does not know is told as that."""
        port = self.listen(partial(SocksProxy, 1, locked=True))

        words = await self.words(
            self.client(f"socks5h://us:wrong@proxy.example:{port}"), f"https://{HOST}/"
        )

        self.assertEqual(words, "proxy authentication failed")

    async def test_plain_http(self) -> None:
        """A plain request is given to an HTTP proxy whole, with the login."""
        for scheme, tls in (("http", None), ("https", OURS.server("proxy.example"))):
            port = self.serve(tls=tls)
            client = self.client(f"{scheme}://us:pass@proxy.example:{port}")

            response = await self.ask(client, f"http://{HOST}/x?y")

            self.assertEqual(response.body, b"hello")
            head = self.peers[-1].head
            self.assertTrue(head.startswith(b"GET http://service.example/x?y HTTP/1.1\r\n"))
            self.assertIn(b"Proxy-Authorization: Basic dXM6cGFzcw==\r\n", head)
            self.assertIn(b"Host: service.example\r\n", head)
            await self.peers[-1].closed

    async def test_plain_socks(self) -> None:
        """Through SOCKS it goes as it would go directly."""
        target = self.serve()
        proxy = self.proxy(KINDS[3], target)

        response = await self.ask(self.client(proxy), f"http://{HOST}/x")

        self.assertEqual(response.body, b"hello")
        self.assertTrue(self.peers[-1].head.startswith(b"GET /x HTTP/1.1\r\n"))

    async def test_unauthorized(self) -> None:
        """A 407 is the proxy's, whatever the request."""
        port = self.serve(b"HTTP/1.1 407 No\r\nContent-Length: 9\r\n\r\n")
        client = self.client(f"http://proxy.example:{port}")

        for scheme in ("http", "https"):
            words = await self.words(client, f"{scheme}://{HOST}/")

            self.assertEqual(words, "proxy authentication failed (407)")
            await self.peers[-1].closed

    async def test_refusal(self) -> None:
        """A refusal is told in the proxy's number and our words."""
        port = self.serve(b"HTTP/1.1 403 hush\r\nContent-Length: 9\r\n\r\n")

        words = await self.words(self.client(f"http://proxy.example:{port}"), f"https://{HOST}/")

        self.assertEqual(words, "proxy refused: 403 Forbidden")
        await self.peers[-1].closed

    async def test_silence(self) -> None:
        """A proxy that says nothing is a timeout, and its connection is gone."""
        for scheme in ("http", "https", "socks5", "socks5h"):
            port = self.listen(Peer)
            client = self.client(f"{scheme}://proxy.example:{port}")

            await self.assertFailure(
                self.ask(client, f"https://{HOST}/", timeout=0.3), ProbeTimeoutError
            )

            await self.peers[-1].closed

    async def test_cancelled(self) -> None:
        """A request that is cancelled while the proxy is silent is cancelled, not failed."""
        for scheme in ("http", "https", "socks5"):
            port = self.listen(Peer)
            asking = self.ask(self.client(f"{scheme}://proxy.example:{port}"), f"https://{HOST}/")
            await deferLater(reactor, 0.1, lambda: None)

            asking.cancel()

            await self.assertFailure(asking, CancelledError)
            await self.peers[-1].closed

    async def test_no_proxy_there(self) -> None:
        """A proxy that is not there is told from a server that is not there."""
        number = await self.nobody()

        for scheme in ("http", "https"):
            words = await self.words(
                self.client(f"http://proxy.example:{number}"), f"{scheme}://{HOST}/"
            )

            self.assertEqual(words, "proxy: connection refused")

    async def test_proxy_certificate(self) -> None:
        """A proxy whose certificate is not trusted is told from such a server."""
        port = self.listen(Peer, THEIRS.server("proxy.example"))

        words = await self.words(self.client(f"https://proxy.example:{port}"), f"https://{HOST}/")

        self.assertEqual(words, "proxy: certificate not trusted")

    async def test_loopback(self) -> None:
        """This machine is asked directly."""
        port = self.serve()

        response = await self.ask(
            self.client("http://nowhere.example"), f"http://127.0.0.1:{port}/"
        )

        self.assertEqual(response.body, b"hello")
