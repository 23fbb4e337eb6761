"""What the session logs of the Codex CLI on this machine tell, which needs no login."""

from __future__ import annotations

from openusage.host import Host
from openusage.providers.history import LocalHistory, local_history
from openusage.sessionlogs.codex import CODEX, codex_homes

__all__ = ["COLOR", "read_history"]

COLOR = "#74AA9C"
_NOTE = "Estimated from local Codex logs for the selected account."


async def read_history(host: Host) -> LocalHistory:
    """The local history; an empty one when there are no logs or they cannot be read."""
    homes = codex_homes(host.home, host.env)
    return await local_history(host, CODEX, homes, note=_NOTE, color=COLOR)
