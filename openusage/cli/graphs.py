"""Meters and sparklines of text cells."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["meter", "sparkline"]

_BARS = {True: ("█", "░"), False: ("#", ".")}
_LEVELS = {True: "▁▂▃▄▅▆▇█", False: "_.:-=+*#"}


def meter(share: float, width: int, *, unicode: bool) -> str:
    """A meter of `width` cells filled by `share` of 1.

    One that is not empty shows at least one cell, one that is not full lacks at least one.
    """
    full = round(min(max(share, 0.0), 1.0) * width)
    if 0 < share < 1:
        full = min(max(full, 1), width - 1)
    on, off = _BARS[unicode]
    return on * full + off * (width - full)


def sparkline(values: Sequence[float], width: int | None, *, unicode: bool) -> str:
    """`values`, none negative, as one cell each; of more than `width` the last ones."""
    levels = _LEVELS[unicode]
    shown = values if width is None else values[max(len(values) - width, 0) :]
    highest = max(shown, default=0.0)
    if highest <= 0:
        return levels[0] * len(shown)
    return "".join(levels[_level(value / highest, len(levels))] for value in shown)


def _level(share: float, count: int) -> int:
    """The lowest level is for nothing at all."""
    return 0 if share <= 0 else max(1, min(round(share * (count - 1)), count - 1))
