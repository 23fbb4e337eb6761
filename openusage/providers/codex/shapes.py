"""Parts of JSON that may have any shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openusage.host import Response

__all__ = ["json_object", "object_at", "text_of"]


def json_object(response: Response) -> dict[str, Any] | None:
    """The body of `response`, if it is a JSON object."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def object_at(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object that `values` holds at `key`; an empty one when there is none."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str | None:
    """`value` trimmed, if it is a text that holds anything."""
    return value.strip() or None if isinstance(value, str) else None
