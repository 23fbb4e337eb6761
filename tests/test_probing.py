"""Tests for `openusage.probing`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage.deadline import GRACE
from openusage.host import Host
from openusage.model import (
    Health,
    MalformedError,
    NotLoggedInError,
    Progress,
    ProviderCrashedError,
    RateLimitedError,
    Snapshot,
    Text,
)
from openusage.probing import Pace, ProbeService, checked, visit
from openusage.store import Entry
from openusage.testing import NOW, FakeProvider, fake_host
from openusage.wire import encode
from tests.pieces import after, begun, snapshot, words
from tests.schedules import DOWN, Acting, ScheduleTestCase, Stubborn, instance, nothing


class CheckedTests(SynchronousTestCase):
    """Tests for `checked`."""

    def refused(self, made: object) -> str:
        return str(self.assertRaises(MalformedError, checked, instance(FakeProvider()), made))

    def test_good(self) -> None:
        """A snapshot of the instance passes as it is."""
        good = snapshot("fake")

        self.assertIs(checked(instance(FakeProvider()), good), good)

    def test_nothing(self) -> None:
        """What is no snapshot is refused."""
        self.assertEqual(self.refused(None), "fake: no snapshot (got NoneType)")
        self.assertEqual(self.refused({"lines": []}), "fake: no snapshot (got dict)")

    def test_foreign(self) -> None:
        """A snapshot of another provider is refused."""
        self.assertEqual(self.refused(snapshot("other")), "fake: a snapshot of 'other'")

    def test_size(self) -> None:
        """A snapshot of more than a mebibyte is refused."""
        for size, fits in ((2**20 - 1000, True), (2**20, False)):
            made = evolve(snapshot("fake"), lines=[Text("Today", "x" * size)])
            if fits:
                self.assertIs(checked(instance(FakeProvider()), made), made)
            else:
                self.assertRegex(self.refused(made), r"^fake: a snapshot of 10\d{5} bytes$")


class VisitTests(SynchronousTestCase):
    """Tests for `visit`."""

    def visit(self, provider: FakeProvider) -> Deferred[Snapshot]:
        return begun(visit(instance(provider), fake_host(Path(self.mktemp()), id=provider.id)))

    def test_snapshot(self) -> None:
        """A probe's snapshot is the result."""
        self.assertEqual(self.successResultOf(self.visit(FakeProvider())), snapshot("fake"))

    def test_probe_error(self) -> None:
        """What the provider says is passed on."""
        self.assertIs(self.failureResultOf(self.visit(FakeProvider(error=DOWN))).value, DOWN)

    def test_crash(self) -> None:
        """Anything else it raises is a crash, worded without what it said and with its cause."""
        bug = KeyError("/home/ada/secret")

        error = self.failureResultOf(self.visit(FakeProvider(error=bug))).value

        self.assertIsInstance(error, ProviderCrashedError)
        self.assertEqual(str(error), "The fake provider failed (KeyError).")
        self.assertIs(error.__cause__, bug)

    def test_malformed(self) -> None:
        """A snapshot that does not hold is refused."""
        self.failureResultOf(self.visit(FakeProvider(snapshot=snapshot("x"))), MalformedError)

    def test_malformed_line(self) -> None:
        """A line that breaks the rules is an error that names provider, line and reason."""

        class Careless(FakeProvider):
            async def probe(self, host: Host) -> Snapshot:
                return host.snapshot([Progress("Session", -1, 100)])

        error = self.failureResultOf(self.visit(Careless()), MalformedError).value

        self.assertEqual(str(error), "fake: Progress line 'Session': invalid used: -1")

    def test_cancelled(self) -> None:
        """A cancellation is none of the provider's faults."""
        probing = self.visit(FakeProvider(hanging=True))

        probing.cancel()

        self.failureResultOf(probing, CancelledError)


class ProbeServiceTests(ScheduleTestCase):
    """Tests for `ProbeService`."""

    def test_first(self) -> None:
        """The first probe is at the start; its snapshot and health are in the store."""
        self.start(FakeProvider())

        self.assertEqual(self.store.body("fake"), encode(snapshot("fake")))
        self.assertEqual(
            self.health(),
            Health(
                last_attempt=NOW,
                last_success=NOW,
                next_attempt=after(minutes=5),
                waiting="interval",
            ),
        )
        self.stop()

    def test_interval(self) -> None:
        """One probe follows another at the interval."""
        self.start(FakeProvider())

        self.wait(3600)

        self.assertEqual(self.times["fake"], [300.0 * n for n in range(13)])
        self.stop()

    def test_jitter(self) -> None:
        """Chance, drawn for each wait, makes it up to a tenth shorter or longer."""
        self.start(FakeProvider())
        for self.chance in (0.0, 1.0, 0.0, 0.5):
            self.wait(330)

        self.assertEqual(self.times["fake"], [0.0, 300.0, 570.0, 900.0, 1170.0])
        self.stop()

    def test_slow(self) -> None:
        """The wait is counted from the end of a probe."""
        provider = FakeProvider(hanging=True)
        self.start(provider)
        self.wait(40)
        provider.pending[0].callback(None)

        self.wait(299)
        before = provider.probes
        self.wait(1)

        self.assertEqual((before, provider.probes), (1, 2))
        self.stop()

    def test_failure(self) -> None:
        """A failure changes nothing of the snapshot, is in health, and doubles the wait."""
        provider = FakeProvider()
        self.start(provider)
        before = self.store.entry("fake").snapshot, self.store.body("fake"), self.store.collection
        provider.error = DOWN

        self.wait(300 + 300 + 600 + 1200)

        self.assertEqual(self.times["fake"], [0.0, 300.0, 600.0, 1200.0, 2400.0])
        self.assertEqual(self.error(), ("unreachable", 4))
        self.assertEqual(self.health().last_success, NOW)
        self.assertEqual(self.health().next_attempt, after(seconds=2400 + 2400))
        entry = self.store.entry("fake")
        self.assertEqual((entry.snapshot, self.store.body("fake"), self.store.collection), before)
        self.stop()

    def test_recovery(self) -> None:
        """After a success nothing is left of the failures before."""
        provider = FakeProvider(error=DOWN)
        self.start(provider)
        provider.error = None
        with capturedLogs() as events:
            self.wait(300)

        self.assertEqual((self.health().error, self.health().message), (None, None))
        self.assertEqual((self.health().failures, self.health().waiting), (0, "interval"))
        self.assertEqual(words(events), ["fake: answers again"])
        self.stop()

    def test_one_warning(self) -> None:
        """The same failure again and again is one warning; another is another."""
        provider = FakeProvider(error=DOWN)
        with capturedLogs() as events:
            self.start(provider)
            self.wait(3600)
            provider.error = NotLoggedInError("no login")
            self.wait(3600)

        self.assertEqual(
            words(events), ["fake: unreachable: no answer", "fake: not_logged_in: no login"]
        )
        self.assertEqual({event["log_level"].name for event in events}, {"warn"})
        self.stop()

    def test_malformed(self) -> None:
        """What is no snapshot of the instance changes nothing, and health says so."""
        provider = FakeProvider()
        self.start(provider)
        body = self.store.body("fake")
        nothing: Any = {"lines": []}
        huge = evolve(snapshot("fake"), lines=[Text("Today", "x" * 2**20)])
        for bad in (nothing, snapshot("other"), huge):
            provider.snapshot = bad
            self.wait(3600)
            self.assertEqual(self.health().error, "malformed")
            self.assertEqual(self.store.body("fake"), body)
        self.assertIsNone(self.store.body("other"))
        self.stop()

    def test_crash(self) -> None:
        """A bug in a provider is logged as one; its snapshot and the others go on."""
        bad, good = FakeProvider(), FakeProvider(id="good")
        self.start(bad, good)
        bad.error = ZeroDivisionError("/home/ada")

        self.wait(300)

        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.health().message, "The fake provider failed (ZeroDivisionError).")
        self.assertEqual(self.error(), ("crashed", 1))
        self.assertEqual(good.probes, 2)
        self.assertEqual(self.store.entry("good").health.failures, 0)
        bad.error = None
        self.wait(300)
        self.assertEqual(self.error(), (None, 0))
        self.stop()

    def test_cancels_itself(self) -> None:
        """A probe that nobody cancelled and that is cancelled all the same is a crash."""
        self.start(FakeProvider(error=CancelledError()))

        self.assertEqual(self.error(), ("crashed", 1))
        self.assertEqual(len(self.flushLoggedErrors(ProviderCrashedError)), 1)
        self.stop()

    def test_no_host(self) -> None:
        """A host that cannot be made is logged, and the next probe is tried in its time."""
        provider = FakeProvider()
        self.broken = True
        self.start(provider)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.broken = False

        self.wait(300)

        self.assertEqual(provider.probes, 1)
        self.assertIsNotNone(self.store.body("fake"))
        self.stop()

    def test_rate_limit(self) -> None:
        """A service that asks to be left alone is left alone for that long."""
        provider = FakeProvider(error=RateLimitedError("slow down", 1800))
        self.start(provider)
        provider.error = None

        self.wait(1799)
        self.assertEqual((provider.probes, self.health().waiting), (1, "rate_limited"))
        self.wait(1)

        self.assertEqual((provider.probes, self.health().waiting), (2, "interval"))
        self.stop()

    def test_ask_again(self) -> None:
        """A provider may ask to be probed sooner, though not within a minute."""
        provider = Acting(act=lambda host: host.ask_again(after(seconds=90)))
        self.start(provider)
        self.assertEqual(self.health().waiting, "provider")

        self.wait(300)

        self.assertEqual(self.times["fake"], [0.0, 90.0, 150.0, 210.0, 270.0])
        self.stop()

    def test_notes(self) -> None:
        """Remarks are in health, few and short, and logged when they are new."""
        provider = Acting(act=lambda host: host.note(*(f"{n} " + "x" * 900 for n in range(50))))
        with capturedLogs() as events:
            self.start(provider)
            self.wait(300)

        self.assertEqual(len(self.health().notes), 20)
        self.assertEqual({len(note) for note in self.health().notes}, {400})
        self.assertEqual(len(events), 20)
        provider.act = nothing
        self.wait(300)
        self.assertEqual(self.health().notes, ())
        self.stop()

    # --- deadline ---------------------------------------------------------------------------------

    def test_deadline(self) -> None:
        """A probe that takes a minute is cancelled and has failed; the next may do better."""
        provider = FakeProvider(hanging=True)
        self.start(provider)

        self.wait(59)
        self.assertEqual((self.error(), provider.cancelled), ((None, 0), 0))
        self.wait(1)

        self.assertEqual((self.error(), provider.cancelled), (("timeout", 1), 1))
        self.assertEqual(self.health().message, "No answer within 60 s.")
        provider.hanging = False
        self.wait(300)
        self.assertEqual(self.error(), (None, 0))
        self.stop()

    def test_stubborn(self) -> None:
        """A probe that hangs on is not joined by a second one; health tells, and recovers."""
        hang: Deferred[Snapshot] = Deferred()
        provider = Stubborn(hanging=True, then=lambda _: hang)
        good = FakeProvider(id="good")
        self.start(provider, good)
        self.wait(60)
        self.assertEqual(self.error(), ("timeout", 1))

        self.wait(300)
        self.assertEqual(self.error(), ("timeout", 2))
        self.assertEqual(self.health().message, "The last probe still hangs.")
        self.assertEqual((provider.probes, good.probes), (1, 2))

        hang.callback(snapshot("fake"))
        self.assertIsNone(self.store.body("fake"))  # an answer after the deadline is none
        provider.hanging = False
        self.wait(600)
        self.assertEqual((provider.probes, self.error()), (2, (None, 0)))
        self.stop()

    # --- whose login ------------------------------------------------------------------------------

    def login(self, account: str) -> Acting:
        return Acting(act=lambda host: host.identify(account))

    def test_credential(self) -> None:
        """A snapshot is kept with a digest of the login it was made with."""
        self.start(self.login("ada"))

        credential = self.store.entry("fake").credential

        self.assertRegex(credential or "", "^[0-9a-f]{16}$")
        self.stop()

    def test_other_login_fails(self) -> None:
        """When another login fails, the figures of the one before are not shown as its own."""
        provider = self.login("ada")
        self.start(provider)
        provider.error = DOWN
        self.wait(300)
        self.assertIsNotNone(self.store.body("fake"))

        provider.act = lambda host: host.identify("bob")
        self.wait(600)

        self.assertIsNone(self.store.body("fake"))
        self.assertIsNone(self.store.entry("fake").credential)
        self.stop()

    def test_several_logins_fail(self) -> None:
        """A probe that tries one login after the other costs none of them its figures."""
        provider = self.login("ada")
        self.start(provider)

        def both(host: Host) -> None:
            host.identify("ada")
            host.identify("bob")

        provider.act, provider.error = both, DOWN
        self.wait(300)

        self.assertIsNotNone(self.store.body("fake"))
        self.stop()

    def test_no_login(self) -> None:
        """Without a login, or with the first there is, the last snapshot stays."""
        provider = self.login("ada")
        self.start(provider)
        provider.act, provider.error = nothing, NotLoggedInError("no login")
        self.wait(300)
        self.assertIsNotNone(self.store.body("fake"))
        provider.error = None
        self.wait(600)

        provider.act, provider.error = self.login("bob").act, DOWN
        self.wait(300)

        self.assertIsNotNone(self.store.body("fake"))
        self.stop()

    # --- files of the login -----------------------------------------------------------------------

    def watching(self) -> Acting:
        """A provider whose login file is watched, by a watch that runs."""
        self.watch.startService()
        self.addCleanup(self.watch.stopService)
        return Acting(act=lambda host: host.watch(self.home / "auth.json"))

    def new_login(self, text: str = "token") -> None:
        (self.home / "auth.json").write_text(text)

    def end(self) -> None:
        self.watch.stopService()
        self.stop()

    def test_new_login(self) -> None:
        """A login that comes is tried within seconds, though other failures wait for long."""
        provider = self.watching()
        provider.error = NotLoggedInError("no login")
        self.start(provider)
        self.wait(300 + 600 + 100)
        self.assertEqual(provider.probes, 3)
        provider.error = None

        self.new_login()
        self.wait(7)

        self.assertEqual((provider.probes, self.error()), (4, (None, 0)))
        self.end()

    def test_login_spaced(self) -> None:
        """A login that changes often makes for one probe a minute; health says when and why."""
        provider = self.watching()
        self.start(provider)
        for second in range(150):
            self.new_login("x" * second)
            self.wait(1)
            if second == 30:
                health = self.health()
                self.assertEqual(
                    (health.next_attempt, health.waiting), (after(seconds=60), "login")
                )

        self.assertEqual([round(t) for t in self.times["fake"]], [0, 60, 120])
        self.end()

    def test_login_and_rate_limit(self) -> None:
        """A new login does not cut a rate limit short."""
        provider = self.watching()
        provider.error = RateLimitedError("slow down", 1800)
        self.start(provider)
        self.wait(300)
        before = self.health()

        self.new_login()
        self.wait(300)

        self.assertEqual((provider.probes, self.health()), (1, before))
        self.end()

    def test_login_during_a_probe(self) -> None:
        """A login that changes while a probe runs is tried after it."""
        provider = self.watching()
        self.start(provider)
        provider.hanging = True
        self.wait(310)
        self.new_login()
        self.wait(10)
        provider.hanging = False
        provider.pending[0].callback(None)
        self.assertEqual(provider.probes, 2)

        self.wait(60)

        self.assertEqual(provider.probes, 3)
        self.wait(200)
        self.assertEqual(provider.probes, 3)
        self.end()

    # --- a start after an earlier run -------------------------------------------------------------

    def test_restart(self) -> None:
        """A start within a minute of the last attempt waits for the rest of the minute."""
        self.store.load({"fake": Entry(health=Health(last_attempt=after(seconds=-20)))})
        provider = FakeProvider()
        self.start(provider)

        self.wait(39)
        before = provider.probes
        self.wait(1)

        self.assertEqual((before, provider.probes), (0, 1))
        self.wait(300)
        self.assertEqual(provider.probes, 2)
        self.stop()

    def test_slow_after_a_short_wait(self) -> None:
        """A first probe that takes longer than the wait before it is one probe, and no failure."""
        self.store.load({"fake": Entry(health=Health(last_attempt=after(seconds=-50)))})
        provider = FakeProvider(hanging=True)
        self.start(provider)
        self.wait(10 + 30)

        self.assertEqual((provider.probes, self.error()), (1, (None, 0)))
        provider.pending[0].callback(None)
        self.assertIsNotNone(self.store.body("fake"))
        self.stop()

    def test_restart_in_a_rate_limit(self) -> None:
        """A rate limit outlasts a restart; what was cached is there."""
        limited = Health(
            last_attempt=after(minutes=-5),
            next_attempt=after(minutes=25),
            error="rate_limited",
            failures=1,
            waiting="rate_limited",
        )
        self.store.load({"fake": Entry(snapshot("fake"), None, limited)})
        provider = FakeProvider()
        self.start(provider)

        self.wait(25 * 60 - 1)
        self.assertEqual((provider.probes, self.health()), (0, limited))
        self.assertIsNotNone(self.store.body("fake"))
        self.wait(1)

        self.assertEqual(provider.probes, 1)
        self.stop()

    # --- stopping ---------------------------------------------------------------------------------

    def stopped(self, provider: FakeProvider) -> None:
        """Stop in the middle of the second probe: the entry is as after the first."""
        self.start(provider)
        before = self.store.entry("fake")
        provider.hanging = True
        self.wait(310)
        self.assertEqual(provider.probes, 2)

        self.stop()

        self.assertEqual(provider.cancelled, 1)
        self.assertEqual(self.store.entry("fake"), before)
        self.wait(3600)
        self.assertEqual(provider.probes, 2)

    def test_stop(self) -> None:
        """A stop cancels the probe that runs and leaves no trace, neither in health nor in time."""
        self.stopped(FakeProvider())

    def test_stop_a_stubborn_one(self) -> None:
        """Whatever a probe makes of being stopped, nothing of it is kept."""

        async def answer(host: Host) -> Snapshot:
            return host.snapshot([Text("Today", "late")])

        async def fail(host: Host) -> Snapshot:
            raise DOWN

        async def crash(host: Host) -> Snapshot:
            raise ZeroDivisionError

        for then in (answer, fail, crash):
            self.setUp()
            self.stopped(Stubborn(then=then))

    def test_stop_waits_for_a_save(self) -> None:
        """A probe that is not over when it is cancelled, as it saves a login, is waited for."""
        saving: Deferred[Snapshot] = Deferred()
        provider = Stubborn(then=lambda host: saving, hanging=True)
        self.start(provider)

        stopping = self.schedule.stopService()

        self.assertNoResult(stopping)
        saving.callback(snapshot("fake"))
        self.successResultOf(stopping)
        self.assertEqual(self.store.entry("fake"), Entry())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_one_that_never_ends(self) -> None:
        """A stop does not wait for ever."""
        provider = Stubborn(then=lambda host: Deferred(), hanging=True)
        self.start(provider)

        stopping = self.schedule.stopService()
        self.clock.advance(GRACE)

        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_early(self) -> None:
        """A service that waits for its first attempt can be stopped."""
        self.store.load({"fake": Entry(health=Health(last_attempt=NOW))})
        self.start(FakeProvider())

        self.stop()

    def test_unwatched(self) -> None:
        """After a stop a new login is none of our business."""
        provider = self.watching()
        self.start(provider)
        self.wait(5)
        self.successResultOf(self.schedule.stopService())

        before = self.health()

        self.new_login()
        self.wait(100)

        self.assertEqual((provider.probes, self.health()), (1, before))

    def test_not_running(self) -> None:
        """A service that does not run can be told of logins and intervals, to no effect."""
        service = ProbeService(
            instance(FakeProvider()),
            self.store,
            self.clock,
            self.host,
            Pace(lambda: 300, lambda: 0.5),
            self.watch,
            lambda _, __: None,
        )
        service.repace()
        service.login_changed()

        self.assertIsNone(service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
