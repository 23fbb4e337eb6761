"""`Cursor`: usage, credits and on-demand spend of the billing cycle, and tokens per day."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList
from zope.interface import implementer

from openusage.host import Host
from openusage.model import NotLoggedInError, Snapshot, TokenExpiredError
from openusage.providers.cursor.credentials import (
    NOT_LOGGED_IN,
    Found,
    find_login,
    identity,
    local_places,
    login_at,
    parse_login,
    with_access_token,
)
from openusage.providers.cursor.export import EXPORT, export_lines, export_start, sum_up
from openusage.providers.cursor.mapping import SHAPE, plan_of, route_of, usage_lines
from openusage.providers.cursor.service import Service, renew_token
from openusage.providers.history import HISTORY_LINES
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.logins import Login, StoredLogin, ask_renewing
from openusage.providers.spacing import Answer, spaced
from openusage.providers.words import NO_DATA, require_unexpired

__all__ = ["Cursor"]

_KEPT = {**SHAPE, "export": EXPORT}
_CURE = "Open Cursor or run `agent login` to renew it."


@implementer(IProvider)
@frozen
class Cursor:
    """Usage, credits and on-demand spend of a Cursor plan, and the account's tokens per day.

    Source: the services behind the application's settings and the website's dashboard, seen
    2026-11.
    """

    id: str = "cursor"
    name: str = "Cursor"
    brand_color: str = "#000000"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Credits", "progress", "overview", "credits", primary=1),
        DeclaredLine("Total usage", "progress", "overview", "totalUsage", primary=2),
        DeclaredLine("Requests", "progress", "overview", "requests", primary=3),
        DeclaredLine("Bonus spend", "text"),
        DeclaredLine("Auto usage", "progress", resource="autoUsage"),
        DeclaredLine("API usage", "progress", resource="apiUsage"),
        DeclaredLine("On-demand", "progress", resource="onDemand"),
        *HISTORY_LINES,
    )
    links: Sequence[Link] = (
        Link("Status", "https://status.cursor.com/"),
        Link("Dashboard", "https://www.cursor.com/dashboard"),
    )

    async def detect(self, host: Host) -> str | None:
        """The application's state database or the tool's file, if a login is in it."""
        for place in local_places(host):
            if await login_at(place) is not None:
                return place.shown
        return None

    async def probe(self, host: Host) -> Snapshot:
        """What the services tell of the account that the application or the tool is logged in to.

        The tool's file is watched at all times, the application's database only while there is no
        good login: the application writes to it every few seconds.
        """
        database, file = local_places(host)
        host.watch(file.path)
        try:
            answer = await _ask(host, await find_login(host))
        except (NotLoggedInError, TokenExpiredError):
            host.watch(database.path)
            raise
        lines = usage_lines(answer.body)
        kept = answer.body.get("export")
        history = export_lines(host, kept) if isinstance(kept, Mapping) else []
        return host.snapshot([*lines, *history] or [NO_DATA], plan_of(answer.body), answer.at)


async def _ask(host: Host, found: Found) -> Answer:
    login = found.login
    host.identify(identity(login))
    if not host.refresh_credentials:
        require_unexpired(login.expires_at, host.now(), _CURE)
    token = login.access_token or login.refresh_token or ""
    try:
        return await spaced(host, token, _KEPT, partial(_fetch, host, found))
    except TokenExpiredError as error:
        if error.message == NOT_LOGGED_IN:  # a refresh token alone, which bought nothing
            raise NotLoggedInError(NOT_LOGGED_IN) from error
        raise


async def _fetch(host: Host, found: Found) -> dict[str, Any]:
    """All the answers that are needed, by what they tell of."""
    store = StoredLogin(
        host,
        found.place,
        parse_login,
        with_access_token,
        partial(renew_token, host),
        unknown_is_due=True,
    )
    service, usage = await ask_renewing(
        host, found.login, store, partial(_usage, host), refused=NOT_LOGGED_IN
    )
    body: dict[str, Any] = {"usage": usage, "plan": await service.plan()}
    route = route_of(body)
    wanted: dict[str, Coroutine[Any, Any, Any]] = {}
    if route.requests:
        wanted["requests"] = service.requests()
    if route.summary:
        wanted["summary"] = service.summary()
    if route.otherwise is None:
        wanted |= {"grants": service.grants(), "stripe": service.stripe()}
    if wanted:
        wanted["export"] = _history(host, service)
    return {**body, **await _together(wanted)}


async def _usage(host: Host, login: Login, renewed: bool) -> tuple[Service, dict[str, Any]]:
    """The service as it accepts `login`, and the usage it tells."""
    service = Service(host, login.access_token or "")
    return service, await service.usage(renewed=renewed)


async def _history(host: Host, service: Service) -> dict[str, Any] | None:
    data = await service.export(export_start(host), host.now())
    return None if data is None else await sum_up(host, data)


async def _together(wanted: Mapping[str, Coroutine[Any, Any, Any]]) -> dict[str, Any]:
    """What all of them give; asked at once, since the export alone may take half a minute."""
    outcomes = await DeferredList(map(Deferred.fromCoroutine, wanted.values()), consumeErrors=True)
    for good, outcome in outcomes:
        if not good:
            outcome.raiseException()
    return {key: outcome for key, (_, outcome) in zip(wanted, outcomes, strict=True)}
