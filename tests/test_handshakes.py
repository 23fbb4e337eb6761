"""Tests for `openusage.host.net.handshakes`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.net.handshakes import Connect, Handshake, Socks5, login_header
from openusage.host.net.proxysettings import Proxy
from openusage.model import UnreachableError

OPEN = Proxy("socks5", "proxy.example", 1080)
LOCKED = Proxy("socks5", "proxy.example", 1080, "us", "pass")
GREETED = b"\x05\x00"
GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\xd2"


def refused(handshake: Handshake, *answers: bytes) -> str:
    """The words in which the conversation ends."""
    handshake.start()
    try:
        for answer in answers:
            handshake.receive(answer)
    except UnreachableError as error:
        return str(error)
    raise AssertionError("it was not refused")


class LoginHeaderTests(SynchronousTestCase):
    """Tests for `login_header`."""

    def test_login(self) -> None:
        """User and password, of any characters, are one Basic token."""
        proxy = Proxy("http", "h", 80, "usér", "pa:ss")

        self.assertEqual(login_header(proxy), {"Proxy-Authorization": "Basic dXPDqXI6cGE6c3M="})

    def test_none(self) -> None:
        """Without a login there is no header."""
        self.assertEqual(login_header(Proxy("http", "h", 80)), {})


class ConnectTests(SynchronousTestCase):
    """Tests for `Connect`."""

    def connect(self) -> Connect:
        return Connect("a.example:443", {})

    def test_request(self) -> None:
        """The target is asked for by name, with the login."""
        asked = Connect("a.example:443", {"Proxy-Authorization": "Basic eA=="}).start()

        self.assertEqual(
            asked,
            b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
            b"Proxy-Authorization: Basic eA==\r\n\r\n",
        )

    def test_granted(self) -> None:
        """Any 2xx opens the way; what came behind it is kept."""
        for status in (b"200 Connection established", b"204 x"):
            handshake = self.connect()
            handshake.start()

            said = handshake.receive(b"HTTP/1.1 " + status + b"\r\nVia: x\r\n\r\nrest")

            self.assertEqual((said, handshake.rest), (b"", b"rest"))

    def test_trickled(self) -> None:
        """The answer may come byte by byte, with interim ones before it."""
        handshake = self.connect()
        handshake.start()

        for byte in b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.0 200 OK\r\n\r":
            handshake.receive(bytes([byte]))
            self.assertIsNone(handshake.rest)
        handshake.receive(b"\n")

        self.assertEqual(handshake.rest, b"")

    def test_refused(self) -> None:
        """A refusal says which; the proxy's own words are not repeated."""
        for answer, words in (
            (b"HTTP/1.1 407 hush\r\n\r\n", "proxy authentication failed (407)"),
            (b"HTTP/1.1 403 hush\r\n\r\n", "proxy refused: 403 Forbidden"),
            (
                b"HTTP/1.1 502 hush\r\nContent-Length: 4\r\n\r\nhush",
                "proxy refused: 502 Bad Gateway",
            ),
            (b"HTTP/1.1 599 hush\r\n\r\n", "proxy refused: 599"),
            (b"HTTP/1.1 302 hush\r\nLocation: hush\r\n\r\n", "proxy refused: 302 Found"),
        ):
            self.assertEqual(refused(self.connect(), answer), words)

    def test_garbage(self) -> None:
        """What is not HTTP is told as that."""
        for answer in (
            b"\x05\x00",
            b"SSH-2.0-x\r\n",
            b"\x00" * 100,
            b"HTTP/1.1 200 OK\r\n:\r\n\r\n",
        ):
            self.assertEqual(
                refused(self.connect(), answer, b"\r\n\r\n"),
                "proxy gave an answer that is not HTTP",
            )

    @settings(deadline=None)
    @given(st.lists(st.binary()))
    def test_any_answer(self, answers: list[bytes]) -> None:
        """Any answer opens the way, leaves it closed, or is an error of ours."""
        handshake = self.connect()
        handshake.start()
        try:
            for answer in answers:
                self.assertEqual(handshake.receive(answer), b"")
        except UnreachableError:
            pass


class Socks5Tests(SynchronousTestCase):
    """Tests for `Socks5`."""

    def test_open(self) -> None:
        """Without a login, only that is offered, and the way is asked for by name."""
        handshake = Socks5(OPEN, "a.example", 443)

        self.assertEqual(handshake.start(), b"\x05\x01\x00")
        self.assertEqual(handshake.receive(GREETED), b"\x05\x01\x00\x03\x09a.example\x01\xbb")
        self.assertEqual(handshake.receive(GRANTED + b"rest"), b"")
        self.assertEqual(handshake.rest, b"rest")

    def test_addresses(self) -> None:
        """Addresses are asked for as such."""
        for host, sent in (
            ("1.2.3.4", b"\x01\x01\x02\x03\x04"),
            ("::1", b"\x04" + b"\0" * 15 + b"\1"),
        ):
            handshake = Socks5(OPEN, host, 80)
            handshake.start()
            self.assertEqual(handshake.receive(GREETED), b"\x05\x01\x00" + sent + b"\x00\x50")

    def test_login(self) -> None:
        """With a login, it is offered and given when asked for."""
        handshake = Socks5(LOCKED, "1.2.3.4", 80)

        self.assertEqual(handshake.start(), b"\x05\x02\x00\x02")
        self.assertEqual(handshake.receive(b"\x05\x02"), b"\x01\x02us\x04pass")
        self.assertEqual(handshake.receive(b"\x01\x00")[:4], b"\x05\x01\x00\x01")
        self.assertIsNone(handshake.rest)

    def test_trickled(self) -> None:
        """Replies may come byte by byte or all at once, with an address of any kind."""
        for bound in (b"\x01\1\2\3\4", b"\x03\x05a.b.c", b"\x04" + b"\0" * 16):
            replies = GREETED + b"\x05\x00\x00" + bound + b"\x00\x50"
            slow, fast = Socks5(OPEN, "a.example", 1), Socks5(OPEN, "a.example", 1)
            said = fast.start() + fast.receive(replies + b"x")

            slowly = slow.start()
            for byte in replies:
                self.assertIsNone(slow.rest)
                slowly += slow.receive(bytes([byte]))

            self.assertEqual((slow.rest, slowly), (b"", said))
            self.assertEqual(fast.rest, b"x")

    def test_login_refused(self) -> None:
        """A login that is wrong, missing or of another kind is told as that."""
        for proxy, *answers in (
            (LOCKED, b"\x05\x02", b"\x01\x01"),
            (OPEN, b"\x05\xff"),
            (OPEN, b"\x05\x02"),
            (LOCKED, b"\x05\x01"),
        ):
            self.assertEqual(
                refused(Socks5(proxy, "a.example", 1), *answers), "proxy authentication failed"
            )

    def test_refused(self) -> None:
        """Each of the protocol's refusals has its words."""
        words = {
            refused(Socks5(OPEN, "a.example", 1), GREETED, b"\x05" + bytes([code]) + GRANTED[2:])
            for code in range(1, 9)
        }

        self.assertEqual(len(words), 8)
        self.assertIn("proxy refused: connection refused", words)

    def test_garbage(self) -> None:
        """What is not SOCKS5 is told as that."""
        for answers in (
            [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
            [GREETED, b"\x04" + GRANTED[1:]],
            [GREETED, b"\x05\x63" + GRANTED[2:]],
            [GREETED, b"\x05\x00\x00\x07" + GRANTED],
        ):
            self.assertEqual(
                refused(Socks5(OPEN, "a.example", 1), *answers),
                "proxy gave an answer that is not SOCKS5",
            )

    @settings(deadline=None)
    @given(st.lists(st.binary()), st.sampled_from([OPEN, LOCKED]))
    def test_any_answer(self, answers: list[bytes], proxy: Proxy) -> None:
        """Any answer opens the way, leaves it closed, or is an error of ours."""
        handshake = Socks5(proxy, "a.example", 443)
        handshake.start()
        try:
            for answer in answers:
                handshake.receive(answer)
        except UnreachableError:
            pass
