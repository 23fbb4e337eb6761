"""JSON as text: the object that it is, and where in it a value stands, for errors to name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from openusage.wire import JsonPath

__all__ = ["line_of", "object_in"]

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is; `None` when it is none, or nested without end."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def line_of(text: str, path: JsonPath) -> int:
    """The line, from 1, of the value that `path` leads to, or of the last one on the way there.

    `text` must be valid JSON.
    """
    at = _skip(text, 0)
    for step in path:
        # Of a key that is there twice the last one counts, as for `json.loads`.
        places = [place for key, place in _children(text, at) if key == step]
        if not places:
            break
        at = places[-1]
    return text.count("\n", 0, at) + 1


def _children(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """Key or index, and place, of each value in the object or array that begins at `at`."""
    closing = {"{": "}", "[": "]"}.get(text[at])
    if closing is None:
        return
    at, key = _skip(text, at + 1), -1
    while text[at] != closing:
        key += 1
        if closing == "}":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + len(":"))
            yield name, at
        else:
            yield key, at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at
