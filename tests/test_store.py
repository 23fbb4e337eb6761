"""Tests for `openusage.store`."""

from __future__ import annotations

import json
from collections.abc import Callable

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import Health
from openusage.roster import Instance, Roster
from openusage.store import Change, Entry, HealthChanged, RosterChanged, SnapshotChanged, Store
from openusage.testing import FakeProvider
from openusage.wire import encode
from tests.pieces import after, snapshot


def roster(*ids: str, off: str = "") -> Roster:
    """A roster of these instances, of which all but `off` are enabled."""
    provider = FakeProvider()
    known = tuple(Instance(name, name, provider) for name in ids)
    return Roster(known, frozenset(ids) - {off})


class StoreTests(SynchronousTestCase):
    """Tests for `Store`."""

    def setUp(self) -> None:
        self.store = Store(roster("a", "b", "c", off="c"))
        self.changes: list[Change] = []
        self.store.subscribe(self.changes.append)

    def listed(self) -> list[str]:
        """The ids of the collection, in its order."""
        return [each["providerId"] for each in json.loads(self.store.collection)]

    def test_empty(self) -> None:
        """Where nothing is known there is an empty entry, no body and an empty collection."""
        self.assertEqual(self.store.entry("a"), Entry())
        self.assertIsNone(self.store.body("a"))
        self.assertEqual(self.store.collection, b"[]")
        self.assertEqual(self.store.entries(), {})

    def test_keep(self) -> None:
        """A snapshot is kept with its login, and its bytes are those of the wire."""
        self.store.keep("a", snapshot("a"), "login")

        self.assertEqual(self.store.entry("a"), Entry(snapshot("a"), "login"))
        self.assertEqual(self.store.body("a"), encode(snapshot("a")))
        self.assertEqual(self.changes, [SnapshotChanged("a", snapshot("a"), content=True)])

    def test_bodies_are_ready(self) -> None:
        """Asking again gives the very same bytes: they were made when the data came."""
        self.store.keep("a", snapshot("a"))

        self.assertIs(self.store.body("a"), self.store.body("a"))
        self.assertEqual(self.store.collection, b"[%b]" % encode(snapshot("a")))
        self.assertIs(self.store.collection, self.store.collection)

    def test_replace(self) -> None:
        """A newer snapshot takes the place of the last; health stays what it was."""
        health = Health(failures=2)
        self.store.set_health("a", health)
        self.store.keep("a", snapshot("a", used=1))

        self.store.keep("a", snapshot("a", used=2))

        self.assertEqual(self.store.entry("a"), Entry(snapshot("a", used=2), None, health))
        self.assertEqual(self.store.body("a"), encode(snapshot("a", used=2)))

    def test_confirmation(self) -> None:
        """The same figures, fetched later, are told as no new content; their bytes are new."""
        self.store.keep("a", snapshot("a"))
        later = snapshot("a", fetched_at=after(minutes=5))

        self.store.keep("a", later)

        self.assertEqual(self.changes[-1], SnapshotChanged("a", later, content=False))
        self.assertEqual(self.store.body("a"), encode(later))

    def test_content(self) -> None:
        """Any other difference is new content."""
        for changed in (
            snapshot("a", used=43),
            snapshot("a", plan=None),
            evolve(snapshot("a"), display_name="A!"),
        ):
            self.store.keep("a", snapshot("a"))
            self.store.keep("a", evolve(changed, fetched_at=after(minutes=5)))
            self.assertEqual(
                self.changes[-1],
                SnapshotChanged("a", evolve(changed, fetched_at=after(minutes=5)), content=True),
            )

    def test_collection(self) -> None:
        """The collection has the enabled instances that have a snapshot, in the roster's order."""
        for name in ("c", "b", "a"):
            self.store.keep(name, snapshot(name))

        self.assertEqual(self.listed(), ["a", "b"])

    def test_disabled(self) -> None:
        """An instance that is not enabled has a body all the same."""
        self.store.keep("c", snapshot("c"))

        self.assertEqual(self.store.body("c"), encode(snapshot("c")))
        self.assertEqual(self.listed(), [])

    def test_outside(self) -> None:
        """What is not in the roster is kept and not listed, and is back when the roster has it."""
        self.store.keep("gone", snapshot("gone"))
        self.store.keep("a", snapshot("a"))

        self.assertEqual(self.listed(), ["a"])
        self.assertEqual(set(self.store.entries()), {"gone", "a"})
        self.store.set_roster(roster("gone", "a"))
        self.assertEqual(self.listed(), ["gone", "a"])

    def test_set_roster(self) -> None:
        """Another order, or another instance enabled, is told with the new order."""
        self.store.keep("a", snapshot("a"))
        self.store.keep("c", snapshot("c"))
        del self.changes[:]

        self.store.set_roster(roster("c", "a", "b"))
        self.store.set_roster(roster("c", "a", "b", off="a"))

        self.assertEqual(self.changes, [RosterChanged(("c", "a", "b")), RosterChanged(("c", "b"))])
        self.assertEqual(self.listed(), ["c"])

    def test_same_roster(self) -> None:
        """A roster that shows the same is nothing to tell, even when others are known."""
        self.store.set_roster(roster("a", "b", "c", off="c"))
        self.store.set_roster(roster("a", "b", "d", off="d"))

        self.assertEqual(self.changes, [])
        self.assertIsNotNone(self.store.roster.get("d"))

    def test_declared_anew(self) -> None:
        """An account whose folder was changed is told of, though the order stays."""
        (a, *others) = self.store.roster.instances
        moved = evolve(a, env={"CLAUDE_CONFIG_DIR": "~/.claude-work"})

        self.store.set_roster(evolve(self.store.roster, instances=(moved, *others)))

        self.assertEqual(self.changes, [RosterChanged(("a", "b"))])

    def test_forget(self) -> None:
        """A snapshot that is forgotten is gone everywhere, and so is its login; health stays."""
        health = Health(failures=1)
        self.store.set_health("a", health)
        self.store.keep("a", snapshot("a"), "login")

        self.store.forget("a")

        self.assertEqual(self.store.entry("a"), Entry(health=health))
        self.assertIsNone(self.store.body("a"))
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.changes[-1], SnapshotChanged("a", None, content=True))

    def test_nothing_to_forget(self) -> None:
        """Forgetting what is not there is nothing to tell."""
        self.store.forget("a")

        self.assertEqual(self.changes, [])

    def test_set_health(self) -> None:
        """New health is told, the same again is not."""
        health = Health(failures=1)

        self.store.set_health("a", health)
        self.store.set_health("a", Health(failures=1))

        self.assertEqual(self.store.entry("a").health, health)
        self.assertEqual(self.changes, [HealthChanged("a", health)])

    def test_load(self) -> None:
        """What an earlier run left is served at once and is nothing to tell."""
        self.store.load({"a": Entry(snapshot("a"), "login"), "b": Entry(health=Health(failures=1))})

        self.assertEqual(self.store.body("a"), encode(snapshot("a")))
        self.assertEqual(self.listed(), ["a"])
        self.assertEqual(self.store.entry("b").health.failures, 1)
        self.assertEqual(self.changes, [])

    def test_load_late(self) -> None:
        """What is newer stays when an earlier run's entries come late."""
        self.store.keep("a", snapshot("a", used=2))

        self.store.load({"a": Entry(snapshot("a", used=1)), "b": Entry(snapshot("b"))})

        self.assertEqual(self.store.body("a"), encode(snapshot("a", used=2)))
        self.assertEqual(self.listed(), ["a", "b"])

    def test_subscribe(self) -> None:
        """Listeners are called in the order in which they came, after the store has changed."""
        seen: list[tuple[str, bytes | None]] = []
        self.store.subscribe(lambda _: seen.append(("first", self.store.body("a"))))
        self.store.subscribe(lambda _: seen.append(("second", self.store.body("a"))))

        self.store.keep("a", snapshot("a"))

        body = encode(snapshot("a"))
        self.assertEqual(seen, [("first", body), ("second", body)])

    def test_unsubscribe(self) -> None:
        """A listener that ended its subscription, twice even, hears no more; the others do."""
        heard: list[Change] = []
        end = self.store.subscribe(heard.append)

        end()
        end()
        self.store.set_health("a", Health(failures=1))

        self.assertEqual(heard, [])
        self.assertEqual(len(self.changes), 1)

    def test_subscribed_twice(self) -> None:
        """Who subscribed twice and ended one subscription has the other."""
        heard: list[Change] = []
        end = self.store.subscribe(heard.append)
        self.store.subscribe(heard.append)

        end()
        self.store.set_health("a", Health(failures=1))

        self.assertEqual(len(heard), 1)

    def test_unsubscribe_inside(self) -> None:
        """A listener may end its own subscription, or another's, when it is called."""
        heard: list[str] = []
        ends: list[Callable[[], None]] = []

        def end_all(change: Change) -> None:
            heard.append("first")
            for end in ends:
                end()

        ends.append(self.store.subscribe(end_all))
        ends.append(self.store.subscribe(lambda _: heard.append("second")))
        self.store.subscribe(lambda _: heard.append("third"))

        self.store.set_health("a", Health(failures=1))
        self.store.set_health("a", Health(failures=2))

        self.assertEqual(heard, ["first", "third", "third"])

    def test_subscribe_inside(self) -> None:
        """Who subscribes while a change is told hears from the next one on."""
        heard: list[Change] = []

        def join(change: Change) -> None:
            self.store.subscribe(heard.append)

        end = self.store.subscribe(join)

        self.store.set_health("a", Health(failures=1))
        end()
        self.store.set_health("a", Health(failures=2))

        self.assertEqual(heard, [HealthChanged("a", Health(failures=2))])

    def test_raising_listener(self) -> None:
        """A listener that raises is logged and costs neither the others nor whoever changes."""
        store = Store()
        heard: list[Change] = []

        def broken(change: Change) -> None:
            raise ZeroDivisionError

        store.subscribe(broken)
        store.subscribe(heard.append)

        store.keep("a", snapshot("a"))

        self.assertEqual(len(heard), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
