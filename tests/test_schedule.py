"""Tests for `openusage.schedule`."""

from __future__ import annotations

from attrs import evolve

from openusage.host import Host
from openusage.model import (
    Health,
    ProbeError,
    ProbeTimeoutError,
    RateLimitedError,
)
from openusage.probing import DuplicateLoginError, Pace
from openusage.roster import Instance, Roster
from openusage.schedule import Schedule
from openusage.store import Entry
from openusage.testing import FakeProvider
from tests.pieces import after
from tests.schedules import DOWN, Acting, ScheduleTestCase, instance


class ScheduleTests(ScheduleTestCase):
    """Tests for `Schedule`."""

    def test_enabled_only(self) -> None:
        """What is not enabled is not probed."""
        a, b = FakeProvider(id="a"), FakeProvider(id="b")
        self.start(a)
        self.store.set_roster(Roster((instance(a), instance(b)), frozenset({"a"})))

        self.wait(300)

        self.assertEqual((a.probes, b.probes), (2, 0))
        self.stop()

    def test_enable(self) -> None:
        """What is enabled while we run is probed at once, whatever the last attempt came to."""
        a, b = FakeProvider(id="a"), FakeProvider(id="b")
        failed = Health(
            last_attempt=after(seconds=-1),
            next_attempt=after(hours=1),
            error="timeout",
            failures=5,
            waiting="backoff",
        )
        self.store.load({"b": Entry(health=failed)})
        self.start(a)

        self.show(instance(b), instance(a))

        self.assertEqual((a.probes, b.probes), (1, 1))
        self.wait(300)
        self.assertEqual((a.probes, b.probes), (2, 2))
        self.stop()

    def test_enable_in_a_rate_limit(self) -> None:
        """Turning it off and on does not get round a rate limit."""
        provider = FakeProvider(error=RateLimitedError("slow down", 1800))
        self.start(provider)
        self.show()
        self.wait(60)

        self.show(instance(provider))
        self.wait(1739)
        self.assertEqual(provider.probes, 1)
        self.wait(1)

        self.assertEqual(provider.probes, 2)
        self.stop()

    def test_disable(self) -> None:
        """What is disabled while it is probed is cancelled, and probed no more."""
        a, b = FakeProvider(id="a", hanging=True), FakeProvider(id="b")
        self.start(a, b)

        self.show(instance(b))

        self.assertEqual(a.cancelled, 1)
        self.assertEqual(self.health("a"), Health())
        self.wait(600)
        self.assertEqual((a.probes, b.probes), (1, 3))
        self.stop()

    def test_reorder(self) -> None:
        """Another order starts nothing anew."""
        a, b = FakeProvider(id="a", hanging=True), FakeProvider(id="b")
        self.start(a, b)

        self.show(instance(b), instance(a))

        self.assertEqual((a.probes, a.cancelled, b.probes), (1, 0, 1))
        self.stop()

    def test_redeclared(self) -> None:
        """An account with another folder is probed at once, with it."""
        provider = FakeProvider(hanging=True)
        self.start(provider)

        self.show(evolve(instance(provider), env={"CODEX_HOME": "~/.codex-work"}))

        self.assertEqual((provider.probes, provider.cancelled), (2, 1))
        self.stop()

    def test_start_again(self) -> None:
        """Stopped and started, it probes what is enabled then, and only that."""
        a, b = FakeProvider(id="a"), FakeProvider(id="b")
        self.start(a)
        self.stop()
        self.show(instance(b))
        self.assertEqual(b.probes, 0)
        self.wait(3600)

        self.schedule.startService()
        self.wait(300)

        self.assertEqual((a.probes, b.probes), (1, 2))
        self.stop()

    def test_start_again_soon(self) -> None:
        """A stop and a start do not hammer anybody."""
        provider = FakeProvider()
        self.start(provider)
        for _ in range(20):
            self.stop()
            self.schedule.startService()
            self.wait(1)

        self.assertEqual(provider.probes, 1)
        self.stop()

    def test_never_started(self) -> None:
        """What was never started can be stopped."""
        self.schedule = Schedule(
            self.store, self.clock, self.host, Pace(lambda: 300, lambda: 0.5), self.watch
        )

        self.stop()

    def test_stop_after_disable(self) -> None:
        """A stop just after something was disabled waits for both."""
        provider = FakeProvider(hanging=True)
        self.start(provider)

        self.show()
        self.stop()

        self.assertEqual(provider.cancelled, 1)

    def test_repace(self) -> None:
        """Another interval counts from the last attempt, and health says so."""
        provider = FakeProvider()
        self.start(provider)
        self.wait(100)

        self.interval = 900
        self.schedule.repace()
        self.assertEqual(self.health().next_attempt, after(minutes=15))
        self.wait(799)
        before = provider.probes
        self.wait(1)

        self.assertEqual((before, provider.probes), (1, 2))
        self.stop()

    def test_repace_shorter(self) -> None:
        """An interval that is over already makes for a probe within a second."""
        provider = FakeProvider()
        self.start(provider)
        self.wait(100)

        self.interval = 60
        self.schedule.repace()
        self.wait(1)

        self.assertEqual(provider.probes, 2)
        self.wait(60)
        self.assertEqual(provider.probes, 3)
        self.stop()

    def test_repace_in_trouble(self) -> None:
        """Another interval does not cut a back-off or a rate limit short."""
        for error in (DOWN, RateLimitedError("slow down", 1800)):
            self.setUp()
            self.start(FakeProvider(error=error))
            before = self.health()

            self.interval = 60
            self.schedule.repace()

            self.assertEqual(self.health(), before)
            self.stop()


class DuplicateLoginErrorTests(ScheduleTestCase):
    """Tests for `DuplicateLoginError`: one login of two instances is counted once."""

    def accounts(self, provider: FakeProvider) -> tuple[Instance, Instance]:
        return instance(provider), Instance("work", "Work", provider)

    def begin(self, first: str, second: str, *, other: bool = False) -> Acting:
        """A provider, and an account of it or of another one, with these logins."""

        def act(host: Host) -> None:
            host.identify(second if host.id == "work" else first)

        provider = Acting(act=act)
        self.start(provider)
        owner = Acting(id="other", act=act) if other else provider
        self.show(instance(provider), Instance("work", "Work", owner))
        return provider

    def test_duplicate(self) -> None:
        """The later of two with one login fails, with words, and shows nothing."""
        self.begin("ada", "ada")

        health = self.health("work")
        self.assertEqual(
            (health.error, health.message),
            ("duplicate", "The same login as fake; it is counted there."),
        )
        self.assertIsNone(self.store.body("work"))
        self.assertEqual(self.health().error, None)
        self.stop()

    def test_at_the_same_time(self) -> None:
        """A login is taken as soon as a probe says that it uses it, not when that probe is done."""
        provider = Acting(act=lambda host: host.identify("ada"), hanging=True)
        self.start(provider)

        self.show(*self.accounts(provider))

        self.assertEqual((self.health("work").error, len(provider.pending)), ("duplicate", 1))
        self.stop()

    def test_became_one(self) -> None:
        """What the later one showed is forgotten when its login becomes that of the first."""
        provider = self.begin("ada", "bob")
        self.assertIsNotNone(self.store.body("work"))

        provider.act = lambda host: host.identify("ada")
        self.wait(300)

        self.assertEqual(self.health("work").error, "duplicate")
        self.assertIsNone(self.store.body("work"))
        self.stop()

    def test_first_became_one(self) -> None:
        """The later one shows nothing either when the first takes over its login."""
        provider = self.begin("bob", "ada")
        self.assertIsNotNone(self.store.body("work"))

        provider.act = lambda host: host.identify("ada")
        self.wait(300)

        self.assertEqual(self.health("work").error, "duplicate")
        self.assertIsNone(self.store.body("work"))
        self.stop()

    def test_two_logins(self) -> None:
        """Two logins are two snapshots."""
        self.begin("ada", "bob")

        self.assertIsNotNone(self.store.body("work"))
        self.stop()

    def test_other_provider(self) -> None:
        """The same account name at two services is two logins."""
        self.begin("ada", "ada", other=True)

        self.assertIsNotNone(self.store.body("work"))
        self.stop()

    def test_first_goes(self) -> None:
        """When the first is disabled the second shows the login, at its next attempt."""
        provider = self.begin("ada", "ada")

        self.show(Instance("work", "Work", provider))
        self.wait(300)

        self.assertEqual(self.health("work").error, None)
        self.stop()

    def test_order(self) -> None:
        """The person's order says which of the two shows it."""
        provider = self.begin("ada", "ada")
        first, work = self.accounts(provider)

        self.show(work, first)
        self.wait(600)

        self.assertEqual((self.health("work").error, self.health().error), (None, "duplicate"))
        self.stop()

    def test_family(self) -> None:
        """It is one of the `ProbeError` family."""
        self.assertIsInstance(DuplicateLoginError("twice"), ProbeError)
        self.assertNotIsInstance(DuplicateLoginError("twice"), ProbeTimeoutError)
