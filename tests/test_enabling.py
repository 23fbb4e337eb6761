"""Tests for `openusage.enabling`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage import enabling as module
from openusage.enabling import Enabling, detect
from openusage.host import Host, Visit
from openusage.roster import FALLBACK, Instance
from openusage.settings import Settings
from openusage.store import Change, RosterChanged, Store
from openusage.testing import NOW, FakeProvider, clock_at, fake_host
from openusage.watch import FileWatch
from tests.pieces import HeldCalls, begun, words


@define
class Finding(FakeProvider):
    """A provider whose detection hangs, fails, or is no coroutine."""

    trouble: Exception | None = None
    hangs: bool = False
    stubborn: bool = False
    ended: int = 0

    async def detect(self, host: Host) -> str | None:
        found = await super().detect(host)
        if self.trouble is not None:
            raise self.trouble
        while self.hangs:
            try:
                await Deferred()
            except CancelledError:
                self.ended += 1
                if not self.stubborn:
                    raise
        return found


class _HostTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.clock = clock_at(NOW)
        self.hosts: list[Host] = []

    def host(self, instance: Instance, visit: Visit) -> Host:
        host = fake_host(self.home, id=instance.id, clock=self.clock, visit=visit)
        self.hosts.append(host)
        return host


class DetectTests(_HostTestCase):
    """Tests for `detect`."""

    def detect(self, provider: FakeProvider) -> Deferred[str | None]:
        instance = Instance(provider.id, provider.name, provider)
        return begun(detect(instance, self.host, self.clock))

    def found(self, provider: FakeProvider) -> str | None:
        found = self.successResultOf(self.detect(provider))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return found

    def test_found(self) -> None:
        """What the provider found is the result."""
        self.assertEqual(self.found(FakeProvider(detected="~/.x")), "~/.x")
        self.assertIsNone(self.found(FakeProvider(detected=None)))

    def test_awaitable(self) -> None:
        """A provider may give any awaitable, such as a Deferred."""
        provider: Any = FakeProvider(detected=None)

        class Old:
            id, name = "old", "Old"

            def detect(self, host: Host) -> Deferred[str]:
                return succeed("~/.old")

        provider = Old()

        self.assertEqual(self.found(provider), "~/.old")

    def test_failing(self) -> None:
        """A detection that fails has found nothing; the log has its kind and not its words."""
        with capturedLogs() as events:
            found = self.found(Finding(trouble=KeyError("/home/ada")))

        self.assertIsNone(found)
        self.assertEqual(words(events), ["fake: detection failed (KeyError)"])

    def test_no_host(self) -> None:
        """A host that cannot be made is a detection that fails."""
        instance = Instance("fake", "Fake", FakeProvider())

        def broken(instance: Instance, visit: Visit) -> Host:
            raise ZeroDivisionError

        self.assertIsNone(self.successResultOf(begun(detect(instance, broken, self.clock))))

    def test_hanging(self) -> None:
        """A detection that takes more than five seconds is cancelled and has found nothing."""
        for stubborn in (False, True):
            provider = Finding(hangs=True, stubborn=stubborn)
            found = self.detect(provider)
            self.clock.advance(4.9)
            self.assertNoResult(found)
            self.clock.advance(0.1)

            self.assertIsNone(self.successResultOf(found))
            self.assertEqual(provider.ended, 1)

    def test_cancelled(self) -> None:
        """Who cancels it cancels the provider's detection, and has no answer."""
        provider = Finding(hangs=True)
        found = self.detect(provider)

        found.cancel()

        self.failureResultOf(found, CancelledError)
        self.assertEqual(provider.ended, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class EnablingTests(_HostTestCase):
    """Tests for `Enabling`."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.home / "settings.json"
        self.providers = [Finding(id=name, detected=None) for name in (*FALLBACK, "zai")]
        self.claude, self.codex, self.cursor, self.zai = self.providers
        self.calls, self.store = HeldCalls(), Store()
        self.watch = FileWatch(self.clock, self.calls)
        self.changes: list[Change] = []
        self.paced = 0
        self.enabling = Enabling(
            self.path,
            Settings(),
            self.providers,
            self.home,
            self.store,
            self.clock,
            self.calls,
            self.host,
            self.watch,
            self.pace,
        )

    def pace(self) -> None:
        self.paced += 1

    def start(self) -> None:
        """Begin as the service does, and let the first look at the settings pass."""
        self.successResultOf(begun(self.enabling.update()))
        self.watch.startService()
        self.enabling.startService()
        self.wait(5)
        self.store.subscribe(self.changes.append)

    def wait(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)

    def write(self, content: str) -> None:
        """New settings, and time to notice them."""
        self.path.write_text(content)
        self.wait(5)

    def stop(self) -> None:
        self.enabling.stopService()
        self.watch.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_detected(self) -> None:
        """What is found is on; the default three are when nothing is."""
        self.zai.detected = "~/.zai"
        self.start()
        found = self.store.roster.order
        self.zai.detected = None

        self.wait(300)

        self.assertEqual((found, self.store.roster.order), (("zai",), FALLBACK))
        self.stop()

    def test_disable(self) -> None:
        """A provider that is disabled in the file is off seconds later, with no restart."""
        self.start()

        self.write('{"plugins": {"disabled": ["codex"]}}')

        self.assertEqual(self.store.roster.order, ("claude", "cursor"))
        self.assertEqual(self.changes, [RosterChanged(("claude", "cursor"))])
        self.stop()

    def test_enable(self) -> None:
        """A provider that is enabled in the file is on seconds later."""
        self.start()

        self.write('{"plugins": {"enabled": ["zai"]}}')

        self.assertEqual(self.store.roster.order, ("zai",))
        self.stop()

    def test_reorder(self) -> None:
        """Another order in the file is the order seconds later."""
        self.start()

        self.write('{"plugins": {"order": ["cursor", "zai", "claude"]}}')

        self.assertEqual(self.store.roster.order, ("cursor", "claude", "codex"))
        self.assertEqual(self.store.roster.instances[1].id, "zai")
        self.stop()

    def test_accounts(self) -> None:
        """An account that is declared in the file is there, with what it overlays."""
        self.start()

        self.write('{"accounts": [{"id": "work", "provider": "codex", "home": "~/work"}]}')

        work = self.store.roster.get("work")
        assert work is not None
        self.assertEqual((work.name, work.home), ("Fake (work)", self.home / "work"))
        self.assertEqual(self.store.roster.order, ("work",))
        self.write("{}")
        self.assertIsNone(self.store.roster.get("work"))
        self.stop()

    def test_deleted(self) -> None:
        """Without a file the defaults hold again."""
        self.path.write_text('{"plugins": {"disabled": ["codex"]}}')
        self.start()
        self.assertEqual(self.store.roster.order, ("claude", "cursor"))

        self.path.unlink()
        self.wait(5)

        self.assertEqual(self.store.roster.order, FALLBACK)
        self.stop()

    def test_changed_at_the_start(self) -> None:
        """A change between the first reading and the first look is not missed."""
        self.successResultOf(begun(self.enabling.update()))
        self.path.write_text('{"autoUpdateInterval": 7}')
        self.watch.startService()
        self.enabling.startService()
        self.wait(5)

        self.assertEqual(self.enabling.settings.auto_update_interval, 7)
        self.stop()

    def test_changed(self) -> None:
        """Who has to know is told once for new settings, and not for the same in other words."""
        self.start()

        self.write('{"autoUpdateInterval": 7}')
        self.write('{"autoUpdateInterval":7}')

        self.assertEqual(self.paced, 1)
        self.assertEqual(self.enabling.settings.auto_update_interval, 7)
        self.stop()

    def test_invalid(self) -> None:
        """A file that is not valid changes nothing; what is wrong is told, and logged once."""
        self.start()
        self.write('{"plugins": {"disabled": ["codex"]}}')
        bad = "settings.json, line 1: autoUpdateInterval must be a whole number from 1 to 60"
        with capturedLogs() as events:
            self.write('{"autoUpdateInterval": 0}')
            self.write('{"autoUpdateInterval": 0 }')
            self.wait(600)

        self.assertEqual(self.enabling.problems, (bad,))
        self.assertEqual(words(events), [bad])
        self.assertEqual(self.store.roster.order, ("claude", "cursor"))
        self.stop()

    def test_mended(self) -> None:
        """When the file is valid again nothing is wrong any more, be it as it was before."""
        for content in ('{"plugins": {}}', '{"plugins": {"disabled": ["zai"]}}'):
            self.setUp()
            self.start()
            self.write("{")
            self.assertEqual(len(self.enabling.problems), 1)

            self.write(content)

            self.assertEqual(self.enabling.problems, ())
            self.stop()

    def test_unknown_keys(self) -> None:
        """Keys that mean nothing and accounts of nobody are told, and the rest is in force."""
        self.start()

        self.write(
            '{"theme": 1, "autoUpdateInterval": 7, "accounts": [{"id": "a", "provider": "b"}]}'
        )

        self.assertEqual(
            self.enabling.problems,
            (
                "account a: no provider 'b' (there are: claude, codex, cursor, zai)",
                "settings.json: unknown key 'theme'",
            ),
        )
        self.assertEqual(self.enabling.settings.auto_update_interval, 7)
        self.stop()

    def test_problems_at_the_start(self) -> None:
        """What is wrong with the settings of the start is told as well."""
        self.enabling.settings = Settings(unknown=("theme",))
        self.enabling.startService()

        self.assertEqual(self.enabling.problems, ("settings.json: unknown key 'theme'",))
        self.stop()

    def test_broken_detection(self) -> None:
        """A detection that fails or hangs costs the others nothing, and looking goes on."""
        self.claude.trouble, self.codex.hangs, self.cursor.detected = KeyError(), True, "~/.cursor"
        updating = begun(self.enabling.update())
        self.wait(5)
        self.successResultOf(updating)
        self.assertEqual(self.store.roster.order, ("cursor",))
        self.watch.startService()
        self.enabling.startService()
        self.claude.trouble, self.claude.detected = None, "~/.claude"

        self.wait(305)

        self.assertEqual(self.store.roster.order, ("claude", "cursor"))
        self.stop()

    def test_detection_breaks_later(self) -> None:
        """What was found stays found while looking for it fails."""
        self.claude.detected = "~/.claude"
        self.successResultOf(begun(self.enabling.update()))
        self.claude.trouble = KeyError()

        self.successResultOf(begun(self.enabling.update()))

        self.assertEqual(self.store.roster.order, ("claude",))

    def test_crash(self) -> None:
        """A bug on the way is logged, and does not end the looking."""
        self.start()
        patched = self.patch(module, "make_roster", broken)
        self.wait(300)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        patched.restore()
        self.zai.detected = "~/.zai"

        self.wait(300)

        self.assertEqual(self.store.roster.order, ("zai",))
        self.stop()

    def test_overtaken(self) -> None:
        """A look that began with older settings does not undo what newer ones say."""
        self.start()
        self.codex.hangs = True
        self.wait(297)  # a look has begun, and waits for codex
        self.codex.hangs = False
        self.path.write_text('{"plugins": {"disabled": ["codex"]}}')

        self.enabling.reread()
        self.assertEqual(self.store.roster.order, ("claude", "cursor"))
        self.wait(10)

        self.assertEqual(self.store.roster.order, ("claude", "cursor"))
        self.stop()

    def test_stop_in_the_middle(self) -> None:
        """A stop ends what goes on and changes nothing, whatever is slow."""
        self.start()
        self.codex.hangs = True
        self.wait(297)
        before = self.store.roster
        self.assertEqual(self.codex.ended, 0)

        self.stop()

        self.assertEqual(self.codex.ended, 1)
        self.assertIs(self.store.roster, before)

    def test_stop_while_reading(self) -> None:
        """Settings that are read after the stop are not taken over."""
        self.start()
        self.path.write_text('{"autoUpdateInterval": 7}')
        self.calls.held = True
        self.enabling.reread()

        self.stop()
        self.calls.release()

        self.assertEqual(self.enabling.settings, Settings())

    def test_cancelled_update(self) -> None:
        """Who cancels an update, as a stop at the very start does, gets nothing halfway."""
        self.codex.hangs = True
        updating = begun(self.enabling.update())

        updating.cancel()

        self.failureResultOf(updating, CancelledError)
        self.assertEqual(self.store.roster.instances, ())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_start_again(self) -> None:
        """Stopped and started again, it follows the settings as before."""
        self.start()
        self.stop()
        self.path.write_text('{"plugins": {"disabled": ["codex"]}}')
        self.watch.startService()
        self.enabling.startService()
        self.wait(5)

        self.assertEqual(self.store.roster.order, ("claude", "cursor"))
        self.stop()


def broken(*_: object) -> None:
    raise ZeroDivisionError
