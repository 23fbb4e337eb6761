"""The lines that need no login: what the session logs of Claude Code on this machine add up to."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError

from openusage.host import Host
from openusage.log import logger
from openusage.model import Line
from openusage.sessionlogs.claude import CLAUDE, claude_roots
from openusage.sessionlogs.lines import history_lines
from openusage.sessionlogs.walk import StoppedError

__all__ = ["history_of", "log_folders"]

PATIENCE = 20.0
"""Seconds to wait for the logs, so that a slow disk costs the history and not the limits too."""

_log = logger(__name__)


async def history_of(host: Host) -> list[Line] | None:
    """The lines of the local history; `None` when there are no logs or they could not be read."""
    try:
        return await Deferred.fromCoroutine(_lines(host)).addTimeout(PATIENCE, host.clock)
    except CancelledError:
        raise
    except DeferredTimeoutError:
        host.note(f"local history was not read within {PATIENCE:g} s")
    except (OSError, StoppedError) as error:
        host.note(f"local history could not be read ({type(error).__name__})")
    except Exception as error:  # noqa: BLE001 - whatever lies in other programs' logs, the limits are shown
        _log.failure("{id}: local history failed", id=host.id)
        host.note(f"local history could not be read ({type(error).__name__})")
    return None


def log_folders(host: Host) -> list[Path]:
    """The folders where Claude Code keeps session logs, whether or not they exist."""
    return [root if root.name == "projects" else root / "projects" for root in _roots(host)]


async def _lines(host: Host) -> list[Line] | None:
    today = host.now().astimezone(host.zone).date()
    history = await host.logs.history(CLAUDE, _roots(host), today=today, zone=host.zone)
    if history is None:
        return None
    host.note(*history.notes)
    note = "Estimated from local Claude logs at API rates."
    return history_lines(history, today=today, note=note, color="#DE7356")


def _roots(host: Host) -> tuple[Path, ...]:
    return claude_roots(host.home, host.env, host.platform)
