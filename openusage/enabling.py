"""Who is on: keeps the store's roster in step with the settings and with what is on the machine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from openusage.deadline import within
from openusage.host import Visit
from openusage.host.blocking import Blocking
from openusage.log import logger
from openusage.probing import HostFactory
from openusage.providers import Provider
from openusage.roster import Instance, instances_of, make_roster
from openusage.settings import Settings, SettingsError, read_settings
from openusage.store import Store
from openusage.watch import FileWatch

__all__ = ["Enabling", "detect"]

_KEY = "settings"
_PATIENCE = 5.0


async def detect(
    instance: Instance, make_host: HostFactory, clock: IReactorTime, last: str | None = None
) -> str | None:
    """Where `instance` was found on the machine (`~/.codex/auth.json`), or `None`.

    A detection that fails or takes more than some seconds says so in the log and has found what
    the `last` one did: a slow disk must not switch a provider off.
    """

    async def look() -> str | None:
        return await instance.provider.detect(make_host(instance, Visit()))

    try:
        return await within(Deferred.fromCoroutine(look()), _PATIENCE, clock)
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - other people's code must not stop the service
        _log.warn("{id}: detection failed ({kind})", id=instance.id, kind=type(error).__name__)
        return last


@define(eq=False, slots=False)
class Enabling(Service):
    """Reads the settings when their file changes and looks for tools now and then.

    Settings that are not valid change nothing: the last valid ones stay, and `problems` says what
    to mend. `changed` is called after new settings are in force.
    """

    path: Path
    settings: Settings
    providers: Sequence[Provider]
    home: Path
    store: Store
    clock: IReactorTime
    run: Blocking
    make_host: HostFactory
    watch: FileWatch
    changed: Callable[[], None] = lambda: None
    problems: tuple[str, ...] = ()
    interval: float = 300.0
    _places: dict[str, str] = field(factory=dict, init=False)
    _loop: LoopingCall | None = field(default=None, init=False)
    _doing: set[Deferred[None]] = field(factory=set, init=False)
    _log = logger(__name__)

    def startService(self) -> None:
        """Look for tools every `interval` seconds; `update` has been called before."""
        super().startService()
        self._report(self.settings, None)
        self.watch.watch(_KEY, [self.path], self.reread, at_first=True)
        self._loop = LoopingCall(lambda: self._do(self.update()))
        self._loop.clock = self.clock
        self._loop.start(self.interval, now=False)

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        self.watch.unwatch(_KEY)
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        for doing in tuple(self._doing):
            doing.cancel()

    def reread(self) -> None:
        """Take over what is in the settings file now."""
        self._do(self._reread())

    async def update(self) -> None:
        """Make the roster anew from the settings in force and what is on the machine now."""
        settings = self.settings
        instances, _ = instances_of(self.providers, settings, self.home)
        found = await self._detect(instances)
        if settings is self.settings:  # else newer ones are being followed already
            self._places = {i.id: place for i, place in zip(instances, found, strict=True) if place}
            self.store.set_roster(make_roster(instances, settings, self._places))

    def _do(self, work: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
        """Begin `work`, which a stop cancels and whose failure ends nothing else."""
        doing = Deferred.fromCoroutine(work)
        self._doing.add(doing)

        def done(_: None) -> None:
            self._doing.discard(doing)

        return doing.addErrback(self._crashed).addCallback(done)

    async def _detect(self, instances: Sequence[Instance]) -> list[str | None]:
        looks = [
            Deferred.fromCoroutine(detect(i, self.make_host, self.clock, self._places.get(i.id)))
            for i in instances
        ]
        try:
            return await gatherResults(looks, consumeErrors=True)
        except FirstError as error:  # a cancellation, since nothing else leaves `detect`
            error.subFailure.raiseException()

    async def _reread(self) -> None:
        try:
            settings = await self.run(read_settings, self.path)
        except SettingsError as error:
            self._report(self.settings, str(error))
            return
        if settings == self.settings:
            self._report(settings, None)
            return
        self.settings = settings
        self._log.info("settings read again")
        self._report(settings, None)
        self.changed()
        await self.update()

    def _report(self, settings: Settings, error: str | None) -> None:
        """Say what is wrong with the settings, once for each new trouble."""
        _, accounts = instances_of(self.providers, settings, self.home)
        unknown = tuple(f"{self.path.name}: unknown key {key!r}" for key in settings.unknown)
        problems = ((error,) if error else ()) + accounts + unknown
        for problem in problems:
            if problem not in self.problems:
                self._log.warn("{problem}", problem=problem)
        self.problems = problems

    def _crashed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("the roster could not be made anew", failure)


_log = logger(__name__)
