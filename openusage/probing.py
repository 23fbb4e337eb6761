"""Probing one instance: a service that owns a `LoopingCall`, and what a single visit is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Protocol, TypeVar

from attrs import define, evolve, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from openusage.deadline import GRACE, settled, within
from openusage.governor import (
    after_failure,
    after_success,
    enabled_attempt,
    first_attempt,
    login_attempt,
)
from openusage.host import Host, Visit
from openusage.log import logger
from openusage.model import (
    Health,
    MalformedError,
    ProbeError,
    ProbeTimeoutError,
    ProviderCrashedError,
    Snapshot,
)
from openusage.roster import Instance
from openusage.store import Store
from openusage.watch import FileWatch
from openusage.wire import encode

__all__ = [
    "DEADLINE",
    "DuplicateLoginError",
    "HostFactory",
    "Pace",
    "ProbeService",
    "checked",
    "visit",
]

T = TypeVar("T")

DEADLINE = 60.0
"""Seconds a probe may take in all."""
LARGEST_SNAPSHOT = 2**20
_MOST_NOTES = 20
_LONGEST_NOTE = 400


@frozen
class DuplicateLoginError(ProbeError):
    """Two instances turned out to use the same login; only the first is probed."""

    code = "duplicate"


class HostFactory(Protocol):
    """Makes the host for one visit to an instance."""

    def __call__(self, instance: Instance, visit: Visit) -> Host:
        """The host for `visit`, as the settings in force have it."""
        ...


@define
class Pace:
    """What holds for all probes: the interval in seconds, and chance, a number from 0 to 1."""

    interval: Callable[[], float]
    chance: Callable[[], float]


async def visit(instance: Instance, host: Host) -> Snapshot:
    """Probe `instance` once and check what comes. Raises one of the `ProbeError` family."""
    try:
        snapshot = await instance.provider.probe(host)
    except MalformedError as error:  # which line and why it says itself, but not whose
        raise MalformedError(f"{instance.id}: {error.message}") from error
    except (ProbeError, CancelledError):
        raise
    except Exception as error:
        raise ProviderCrashedError(
            f"The {instance.provider.id} provider failed ({type(error).__name__})."
        ) from error
    return checked(instance, snapshot)


def checked(instance: Instance, snapshot: object) -> Snapshot:
    """`snapshot` if it is one, of this instance and of a sane size. Raises `MalformedError`."""
    if not isinstance(snapshot, Snapshot):
        raise MalformedError(f"{instance.id}: no snapshot (got {type(snapshot).__name__})")
    if snapshot.provider_id != instance.id:
        raise MalformedError(f"{instance.id}: a snapshot of {snapshot.provider_id!r}")
    size = len(encode(snapshot))
    if size > LARGEST_SNAPSHOT:
        raise MalformedError(f"{instance.id}: a snapshot of {size} bytes")
    return snapshot


@define(eq=False, slots=False)
class ProbeService(Service):
    """Probe one instance while running; it never fails, and keeps what went wrong as health."""

    instance: Instance
    store: Store
    clock: IReactorTime
    make_host: HostFactory
    pace: Pace
    watch: FileWatch
    claim: Callable[[Instance, str], None]
    at_once: bool = False
    _login_changed: bool = field(default=False, init=False)
    _loop: LoopingCall | None = field(default=None, init=False)
    _probe: Deferred[Snapshot] | None = field(default=None, init=False)
    _run: Deferred[None] | None = field(default=None, init=False)
    _log = logger(__name__)

    def startService(self) -> None:
        """Wait for the first attempt: at once, unless an earlier run left a wait behind."""
        super().startService()
        self._loop = LoopingCall(self._tick)
        self._loop.clock = self.clock
        now, health = self._now(), self._health()
        first = enabled_attempt(health, now) if self.at_once else first_attempt(health, now)
        if first <= now:
            self._loop.start(self.pace.interval(), now=True)
        else:
            self._loop.start((first - now).total_seconds(), now=False)

    def stopService(self) -> Deferred[None] | None:
        """Stop; a probe that runs is cancelled and leaves no trace.

        It is given a moment to end by itself: one that has just renewed a login must save it.
        """
        super().stopService()
        self.watch.unwatch(self.instance.id)
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        run = self._run
        if run is not None:
            run.cancel()
        if self._probe is not None:
            return settled(self._probe, GRACE, self.clock)
        return run

    def login_changed(self) -> None:
        """Probe soon: a file that holds the login came, went or changed."""
        if self._run is None:
            self._move(login_attempt(self._health(), self._now()), "login")
        else:
            self._login_changed = True  # the probe that runs may have read the old one

    def repace(self) -> None:
        """The interval changed: count it from the last attempt."""
        health = self._health()
        if health.waiting == "interval" and health.last_attempt is not None:
            self._move(health.last_attempt + self._interval(), "interval")

    def _tick(self) -> None:
        if self._run is not None:  # at its end it settles when the next one is due
            return
        if self._probe is not None:  # it outlived its deadline and its cancellation
            self._failed(Visit(), ProbeTimeoutError("The last probe still hangs."))
            return
        self._login_changed = False
        run = self._run = Deferred.fromCoroutine(self._attempt())
        run.addErrback(self._crashed).addBoth(self._ended)

    def _crashed(self, failure: Failure) -> None:
        self._log.failure("{id}: the attempt failed", failure, id=self.instance.id)

    def _ended(self, result: None) -> None:
        self._run = None
        if self._login_changed and self.running:
            self.login_changed()

    async def _attempt(self) -> None:
        instance, trace = self.instance, Visit()
        trace.claim = lambda credential: self.claim(instance, credential)
        outcome: Snapshot | ProbeError
        try:
            host = self.make_host(instance, trace)
            outcome = await within(self._start(host), DEADLINE, self.clock)
        except CancelledError:
            outcome = ProviderCrashedError(f"The {instance.provider.id} provider cancelled itself.")
        except ProbeError as error:
            outcome = error
        if not self.running:  # the stop cancelled the probe: what that made of it leaves no trace
            return
        if isinstance(outcome, Snapshot):
            self._succeeded(trace, outcome)
        else:
            self._failed(trace, outcome)
        self.watch.watch(instance.id, trace.watched, self.login_changed)

    def _start(self, host: Host) -> Deferred[Snapshot]:
        """Begin the probe; `_probe` is set until it is really over: one at a time."""
        probe = Deferred.fromCoroutine(visit(self.instance, host))

        def over(result: T) -> T:
            self._probe = None
            return result

        self._probe = probe
        return probe.addBoth(over)

    def _succeeded(self, trace: Visit, snapshot: Snapshot) -> None:
        self.store.keep(self.instance.id, snapshot, trace.credential)
        health = after_success(
            self._now(),
            self._interval(),
            self.pace.chance(),
            again_at=trace.again_at,
            notes=_few(trace.notes),
        )
        self._settle(health)

    def _failed(self, trace: Visit, error: ProbeError) -> None:
        name = self.instance.id
        if isinstance(error, ProviderCrashedError):
            self._log.failure("{id}: probe crashed", Failure(error.__cause__ or error), id=name)
        entry = self.store.entry(name)
        # A probe may have tried several logins, and that of the figures first.
        foreign = trace.tried and entry.credential not in (None, *trace.tried)
        if foreign or isinstance(error, DuplicateLoginError):
            self.store.forget(name)  # those numbers are another login's
        before = entry.health
        health = after_failure(
            before,
            error,
            self._now(),
            self._interval(),
            self.pace.chance(),
            notes=_few(trace.notes),
        )
        if (before.error, before.message) != (health.error, health.message):
            self._log.warn("{id}: {code}: {error}", id=name, code=error.code, error=error.message)
        self._settle(health)

    def _settle(self, health: Health) -> None:
        before = self._health()
        if health.error is None and before.error is not None:
            self._log.info("{id}: answers again", id=self.instance.id)
        for note in health.notes:
            if note not in before.notes:
                self._log.info("{id}: {note}", id=self.instance.id, note=note)
        self.store.set_health(self.instance.id, health)
        if health.next_attempt is not None:
            self._next(health.next_attempt)

    def _interval(self) -> timedelta:
        return timedelta(seconds=self.pace.interval())

    def _health(self) -> Health:
        return self.store.entry(self.instance.id).health

    def _move(self, when: datetime, waiting: str) -> None:
        """Have the next attempt at another time than was settled, and let health say so."""
        health = self._health()
        if when != health.next_attempt:
            self.store.set_health(
                self.instance.id, evolve(health, next_attempt=when, waiting=waiting)
            )
        self._next(when)

    def _next(self, when: datetime) -> None:
        if self._loop is not None and self._loop.running:
            self._loop.interval = max((when - self._now()).total_seconds(), 1.0)
            # Else a probe that is over at once, within the loop's own call, would be followed by
            # one at a multiple of the new interval since the start.
            self._loop.starttime = self.clock.seconds()
            self._loop.reset()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.seconds(), timezone.utc)


def _few(notes: Sequence[str]) -> tuple[str, ...]:
    """At most `_MOST_NOTES` of the notes, each of a readable length."""
    return tuple(_short(note) for note in notes[:_MOST_NOTES])


def _short(note: str) -> str:
    return note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1] + "…"
