"""Parts of JSON that may have any shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from openusage.host.net import Response

__all__ = ["first_text", "json_object", "json_value", "object_at", "objects_in", "text_of"]


def json_value(response: Response) -> Any:
    """The body of `response` as JSON; `None` when it is not JSON."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def json_object(response: Response) -> dict[str, Any] | None:
    """The body of `response`, if it is a JSON object."""
    body = json_value(response)
    return body if isinstance(body, dict) else None


def object_at(values: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The object at `keys`, one inside the other; an empty one when there is none."""
    for key in keys:
        value = values.get(key)
        values = value if isinstance(value, Mapping) else {}
    return values


def objects_in(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; none when it is no list."""
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, Mapping):
            yield entry


def text_of(value: object) -> str | None:
    """`value` trimmed, if it is a text that holds anything."""
    return value.strip() or None if isinstance(value, str) else None


def first_text(values: Mapping[str, Any], *keys: str) -> str | None:
    """The first text that `values` has at one of `keys` and that is not blank, trimmed."""
    return next(filter(None, (text_of(values.get(key)) for key in keys)), None)
