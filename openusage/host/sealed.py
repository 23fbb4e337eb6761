"""Text sealed with AES-256-GCM as `IV:TAG:CIPHERTEXT`, each part in base64.

The IV has 16 bytes, the tag 16, and nothing else is authenticated; the key is 32 bytes in base64.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["seal", "unseal"]

_IV_LENGTH = 16
_TAG_LENGTH = 16
_KEY_LENGTH = 32


def unseal(envelope: str, key: str) -> str | None:
    """The text in `envelope`; `None` when it is not of this form or not sealed with `key`."""
    parts = [_decoded(part) for part in envelope.strip().split(":")]
    if len(parts) != 3:
        return None
    iv, tag, ciphertext = parts
    cipher = _cipher(key)
    if cipher is None or not iv or not tag or ciphertext is None or len(tag) != _TAG_LENGTH:
        return None
    try:
        return cipher.decrypt(iv, ciphertext + tag, None).decode()
    except (InvalidTag, ValueError):  # ValueError: an IV too short, or text that is not UTF-8
        return None


def seal(text: str, key: str) -> str:
    """An envelope around `text`, no two alike. Raises `ValueError` when `key` is no key."""
    cipher = _cipher(key)
    if cipher is None:
        raise ValueError("not a key")
    iv = os.urandom(_IV_LENGTH)
    sealed = cipher.encrypt(iv, text.encode(), None)
    parts = (iv, sealed[-_TAG_LENGTH:], sealed[:-_TAG_LENGTH])
    return ":".join(base64.b64encode(part).decode() for part in parts)


def _cipher(key: str) -> AESGCM | None:
    decoded = _decoded(key.strip())
    return AESGCM(decoded) if decoded is not None and len(decoded) == _KEY_LENGTH else None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
