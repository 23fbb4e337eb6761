"""Perplexity: API credits, and what is left of a plan, with the login of the macOS app."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.secrets import jwt_expiry
from openusage.host.values import text_of
from openusage.model import NotAvailableError, Snapshot
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.perplexity.login import Login, caches, find
from openusage.providers.perplexity.mapping import KEPT, figure_lines
from openusage.providers.perplexity.service import fetch
from openusage.providers.spacing import spaced
from openusage.providers.stored import not_logged_in
from openusage.providers.words import NO_DATA, require_unexpired

__all__ = ["Perplexity"]

_NOT_LOGGED_IN = "Not logged in. Sign in via Perplexity app."
_NOT_HERE = "Not available on this system. Only the macOS app keeps a login that can be read."
_EXPIRED = "Open the Perplexity app once to renew it."


@implementer(IProvider)
@frozen
class Perplexity:
    """API credits, and the queries that a Perplexity plan has left.

    Source: the addresses that the macOS app and the site's API pages ask, seen 2026-11.
    """

    id: str = "perplexity"
    name: str = "Perplexity"
    brand_color: str = "#20808D"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("API credits", "progress", "overview", "apiCredits", primary=1),
        DeclaredLine("Queries", "text", "overview", "queries"),
        DeclaredLine("Deep Research", "text", "overview", "deepResearch"),
        DeclaredLine("Labs", "text", resource="labs"),
        DeclaredLine("Agentic Research", "text", resource="agenticResearch"),
        DeclaredLine("Status", "badge", "overview"),
    )
    links: Sequence[Link] = (
        Link("Status", "https://status.perplexity.com/"),
        Link("Account", "https://www.perplexity.ai/account"),
    )

    async def detect(self, host: Host) -> str | None:
        """The cache of the macOS app, if there is a login in it."""
        found = await find(host)
        return found.shown if isinstance(found, Login) else None

    async def probe(self, host: Host) -> Snapshot:
        """What is left of the credits and of the plan."""
        login = await find(host)
        if not isinstance(login, Login) and host.platform != "darwin":
            raise NotAvailableError(_NOT_HERE)
        if not isinstance(login, Login):
            # Only now: in use, the app writes its cache all the time.
            host.watch(*caches(host))
            raise not_logged_in(_NOT_LOGGED_IN, *login)
        require_unexpired(jwt_expiry(login.token), host.now(), _EXPIRED)
        host.identify(login.identity)
        answer = await spaced(host, login.token, KEPT, lambda: fetch(host, login))
        lines = figure_lines(answer.body)
        return host.snapshot(lines or [NO_DATA], text_of(answer.body.get("plan")), answer.at)
