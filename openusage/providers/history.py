"""Local history, for the providers whose tool logs what it used: it needs no login."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError

from openusage.host import Host
from openusage.log import logger
from openusage.model import Line, NotLoggedInError, ProbeError, Snapshot
from openusage.providers.interface import DeclaredLine
from openusage.providers.stale import unavailable
from openusage.sessionlogs import Call, History, LogRateLimits, Terms, Tool
from openusage.sessionlogs.lines import history_lines
from openusage.sessionlogs.walk import StoppedError

__all__ = ["HISTORY_LINES", "LocalHistory", "added_history", "history_alone", "local_history"]

HISTORY_LINES = (
    DeclaredLine("Today", "text"),
    DeclaredLine("Yesterday", "text"),
    DeclaredLine("Last 30 Days", "text"),
    DeclaredLine("Usage Trend", "barChart"),
)
PATIENCE = 20.0
"""Seconds to wait for the logs, so that a slow disk costs the history and not the limits too."""

_log = logger(__name__)


@frozen
class LocalHistory:
    """Token history as lines, and the rate limits that the tool was last told.

    There are none where there are no logs. In the form with idle days there are `lines` wherever
    there are logs, in the other one only with usage.
    """

    lines: Sequence[Line] = field(default=())
    limits: LogRateLimits | None = None


async def local_history(
    host: Host,
    tool: Tool,
    roots: Sequence[Path],
    *,
    note: str,
    color: str | None = None,
    idle: bool = True,
) -> LocalHistory:
    """What the logs of `tool` below `roots` add up to; an empty one when they cannot be read.

    It never fails: whatever lies in another program's logs, the limits are shown. `note`, `color`
    and `idle` are those of `history_lines`.
    """

    async def read() -> LocalHistory:
        today = _today(host)
        history = await host.logs.history(tool, roots, today=today, zone=host.zone)
        return _shown(host, history, today, note, color, idle)

    return await _whatever(host, read())


async def added_history(
    host: Host,
    calls: Iterable[Call],
    *,
    note: str,
    color: str | None = None,
    idle: bool = False,
    terms: Terms = Terms(),  # noqa: B008 (frozen)
    notes: Iterable[str] = (),
) -> LocalHistory:
    """What `calls` add up to that are in no log file; an empty one when they cannot be summed.

    It never fails either. `terms` are what calls cost where no table says, `notes` remarks on where
    they are from.
    """

    async def add_up() -> LocalHistory:
        today = _today(host)
        history = await host.logs.add_up(
            calls, today=today, zone=host.zone, terms=terms, notes=notes
        )
        return _shown(host, history, today, note, color, idle)

    return await _whatever(host, add_up())


def history_alone(host: Host, error: ProbeError, history: LocalHistory) -> Snapshot:
    """What is shown where the login is no good, for the reason `error`: history needs none.

    Raises `error` where there is no history.
    """
    if not history.lines:
        raise error
    host.note(error.message)
    note = [] if isinstance(error, NotLoggedInError) else [unavailable(error.message)]
    return host.snapshot([*history.lines, *note])


async def _whatever(host: Host, reading: Coroutine[Any, Any, LocalHistory]) -> LocalHistory:
    """What `reading` comes to; when it fails or takes for ever, a note and an empty history."""
    try:
        return await Deferred.fromCoroutine(reading).addTimeout(PATIENCE, host.clock)
    except CancelledError:
        raise
    except DeferredTimeoutError:
        host.note(f"local history was not read within {PATIENCE:g} s")
    except (OSError, StoppedError) as error:
        host.note(_unreadable(error))
    except Exception as error:  # noqa: BLE001 - a bug in reading them must not cost the limits
        _log.failure("{id}: local history failed", id=host.id)
        host.note(_unreadable(error))
    return LocalHistory()


def _today(host: Host) -> date:
    return host.now().astimezone(host.zone).date()


def _shown(
    host: Host, history: History | None, today: date, note: str, color: str | None, idle: bool
) -> LocalHistory:
    if history is None:
        return LocalHistory()
    host.note(*history.notes)
    lines = history_lines(history, today=today, note=note, color=color, idle=idle)
    return LocalHistory(tuple(lines), history.rate_limits)


def _unreadable(error: Exception) -> str:
    return f"local history could not be read ({type(error).__name__})"
