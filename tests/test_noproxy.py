"""Tests for `openusage.host.net.noproxy`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.net.noproxy import is_address, is_loopback, read_no_proxy


class ReadNoProxyTests(SynchronousTestCase):
    """Tests for `read_no_proxy` and its entries."""

    def goes(self, no_proxy: str, host: str) -> bool:
        """Whether a request to port 443 of a host goes through a proxy."""
        return not any(each.covers(host, 443) for each in read_no_proxy(no_proxy))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text is taken."""
        self.assertIn(self.goes(text, "x.example"), (True, False))

    def test_bypassed(self) -> None:
        """NO_PROXY names hosts, what is below them, ports, addresses and networks."""
        for no_proxy, host in {
            "*": "x.example",
            "x.example": "x.example",
            "X.Example.": "x.example",
            "example": "x.example",
            ".x.example": "a.x.example",
            ".y.example": "y.example",
            "*.x.example": "a.b.x.example",
            "a.example, b.example": "b.example",
            "a.example b.example": "b.example",
            "x.example:443": "x.example",
            "10.1.2.3": "10.1.2.3",
            "10.0.0.0/8": "10.1.2.3",
            "10.1.2.3/8": "10.9.9.9",
            "2001:db8::/32": "2001:db8::7",
            "[2001:db8::7]": "2001:db8::7",
            "[2001:db8::7]:443": "2001:db8::7",
            "2001:db8:0::7": "2001:db8::7",
        }.items():
            self.assertFalse(self.goes(no_proxy, host), no_proxy)

    def test_not_bypassed(self) -> None:
        """What NO_PROXY does not name goes through the proxy."""
        for no_proxy, host in {
            "": "x.example",
            ",": "x.example",
            ".": "x.example",
            "x.example": "ax.example",
            "a.x.example": "x.example",
            "x.example:80": "x.example",
            "10.0.0.0/8": "11.1.2.3",
            "1.2.3": "1.2.3.4",
            "0.0.0.0/0": "x.example",
        }.items():
            self.assertTrue(self.goes(no_proxy, host), no_proxy)


class IsLoopbackTests(SynchronousTestCase):
    """Tests for `is_loopback`."""

    def test_names(self) -> None:
        """Only what cannot be another machine is loopback."""
        self.assertTrue(is_loopback("Localhost"))
        self.assertTrue(is_loopback("[::1]"))
        self.assertFalse(is_loopback("localhost.example"))
        self.assertFalse(is_loopback("128.0.0.1"))


class IsAddressTests(SynchronousTestCase):
    """Tests for `is_address`."""

    def test_addresses(self) -> None:
        """Both versions are addresses, names are not."""
        self.assertTrue(is_address("10.0.0.1"))
        self.assertTrue(is_address("2001:db8::1"))
        self.assertFalse(is_address("a.example"))
