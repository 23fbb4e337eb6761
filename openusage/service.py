"""The assembly: everything there is, put together as one Twisted service."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.python.usage import UsageError
from twisted.web.resource import IResource

from openusage._version import __version__
from openusage.api import Api, ApiSite, api_resource
from openusage.cache import Cache
from openusage.enabling import Enabling
from openusage.folders import Folders
from openusage.health import HealthReport, report
from openusage.host import Host, Http, Machine, Visit
from openusage.host.blocking import Threads
from openusage.host.env import Env
from openusage.host.keychain import SystemKeychain
from openusage.host.net.http import build_http
from openusage.host.zone import LocalZone
from openusage.listening import Listening
from openusage.log import logger
from openusage.options import Options, endpoint_from
from openusage.probing import Pace
from openusage.providers import Provider
from openusage.providers.registry import find_providers
from openusage.roster import Instance
from openusage.schedule import Schedule
from openusage.sessionlogs import LocalSessionLogs
from openusage.sessionlogs.catalog import CatalogRefresh
from openusage.sessionlogs.prices import PriceBook
from openusage.settings import Settings, SettingsError, read_settings
from openusage.stopping import stop_on
from openusage.store import Store
from openusage.watch import FileWatch

__all__ = ["Options", "UsageService", "build", "makeService", "make_machine", "visit_host"]

_SCANS = 2
"""Threads that read session logs at most; reading them is the one long thing we do."""


def make_machine(
    reactor: Any,
    threads: Threads,
    folders: Folders,
    environ: Mapping[str, str],
    *,
    http: Http | None = None,
    prices: PriceBook | None = None,
    interactive: bool = False,
) -> Machine:
    """This computer as probes see it; `interactive`: a person is there to answer dialogs."""
    env, home = Env(environ), Path.home()
    return Machine(
        clock=reactor,
        http=http or build_http(reactor, environ=environ, home=home),
        env=env,
        home=home,
        platform=sys.platform,
        keychain=SystemKeychain(
            reactor,
            threads.lane(),
            env,
            sys.platform,
            folders.data / "keychain.json",
            interactive=interactive,
        ),
        logs=LocalSessionLogs(threads.lane(_SCANS), prices or PriceBook()),
        states=folders.states,
        user_agent=f"openusage/{__version__}",
        zone=LocalZone(reactor),
        lane=threads.lane,
    )


def visit_host(machine: Machine, settings: Settings, instance: Instance, visit: Visit) -> Host:
    """The host for one visit, as the settings have it."""
    return machine.host(
        instance.id,
        instance.name,
        visit,
        env=instance.env,
        home=instance.home,
        refresh_credentials=settings.may_refresh(instance.id),
        compatible_agent=settings.user_agents.get(instance.id),
        zone=ZoneInfo(settings.time_zone) if settings.time_zone else None,
    )


class UsageService(MultiService):
    """Probes, keeps and serves while it runs; may be stopped and started again.

    `store` has the snapshots, the health and the change feed; `resource` makes the API for another
    `Site`.
    """

    def __init__(
        self,
        reactor: Any,
        options: Options,
        settings: Settings,
        providers: Sequence[Provider],
        environ: Mapping[str, str],
        http: Http | None = None,
    ) -> None:
        super().__init__()
        folders = options.folders()
        self._clock = reactor
        self._threads = Threads(reactor)
        run = self._threads.lane()
        prices = PriceBook()
        self._machine = make_machine(
            reactor, self._threads, folders, environ, http=http, prices=prices
        )
        self._catalog = CatalogRefresh(prices, folders.prices, self._fetch, run, reactor)
        self._interval: int | None = options["interval"]
        self.store = Store()
        self.api = Api(self.store, self.health)
        self._cache = Cache(folders.cache, self.store, reactor, run)
        watch = FileWatch(reactor, self._threads.lane(1))
        # Of its own, so that a login file on a dead mount does not keep settings from being seen.
        settings_watch = FileWatch(reactor, self._threads.lane(1))
        pace = Pace(self._seconds, random.random)
        self._schedule = Schedule(self.store, reactor, self._host, pace, watch)
        self._enabling = Enabling(
            folders.settings,
            settings,
            providers,
            self._machine.home,
            self.store,
            reactor,
            run,
            self._host,
            settings_watch,
            self._settings_changed,
        )
        self._parts = [self._cache, watch, settings_watch, self._enabling, self._schedule]
        for description in options["listen"]:
            endpoint = endpoint_from(reactor, description)
            site = ApiSite(self.resource(), reactor)
            self._parts.append(Listening(endpoint, site, description))
        self._beginning: Deferred[None] | None = None
        self._started: float | None = None

    def startService(self) -> None:
        """Load the cache, then serve what it has and probe."""
        self._threads.start()
        super().startService()
        self._started = self._clock.seconds()
        self._beginning = Deferred.fromCoroutine(self._begin())
        self._beginning.addErrback(_log_failure)

    def stopService(self) -> Deferred[None]:
        """Stop in reverse order; fires when the cache is on the disk and nothing runs any more."""
        return Deferred.fromCoroutine(self._end(super().stopService))

    def resource(self) -> IResource:
        """The API, to be mounted below a prefix of another `Site`."""
        return api_resource(self.api)

    def health(self) -> HealthReport:
        """How the service and its probes go."""
        now = self._clock.seconds()
        uptime = now - (now if self._started is None else self._started)
        return report(self.store, uptime, self._enabling.problems)

    async def _begin(self) -> None:
        if self.services:
            return  # a second start: the parts are there and the first start loaded the cache
        await self._cache.load()
        await self._enabling.update()
        for part in self._parts:
            part.setServiceParent(self)
        self._refresh_prices()

    async def _end(self, stop_parts: Any) -> None:
        if self._beginning is not None:
            self._beginning.cancel()
        await stop_parts()
        await self._threads.stop()

    def _host(self, instance: Instance, visit: Visit) -> Host:
        return visit_host(self._machine, self._enabling.settings, instance, visit)

    def _settings_changed(self) -> None:
        self._schedule.repace()
        self._refresh_prices()

    def _refresh_prices(self) -> None:
        wanted, parent = self._enabling.settings.refresh_prices, self._catalog.parent
        if wanted and parent is None:
            self._catalog.setServiceParent(self)
        elif not wanted and parent is not None:
            self._catalog.disownServiceParent()

    async def _fetch(
        self, url: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        answer = await self._machine.http.request("GET", url, headers=headers, timeout=30.0)
        return answer.status, answer.headers, answer.body

    def _seconds(self) -> float:
        return 60.0 * (self._interval or self._enabling.settings.auto_update_interval)


def build(
    reactor: Any,
    options: Options | None = None,
    *,
    providers: Sequence[Provider] | None = None,
    environ: Mapping[str, str] | None = None,
    http: Http | None = None,
) -> UsageService:
    """openusage as an `IService`, for twistd or for another application to adopt.

    `options["listen"]` may be empty: then nothing listens, and `resource()` can be mounted
    elsewhere.
    Raises `SettingsError` or `UsageError` when the settings or the options are not valid.
    """
    options = options or Options.of()
    return UsageService(
        reactor,
        options,
        read_settings(options.folders().settings),
        find_providers() if providers is None else providers,
        os.environ if environ is None else environ,
        http,
    )


def makeService(options: Options) -> UsageService:
    """What twistd runs. What is wrong with the settings ends the process with 2 and one line."""
    from twisted.internet import reactor  # noqa: PLC0415 - only twistd may choose the reactor

    try:
        service = build(reactor, options)
    except (SettingsError, UsageError) as error:
        print(f"openusage: {error}", file=sys.stderr)  # noqa: T201 - no log is open yet
        raise SystemExit(2) from None
    reactor.callWhenRunning(stop_on, reactor, [signal.SIGTERM])
    return service


def _log_failure(failure: Failure) -> None:
    if not failure.check(CancelledError):
        _log.failure("openusage could not start", failure)


_log = logger(__name__)
