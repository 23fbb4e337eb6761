"""The windows as Codex itself last logged them, for when the service cannot be asked.

With every answer of a model the CLI is told how full the windows are; its session log keeps that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from openusage.model import (
    Line,
    ProbeError,
    RateLimitedError,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.codex.windows import Window, window_lines
from openusage.providers.words import age
from openusage.sessionlogs import LogRateLimits

__all__ = ["log_note", "log_windows", "why_unavailable"]


def log_windows(limits: LogRateLimits, now: datetime) -> list[Line]:
    """Session and Weekly as logged, each only as long as its window has not been reset since."""
    return [*window_lines(_running(limits, now))]


def why_unavailable(error: ProbeError) -> str | None:
    """Why the service could not be asked, in two words; `None` for errors that logs cannot mend."""
    if isinstance(error, TokenExpiredError):
        return "login expired"
    if isinstance(error, RateLimitedError):
        return "rate limited"
    if isinstance(error, UnreachableError):
        return "offline"
    if isinstance(error, UnexpectedResponseError) and (error.status or 0) >= 500:
        return f"HTTP {error.status}"
    return None


def log_note(reason: str, at: datetime, now: datetime) -> Text:
    """The line that tells how old the windows are and why."""
    return Text("Note", f"Live usage unavailable — {reason}; from Codex's own log {age(at, now)}")


def _running(limits: LogRateLimits, now: datetime) -> Iterator[Window]:
    age_seconds = (now - limits.at).total_seconds()
    for window in limits.windows:
        seconds = window.window_minutes * 60.0
        if age_seconds < seconds and (window.resets_at is None or now < window.resets_at):
            yield Window(window.position, window.used_percent, seconds, window.resets_at)
