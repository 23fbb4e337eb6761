"""Notice that files changed: their stamps are compared every few seconds, off the reactor.

Polling, since it works the same on the three systems, on network mounts, and for files that are
replaced rather than written; a handful of `stat` calls costs microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from openusage.host.blocking import Blocking
from openusage.log import logger

__all__ = ["FileWatch"]

Stamp: TypeAlias = tuple[int, int, int] | None


@define(eq=False, slots=False)
class FileWatch(Service):
    """Calls back after a file of a watched set comes, goes or changes; one set for each key."""

    clock: IReactorTime
    run: Blocking
    interval: float = 2.0
    _paths: dict[str, frozenset[Path]] = field(factory=dict, init=False)
    _callbacks: dict[str, Callable[[], None]] = field(factory=dict, init=False)
    _stamps: dict[Path, Stamp] = field(factory=dict, init=False)
    _unseen: set[str] = field(factory=set, init=False)
    _loop: LoopingCall | None = field(default=None, init=False)
    _log = logger(__name__)

    def startService(self) -> None:
        """Look now, then every `interval` seconds."""
        super().startService()
        self._loop = LoopingCall(self._look)
        self._loop.clock = self.clock
        self._loop.start(self.interval)

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._loop is not None and self._loop.running:
            self._loop.stop()

    def watch(
        self,
        key: str,
        paths: Iterable[Path],
        callback: Callable[[], None],
        *,
        at_first: bool = False,
    ) -> None:
        """Watch `paths` in the place of what `key` watched before.

        With `at_first` the first look calls back as well, so that what changed before it, and after
        the files were read, is not missed.
        """
        self._paths[key] = frozenset(paths)
        self._callbacks[key] = callback
        if at_first:
            self._unseen.add(key)

    def unwatch(self, key: str) -> None:
        """Forget what `key` watched."""
        self._paths.pop(key, None)
        self._callbacks.pop(key, None)
        self._unseen.discard(key)

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._compare())

    async def _compare(self) -> None:
        watched, unseen = dict(self._paths), set(self._unseen)
        paths = frozenset[Path]().union(*watched.values())
        try:
            stamps = await self.run(_stamps, paths) if paths else {}
        except CancelledError:  # the threads are stopped, and we are about to be
            return
        changed = {p for p, s in stamps.items() if p in self._stamps and self._stamps[p] != s}
        self._stamps = dict(stamps)
        if not self.running:
            return
        self._unseen -= unseen
        for key, files in watched.items():
            if key in unseen or files & changed:
                self._call(key)

    def _call(self, key: str) -> None:
        callback = self._callbacks.get(key)
        if callback is None:  # forgotten meanwhile
            return
        try:
            callback()
        except Exception:  # noqa: BLE001 - an exception here would end the loop for everybody
            self._log.failure("a change of {key} could not be followed", key=key)


def _stamps(paths: Iterable[Path]) -> Mapping[Path, Stamp]:
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except (OSError, ValueError):  # a `ValueError`: a name that no file can have
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
