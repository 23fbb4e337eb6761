"""The shape of a service's answer: which parts of it are read, and so may be kept on the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from openusage.host.numbers import numeric

__all__ = ["Shape", "cut", "fits"]

Shape: TypeAlias = "Mapping[str, Shape] | Sequence[Mapping[str, Shape]] | Literal['number', 'any']"
"""An object with its keys, a list with the shape of its entries, a number, or any single value."""

MOST_ENTRIES = 64
LONGEST_TEXT = 200


def cut(value: object, shape: Shape) -> Any:
    """`value` without what `shape` does not name; what is there of another kind becomes `None`.

    Neither addresses and ids that come along nor an endless list get any further: of a list
    `MOST_ENTRIES` are left, of a text `LONGEST_TEXT` characters.
    """
    if isinstance(shape, Mapping):
        if not isinstance(value, dict):
            return None
        return {key: cut(value[key], inner) for key, inner in shape.items() if key in value}
    if isinstance(shape, str):
        return value[:LONGEST_TEXT] if isinstance(value, str) else _single(value)
    if not isinstance(value, list):
        return None
    return [cut(entry, shape[0]) for entry in value[:MOST_ENTRIES]]


def fits(body: Mapping[str, Any], shape: Mapping[str, Shape]) -> bool:
    """Whether `body` can be an answer of this `shape`: an empty one can, one of other keys cannot.

    Parts may be null or missing; entries of lists may be anything.
    """
    return not body or (any(key in body for key in shape) and _fits(body, shape))


def _fits(value: object, shape: Shape) -> bool:
    if value is None or shape == "any":
        return True
    if shape == "number":
        return numeric(value) is not None
    if not isinstance(shape, Mapping):
        return isinstance(value, list)
    return isinstance(value, dict) and all(
        _fits(value[key], inner) for key, inner in shape.items() if key in value
    )


def _single(value: object) -> object:
    return value if isinstance(value, (bool, int, float)) else None
