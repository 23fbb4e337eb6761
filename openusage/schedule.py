"""When providers are probed: a service for each enabled instance, and who may use which login."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from openusage.probing import DuplicateLoginError, HostFactory, Pace, ProbeService
from openusage.roster import Instance, Roster
from openusage.store import Change, RosterChanged, Store
from openusage.watch import FileWatch

__all__ = ["Schedule"]


class Schedule(MultiService):
    """A `ProbeService` for each enabled instance of the roster, as long as it is enabled."""

    def __init__(
        self,
        store: Store,
        clock: IReactorTime,
        make_host: HostFactory,
        pace: Pace,
        watch: FileWatch,
    ) -> None:
        super().__init__()
        self._make = lambda instance, at_once: ProbeService(
            instance, store, clock, make_host, pace, watch, self._claim, at_once
        )
        self._store = store
        self._probing: dict[str, ProbeService] = {}
        self._logins: dict[str, str] = {}
        self._leaving: set[Deferred[None]] = set()
        self._unsubscribe: Callable[[], None] | None = None

    def startService(self) -> None:
        """Probe every instance that is enabled now, and follow the roster from here on."""
        super().startService()
        self._follow(self._store.roster, at_once=False)
        self._unsubscribe = self._store.subscribe(self._changed)

    async def _leave(self) -> None:
        await gatherResults([maybeDeferred(super().stopService), *self._leaving])

    def stopService(self) -> Deferred[None]:
        """Stop all probes; fires when none runs any more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._unsubscribe = None
        stopped = Deferred.fromCoroutine(self._leave())
        for service in tuple(self._probing.values()):
            service.disownServiceParent()
        self._probing.clear()
        return stopped

    def repace(self) -> None:
        """The person changed the interval."""
        for service in self._probing.values():
            service.repace()

    def _changed(self, change: Change) -> None:
        if isinstance(change, RosterChanged):
            self._follow(self._store.roster, at_once=True)

    def _follow(self, roster: Roster, *, at_once: bool) -> None:
        wanted = {i.id: i for i in roster.instances if i.id in roster.enabled}
        for name, service in tuple(self._probing.items()):
            if wanted.get(name) != service.instance:
                del self._probing[name]
                self._logins.pop(name, None)
                self._dismiss(service)
        for name, instance in wanted.items():
            if name not in self._probing:
                service = self._probing[name] = self._make(instance, at_once)
                service.setServiceParent(self)

    def _dismiss(self, service: ProbeService) -> None:
        gone = service.disownServiceParent()
        if gone is not None:
            self._leaving.add(gone)
            gone.addBoth(lambda _: self._leaving.discard(gone))

    def _claim(self, instance: Instance, credential: str) -> None:
        """Refuse a login that an instance of the same provider, earlier in order, already uses."""
        self._logins[instance.id] = credential
        for other in self._store.roster.instances:
            if other.id == instance.id:
                return
            if other.id in self._probing and other.provider.id == instance.provider.id:
                used = self._logins.get(other.id, self._store.entry(other.id).credential)
                if used == credential:
                    raise DuplicateLoginError(f"The same login as {other.id}; it is counted there.")
