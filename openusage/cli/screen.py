"""What the terminal can show, and writing to it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import click
from attrs import frozen

from openusage.cli.text import fit

__all__ = ["Screen", "put", "put_json", "screen_of"]

_SAMPLE = "█░▁▂▇…·"
_PLAIN = str.maketrans(
    {"·": "-", "\N{EN DASH}": "-", "…": "..", "\N{RIGHT SINGLE QUOTATION MARK}": "'"}
)


@frozen
class Screen:
    """`width` is in cells, `None` where nothing needs to be cut; `unicode`: blocks can be shown."""

    width: int | None = None
    unicode: bool = True
    color: bool = False

    def style(self, text: str, **styles: Any) -> str:
        """`text` in colour, bold or dim, if this screen has that."""
        return click.style(text, **styles) if self.color and text else text

    def fit(self, text: str, width: int) -> str:
        """`text`, cut to `width` cells, with a sign that there is more."""
        return fit(text, width, "…" if self.unicode else "..")

    @property
    def separator(self) -> str:
        """What stands between the parts of a title."""
        return " · " if self.unicode else " - "


def screen_of(stream: TextIO, environ: Mapping[str, str], color: bool | None) -> Screen:
    """What `stream` can show; `color` is the person's own word on that.

    Without it there is colour on a terminal, unless `NO_COLOR` is set. What is piped is not cut,
    unless `COLUMNS` says so.
    """
    tty = stream.isatty()
    dumb = environ.get("TERM") == "dumb"
    if color is None:
        color = tty and not dumb and not environ.get("NO_COLOR")
    columns = environ.get("COLUMNS", "")
    width: int | None = int(columns) if columns.isascii() and columns.isdigit() else None
    if tty and not width:
        width = shutil.get_terminal_size().columns
    return Screen(max(width, 20) if width else None, not (tty and dumb) and _shows(stream), color)


def put(text: str, screen: Screen) -> None:
    """Write `text` and the end of a line to stdout; what its encoding lacks becomes `-` or `?`."""
    encoding = sys.stdout.encoding or "ascii"
    if not screen.unicode:
        text = text.translate(_PLAIN)
    click.echo(text.encode(encoding, "replace").decode(encoding), color=screen.color)


def put_json(value: Any) -> None:
    """Write `value` to stdout as one line of JSON, in UTF-8 whatever the encoding of stdout is."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    click.echo(text.encode("utf-8", "replace"))


def _shows(stream: TextIO) -> bool:
    try:
        _SAMPLE.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
