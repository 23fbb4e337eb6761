"""Local history, for the providers whose tool logs what it used: it needs no login."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError

from openusage.host import Host
from openusage.log import logger
from openusage.model import Line
from openusage.providers.interface import DeclaredLine
from openusage.sessionlogs import LogRateLimits, Tool
from openusage.sessionlogs.lines import history_lines
from openusage.sessionlogs.walk import StoppedError

__all__ = ["HISTORY_LINES", "LocalHistory", "local_history"]

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

    There are `lines` where there are logs, even without usage, and none where there are no logs.
    """

    lines: Sequence[Line] = field(default=())
    limits: LogRateLimits | None = None


async def local_history(
    host: Host, tool: Tool, roots: Sequence[Path], *, note: str, color: str
) -> LocalHistory:
    """What the logs of `tool` below `roots` add up to; an empty one when they cannot be read.

    It never fails: whatever lies in another program's logs, the limits are shown.
    """
    reading = Deferred.fromCoroutine(_read(host, tool, roots, note, color))
    try:
        return await reading.addTimeout(PATIENCE, host.clock)
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


async def _read(
    host: Host, tool: Tool, roots: Sequence[Path], note: str, color: str
) -> LocalHistory:
    today = host.now().astimezone(host.zone).date()
    history = await host.logs.history(tool, roots, today=today, zone=host.zone)
    if history is None:
        return LocalHistory()
    host.note(*history.notes)
    lines = history_lines(history, today=today, note=note, color=color)
    return LocalHistory(lines, history.rate_limits)


def _unreadable(error: Exception) -> str:
    return f"local history could not be read ({type(error).__name__})"
