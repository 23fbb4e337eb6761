"""`Copilot`: the monthly quotas of a GitHub Copilot plan."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.model import NotAvailableError, Snapshot, TokenExpiredError
from openusage.providers.copilot.credentials import detect_login, login_files, sources
from openusage.providers.copilot.mapping import SHAPE, is_hidden, plan_name, usage_lines
from openusage.providers.copilot.usage import fetch_usage
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.spacing import Answer, spaced
from openusage.providers.stored import Missing, not_logged_in
from openusage.providers.words import NO_DATA

__all__ = ["Copilot"]

_NOT_LOGGED_IN = (
    "Not logged in. Run `gh auth login` first, or sign in to GitHub Copilot in your editor."
)
_NOT_AVAILABLE = "Copilot usage data is unavailable for this account."


@implementer(IProvider)
@frozen
class Copilot:
    """Monthly quotas of a GitHub Copilot plan, and what an organization's seats have used.

    Source: the endpoint that the editors' own status display asks, seen 2026-11.
    """

    id: str = "copilot"
    name: str = "Copilot"
    brand_color: str = "#A855F7"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Premium", "progress", "overview", "premiumCredits", primary=1),
        DeclaredLine("Extra Usage", "text", resource="extraUsage"),
        DeclaredLine("Chat", "progress", "overview", "chat", primary=2),
        DeclaredLine("Completions", "progress", resource="completions", primary=3),
        DeclaredLine("Org Credits", "text", resource="orgCredits"),
        DeclaredLine("Org Spend", "text", resource="orgSpend"),
        DeclaredLine("Status", "badge", "overview"),
    )
    links: Sequence[Link] = (
        Link("Status", "https://www.githubstatus.com/"),
        Link("Dashboard", "https://github.com/settings/billing"),
    )

    async def detect(self, host: Host) -> str | None:
        """The editors' or the GitHub CLI's file with a login, else the variable with a token."""
        return await detect_login(host)

    async def probe(self, host: Host) -> Snapshot:
        """The quotas of the first login that GitHub accepts."""
        host.watch(*login_files(host))
        answer = await _find_usage(host)
        lines = usage_lines(answer.body)
        if not lines and is_hidden(answer.body):
            raise NotAvailableError(_NOT_AVAILABLE)
        plan = plan_name(answer.body.get("copilot_plan"))
        return host.snapshot(lines or [NO_DATA], plan, answer.at)


async def _find_usage(host: Host) -> Answer:
    """Ask with one token after the other, as long as they are refused."""
    refused: TokenExpiredError | None = None
    missing: list[Missing] = []
    tried: set[str] = set()
    for source in sources(host):
        found = await source()
        if isinstance(found, Missing):
            missing.append(found)
            continue
        for token in [key.value for key in found if key.value not in tried]:
            tried.add(token)
            host.identify(token)
            try:
                return await spaced(host, token, SHAPE, partial(fetch_usage, host, token))
            except TokenExpiredError as error:
                refused = error
    raise refused or not_logged_in(_NOT_LOGGED_IN, *missing)
