"""The wrappings in which stored credentials come: JSON, hex of JSON, JWT, go-keyring."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any

from openusage.host.instants import from_epoch
from openusage.jsontext import object_in

__all__ = ["credential_json", "go_keyring", "jwt_expiry", "jwt_payload", "sendable"]

_HEX = re.compile(r"(?:0[xX])?((?:[0-9a-fA-F]{2})+)")
_BASE64 = re.compile(r"[A-Za-z0-9_+/-]+={0,2}")
_GO_KEYRING = "go-keyring-base64:"


def credential_json(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or that it is the hex form of; `None` when it is neither.

    macOS `security … -w` prints a value with newlines or non-ASCII characters as hex.
    """
    found = _object(text)
    if found is not None:
        return found
    match = _HEX.fullmatch(text.strip())
    return _object(bytes.fromhex(match[1]).decode("utf-8", "replace")) if match else None


def jwt_payload(token: str) -> dict[str, Any] | None:
    """The claims of a JWT, whose signature is not checked; `None` when there are none to read."""
    parts = token.strip().split(".")
    if len(parts) < 2 or not _BASE64.fullmatch(parts[1]):
        return None
    data = parts[1].rstrip("=")
    try:
        payload = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
    except binascii.Error:
        return None
    return _object(payload.decode("utf-8", "replace"))


def jwt_expiry(token: str | None) -> datetime | None:
    """When the JWT says that it expires; `None` when it does not say, or is none."""
    return from_epoch((jwt_payload(token) or {}).get("exp")) if token else None


def sendable(token: str) -> bool:
    """Whether `token` can stand in a header."""
    return token.isascii() and token.isprintable() and " " not in token


def go_keyring(text: str) -> str | None:
    """The secret as the program that stored it knows it; `None` when it is blank or damaged.

    Go programs store `go-keyring-base64:` and base64 on macOS, elsewhere the secret as it is.
    """
    secret = text.strip()
    if secret.startswith(_GO_KEYRING):
        try:
            decoded = base64.b64decode(secret[len(_GO_KEYRING) :], validate=True)
            secret = decoded.decode().strip()
        except ValueError:
            return None
    return secret or None


def _object(text: str) -> dict[str, Any] | None:
    return object_in(text.removeprefix("\ufeff"))
