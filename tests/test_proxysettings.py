"""Tests for `openusage.host.net.proxysettings`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.net.proxysettings import (
    Proxies,
    Proxy,
    parse_proxy,
    read_proxies,
)


class ParseProxyTests(SynchronousTestCase):
    """Tests for `parse_proxy`."""

    def test_urls(self) -> None:
        """Scheme, host, port and login are read, ports have the scheme's default."""
        for text, proxy in {
            "http://proxy.example": Proxy("http", "proxy.example", 80),
            "https://proxy.example/": Proxy("https", "proxy.example", 443),
            "socks5://proxy.example": Proxy("socks5", "proxy.example", 1080),
            "SOCKS5H://Proxy.Example:99": Proxy("socks5h", "proxy.example", 99),
            "http://[::1]:3128": Proxy("http", "::1", 3128),
            "proxy.example:3128": Proxy("http", "proxy.example", 3128),
            " 10.0.0.1 ": Proxy("http", "10.0.0.1", 80),
            "http://us%40er:p%3Ass@h": Proxy("http", "h", 80, "us@er", "p:ss"),
            "http://user@h": Proxy("http", "h", 80, "user", ""),
            "http://bücher.example": Proxy("http", "xn--bcher-kva.example", 80),
        }.items():
            self.assertEqual(parse_proxy(text), proxy)

    def test_refused(self) -> None:
        """What names no proxy is refused in words that do not quote it."""
        for text in (
            "",
            "http://",
            "ftp://user:hush@h",
            "socks4://user:hush@h",
            "http://user:hush@h:port",
            "http://user:hush@h:99999",
            "http://user:hush@[::1",
            "http://user:hush@a b",
            "http://user:hush@a..b",
            "http://user:hush@a_b",
            f"socks5://user:{'hush' * 64}@h",
            f"http://{'a' * 64}.example",
        ):
            error = self.assertRaises(ValueError, parse_proxy, text)
            self.assertNotIn("hush", str(error))

    @settings(deadline=None)
    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text is a proxy or a `ValueError`."""
        try:
            proxy = parse_proxy(text)
        except ValueError:
            return
        self.assertTrue(proxy.host)


class ProxyTests(SynchronousTestCase):
    """Tests for `Proxy`."""

    def test_text(self) -> None:
        """As text it is a URL, its login hidden."""
        self.assertEqual(str(Proxy("http", "h", 80, "user", "hush")), "http://***@h:80")
        self.assertEqual(str(Proxy("socks5", "::1", 1080)), "socks5://[::1]:1080")

    def test_repr(self) -> None:
        """Its repr has no login."""
        shown = repr(Proxy("http", "h", 80, "user", "hush"))
        self.assertNotIn("user=", shown)
        self.assertNotIn("hush", shown)


class ProxiesTests(SynchronousTestCase):
    """Tests for `Proxies`."""

    def goes(self, no_proxy: str, host: str, port: int = 443) -> bool:
        """Whether a request goes through a proxy."""
        proxies = read_proxies({"ALL_PROXY": "h:1", "NO_PROXY": no_proxy}, Path(self.mktemp()))
        return proxies.proxy_for("https", host, port) is not None

    def test_scheme(self) -> None:
        """Each kind of target has its own proxy."""
        http, https = Proxy("http", "a", 1), Proxy("http", "b", 2)
        proxies = Proxies(http, https)

        self.assertIs(proxies.proxy_for("http", "x.example", 80), http)
        self.assertIs(proxies.proxy_for("https", "x.example", 443), https)

    def test_none(self) -> None:
        """Without settings everything is asked directly."""
        self.assertIsNone(Proxies().proxy_for("https", "x.example", 443))

    def test_loopback(self) -> None:
        """This machine is never asked by way of a proxy."""
        for host in ("localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "[::1]"):
            self.assertFalse(self.goes("", host), host)


class ReadProxiesTests(SynchronousTestCase):
    """Tests for `read_proxies`."""

    def read(
        self, environ: Mapping[str, str] | None = None, config: object = None
    ) -> tuple[Proxies, list[str]]:
        """The proxies for an environment and a file (text or JSON), and what was logged."""
        home = Path(self.mktemp())
        if config is not None:
            text = config if isinstance(config, str) else json.dumps(config)
            (home / ".openusage").mkdir(parents=True)
            (home / ".openusage" / "config.json").write_text(text)
        with capturedLogs() as events:
            proxies = read_proxies(environ or {}, home)
        return proxies, [formatEvent(event) for event in events]

    def test_nothing(self) -> None:
        """No settings are no proxy, and nothing to warn of."""
        self.assertEqual(self.read(), (Proxies(), []))

    def test_file(self) -> None:
        """The file goes before the environment and counts for every target."""
        config = {"proxy": {"enabled": True, "url": "socks5://user:pass@h.example"}}

        proxies, logged = self.read({"HTTPS_PROXY": "other:1"}, config)

        proxy = Proxy("socks5", "h.example", 1080, "user", "pass")
        self.assertEqual((proxies, logged), (Proxies(proxy, proxy), []))

    def test_file_off(self) -> None:
        """A proxy that is switched off, or none in the file, leaves it to the environment."""
        for config in ({"proxy": {"enabled": False, "url": "http://h"}}, {"other": 1}):
            proxies, logged = self.read({"HTTPS_PROXY": "other:1"}, config)

            self.assertEqual(proxies.https, Proxy("http", "other", 1))
            self.assertEqual(logged, [])

    def test_file_broken(self) -> None:
        """A file that cannot be used is warned of once, without the login in it."""
        broken: tuple[object, ...] = (
            "{",
            "[" * 100_000,
            [],
            {"proxy": "http://user:hush@h"},
            {"proxy": {"url": "http://user:hush@h"}},
            {"proxy": {"enabled": True}},
            {"proxy": {"enabled": "yes", "url": "http://user:hush@h"}},
            {"proxy": {"enabled": True, "url": "gopher://user:hush@h"}},
            {"proxy": {"enabled": True, "url": "http://user:hush@h:0x50"}},
        )
        for config in broken:
            proxies, [warning] = self.read({}, config)

            self.assertEqual(proxies, Proxies())
            self.assertIn("~/.openusage/config.json", warning)
            self.assertNotIn("hush", warning)

    def test_file_unreadable(self) -> None:
        """A file that cannot be read is warned of."""
        home = Path(self.mktemp())
        (home / ".openusage" / "config.json").mkdir(parents=True)

        with capturedLogs() as events:
            proxies = read_proxies({}, home)

        self.assertEqual(proxies, Proxies())
        self.assertIn("~/.openusage/config.json", formatEvent(events[0]))
        self.assertNotIn(str(home), formatEvent(events[0]))

    def test_environment(self) -> None:
        """Each kind of target has its variable, and ALL_PROXY is for what has none."""
        a, b, c = (Proxy("http", name, 80) for name in "abc")
        for environ, proxies in (
            ({"HTTPS_PROXY": "a"}, Proxies(None, a)),
            ({"https_proxy": "a"}, Proxies(None, a)),
            ({"HTTPS_PROXY": "a", "https_proxy": "b"}, Proxies(None, a)),
            ({"HTTPS_PROXY": " ", "https_proxy": "b"}, Proxies(None, b)),
            ({"HTTP_PROXY": "a"}, Proxies(a, None)),
            ({"http_proxy": "a", "ALL_PROXY": "b"}, Proxies(a, b)),
            ({"all_proxy": "c"}, Proxies(c, c)),
            ({"HTTP_PROXY": "a", "REQUEST_METHOD": "GET"}, Proxies()),
            ({"http_proxy": "a", "REQUEST_METHOD": "GET"}, Proxies(a, None)),
        ):
            self.assertEqual(self.read(environ), (proxies, []))

    def test_environment_broken(self) -> None:
        """A variable that cannot be used is warned of by name and passed over."""
        proxies, [warning] = self.read({"HTTPS_PROXY": "x://u:hush@h", "ALL_PROXY": "b"})

        self.assertEqual(proxies.https, Proxy("http", "b", 80))
        self.assertIn("HTTPS_PROXY", warning)
        self.assertNotIn("hush", warning)

    def test_bypass_with_file(self) -> None:
        """NO_PROXY counts for the file's proxy too."""
        config = {"proxy": {"enabled": True, "url": "http://h"}}

        proxies, _ = self.read({"no_proxy": "x.example"}, config)

        self.assertIsNone(proxies.proxy_for("https", "x.example", 443))
        self.assertIsNotNone(proxies.proxy_for("https", "y.example", 443))
