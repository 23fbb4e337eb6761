"""`Antigravity`: what is left of Google's quota pools, from whoever tells it first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.places import app_folder, shown
from openusage.model import ProbeError, RateLimitedError, Snapshot, TokenExpiredError
from openusage.providers.antigravity.cloud import Cloud
from openusage.providers.antigravity.local import ask_servers
from openusage.providers.antigravity.processes import find_servers
from openusage.providers.antigravity.renewing import renewed
from openusage.providers.antigravity.tokens import (
    APPS,
    Damaged,
    Login,
    file_sources,
    sources,
    token_file,
)
from openusage.providers.antigravity.windows import SHAPE, usage_lines
from openusage.providers.antigravity.words import DAMAGED, EXPIRED, NOT_LOGGED_IN
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.spacing import Answer, spaced
from openusage.providers.stored import Missing, not_logged_in
from openusage.providers.words import NO_DATA

__all__ = ["Antigravity"]

_LOCAL = "local server"


@implementer(IProvider)
@frozen
class Antigravity:
    """Quota pools of a Google account in Antigravity and `agy`.

    Sources: the server in the running program, else Cloud Code with the stored login, seen 2026-11.
    """

    id: str = "antigravity"
    name: str = "Antigravity"
    brand_color: str = "#4285F4"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Session", "progress", "overview", "geminiSession", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "geminiWeekly", weekly=True),
        DeclaredLine("Gemini Pro", "progress", "overview", "geminiPro", primary=2),
        DeclaredLine("Gemini Flash", "progress", "overview", "geminiFlash", primary=3),
        DeclaredLine("Claude", "progress", "overview", "nonGeminiSession", primary=4),
        DeclaredLine("Claude Weekly", "progress", resource="nonGeminiWeekly"),
    )
    links: Sequence[Link] = (Link("Plans and quotas", "https://antigravity.google/docs/plans"),)

    async def detect(self, host: Host) -> str | None:
        """The file with a login, else the folder of a program that runs."""
        for source in file_sources(host):
            found = await source()
            if isinstance(found, Login):
                return found.shown
        for folder in _folders(host):
            if await host.files.is_dir(folder):
                return shown(host, folder) if await find_servers(host) else None
        return None

    async def probe(self, host: Host) -> Snapshot:
        """What the running program tells, else what Google tells for a stored login."""
        host.watch(token_file(host))
        servers = await find_servers(host)
        silent: list[Missing] = []
        answer = None
        if servers:
            try:
                # Which account the program is signed in to shows only in its answers, and it is
                # the same one whichever instance asks: so the program itself is the login, and
                # a second instance, which may not use that too, is left with its own.
                host.identify(_LOCAL)
                answer = await spaced(host, _LOCAL, SHAPE, partial(ask_servers, host, servers))
            except ProbeError as error:
                silent = [Missing(error.message.rstrip("."))]
        if answer is None:
            programs = [server.program for server in servers if server.program is not None]
            answer = await _ask_cloud(host, programs, silent)
        body = answer.body
        plan = body.get("plan")
        lines = usage_lines(body)
        return host.snapshot(lines or [NO_DATA], plan if isinstance(plan, str) else None, answer.at)


def _folders(host: Host) -> list[Path]:
    """The folders that the programs make."""
    names = ("antigravity", "antigravity-ide", "antigravity-cli")
    return [
        *(app_folder(host, app) for app in APPS),
        *(host.path("~/.gemini") / name for name in names),
    ]


async def _ask_cloud(host: Host, programs: Sequence[Path], silent: Sequence[Missing]) -> Answer:
    """The answer for the first login that gets one.

    Raises `NotLoggedInError` when there is none to try, and else the trouble of the first one, or
    that which may pass by itself.
    """
    missing, troubles, tried = [*silent], [], _Tried()
    for source in sources(host):
        found = await source()
        if isinstance(found, Missing):
            missing.append(found)
            continue
        login = tried.rest(found)
        if login is None:
            continue
        try:
            host.identify(found.identity)
            fetch = partial(_figures, host, login, programs)
            return await spaced(host, login.access_token or login.identity, SHAPE, fetch)
        except RateLimitedError:
            raise
        except ProbeError as error:
            troubles.append(error)
    if troubles:
        passing = (each for each in troubles if not isinstance(each, TokenExpiredError))
        raise next(passing, troubles[0])
    damaged = any(isinstance(each, Damaged) for each in missing)
    raise not_logged_in(DAMAGED if damaged else NOT_LOGGED_IN, *missing)


@define
class _Tried:
    """The tokens that this probe has sent: none of them is sent again for another login."""

    tokens: set[str] = field(factory=set, repr=False)

    def rest(self, login: Login) -> Login | None:
        """`login` with those of its tokens that are new; `None` when none is."""
        access, refresh = (
            None if token in self.tokens else token
            for token in (login.access_token, login.refresh_token)
        )
        self.tokens |= {token for token in (access, refresh) if token is not None}
        if access is None and refresh is None:
            return None
        return evolve(login, access_token=access, refresh_token=refresh)


async def _figures(host: Host, login: Login, programs: Sequence[Path]) -> Mapping[str, Any]:
    """What Google tells for `login`, renewed if it has expired or is refused, and for no other."""
    expired = login.expires_at is not None and login.expires_at <= host.now()
    if login.access_token is not None and not expired:
        try:
            return await Cloud(host, login.access_token).figures()
        except TokenExpiredError:
            if login.refresh_token is None:
                raise
    if login.refresh_token is None:
        raise TokenExpiredError(EXPIRED)
    token = await renewed(host, login.refresh_token, programs)
    if token == login.access_token:
        raise TokenExpiredError(EXPIRED)
    return await Cloud(host, token).figures()
