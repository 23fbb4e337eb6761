"""What was used, from a tool's own session logs: tokens and dollars per day, tokens per model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

from attrs import field, frozen

from openusage.sessionlogs.calls import Call
from openusage.sessionlogs.prices import Terms

if TYPE_CHECKING:
    from openusage.sessionlogs.tool import Tool

__all__ = ["Day", "History", "LogRateLimits", "LogWindow", "SessionLogs"]


@frozen
class Day:
    """One calendar day of the person's zone; `cost` in dollars, `None` when no call has a price."""

    date: date
    tokens: int
    cost: float | None


@frozen
class LogWindow:
    """A rate-limit window as the tool logged it; `used_percent` is 0 to 100 or a little more."""

    used_percent: float
    window_minutes: int
    resets_at: datetime | None
    position: Literal["primary", "secondary"]


@frozen
class LogRateLimits:
    """The rate limits that the service told the tool with an answer logged at `at`."""

    at: datetime
    plan: str | None
    windows: tuple[LogWindow, ...]


def _days(days: Iterable[Day]) -> tuple[Day, ...]:
    return tuple(days)


def _notes(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(notes)


def _read_only(models: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(dict(models))


@frozen
class History:
    """The calls of a window of days, summed.

    `days` ascends and holds only days with usage, `models` the tokens of each model over all of
    them. `notes` are remarks for health, such as `unknown model: x` or `3 unreadable log lines
    skipped`. `rate_limits` come from the newest logged event that has any; only Codex logs them.
    """

    days: tuple[Day, ...] = field(converter=_days)
    models: Mapping[str, int] = field(converter=_read_only)
    notes: tuple[str, ...] = field(default=(), converter=_notes)
    rate_limits: LogRateLimits | None = None


class SessionLogs(Protocol):
    """Where histories come from; `LocalSessionLogs` reads them off the disk."""

    async def history(
        self, tool: Tool, roots: Sequence[Path], *, today: date, zone: tzinfo, days: int = 31
    ) -> History | None:
        """What `tool` logged below `roots` in the `days` calendar days of `zone` up to `today`.

        `None` when no root exists or none holds a log file.
        Raises `OSError` when a root exists and no folder in it can be read.
        """

    async def add_up(
        self,
        calls: Iterable[Call],
        *,
        today: date,
        zone: tzinfo,
        days: int = 31,
        terms: Terms = Terms(),  # noqa: B008 (frozen)
        notes: Iterable[str] = (),
    ) -> History:
        """The same for `calls` from another source, such as a database or an export.

        `calls` are iterated in a thread; `notes` are remarks on their source.
        """
