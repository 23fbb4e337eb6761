"""Grok: the credits of a Grok Build plan, as the Grok CLI is logged in, and what the CLI logged."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.places import shown
from openusage.host.values import text_of
from openusage.model import NotLoggedInError, Snapshot, TokenExpiredError
from openusage.providers.grok.billing import fetch_usage, usage_lines
from openusage.providers.grok.credentials import (
    HOME_VARIABLE,
    TOKEN_VARIABLE,
    find_logins,
    login_files,
    logins_in,
)
from openusage.providers.history import (
    HISTORY_LINES,
    LocalHistory,
    history_alone,
    local_history,
)
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import env_key
from openusage.providers.stored import Missing
from openusage.sessionlogs.grok import GROK, grok_home, grok_log

__all__ = ["Grok"]


@implementer(IProvider)
@frozen
class Grok:
    """Credits of a Grok Build plan, and the local token history of the Grok CLI."""

    id: str = "grok"
    name: str = "Grok"
    brand_color: str = "#000000"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Weekly limit", "progress", "overview", "weekly", primary=1, weekly=True),
        DeclaredLine("Credits used", "progress", "overview", "creditsUsed", primary=2),
        DeclaredLine("Pay as you go", "badge"),
        *HISTORY_LINES,
        DeclaredLine("Note", "text"),
    )
    links: Sequence[Link] = (Link("Usage", "https://grok.com/?_s=usage"),)

    async def detect(self, host: Host) -> str | None:
        """The first file with a login, else the variable with a token, else the CLI's log."""
        for path in login_files(host):
            stored = await logins_in(host, path)
            if not isinstance(stored, Missing) and stored:
                return shown(host, path, HOME_VARIABLE)
        if env_key(host, TOKEN_VARIABLE):
            return TOKEN_VARIABLE
        log = grok_log(grok_home(host.home, host.env))
        return shown(host, log, HOME_VARIABLE) if await host.files.exists(log) else None

    async def probe(self, host: Host) -> Snapshot:
        """The billing of the first login that is good, and the local history; either will do."""
        host.watch(*login_files(host))
        try:
            answer = await fetch_usage(host, await find_logins(host))
        except (NotLoggedInError, TokenExpiredError) as error:
            return history_alone(host, error, await _history(host))
        history = await _history(host)
        plan = text_of(answer.body.get("plan"))
        return host.snapshot([*usage_lines(answer.body), *history.lines], plan, answer.at)


async def _history(host: Host) -> LocalHistory:
    home, note = grok_home(host.home, host.env), "From your Grok logs (estimated)"
    return await local_history(host, GROK, [home], note=note, idle=False)
