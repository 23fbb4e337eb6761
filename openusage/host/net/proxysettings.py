"""Which proxy a request goes through, as the person's file and environment have it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen
from hyperlink import EncodedURL

from openusage.host.net.noproxy import Bypass, is_address, is_loopback, read_no_proxy
from openusage.log import logger

__all__ = ["Proxies", "Proxy", "parse_proxy", "read_proxies"]

DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
CONFIG = "~/.openusage/config.json"
_LIMIT = 2**20

log = logger()


@frozen
class Proxy:
    """A proxy and the login for it.

    `scheme` is `http`, `https` (TLS to the proxy), `socks5` (names are looked up here) or `socks5h`
    (names are looked up by the proxy).
    """

    scheme: str
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        login = "" if self.user is None else "***@"
        return f"{self.scheme}://{login}{host}:{self.port}"


@frozen
class Proxies:
    """The proxies for `http` and `https` targets, and the hosts that are asked directly."""

    http: Proxy | None = None
    https: Proxy | None = None
    bypass: tuple[Bypass, ...] = ()

    def proxy_for(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for a target, or `None` to go there directly, as always to loopback."""
        proxy = self.https if scheme == "https" else self.http
        host = host.lower().strip("[]").rstrip(".")
        if proxy is None or is_loopback(host):
            return None
        return None if any(each.covers(host, port) for each in self.bypass) else proxy


def parse_proxy(text: str) -> Proxy:
    """The proxy that a URL, or a bare `host:port` for one that speaks HTTP, names.

    Raises `ValueError`, which does not quote the text.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        raise ValueError("not a proxy URL") from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"not one of {', '.join(DEFAULT_PORTS)}")
    host = _proxy_host(parts)
    user = None if parts.username is None else unquote(parts.username)
    password = unquote(parts.password or "")
    if scheme.startswith("socks") and max(len((user or "").encode()), len(password.encode())) > 255:
        raise ValueError("user or password is too long for SOCKS")
    return Proxy(scheme, host, port or DEFAULT_PORTS[scheme], user or None, password)


def _proxy_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if is_address(host):
        return host
    try:
        host = EncodedURL(host=host).to_uri().host
    except ValueError:
        host = ""
    if not host:
        raise ValueError("no usable host in the proxy URL")
    return str(host)


def read_proxies(environ: Mapping[str, str], home: Path) -> Proxies:
    """The settings of `~/.openusage/config.json`, else those of the environment.

    Reads the file at once, so call it before the reactor runs. What cannot be used is warned of,
    never quoted, and passed over.
    """
    bypass = tuple(read_no_proxy(_variable(environ, "NO_PROXY") or ""))
    if proxy := _from_file(home / ".openusage" / "config.json"):
        return Proxies(proxy, proxy, bypass)
    anything = _from_environment(environ, "ALL_PROXY")
    https = _from_environment(environ, "HTTPS_PROXY") or anything
    http = _from_environment(environ, "HTTP_PROXY") or anything
    return Proxies(http, https, bypass)


def _from_file(path: Path) -> Proxy | None:
    try:
        settings = _settings(path)
        if settings is None:
            return None
        enabled, url = settings.get("enabled"), settings.get("url")
        if not isinstance(enabled, bool) or not isinstance(url, str):
            raise ValueError("needs `enabled` (true or false) and `url` (text)")
        return parse_proxy(url) if enabled else None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        log.warn("{file}: proxy setting passed over: {reason}", file=CONFIG, reason=reason)
        return None


def _settings(path: Path) -> dict[str, Any] | None:
    """The object under `proxy`, or `None` when there is no file or no such key."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except FileNotFoundError:
        return None
    try:
        whole = json.loads(data[:_LIMIT])
    except (ValueError, RecursionError):
        # The parser's own words quote nothing, but its position is of no use without the text.
        raise ValueError("not valid JSON") from None
    if not isinstance(whole, dict):
        raise ValueError("not a JSON object")
    settings = whole.get("proxy")
    if settings is not None and not isinstance(settings, dict):
        raise ValueError("`proxy` is not an object")
    return settings


def _from_environment(environ: Mapping[str, str], name: str) -> Proxy | None:
    value = _variable(environ, name)
    if value is None:
        return None
    try:
        return parse_proxy(value)
    except ValueError as error:
        log.warn("{name}: proxy setting passed over: {reason}", name=name, reason=str(error))
        return None


def _variable(environ: Mapping[str, str], name: str) -> str | None:
    # A CGI program's HTTP_PROXY is the `Proxy` header of whoever asks: see https://httpoxy.org.
    upper = None if name == "HTTP_PROXY" and "REQUEST_METHOD" in environ else environ.get(name)
    return (upper or "").strip() or environ.get(name.lower(), "").strip() or None
