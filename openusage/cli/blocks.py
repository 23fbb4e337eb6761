"""Snapshots, as the JSON of the API, and how their probes go: the blocks that `status` shows.

What comes from a service is not trusted: text is made harmless, and a line that is none of those we
know is shown by its label alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from attrs import frozen

from openusage.cli.amounts import ago, amount, countdown, finite, instant, span
from openusage.cli.text import clean

__all__ = ["INTERVAL", "Block", "Chart", "Meter", "Note", "Row", "blocks_of", "rows_of"]

INTERVAL = 300.0
"""Seconds between probes where nobody says otherwise."""


@frozen
class Meter:
    """A meter that is filled by `share` of 1; `reset` says when it starts again."""

    label: str
    share: float
    value: str
    reset: str = ""


@frozen
class Note:
    """A text with, perhaps, a remark."""

    label: str
    value: str
    remark: str = ""


@frozen
class Chart:
    """Bars; `peak` is how the highest reads."""

    label: str
    values: tuple[float, ...]
    peak: str = ""


Row: TypeAlias = Meter | Note | Chart


@frozen
class Block:
    """One instance: `facts` follow its name, `trouble` is why the last attempt failed.

    `notes` are what the last probe had to remark.
    """

    name: str
    facts: tuple[str, ...] = ()
    stale: bool = False
    trouble: str = ""
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


def blocks_of(
    snapshots: Sequence[Mapping[str, Any]],
    health: Sequence[Mapping[str, Any]],
    now: datetime,
    interval: float = INTERVAL,
) -> list[Block]:
    """A block for each snapshot and each enabled instance without one.

    `health` holds the `providers` of the API's health report; the blocks are in its order.
    """
    left = {str(snapshot["providerId"]): snapshot for snapshot in snapshots}
    blocks = []
    for state in health:
        snapshot = left.pop(str(state.get("providerId")), None)
        if snapshot is not None:
            blocks.append(_with_data(snapshot, state, now, interval))
        elif state.get("enabled") is True:
            blocks.append(_without_data(state, now))
    return blocks + [_with_data(snapshot, {}, now, interval) for snapshot in left.values()]


def rows_of(lines: object, now: datetime) -> Iterator[Row]:
    """The rows for the `lines` of a snapshot."""
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict):
            yield _row(line, now)


def _with_data(
    snapshot: Mapping[str, Any], state: Mapping[str, Any], now: datetime, interval: float
) -> Block:
    fetched, trouble = instant(snapshot.get("fetchedAt")), _trouble(state, now)
    patience = 2 * (_own_interval(state) or interval)
    old = fetched is None or (now - fetched).total_seconds() > patience
    age = ago(fetched, now) if fetched else "age unknown"
    return Block(
        _text(snapshot, "displayName") or _text(snapshot, "providerId"),
        tuple(fact for fact in (_text(snapshot, "plan"), age) if fact),
        old or bool(trouble),
        trouble,
        tuple(rows_of(snapshot.get("lines"), now)),
        _notes(state),
    )


def _without_data(state: Mapping[str, Any], now: datetime) -> Block:
    name = _text(state, "displayName") or _text(state, "providerId")
    fact = "duplicate" if _code(state) == "duplicate" else "nothing yet"
    return Block(name, (fact,), trouble=_trouble(state, now), notes=_notes(state))


def _code(state: Mapping[str, Any]) -> str:
    """The class of the last failure; empty when the last attempt did not fail."""
    error = state.get("lastError")
    return _text(error, "code") if isinstance(error, dict) else ""


def _trouble(state: Mapping[str, Any], now: datetime) -> str:
    """Why the last attempt failed and when the next one is; empty when it did not fail."""
    error = state.get("lastError")
    if not isinstance(error, dict):
        return ""
    words = _text(error, "message") or _code(state) or "failed"
    upcoming = instant(state.get("nextAttempt"))
    if upcoming is None or upcoming <= now:
        return words
    return f"{words} (next attempt in {span((upcoming - now).total_seconds())})"


def _notes(state: Mapping[str, Any]) -> tuple[str, ...]:
    notes = state.get("notes")
    if not isinstance(notes, list):
        return ()
    texts = [clean(note) for note in notes if isinstance(note, str)]
    return tuple(text for text in texts if text)


def _own_interval(state: Mapping[str, Any]) -> float | None:
    """The seconds between probes that the service itself goes by."""
    last, upcoming = instant(state.get("lastAttempt")), instant(state.get("nextAttempt"))
    if state.get("waiting") != "interval" or last is None or upcoming is None:
        return None
    return max((upcoming - last).total_seconds(), 0.0)


def _row(line: Mapping[str, Any], now: datetime) -> Row:
    label, kind = _text(line, "label"), line.get("type")
    row: Row | None = None
    if kind == "progress":
        row = _meter(label, line, now)
    elif kind == "text":
        row = Note(label, _text(line, "value"), _text(line, "subtitle"))
    elif kind == "badge":
        row = Note(label, _text(line, "text"), _text(line, "subtitle"))
    elif kind == "barChart":
        row = _chart(label, line)
    return row or Note(label, "?")


def _meter(label: str, line: Mapping[str, Any], now: datetime) -> Meter | None:
    used, limit, unit = finite(line.get("used")), finite(line.get("limit")), line.get("format")
    if used is None or limit is None or limit <= 0 or not isinstance(unit, dict):
        return None
    resets_at = instant(line.get("resetsAt"))
    reset = countdown(resets_at, now) if resets_at else ""
    return Meter(label, used / limit, amount(used, limit, unit), reset)


def _chart(label: str, line: Mapping[str, Any]) -> Chart | None:
    points = line.get("points")
    if not isinstance(points, list):
        return None
    bars = [(finite(point.get("value")), point) for point in points if isinstance(point, dict)]
    known = [(max(value, 0.0), point) for value, point in bars if value is not None]
    if not known:
        return None
    highest = max(known, key=lambda bar: bar[0])[1]
    return Chart(label, tuple(value for value, _ in known), _text(highest, "valueLabel"))


def _text(value: Mapping[str, Any], key: str) -> str:
    text = value.get(key)
    return clean(text) if isinstance(text, str) else ""
