"""Amounts and times as words: `42 %`, `$12.50 of $50.00`, `resets in 3h 12m`, `2 min ago`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from openusage.cli.text import clean

__all__ = ["ago", "amount", "countdown", "finite", "instant", "span"]

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_EXACT = 100_000
"""Counts from here on are shown with three digits and a unit."""


def finite(value: object) -> float | None:
    """`value` if it is a number that can be shown, else `None`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def instant(text: object) -> datetime | None:
    """An instant as the API writes it (`2026-03-26T11:16:29.161Z`), to the second."""
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    try:
        read = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - the Z is UTC
    except ValueError:
        return None
    return read.replace(tzinfo=timezone.utc)


def amount(used: float, limit: float, unit: Mapping[str, Any]) -> str:
    """How much is used, of how much unless that is 100 %; `unit` is the `format` of a line."""
    if unit.get("kind") == "dollars":
        cents = not (used.is_integer() and limit.is_integer())
        return f"{_dollars(used, cents=cents)} of {_dollars(limit, cents=cents)}"
    if unit.get("kind") == "count":
        return f"{_count(used)} of {_count(limit)} {clean(str(unit.get('suffix', '')))}".rstrip()
    return "<0.1 %" if 0 < used < 0.1 else f"{_short(used, 1)} %"


def span(seconds: float) -> str:
    """A length of time by its two largest units: `3d 4h`, `2h 10m`, `10m`."""
    if seconds < _MINUTE:
        return "<1m"
    days, rest = divmod(int(seconds), _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes = rest // _MINUTE
    parts = [(days, "d"), (hours, "h"), (minutes, "m")]
    while not parts[0][0]:
        del parts[0]
    return " ".join(f"{number}{unit}" for number, unit in parts[:2] if number)


def countdown(resets_at: datetime, now: datetime) -> str:
    """How long until the meter starts again from 0."""
    seconds = (resets_at - now).total_seconds()
    return f"resets in {span(seconds)}" if seconds > 0 else "reset due"


def ago(then: datetime, now: datetime) -> str:
    """How long ago `then` was; an instant to come, by a clock that is wrong, is just now."""
    seconds = int((now - then).total_seconds())
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min ago"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h ago"
    days = seconds // _DAY
    return f"{days} day{'s' if days > 1 else ''} ago"


def _dollars(value: float, *, cents: bool) -> str:
    if value >= 1e9:
        return f"${_count(value)}"
    return f"${value:,.2f}" if cents else f"${value:,.0f}"


def _count(value: float) -> str:
    if value < _EXACT:
        return _short(value, 2)
    if value >= 1e15:
        return f"{value:.2e}"
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if value >= size * 0.9995:
            return _digits(value / size) + unit
    return _digits(value / 1e3) + "K"


def _digits(value: float) -> str:
    """Three digits, or all of them before the point."""
    places = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return _short(value, places)


def _short(value: float, places: int) -> str:
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
