"""The lines that need no login: what the session logs of Claude Code on this machine add up to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openusage.host import Host
from openusage.model import Line
from openusage.providers.history import local_history
from openusage.sessionlogs.claude import CLAUDE, claude_roots

__all__ = ["COLOR", "history_of", "log_folders"]

COLOR = "#DE7356"
_NOTE = "Estimated from local Claude logs at API rates."


async def history_of(host: Host) -> Sequence[Line]:
    """The lines of the local history; none when there are no logs or they could not be read."""
    history = await local_history(host, CLAUDE, _roots(host), note=_NOTE, color=COLOR)
    return history.lines


def log_folders(host: Host) -> list[Path]:
    """The folders where Claude Code keeps session logs, whether or not they exist."""
    return [root if root.name == "projects" else root / "projects" for root in _roots(host)]


def _roots(host: Host) -> tuple[Path, ...]:
    return claude_roots(host.home, host.env, host.platform)
