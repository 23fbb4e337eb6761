"""What is kept of any answer, whoever gave it, and the metric lines made of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from openusage.host.instants import parse_instant
from openusage.host.numbers import clamp, numeric, rounded
from openusage.host.values import objects_in
from openusage.model import Progress
from openusage.providers.shape import Shape

__all__ = ["SHAPE", "figures", "usage_lines", "window"]

_FIVE_HOURS = 18_000_000
_WEEK = 604_800_000

PERIODS = {
    "Session": _FIVE_HOURS,
    "Weekly": _WEEK,
    "Gemini Pro": _FIVE_HOURS,
    "Gemini Flash": _FIVE_HOURS,
    "Claude": _FIVE_HOURS,
    "Claude Weekly": _WEEK,
}
"""The lines in their order, each with the length of its window in milliseconds."""

SHAPE: Mapping[str, Shape] = {
    "plan": "any",
    "windows": [{"label": "any", "remaining": "number", "resetTime": "any"}],
}


def window(label: str, remaining: float, reset_time: object) -> dict[str, Any]:
    """What is kept of one window; `remaining` is the fraction of it that is left."""
    return {"label": label, "remaining": remaining, "resetTime": reset_time}


def figures(plan: str | None, windows: list[dict[str, Any]]) -> dict[str, Any]:
    """What is kept of an answer, in the shape of `SHAPE`."""
    return {"plan": plan, "windows": windows}


def usage_lines(body: Mapping[str, Any]) -> list[Progress]:
    """The lines of what was kept, in their order; what cannot be read is left out."""
    return sorted(_lines(body), key=lambda line: list(PERIODS).index(line.label))


def _lines(body: Mapping[str, Any]) -> Iterator[Progress]:
    for kept in objects_in(body.get("windows")):
        label, remaining = kept.get("label"), numeric(kept.get("remaining"))
        if not isinstance(label, str) or label not in PERIODS or remaining is None:
            continue
        yield Progress(
            label,
            rounded((1 - clamp(remaining, 0, 1)) * 100),
            100,
            resets_at=parse_instant(kept.get("resetTime")),
            period_ms=PERIODS[label],
        )
