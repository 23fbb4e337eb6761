"""JSON lines into structs that hold only the fields used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

__all__ = ["MAX_COUNT", "UNREADABLE", "decode", "whole_lines"]

S = TypeVar("S", bound=msgspec.Struct)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a line may raise."""

MAX_COUNT = 2**64 - 1
"""No counter in a log is larger."""

_OPEN, _CLOSE = ord("{"), ord("}")
_BOM = b"\xef\xbb\xbf"
# Half of a character beyond U+FFFF, which JavaScript writes when a text was cut there.
_SURROGATE = re.compile(
    rb"\\(?:u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(u[dD][89a-fA-F]\w\w)|.)", re.DOTALL
)
_ANY = msgspec.json.Decoder()


def whole_lines(piece: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each line of `piece`; `(-1, 0)` for a line that cannot be a JSON object.

    Blank lines are passed over, and so are white space around a line and a byte order mark before
    it.
    """
    find, start = piece.find, 0
    while (end := find(b"\n", start)) >= 0:
        if end > start and piece[start] == _OPEN and piece[end - 1] == _CLOSE:
            yield start, end
        else:
            line = piece[start:end]
            body = line.strip()
            if body.startswith(_BOM):
                body = body[len(_BOM) :].lstrip()
            if body:
                first = start + line.index(body)
                good = body[0] == _OPEN and body[-1] == _CLOSE
                yield (first, first + len(body)) if good else (-1, 0)
        start = end + 1


def decode(line: bytes, decoder: msgspec.json.Decoder[S]) -> S | None:
    """`line` as the struct of `decoder`; a part that has another shape is taken as missing.

    `None` when the line is no JSON object. Raises one of `UNREADABLE` when it is no JSON at all.
    """
    try:
        return decoder.decode(line)
    except msgspec.ValidationError:
        return _lenient(line, decoder)
    except msgspec.DecodeError:
        mended = _SURROGATE.sub(_mend, line)
        if mended == line:
            raise
        return _lenient(mended, decoder)


def _lenient(line: bytes, decoder: msgspec.json.Decoder[S]) -> S | None:
    value = _ANY.decode(line)
    return _shape(value, decoder.type) if isinstance(value, dict) else None


def _mend(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape[1] else escape[0]


def _shape(value: dict[str, Any], kind: type[S]) -> S:
    nested = _nested(kind)
    known: dict[str, Any] = {}
    for name, encoded in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        part = value.get(encoded, msgspec.UNSET)
        if name in nested:
            part = _shape(part, nested[name]) if isinstance(part, dict) else None
        if part is not msgspec.UNSET:
            known[name] = part
    return kind(**known)


@cache
def _nested(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """The fields of `kind` that are structs themselves."""
    return {
        name: part
        for name, hint in get_type_hints(kind).items()
        for part in (hint, *get_args(hint))
        if isinstance(part, type) and issubclass(part, msgspec.Struct)
    }
