"""Asking a running service, with nothing but the standard library and never through a proxy."""

from __future__ import annotations

import json
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NoReturn
from urllib.parse import urlsplit

from attrs import frozen

from openusage.cli.reading import Reading

__all__ = ["Address", "NoServiceError", "address", "ask"]

PATIENCE = 2.0
_LARGEST = 64 * 2**20
_PIECE = 2**16


class NoServiceError(Exception):
    """Nobody answers there, or not as openusage does; in words that name the address."""


@frozen
class Address:
    """Where a service is: `prefix` is the path below which its API lies."""

    url: str
    secure: bool
    host: str
    port: int | None
    prefix: str

    def connect(self) -> HTTPConnection:
        """A connection that is made with the first request."""
        kind = HTTPSConnection if self.secure else HTTPConnection
        return kind(self.host, self.port, timeout=PATIENCE)


def address(url: str) -> Address:
    """The address that `url` gives. Raises `ValueError`, worded for the person."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be plain ASCII without spaces")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must have no user, query or fragment")
    port = parts.port  # a `ValueError` of its own where that is no port
    if not all(0 < len(label) < 64 for label in parts.hostname.rstrip(".").split(".")):
        raise ValueError("has no valid host")
    prefix = parts.path.rstrip("/")
    return Address(url, parts.scheme == "https", parts.hostname, port, prefix)


def ask(where: Address) -> Reading:
    """What the service there has. Raises `NoServiceError`.

    A service that answers with usage alone will do: health is then not known.
    """
    snapshots = _usage(where)
    report = _health(where)
    return Reading("service", snapshots, report, report["providers"] if report else ())


def _usage(where: Address) -> list[dict[str, Any]]:
    try:
        value = _get(where, "/v1/usage")
    except TimeoutError:
        raise NoServiceError(f"no answer from {where.url} within {PATIENCE:g} s") from None
    except ConnectionRefusedError:
        raise NoServiceError(f"no service at {where.url}") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NoServiceError(f"no service at {where.url} ({reason})") from None
    except (HTTPException, ValueError, RecursionError):
        raise NoServiceError(_not_ours(where)) from None
    if not isinstance(value, list) or not all(map(_is_snapshot, value)):
        raise NoServiceError(_not_ours(where))
    return value


def _health(where: Address) -> dict[str, Any] | None:
    try:
        value = _get(where, "/v1/health")
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    providers = value.get("providers") if isinstance(value, dict) else None
    if not isinstance(providers, list) or not all(isinstance(each, dict) for each in providers):
        return None
    return dict(value)


def _get(where: Address, path: str) -> Any:
    """The JSON below `path`. Raises `OSError`, `HTTPException` or `ValueError`."""
    with closing(where.connect()) as connection:
        connection.request("GET", where.prefix + path, headers={"Accept": "application/json"})
        with connection.getresponse() as response:  # it may outlive its connection
            if response.status != 200:
                raise ValueError(f"HTTP {response.status}")
            body = _read(response)
    return json.loads(body, parse_constant=_refuse)


def _read(response: HTTPResponse) -> bytes:
    """The body, in time and not endless: the timeout of a socket starts again with every byte."""
    end, body = time.monotonic() + PATIENCE, bytearray()
    while piece := response.read1(_PIECE):
        body += piece
        if time.monotonic() > end:
            raise TimeoutError
        if len(body) > _LARGEST:
            raise ValueError("too large")
    return bytes(body)


def _is_snapshot(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("providerId"), str)
        and isinstance(value.get("lines"), list)
    )


def _not_ours(where: Address) -> str:
    return f"what answers at {where.url} is not openusage"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
