"""`Codex`: limits and credits of a ChatGPT plan, and the tokens that the Codex CLI used."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.model import (
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    Snapshot,
    TokenExpiredError,
)
from openusage.providers.codex.answer import Answer
from openusage.providers.codex.config import read_config
from openusage.providers.codex.credentials import auth_files, shown
from openusage.providers.codex.history import COLOR, read_history
from openusage.providers.codex.login import Login
from openusage.providers.codex.mapping import plan_name, usage_lines
from openusage.providers.codex.memory import Memory
from openusage.providers.codex.offline import log_note, log_windows, why_unavailable
from openusage.providers.codex.search import find_usage
from openusage.providers.history import HISTORY_LINES, LocalHistory
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.stale import still_running, unavailable
from openusage.providers.words import NO_DATA
from openusage.sessionlogs.codex import codex_homes

__all__ = ["Codex"]


@implementer(IProvider)
@frozen
class Codex:
    """Limits and credits of a ChatGPT plan, and the local token history of the Codex CLI.

    Source: the endpoint behind the CLI's own `/status`, seen 2026-11.
    """

    id: str = "codex"
    name: str = "Codex"
    brand_color: str = COLOR
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Session", "progress", "overview", "session", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "weekly", primary=2, weekly=True),
        DeclaredLine("Spark", "progress", resource="spark"),
        DeclaredLine("Spark Weekly", "progress", resource="sparkWeekly"),
        DeclaredLine("Reviews", "progress", resource="reviews"),
        DeclaredLine("Monthly credits", "progress", resource="monthlyCredits"),
        DeclaredLine("Rate Limit Resets", "text", resource="rateLimitResets"),
        DeclaredLine("Credits", "text", resource="credits"),
        *HISTORY_LINES,
        DeclaredLine("Note", "text"),
    )
    links: Sequence[Link] = (
        Link("Status", "https://status.openai.com/"),
        Link("Usage dashboard", "https://chatgpt.com/codex/settings/usage"),
    )

    async def detect(self, host: Host) -> str | None:
        """The file with a login, else the folder with session logs."""
        for file in auth_files(host):
            if isinstance(await file.read(host), Login):
                return file.label
        for home in codex_homes(host.home, host.env):
            for folder in (home / "sessions", home / "archived_sessions"):
                if await host.files.is_dir(folder):
                    return shown(host, folder, f"$CODEX_HOME/{folder.name}")
        return None

    async def probe(self, host: Host) -> Snapshot:
        """What the service tells, else what the CLI was last told, and the local token history."""
        host.watch(*(file.path for file in auth_files(host)))
        try:
            answer = await find_usage(host, await read_config(host))
        except (NotLoggedInError, NotAvailableError) as error:
            return await _without_login(host, error)
        except ProbeError as error:
            return await _without_service(host, error)
        lines = [*usage_lines(answer, host.zone), *(await read_history(host)).lines]
        plan = plan_name(answer.body.get("plan_type"))
        return host.snapshot(lines or [NO_DATA], plan, answer.at)


async def _without_login(host: Host, error: ProbeError) -> Snapshot:
    """What the logs tell; raises `error` when they tell nothing."""
    local, now = await read_history(host), host.now()
    limits = local.limits if isinstance(error, NotLoggedInError) else None
    bars = log_windows(limits, now) if limits else []
    if not bars and not local.lines:
        raise error
    host.note(error.message)
    if limits and bars:
        lines = [*bars, *local.lines]
        return host.snapshot(lines, plan_name(limits.plan), min(limits.at, now))
    return host.snapshot(local.lines)


async def _without_service(host: Host, error: ProbeError) -> Snapshot:
    """The windows as the CLI logged them since the last answer; raises `error` when it did not."""
    reason = why_unavailable(error)
    if reason is None:
        raise error
    local, now = await read_history(host), host.now()
    limits, answer = local.limits, (await Memory.recall(host)).answer
    newer = limits is not None and (answer is None or limits.at > answer.at)
    bars = log_windows(limits, now) if limits is not None and newer else []
    plan = plan_name(answer.body.get("plan_type")) if answer else None
    if limits is None or not bars:
        return _refused(host, error, local, answer)
    host.note(error.message)
    lines = [*bars, *local.lines, log_note(reason, limits.at, now)]
    return host.snapshot(lines, plan_name(limits.plan) or plan, min(limits.at, now))


def _refused(host: Host, error: ProbeError, local: LocalHistory, answer: Answer | None) -> Snapshot:
    """Local history needs no login: for one that is no longer good it is shown all the same.

    With it go the last figures of that login, whose age the snapshot tells. Raises any other
    `error`, and this one too where there is no history.
    """
    if not isinstance(error, TokenExpiredError) or not local.lines:
        raise error
    host.note(error.message)
    last = [] if answer is None else usage_lines(answer, host.zone)
    bars = [] if answer is None else still_running(last, answer.at, host.now())
    plan = plan_name(answer.body.get("plan_type")) if answer else None
    lines = [*bars, *local.lines, unavailable(error.message)]
    return host.snapshot(lines, plan, answer.at if answer and bars else None)
