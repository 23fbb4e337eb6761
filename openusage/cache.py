"""The store on disk, so that a restart serves the last good snapshots at once.

```
{"version": 1, "providers": {ID: {"snapshot": {…} | null, "credential": str | null, "health": {…}}}}
```
Written atomically, owner-only, some time after a change and at the stop.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from openusage.deadline import within
from openusage.disk import replace_file, set_aside, sweep
from openusage.host.blocking import Blocking
from openusage.log import logger
from openusage.model import ProbeTimeoutError
from openusage.store import Change, Entry, RosterChanged, Store
from openusage.wire import Fault, WireError, from_json, to_json

__all__ = ["VERSION", "Cache", "Loaded", "dump_entries", "parse_entries", "read_entries"]

VERSION = 1
_DEBOUNCE = 0.5
_LONGEST_RETRY = 30.0
_MOST_RETRIES = 10
_LARGEST = 64 * 2**20
_PATIENCE = 5.0
"""Seconds that a stop waits for the disk."""


@frozen
class Loaded:
    """What a cache file held; `unread` are entries we cannot read and keep as they are."""

    entries: dict[str, Entry] = field(factory=dict)
    unread: dict[str, Any] = field(factory=dict)
    complaints: list[str] = field(factory=list)


def read_entries(path: Path) -> Loaded:
    """The entries in `path`; blocks, and never fails.

    A file that is broken, foreign or of another version is set aside; an entry that is broken does
    not cost the others. What a killed process left beside the file is removed.
    """
    sweep(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return Loaded()
    except OSError as error:
        return Loaded(complaints=[_aside(path, f"cannot be read ({error.strerror})")])
    try:
        return parse_entries(data)
    except ValueError as error:
        return Loaded(complaints=[_aside(path, str(error))])


def parse_entries(data: bytes) -> Loaded:
    """The entries in the bytes of a cache file.

    Raises `ValueError`, in words for the person, if it is no cache that this version knows.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("broken JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("providers"), dict):
        raise ValueError("not a cache of ours")
    if document.get("version") != VERSION:
        raise ValueError(f"version {document.get('version')!r}, this program knows {VERSION}")
    loaded = Loaded()
    for name, value in document["providers"].items():
        try:
            loaded.entries[name] = _entry(name, value)
        except WireError as error:
            loaded.unread[name] = value
            loaded.complaints.append(f"the entry {name} is left out ({error})")
    return loaded


def dump_entries(entries: dict[str, Entry], unread: dict[str, Any] | None = None) -> bytes:
    """The bytes of a cache file with these entries."""
    providers = {**(unread or {}), **{name: to_json(entry) for name, entry in entries.items()}}
    document = {"version": VERSION, "providers": providers}
    # ASCII, since an entry that we keep unread may hold what UTF-8 cannot carry.
    return json.dumps(document, separators=(",", ":")).encode()


@define(eq=False, slots=False)
class Cache(Service):
    """Keeps the file `path` in step with `store` while running."""

    path: Path
    store: Store
    clock: IReactorTime
    run: Blocking
    _unread: dict[str, Any] = field(factory=dict, init=False)
    _unsubscribe: Callable[[], None] | None = field(default=None, init=False)
    _waiting: IDelayedCall | None = field(default=None, init=False)
    _writing: Deferred[None] | None = field(default=None, init=False)
    _dirty: bool = field(default=False, init=False)
    _failures: int = field(default=0, init=False)
    _complained: bool = field(default=False, init=False)
    _log = logger(__name__)

    async def load(self) -> None:
        """Fill the store with what an earlier run left behind."""
        loaded = await self.run(read_entries, self.path)
        for complaint in loaded.complaints:
            self._log.warn("cache {name}: {complaint}", name=self.path.name, complaint=complaint)
        self._unread = loaded.unread
        self.store.load(loaded.entries)

    def startService(self) -> None:
        """Follow the store."""
        super().startService()
        self._unsubscribe = self.store.subscribe(self._changed)

    def stopService(self) -> Deferred[None]:
        """Write what is not written yet; fires when it is on the disk, or failed to be in time."""
        super().stopService()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        flushed = within(Deferred.fromCoroutine(self._flush()), _PATIENCE, self.clock)
        return flushed.addErrback(self._trouble)

    def _changed(self, change: Change) -> None:
        if isinstance(change, RosterChanged):
            return
        self._dirty = True
        self._failures = 0
        self._later(_DEBOUNCE)

    def _later(self, delay: float) -> None:
        if self._waiting is None and self._writing is None and self.running:
            self._waiting = self.clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._waiting = None
        self._writing = Deferred.fromCoroutine(self._write()).addErrback(self._trouble)
        self._writing.addCallback(self._written)

    def _written(self, result: None) -> None:
        self._writing = None
        if self._dirty and self._failures <= _MOST_RETRIES:
            self._later(min(_DEBOUNCE * 2**self._failures, _LONGEST_RETRY))

    def _trouble(self, failure: Failure) -> None:
        if failure.check(ProbeTimeoutError):
            self._log.warn("cache {name}: the disk does not answer", name=self.path.name)
        elif not failure.check(CancelledError):
            self._log.failure("cache {name} cannot be written", failure, name=self.path.name)

    async def _flush(self) -> None:
        if self._writing is not None:
            await self._writing
        if self._dirty:
            await self._write()

    async def _write(self) -> None:
        self._dirty = False
        entries = {n: e for n, e in self.store.entries().items() if e != Entry()}
        data = dump_entries(entries, self._unread)
        try:
            await self.run(replace_file, self.path, data, mode=0o600)
        except OSError as error:
            self._dirty = True
            if not self._complained:  # once, not once for every try
                self._log.warn(
                    "cache {name} cannot be written ({reason}); it is kept in memory",
                    name=self.path.name,
                    reason=error.strerror,
                )
            self._complained = True
            self._failures += 1
        else:
            self._complained = False
            self._failures = 0


def _entry(name: str, value: Any) -> Entry:
    entry = from_json(value, Entry)
    if entry.snapshot is not None and entry.snapshot.provider_id != name:
        raise WireError(Fault("a snapshot of another provider"))
    return entry


def _aside(path: Path, reason: str) -> str:
    try:
        aside = set_aside(path)
    except OSError as error:
        return f"{reason}; it is not used, nor could it be renamed ({error.strerror})"
    return f"{reason}; it is now {aside.name}"
