"""Instants in log lines, as milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timezone

__all__ = ["to_datetime", "to_milliseconds"]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (naive on both sides of a subtraction)
_COMMON = 24  # len("2026-11-22T10:19:13.147Z")
_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))", re.ASCII
)
_LATEST = 253_370_764_800_000  # 9999-01-01, so that every zone can still show it


def to_milliseconds(value: object) -> int | None:
    """`value` as an instant; `None` when it is none.

    Text is RFC 3339 with any number of decimals and must name its zone. A whole number is seconds,
    or milliseconds when it is too large for seconds.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = value if abs(value) > 10**10 else value * 1000
        return value if 0 <= value < _LATEST else None
    return None


def to_datetime(milliseconds: int) -> datetime:
    """The instant, aware UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _text(value: str) -> int | None:
    if len(value) == _COMMON and value[19] == "." and value[23] == "Z" and value[10] == "T":
        milliseconds = value[20:23]
        if milliseconds.isdigit() and milliseconds.isascii():
            return _moment(value[:19], int(milliseconds), 0)
    match = _FORM.fullmatch(value.strip())
    if match is None:
        return None
    day, clock, fraction, sign, hours, minutes = match.groups()
    offset = int(hours) * 60 + int(minutes) if sign else 0
    milliseconds = (fraction or "")[:3].ljust(3, "0")
    return _moment(f"{day}T{clock}", int(milliseconds), -offset if sign == "-" else offset)


def _moment(text: str, milliseconds: int, offset_minutes: int) -> int | None:
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return None
    moment = (since.days * 86_400 + since.seconds - offset_minutes * 60) * 1000 + milliseconds
    return moment if moment < _LATEST else None
