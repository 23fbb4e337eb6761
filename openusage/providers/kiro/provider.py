"""`Kiro`: the credits of a plan, as the app knows them or else as its service tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.values import text_of
from openusage.model import NotAvailableError, ProbeError, Snapshot
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.kiro.local import read_app, read_log
from openusage.providers.kiro.login import Found, cli_databases, find, token_file
from openusage.providers.kiro.service import UNAVAILABLE, ask_service
from openusage.providers.kiro.usage import Told, merged, usage_lines
from openusage.providers.stored import not_logged_in

__all__ = ["Kiro"]

_SIGN_IN = "Open Kiro and sign in, then try again."
_FRESH = timedelta(minutes=15)


@implementer(IProvider)
@frozen
class Kiro:
    """The credits of a Kiro plan."""

    id: str = "kiro"
    name: str = "Kiro"
    brand_color: str = "#C09CFF"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Credits", "progress", "overview", "credits", primary=1),
        DeclaredLine("Bonus Credits", "progress", "overview", "bonusCredits"),
        DeclaredLine("Overages", "badge"),
    )
    links: Sequence[Link] = (Link("Account dashboard", "https://app.kiro.dev/account/usage"),)

    async def detect(self, host: Host) -> str | None:
        """The app's file with a login, else the CLI's database."""
        found = await find(host)
        return found.shown if isinstance(found, Found) else None

    async def probe(self, host: Host) -> Snapshot:
        """What the app was told last, and what the service tells where that is missing or old."""
        host.watch(token_file(host))
        found = await find(host)
        if not isinstance(found, Found):
            host.watch(*cli_databases(host))
            raise not_logged_in(_SIGN_IN, *found)
        host.identify(found.account)
        # What the app knows is of the app's own login.
        app = _still_true(await read_app(host), host) if found.keeper else None
        log = _still_true(await read_log(host), host) if found.keeper else None
        live, trouble = None, None
        if not _suffice(app, log, host.now()):
            live, trouble = await _asked(host, found)
        told = merged(live, app, log)
        if told is None:
            raise trouble or NotAvailableError(UNAVAILABLE)
        if trouble is not None:
            host.note(trouble.message)
        if told.at is None:
            host.note("Kiro does not say how old its figures are.")
        at = min(told.at or host.now(), host.now())
        return host.snapshot(usage_lines(told.body), text_of(told.body.get("plan")), at)


def _still_true(told: Told | None, host: Host) -> Told | None:
    return None if told is None else told.still_true(host.now())


def _suffice(app: Told | None, log: Told | None, now: datetime) -> bool:
    """Whether the service can be left alone: the app's figures are new and its plan is known."""
    if app is None or log is None or app.at is None:
        return False
    return app.has_credits and abs(now - app.at) <= _FRESH and bool(log.body.get("plan"))


async def _asked(host: Host, found: Found) -> tuple[Told | None, ProbeError | None]:
    """What the service tells, or why it does not; neither where it cannot be asked."""
    if not found.may_ask:
        return None, None
    try:
        return await ask_service(host, found), None
    except ProbeError as error:
        return None, error
