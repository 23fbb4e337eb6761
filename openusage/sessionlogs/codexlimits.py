"""The rate limits that Codex logs with its calls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from openusage.sessionlogs.codexrecords import CodexReader, Limits
from openusage.sessionlogs.history import LogRateLimits, LogWindow
from openusage.sessionlogs.timestamps import to_datetime, to_milliseconds
from openusage.sessionlogs.tool import LogFile

__all__ = ["newest_limits"]

_POSITIONS: tuple[Literal["primary", "secondary"], ...] = ("primary", "secondary")


def newest_limits(files: Sequence[LogFile]) -> LogRateLimits | None:
    """The rate limits of the newest event that had any, over all `files`."""
    newest: Limits | None = None
    for file in files:
        for part in file.parts:
            limits = cast("CodexReader", part).limits
            if limits is not None and (newest is None or limits.at > newest.at):
                newest = limits
    return None if newest is None else _rate_limits(newest)


def _rate_limits(found: Limits) -> LogRateLimits | None:
    at, plan = to_datetime(found.at), found.limits.get("plan_type")
    windows = tuple(_windows(found.limits, at))
    if not windows:
        return None
    return LogRateLimits(at, plan if isinstance(plan, str) and plan.strip() else None, windows)


def _windows(limits: dict[str, Any], at: datetime) -> Iterator[LogWindow]:
    for position in _POSITIONS:
        window = limits.get(position)
        if isinstance(window, dict):
            used = _number(window.get("used_percent"))
            minutes = _number(window.get("window_minutes"))
            if used is not None and minutes is not None and minutes >= 1:
                yield LogWindow(used, int(minutes), _resets_at(window, at), position)


def _resets_at(window: dict[str, Any], at: datetime) -> datetime | None:
    epoch = _number(window.get("resets_at"))
    moment = to_milliseconds(int(epoch)) if epoch is not None else None
    if moment is not None:
        return to_datetime(moment)
    seconds = _number(window.get("resets_in_seconds"))
    return at + timedelta(seconds=seconds) if seconds is not None and seconds < 10**9 else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None
