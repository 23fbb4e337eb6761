"""`Gemini`: the daily quota of a Google account in the Gemini CLI, and what the CLI logged.

To be read in this order: `credentials` (the login, and whether it is used), `client` and `renewing`
(a new token for an old one), `quota` (what Google is asked, and the lines). `words` is what people
are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.places import shown
from openusage.model import NotAvailableError, NotLoggedInError, Snapshot, TokenExpiredError
from openusage.providers.gemini.credentials import (
    HOME_VARIABLE,
    find_login,
    login_files,
)
from openusage.providers.gemini.quota import fetch_quota, plan_in, quota_lines
from openusage.providers.history import (
    HISTORY_LINES,
    LocalHistory,
    history_alone,
    local_history,
)
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.words import NO_DATA
from openusage.sessionlogs.gemini import GEMINI, gemini_homes

__all__ = ["Gemini"]

_NOTE = "Estimated from local Gemini CLI sessions at API rates."


@implementer(IProvider)
@frozen
class Gemini:
    """Quota of a Google account in the Gemini CLI, and the local token history of the CLI."""

    id: str = "gemini"
    name: str = "Gemini"
    brand_color: str = "#4285F4"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Pro", "progress", "overview", "pro", primary=1),
        DeclaredLine("Flash", "progress", "overview", "flash", primary=2),
        *HISTORY_LINES,
        DeclaredLine("Note", "text"),
    )
    links: Sequence[Link] = (
        Link("Quotas", "https://developers.google.com/gemini-code-assist/resources/quotas"),
    )

    async def detect(self, host: Host) -> str | None:
        """The file with a login that the CLI uses, else the folder with its sessions."""
        try:
            return shown(host, (await find_login(host)).path, HOME_VARIABLE)
        except (NotLoggedInError, NotAvailableError):
            folder = await host.run(_sessions, gemini_homes(host.home, host.env))
            return None if folder is None else shown(host, folder, HOME_VARIABLE)

    async def probe(self, host: Host) -> Snapshot:
        """The quotas of the login, and the local history; either alone will do."""
        host.watch(*login_files(host))
        try:
            answer = await fetch_quota(host, await find_login(host))
        except (NotLoggedInError, NotAvailableError, TokenExpiredError) as error:
            return history_alone(host, error, await _history(host))
        lines = [*quota_lines(answer.body), *(await _history(host)).lines]
        return host.snapshot(lines or [NO_DATA], plan_in(answer.body), answer.at)


async def _history(host: Host) -> LocalHistory:
    homes = gemini_homes(host.home, host.env)
    return await local_history(host, GEMINI, homes, note=_NOTE, idle=False)


def _sessions(homes: Sequence[Path]) -> Path | None:
    """The first folder in which a project has sessions."""
    folders = (home / "tmp" for home in homes)
    return next((folder for folder in folders if any(folder.glob("*/chats"))), None)
