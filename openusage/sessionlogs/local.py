"""`LocalSessionLogs`: histories from the log files on this machine."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, timedelta, tzinfo
from pathlib import Path
from threading import Event
from typing import ParamSpec, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import DeferredLock

from openusage.log import logger
from openusage.sessionlogs.calls import Call
from openusage.sessionlogs.history import History
from openusage.sessionlogs.index import Index, Window
from openusage.sessionlogs.prices import PriceBook, Terms
from openusage.sessionlogs.tool import Tool
from openusage.sessionlogs.totals import Totals

__all__ = ["LocalSessionLogs"]

P = ParamSpec("P")
T = TypeVar("T")
_MOST_INDEXES = 32


class _Blocking(Protocol):
    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...


class _Clock(Protocol):
    def seconds(self) -> float: ...


class _SystemClock:
    def seconds(self) -> float:
        return time.time()


@define(eq=False)
class _Reading:
    """An index and the turn to scan it."""

    index: Index
    turn: DeferredLock = field(factory=DeferredLock)


@define(eq=False)
class LocalSessionLogs:
    """Reads logs by `run`, prices their calls by `prices`; what was read once stays in memory.

    `clock` is that of the file system, give or take a second.
    """

    run: _Blocking
    prices: PriceBook = field(factory=PriceBook)
    clock: _Clock = field(factory=_SystemClock)
    log = logger()
    _readings: dict[tuple[str, tuple[Path, ...]], _Reading] = field(factory=dict)
    _stops: set[Event] = field(factory=set)

    async def history(
        self, tool: Tool, roots: Sequence[Path], *, today: date, zone: tzinfo, days: int = 31
    ) -> History | None:
        """What `tool` logged below `roots` in the `days` calendar days of `zone` up to `today`.

        `None` when no root exists or none holds a log file. Of several calls for the same roots one
        scans at a time. When the call is cancelled the thread stops at the next piece of a file.
        """
        reading = self._reading(tool, tuple(roots))
        window = Window(today - timedelta(days=days - 1), zone)
        stop = Event()
        await reading.turn.acquire()
        self._stops.add(stop)
        began = self.clock.seconds()
        try:
            scan = await self.run(reading.index.scan, window, began, stop)
        finally:
            stop.set()
            self._stops.discard(stop)
            reading.turn.release()
        self.log.debug(
            "{tool}: logs scanned in {seconds:.3f} s",
            tool=tool.id,
            seconds=self.clock.seconds() - began,
        )
        if scan is None:
            return None
        return scan.totals.history(self.prices, tool.terms, scan.notes, scan.rate_limits)

    async def add_up(
        self,
        calls: Iterable[Call],
        *,
        today: date,
        zone: tzinfo,
        days: int = 31,
        terms: Terms = Terms(),  # noqa: B008 (frozen)
        notes: Iterable[str] = (),
    ) -> History:
        """The same for `calls` from another source, which are iterated in a thread."""
        first, stop = today - timedelta(days=days - 1), Event()
        told = ((call, bool(call.fast)) for call in calls)
        self._stops.add(stop)
        try:
            totals = await self.run(Totals.of, told, first, zone, stop)
        finally:
            stop.set()
            self._stops.discard(stop)
        return totals.history(self.prices, terms, notes, None)

    def stop(self) -> None:
        """Let the scans that run end soon; they raise `StoppedError`."""
        for stop in self._stops:
            stop.set()

    def _reading(self, tool: Tool, roots: tuple[Path, ...]) -> _Reading:
        key = (tool.id, roots)
        reading = self._readings.pop(key, None) or _Reading(Index(tool, roots))
        self._readings[key] = reading  # the last in use stands last
        for old in list(self._readings)[:-_MOST_INDEXES]:
            del self._readings[old]
        return reading
