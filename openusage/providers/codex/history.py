"""What the session logs of the Codex CLI on this machine tell, which needs no login."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError

from openusage.host import Host
from openusage.log import logger
from openusage.model import Line
from openusage.sessionlogs import LogRateLimits
from openusage.sessionlogs.codex import CODEX, codex_homes
from openusage.sessionlogs.lines import history_lines

__all__ = ["COLOR", "PATIENCE", "LocalHistory", "read_history"]

COLOR = "#74AA9C"
PATIENCE = 20.0
"""Seconds to wait for the logs, so that a slow disk costs the history and not the limits too."""
_NOTE = "Estimated from local Codex logs for the selected account."

_log = logger()


@frozen
class LocalHistory:
    """Token history as lines, and the rate limits that the CLI was last told."""

    lines: Sequence[Line] = ()
    limits: LogRateLimits | None = None


async def read_history(host: Host) -> LocalHistory:
    """The local history; an empty one when there are no logs or they cannot be read."""
    try:
        return await Deferred.fromCoroutine(_read(host)).addTimeout(PATIENCE, host.clock)
    except CancelledError:
        raise
    except (OSError, DeferredTimeoutError) as error:
        host.note(_unreadable(error))
    except Exception as error:  # noqa: BLE001 - whatever lies in the logs, limits are shown
        _log.failure("{id}: local history failed", id=host.id)
        host.note(_unreadable(error))
    return LocalHistory()


async def _read(host: Host) -> LocalHistory:
    today = host.now().astimezone(host.zone).date()
    homes = codex_homes(host.home, host.env)
    history = await host.logs.history(CODEX, homes, today=today, zone=host.zone)
    if history is None:
        return LocalHistory()
    host.note(*history.notes)
    lines = history_lines(history, today=today, note=_NOTE, color=COLOR)
    return LocalHistory(lines, history.rate_limits)


def _unreadable(error: Exception) -> str:
    return f"local history could not be read ({type(error).__name__})"
