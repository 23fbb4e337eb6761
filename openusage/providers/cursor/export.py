"""The account's history: the website's export of every use, as tokens and dollars per day.

Cursor prices by plan, so dollars are what the tokens would cost at API rates. The export is CSV
(seen 2026-11):

    Date,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Cost
    2026-11-22T10:00:00.000Z,claude-opus-4-8,No,0,"1,200",90000,450,Included
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from openusage.host import Host
from openusage.host.instants import parse_instant
from openusage.host.numbers import number, rounded
from openusage.host.values import objects_in, text_of
from openusage.model import Line
from openusage.providers.shape import Shape
from openusage.sessionlogs import Call, Day, History, Terms
from openusage.sessionlogs.lines import history_lines
from openusage.sessionlogs.walk import StoppedError

__all__ = ["EXPORT", "UnusableError", "export_calls", "export_lines", "export_start", "sum_up"]

EXPORT: Mapping[str, Shape] = {
    "days": [{"day": "any", "tokens": "any", "cents": "any"}],
    "notes": [{"text": "any"}],
}
"""What is kept of an export."""

_NOTE = "From your Cursor usage export"
_DAYS = 30
# A row may stand for several requests, and none for how fast they were.
_TERMS = Terms(long_context=False, priced_only=True)
_DATE, _MODEL = "Date", "Model"
_COUNTS = ("Input (w/o Cache Write)", "Input (w/ Cache Write)", "Cache Read", "Output Tokens")
_COUNT = re.compile(r"[0-9]*|[0-9]{1,3}(?:,[0-9]{3})+")
_LONGEST_COUNT = 15  # more digits than anybody has tokens
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*")
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_QUOTED = re.compile(r'(?:\A|(?<=[,\r\n]))"[^"]*(?:""[^"]*)*"(?=[,\r\n]|\Z)')
_MOST_CENTS = 1e14
_MOST_TOKENS = 1e18


class UnusableError(ValueError):
    """An export that is none, or not to be trusted as a whole."""


def export_start(host: Host) -> datetime:
    """The first midnight of the person's that the export is asked for from."""
    first = host.now().astimezone(host.zone).date() - timedelta(days=_DAYS - 1)
    return datetime.combine(first, time(), host.zone)


async def sum_up(host: Host, data: bytes) -> dict[str, Any] | None:
    """What the export `data` comes to per day, as `EXPORT`; `None`, with a note, if it is unusable.

    Calls of a model that has no price count for nothing.
    """
    start, end = export_start(host), host.now() + timedelta(days=1)
    today = host.now().astimezone(host.zone).date()
    try:
        calls = await host.run(export_calls, data, host.zone)
        window = [call for call in calls if _ms(start) <= call.at <= _ms(end)]
        history = await host.logs.add_up(window, today=today, zone=host.zone, terms=_TERMS)
    except UnusableError as error:
        host.note(f"The usage export could not be read: {error}.")
        return None
    except StoppedError:
        return None
    days = [
        {
            "day": day.date.isoformat(),
            "tokens": day.tokens,
            "cents": None if day.cost is None else rounded(day.cost * 100),
        }
        for day in history.days
    ]
    return {"days": days, "notes": [{"text": note} for note in history.notes]}


def export_lines(host: Host, kept: Mapping[str, Any]) -> list[Line]:
    """The lines of what was kept of an export; its notes become the host's."""
    host.note(*filter(None, (text_of(note.get("text")) for note in objects_in(kept.get("notes")))))
    days = {day.date: day for day in map(_day, objects_in(kept.get("days"))) if day is not None}
    history = History([days[key] for key in sorted(days)], {})
    today = host.now().astimezone(host.zone).date()
    return history_lines(history, today=today, note=_NOTE, idle=False)


def _day(entry: Mapping[str, Any]) -> Day | None:
    try:
        day = date.fromisoformat(str(entry.get("day")))
    except ValueError:
        return None
    tokens, cents = number(entry.get("tokens")), number(entry.get("cents"))
    if tokens is None or not 0 <= tokens <= _MOST_TOKENS:
        return None
    known = cents is not None and 0 <= cents <= _MOST_CENTS
    return Day(day, int(tokens), cents / 100 if cents is not None and known else None)


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


# --- the CSV --------------------------------------------------------------------------------------


def export_calls(data: bytes, zone: tzinfo) -> list[Call]:
    """The rows of an export that can be read, as calls. Raises `UnusableError`."""
    rows = _rows(data.decode("utf-8", "replace").removeprefix("\ufeff"))
    header = [cell.strip() for cell in next(rows, [])]
    if len(set(header)) < len(header):
        raise UnusableError("a column is there twice")
    if not {_DATE, _MODEL, *_COUNTS} <= set(header):
        raise UnusableError("a column is missing")
    calls = (
        _call(dict(zip(header, row, strict=True)), zone) for row in rows if len(row) == len(header)
    )
    return [call for call in calls if call is not None]


def _rows(text: str) -> Iterator[Sequence[str]]:
    """The rows that are not empty. Raises `UnusableError` when quotes are not where they belong."""
    try:
        rows = [*csv.reader(io.StringIO(text, newline=""), strict=True)]
    except csv.Error as error:
        raise UnusableError("its cells are broken") from error
    # The reader takes a quote amid a cell for a character like any other.
    if '"' in _QUOTED.sub("", text):
        raise UnusableError("its cells are broken")
    return (row for row in rows if any(row))


def _call(row: Mapping[str, str], zone: tzinfo) -> Call | None:
    at, model = _instant(row[_DATE].strip(), zone), row[_MODEL].strip()
    counts = [count for column in _COUNTS if (count := _count(row[column])) is not None]
    if at is None or not model or len(counts) < len(_COUNTS):
        return None
    plain, written, read, output = counts
    return Call(
        at=_ms(at),
        model=model,
        input=plain,
        write_5m=written,
        read=read,
        output=output,
        tokens=sum(counts),
    )


def _instant(text: str, zone: tzinfo) -> datetime | None:
    if _ISO.fullmatch(text):
        return parse_instant(text)
    try:
        written = datetime.fromisoformat(text) if _LOCAL.fullmatch(text) else None
        return None if written is None else parse_instant(written, zone)
    except ValueError:
        return None


def _count(text: str) -> int | None:
    if not _COUNT.fullmatch(text):
        return None
    digits = text.replace(",", "")
    return int(digits or 0) if len(digits) <= _LONGEST_COUNT else None
