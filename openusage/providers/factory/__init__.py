"""Factory: what a plan of the Droid CLI allows and how much of it is used.

To be read in this order: `stores` (where a login lies), `login` (what is in it, and how it is
renewed), `usage` (all that is sent), `mapping` (the answers as lines).
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.model import Snapshot, TokenExpiredError
from openusage.providers.factory.login import Found, search, shown_login
from openusage.providers.factory.mapping import plan_name, usage_lines
from openusage.providers.factory.stores import api_key, env_file, login_files
from openusage.providers.factory.usage import key_usage, login_usage
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.spacing import Answer
from openusage.providers.stored import Missing, not_logged_in
from openusage.providers.words import NO_DATA

__all__ = ["Factory"]

_NOT_LOGGED_IN = "Not logged in. Run `droid` to authenticate."
_INVALID = "Invalid auth file. Run `droid` to authenticate."


@implementer(IProvider)
@frozen
class Factory:
    """Token allowance of a Factory plan, or the windows of the plans that have rate limits.

    Sources: the endpoints behind Factory's usage page and behind the CLI's own `/limits`, seen
    2026-11.
    """

    id: str = "factory"
    name: str = "Factory"
    brand_color: str = "#020202"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Extra Usage", "text", resource="extraUsage"),
        DeclaredLine("5-hour usage", "progress", "overview", "fiveHour", primary=2),
        DeclaredLine("Weekly usage", "progress", "overview", "weekly", primary=3, weekly=True),
        DeclaredLine("Monthly usage", "progress", resource="monthly", primary=4),
        DeclaredLine("Droid Core", "badge"),
        DeclaredLine("Core 5-hour usage", "progress", resource="coreFiveHour"),
        DeclaredLine("Core weekly usage", "progress", resource="coreWeekly"),
        DeclaredLine("Core monthly usage", "progress", resource="coreMonthly"),
        DeclaredLine("Standard", "progress", "overview", "standard", primary=1),
        DeclaredLine("Premium", "progress", resource="premium"),
    )
    links: Sequence[Link] = (
        Link("Usage", "https://app.factory.ai/settings/billing"),
        Link("Status", "https://status.factory.ai/"),
    )

    async def detect(self, host: Host) -> str | None:
        """The first file with a login, else the place of an API key."""
        login = await shown_login(host)
        if login is not None:
            return login
        key = await api_key(host)
        return None if isinstance(key, Missing) else key.shown

    async def probe(self, host: Host) -> Snapshot:
        """What the stored login tells or, without one that is accepted, the API key."""
        host.watch(*login_files(host), env_file(host))
        answer = await _answer(host, await search(host))
        lines = usage_lines(answer.body, answer.at)
        return host.snapshot(lines or [NO_DATA], plan_name(answer.body), answer.at)


async def _answer(host: Host, found: Found) -> Answer:
    if found.stored is None:
        key = await api_key(host)
        if isinstance(key, Missing):
            message = _INVALID if found.invalid else _NOT_LOGGED_IN
            raise not_logged_in(message, *found.missing, key)
        return await key_usage(host, key.value)
    try:
        return await login_usage(host, found.stored)
    except TokenExpiredError:
        key = await api_key(host)
        if isinstance(key, Missing):
            raise
        return await key_usage(host, key.value)
