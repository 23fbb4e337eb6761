"""Text for a terminal: made harmless, measured, cut, wrapped and padded by the cells it takes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["cells", "clean", "columns", "fit", "pad", "wrap"]

# CSI (colours, cursor), OSC and the like (titles, links) up to their end, other escapes.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]?"
)
# Controls, formats (which reverse the reading direction), surrogates, private, unassigned.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_NO_CELL = frozenset({"Mn", "Me"})


def clean(text: str) -> str:
    """`text` on one line, without anything that could steer a terminal."""
    text = _ESCAPES.sub("", text)
    return " ".join("".join(char for char in text if _harmless(char)).split())


def cells(text: str) -> int:
    """How many cells of a terminal `text`, which is clean, takes."""
    return sum(map(_cells, text))


def fit(text: str, width: int, end: str = "…") -> str:
    """`text`, cut so that it and `end` take no more than `width` cells."""
    if cells(text) <= width:
        return text
    return _head(text, max(width - len(end), 0)).rstrip() + end[:width]


def pad(text: str, width: int) -> str:
    """`text`, filled up with spaces to `width` cells."""
    return text + " " * (width - cells(text))


def wrap(text: str, width: int | None) -> list[str]:
    """`text` as lines of at most `width` cells, broken at spaces where there are any."""
    if width is None or cells(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cells(line) > width > 1:
            head = _head(line, width)
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """`rows` of equal length as lines of aligned columns, two spaces apart."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(pad(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _harmless(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) not in _HARMFUL


def _head(text: str, width: int) -> str:
    """As much of the beginning of `text` as `width` cells hold."""
    taken = 0
    for index, char in enumerate(text):
        taken += _cells(char)
        if taken > width:
            return text[:index]
    return text


def _cells(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in _NO_CELL:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
