"""`Index`: the logs below some roots, read once and kept up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from attrs import define, field, frozen

from openusage.sessionlogs.history import LogRateLimits
from openusage.sessionlogs.reading import ReadFile
from openusage.sessionlogs.tool import Tool
from openusage.sessionlogs.totals import Totals
from openusage.sessionlogs.walk import Flag, Found, Source, StoppedError, check, walk

__all__ = ["Index", "Scan", "Window"]

_MARGIN = timedelta(days=2)
"""How far before the window calls are kept: no zone is a day from UTC, and all lines that tell of a
call are written within another."""
_TURN = 0.1


@frozen
class Window:
    """The calendar days of `zone` from `first` on."""

    first: date
    zone: tzinfo

    def begins(self) -> float:
        """The first instant, in seconds."""
        midnight = datetime.combine(self.first, datetime.min.time(), self.zone)
        return midnight.timestamp()

    def keeps_from(self) -> int:
        """The instant from which calls may matter in any zone, in milliseconds."""
        midnight = datetime.combine(self.first, datetime.min.time(), timezone.utc)
        return int((midnight - _MARGIN).timestamp() * 1000)


@frozen
class Scan:
    """What a scan found: the sums, and remarks on what could not be read."""

    totals: Totals
    notes: tuple[str, ...]
    rate_limits: LogRateLimits | None


class _Basis(NamedTuple):
    """What the sums depend on beside the calls."""

    window: Window
    tiers: Mapping[str, bool]


@define(eq=False)
class Index:
    """The log files of `tool` below `roots`; `scan` belongs in a thread, and one runs at a time."""

    tool: Tool
    roots: Sequence[Path]
    _files: dict[str, ReadFile] = field(factory=dict)
    _keeps_from: int = 0
    _wanted: frozenset[str] = frozenset()
    _changed: bool = True
    _basis: _Basis | None = None
    _totals: Totals | None = None
    _rate_limits: LogRateLimits | None = None
    _running: Lock = field(factory=Lock)

    def scan(self, window: Window, now: float, stop: Flag) -> Scan | None:
        """Read what is new at `now` (seconds) and sum up the calls of `window`.

        `None` when there is no root or no log file. Raises `StoppedError`; what was read is kept.
        Raises `OSError` when there may be log files, but no folder of them can be read.
        """
        while not self._running.acquire(timeout=_TURN):  # by one that hangs on a dead disk, say
            check(stop)
        try:
            return self._scan(window, now, stop)
        finally:
            self._running.release()

    def _scan(self, window: Window, now: float, stop: Flag) -> Scan | None:
        check(stop)
        sources = self.tool.sources(self.roots)
        found = walk(sources, stop)
        if not found.files and found.unreadable:
            raise PermissionError
        if not found.files:
            self._files, self._changed = {}, True
            return None
        self._keep_from(window.keeps_from())
        unreadable = self._update(found, sources, window, now, stop)
        basis = _Basis(window, self._tiers(sources))
        if self._changed or self._totals is None or basis != self._basis:
            self._sum_up(basis, stop)
        return Scan(self._sums(), tuple(self._notes(found, unreadable)), self._rate_limits)

    def _keep_from(self, instant: int) -> None:
        if instant < self._keeps_from:
            self._files = {}
        elif instant > self._keeps_from:
            for file in self._files.values():
                for part in file.parts:
                    part.forget(instant)
        else:
            return
        self._keeps_from, self._changed = instant, True

    def _update(
        self, found: Found, sources: Sequence[Source], window: Window, now: float, stop: Flag
    ) -> int:
        """Make `_files` what is found: all of the window, and the sessions that those go on from.

        Returns how many files could not be read.
        """
        begins = window.begins() * 1e9
        recent = {path for path, stamp in found.files.items() if stamp.mtime_ns >= begins}
        older = found.files.keys() - recent
        self._forget(self._files.keys() - found.files.keys())
        if any(file.counts for path, file in self._files.items() if path in older):
            self._changed = True
        unreadable = self._read(recent, found, sources, now, stop, counts=True)
        if self._changed:
            counting = [file for path, file in self._files.items() if path in recent]
            self._wanted = frozenset(self.tool.missing(counting))
        parents = {path for path in older if self.tool.name_of(path) in self._wanted}
        self._forget(older - parents)
        return unreadable + self._read(parents, found, sources, now, stop, counts=False)

    def _read(
        self,
        paths: Iterable[str],
        found: Found,
        sources: Sequence[Source],
        now: float,
        stop: Flag,
        *,
        counts: bool,
    ) -> int:
        unreadable = 0
        for path in sorted(paths):
            check(stop)
            stamp, place = found.files[path], found.sources[path]
            file = self._files.get(path)
            if file is None:
                file = ReadFile(self.tool, path, sources[place].home, place)
            elif (file.place, file.counts) != (place, counts):
                self._changed = True
            file.place, file.counts = place, counts
            if file.is_current(stamp):
                continue
            known = path in self._files
            self._files[path] = file  # at once, so that what is read is kept if the scan is stopped
            try:
                file.update(stamp, now, self._keeps_from, stop)
            except OSError as error:
                del self._files[path]
                self._changed |= known
                unreadable += not isinstance(error, FileNotFoundError)
            except StoppedError:
                self._changed = True
                raise
            else:
                self._changed = True
        return unreadable

    def _forget(self, paths: Iterable[str]) -> None:
        for path in paths:
            if self._files.pop(path, None) is not None:
                self._changed = True

    def _tiers(self, sources: Sequence[Source]) -> dict[str, bool]:
        if self.tool.tier is None:
            return {}
        return {home: self.tool.tier(home) for home in {source.home for source in sources}}

    def _sum_up(self, basis: _Basis, stop: Flag) -> None:
        files = sorted(self._files.values(), key=lambda file: (file.place, file.path))
        calls = self.tool.merge(files, basis.tiers)
        self._totals = Totals.of(calls, basis.window.first, basis.window.zone, stop)
        self._rate_limits = self.tool.rate_limits(files)
        self._basis, self._changed = basis, False

    def _sums(self) -> Totals:
        return self._totals or Totals()

    def _notes(self, found: Found, unreadable: int) -> Iterable[str]:
        lines = sum(file.reader.unreadable for file in self._files.values() if file.counts)
        if lines:
            yield f"{_count(lines, 'unreadable log line')} skipped"
        if unreadable:
            yield f"{_count(unreadable, 'log file')} could not be read"
        if found.unreadable:
            yield f"{_count(found.unreadable, 'log folder')} could not be read"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
