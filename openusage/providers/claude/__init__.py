"""Claude: the windows of a subscription, extra usage, and what Claude Code's local logs tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.model import (
    Badge,
    Line,
    NotLoggedInError,
    ProbeError,
    Snapshot,
    Text,
    TokenExpiredError,
)
from openusage.providers.claude.account import account_file, account_of
from openusage.providers.claude.credentials import (
    TOKEN_VARIABLE,
    Found,
    Login,
    credentials_file,
    login_at,
    places,
    search,
    shown,
)
from openusage.providers.claude.history import COLOR, history_of, log_folders
from openusage.providers.claude.mapping import rate_limit_badge, rate_limit_note, usage_lines
from openusage.providers.claude.service import OAuthService, oauth_service
from openusage.providers.claude.throttle import SPACING, Usage
from openusage.providers.claude.usage import ask, last_known
from openusage.providers.history import HISTORY_LINES
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.stale import still_running, unavailable
from openusage.providers.words import NO_DATA

__all__ = ["Claude"]

_RELOGIN = (
    "Re-login for live usage: run `claude` and sign in again to see session and weekly limits."
)
_TOKEN_ONLY = f"{TOKEN_VARIABLE} is in use, which cannot read usage: only local history is shown."


@implementer(IProvider)
@frozen
class Claude:
    """Limits of a Claude plan and local token history of Claude Code.

    Source: the endpoint behind Claude Code's own `/usage`, seen 2026-11.
    """

    id: str = "claude"
    name: str = "Claude"
    brand_color: str = COLOR
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Session", "progress", "overview", "session", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "weekly", primary=2, weekly=True),
        DeclaredLine("Sonnet", "progress", resource="sonnet"),
        DeclaredLine("Opus", "progress", resource="opus"),
        DeclaredLine("Claude Design", "progress"),
        DeclaredLine("Fable", "progress", resource="fable"),
        DeclaredLine("Extra usage spent", "progress", resource="extraUsage"),
        *HISTORY_LINES,
        DeclaredLine("Note", "text"),
    )
    links: Sequence[Link] = (
        Link("Status", "https://status.anthropic.com/"),
        Link("Dashboard", "https://claude.ai/settings/usage"),
    )

    async def detect(self, host: Host) -> str | None:
        """The credentials file, the token variable or the folder of logs, whichever there is."""
        file = credentials_file(host)
        if isinstance(await login_at(host, file), Login):
            return file.shown
        if host.env.get(TOKEN_VARIABLE):
            return TOKEN_VARIABLE
        for folder in log_folders(host):
            if await host.files.is_dir(folder):
                return shown(host, folder, "Claude Code's session logs")
        return None

    async def probe(self, host: Host) -> Snapshot:
        """The usage of the login together with the local history; either alone will do.

        Raises `NotLoggedInError` and `TokenExpiredError` only where there is no history to show
        instead. What else keeps the service from answering is always raised: the last good
        snapshot is the better one then.
        """
        service = oauth_service(host.env)
        _watch(host)
        found = await search(host, service)
        usage, trouble = await _usage(host, service, found)
        history = await history_of(host)
        if trouble is not None:
            if not history:
                raise trouble
            host.note(trouble.message)
        bars = _bars(usage, host.now())
        status, note = _remarks(usage, trouble)
        lines = [*status, *bars, *history, *note]
        return host.snapshot(
            lines or [NO_DATA],
            found.login.plan if found.login else None,
            usage.fetched_at if bars else None,
        )


async def _usage(
    host: Host, service: OAuthService, found: Found
) -> tuple[Usage, ProbeError | None]:
    """What is known of the limits, and what is wrong with the login, if anything."""
    login = found.login
    if login is None:
        return Usage(), NotLoggedInError(_not_logged_in(host, service, found))
    host.identify(await account_of(host, login))
    if not login.reads_usage:
        host.note(_TOKEN_ONLY if login.environment_token else _RELOGIN)
        return Usage(), None
    try:
        return await ask(host, service, login), None
    except TokenExpiredError as error:
        return await last_known(host), error


def _bars(usage: Usage, now: datetime) -> list[Line]:
    """The lines of the limits. Of older figures without the windows that have ended since."""
    if usage.body is None or usage.fetched_at is None:
        return []
    lines, fetched_at = usage_lines(usage.body), usage.fetched_at
    if now - fetched_at <= timedelta(seconds=SPACING):
        return lines
    return still_running(lines, fetched_at, now)


def _remarks(usage: Usage, trouble: ProbeError | None) -> tuple[list[Badge], list[Text]]:
    """What is said before and after the lines where the figures are not live."""
    if usage.limited:
        return [rate_limit_badge(usage.retry_in)], [rate_limit_note(usage.retry_in)]
    if isinstance(trouble, TokenExpiredError):
        return [], [unavailable(trouble.message)]
    return [], []


def _not_logged_in(host: Host, service: OAuthService, found: Found) -> str:
    looked = f"looked for {', '.join(places(host, service))}"
    details = "; ".join([*found.problems, looked])
    return f"Not logged in. Run `claude` to authenticate. ({details})"


def _watch(host: Host) -> None:
    """A new login changes the file or, on macOS, the account's name beside the keychain item.

    Elsewhere the account file is left alone: Claude Code rewrites it all the time.
    """
    host.watch(credentials_file(host).path)
    if host.platform == "darwin":
        host.watch(account_file(host))
