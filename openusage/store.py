"""The store: the last good snapshot and the health of every instance, and who wants to know.

Answers are made when the data changes: the store keeps the JSON bytes of each snapshot and of the
collection, so that serving one is only writing it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from openusage.log import logger
from openusage.model import Health, Snapshot
from openusage.roster import Roster
from openusage.wire import encode, encode_collection

__all__ = [
    "Change",
    "Entry",
    "HealthChanged",
    "Listener",
    "RosterChanged",
    "SnapshotChanged",
    "Store",
]


@frozen
class Entry:
    """What is known of one instance; `credential` is a digest of the login that made `snapshot`."""

    snapshot: Snapshot | None = None
    credential: str | None = None
    health: Health = field(factory=Health)


@frozen
class SnapshotChanged:
    """A snapshot came, or went (`None`). `content` tells whether more than `fetched_at` is new."""

    id: str
    snapshot: Snapshot | None
    content: bool


@frozen
class HealthChanged:
    """The health of an instance is now `health`."""

    id: str
    health: Health


@frozen
class RosterChanged:
    """The enabled instances, what the person declared of them, or their order, changed."""

    order: tuple[str, ...]


Change: TypeAlias = SnapshotChanged | HealthChanged | RosterChanged
Listener: TypeAlias = Callable[[Change], None]

_EMPTY = Entry()


@define(eq=False)
class Store:
    """Last good snapshots and health by instance id, with one feed of changes.

    Instances that are not in the roster are kept, so that nothing is lost when an account is taken
    out of the settings for a while, but are neither listed nor served.
    """

    roster: Roster = field(factory=Roster)
    collection: bytes = b"[]"
    _entries: dict[str, Entry] = field(factory=dict)
    _bodies: dict[str, bytes] = field(factory=dict)
    _listeners: dict[object, Listener] = field(factory=dict)
    _log = logger(__name__)

    def entry(self, instance_id: str) -> Entry:
        """What is known of that instance; an empty entry when nothing is."""
        return self._entries.get(instance_id, _EMPTY)

    def entries(self) -> Mapping[str, Entry]:
        """All entries, of instances outside the roster too."""
        return dict(self._entries)

    def body(self, instance_id: str) -> bytes | None:
        """The snapshot of that instance as bytes of JSON; `None` when there is none."""
        return self._bodies.get(instance_id)

    def load(self, entries: Mapping[str, Entry]) -> None:
        """Take over entries from an earlier run, where nothing newer is known."""
        for instance_id, entry in entries.items():
            if instance_id in self._entries:
                continue
            self._entries[instance_id] = entry
            if entry.snapshot is not None:
                self._bodies[instance_id] = encode(entry.snapshot)
        self._collect()

    def keep(self, instance_id: str, snapshot: Snapshot, credential: str | None = None) -> None:
        """Put a good snapshot, made with the login `credential`, in the place of the last one."""
        body = encode(snapshot)
        before = self.entry(instance_id)
        self._entries[instance_id] = evolve(before, snapshot=snapshot, credential=credential)
        self._bodies[instance_id] = body
        self._collect()
        content = before.snapshot is None or snapshot != evolve(
            before.snapshot, fetched_at=snapshot.fetched_at
        )
        self._tell(SnapshotChanged(instance_id, snapshot, content))

    def forget(self, instance_id: str) -> None:
        """Drop the snapshot of that instance: it belongs to a login that is no longer in use."""
        before = self.entry(instance_id)
        if before.snapshot is None:
            return
        self._entries[instance_id] = evolve(before, snapshot=None, credential=None)
        del self._bodies[instance_id]
        self._collect()
        self._tell(SnapshotChanged(instance_id, None, content=True))

    def set_health(self, instance_id: str, health: Health) -> None:
        """Replace the health of that instance."""
        before = self.entry(instance_id)
        if before.health == health:
            return
        self._entries[instance_id] = evolve(before, health=health)
        self._tell(HealthChanged(instance_id, health))

    def set_roster(self, roster: Roster) -> None:
        """Replace the roster: what is listed, in which order, and which ids are known."""
        before, self.roster = self.roster, roster
        self._collect()
        if before.shown != roster.shown:
            self._tell(RosterChanged(roster.order))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change from now on; the result ends that at once."""
        key = object()
        self._listeners[key] = listener

        def unsubscribe() -> None:
            self._listeners.pop(key, None)

        return unsubscribe

    def _collect(self) -> None:
        bodies = (self._bodies.get(name) for name in self.roster.order)
        self.collection = encode_collection(body for body in bodies if body is not None)

    def _tell(self, change: Change) -> None:
        for key, listener in tuple(self._listeners.items()):
            if key in self._listeners:  # else one before it has ended it
                self._tell_one(listener, change)

    def _tell_one(self, listener: Listener, change: Change) -> None:
        try:
            listener(change)
        except Exception:  # noqa: BLE001 - one listener's bug must not cost the others the change
            self._log.failure("a listener failed on {change}", change=type(change).__name__)
