"""Providers that misbehave, and a schedule over them, for the tests of probing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host, Visit
from openusage.model import (
    Health,
    Snapshot,
    UnreachableError,
)
from openusage.probing import Pace
from openusage.roster import Instance, Roster
from openusage.schedule import Schedule
from openusage.store import Store
from openusage.testing import NOW, FakeProvider, clock_at, fake_host, run_inline
from openusage.watch import FileWatch

DOWN = UnreachableError("no answer")


def nothing(host: Host) -> None:
    """Do nothing before a probe."""


@define
class Acting(FakeProvider):
    """A provider that does something with its host before it probes."""

    act: Callable[[Host], None] = nothing

    async def probe(self, host: Host) -> Snapshot:
        self.act(host)
        return await super().probe(host)


@define
class Stubborn(FakeProvider):
    """A provider that makes something else of being cancelled."""

    then: Callable[[Host], Any] = field(kw_only=True)

    async def probe(self, host: Host) -> Snapshot:
        try:
            return await super().probe(host)
        except CancelledError:
            outcome: Snapshot = await self.then(host)
            return outcome


def instance(provider: FakeProvider, id: str = "") -> Instance:  # noqa: A002
    return Instance(id or provider.id, provider.name, provider)


class ScheduleTestCase(SynchronousTestCase):
    """A schedule over fake providers, minute by minute."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.clock = clock_at(NOW)
        self.store = Store()
        self.watch = FileWatch(self.clock, run_inline)
        self.interval, self.chance = 300.0, 0.5
        self.times: dict[str, list[float]] = {}
        self.broken = False

    def host(self, instance: Instance, visit: Visit) -> Host:
        """What a probe gets; when it got it is in `times`, as seconds after `NOW`."""
        if self.broken:
            raise ZeroDivisionError
        self.times.setdefault(instance.id, []).append(self.clock.seconds() - NOW.timestamp())
        return fake_host(
            self.home, id=instance.id, name=instance.name, clock=self.clock, visit=visit
        )

    def show(self, *instances: Instance) -> None:
        """Have exactly these enabled, in this order."""
        self.store.set_roster(Roster(instances, frozenset(i.id for i in instances)))

    def start(self, *providers: FakeProvider) -> None:
        self.show(*map(instance, providers))
        self.schedule = Schedule(
            self.store,
            self.clock,
            self.host,
            Pace(lambda: self.interval, lambda: self.chance),
            self.watch,
        )
        self.schedule.startService()

    def wait(self, seconds: float) -> None:
        """Let time pass, a second at a time."""
        whole = int(seconds)
        self.clock.pump([1.0] * whole)
        self.clock.advance(seconds - whole)

    def stop(self) -> None:
        self.successResultOf(self.schedule.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def health(self, id: str = "fake") -> Health:  # noqa: A002
        return self.store.entry(id).health

    def error(self) -> tuple[str | None, int]:
        return self.health().error, self.health().failures
