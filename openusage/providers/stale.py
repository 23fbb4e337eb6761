"""Figures that are no longer live: which of them still mean something, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from openusage.model import Line, Progress, Text

__all__ = ["still_running", "unavailable"]


def still_running(lines: Iterable[Line], fetched_at: datetime, now: datetime) -> list[Line]:
    """`lines` as they were at `fetched_at`, without the windows that have ended since."""
    return [line for line in lines if not _ended(line, fetched_at, now)]


def unavailable(trouble: str) -> Text:
    """The line that says why the service was not asked; `trouble` is the error in sentences."""
    return Text("Note", f"Live usage unavailable — {_clause(trouble)}")


def _ended(line: Line, fetched_at: datetime, now: datetime) -> bool:
    resets_at = line.resets_at if isinstance(line, Progress) else None
    return resets_at is not None and fetched_at < resets_at <= now


def _clause(sentences: str) -> str:
    """`Token expired. Run it.` as part of a sentence: `token expired; run it`."""
    parts = sentences.rstrip(".").split(". ")
    return "; ".join(part[:1].lower() + part[1:] for part in parts)
