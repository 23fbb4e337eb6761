"""`Tool`: what the scan must know of one command-line tool to read its logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import frozen

from openusage.sessionlogs.calls import Call
from openusage.sessionlogs.history import LogRateLimits
from openusage.sessionlogs.prices import Terms
from openusage.sessionlogs.walk import Source, Stamp

__all__ = ["LogFile", "LogReader", "Tool"]


class LogReader(Protocol):
    """What one log file said up to some line, ready to be told the lines that follow."""

    unreadable: int

    def feed(self, piece: bytes, after: int) -> None:
        """Take in whole lines; calls before the instant `after` (milliseconds) are not kept."""

    def fork(self) -> LogReader:
        """A reader that goes on from here and holds only what it is fed itself."""

    def forget(self, before: int) -> None:
        """Drop the calls before an instant, in milliseconds."""


class LogFile(Protocol):
    """One log file as it was read."""

    @property
    def path(self) -> str:
        """Where it is."""

    @property
    def home(self) -> str:
        """The tool's own folder that it is part of."""

    @property
    def place(self) -> int:
        """The place of its source among all."""

    @property
    def counts(self) -> bool:
        """False: read only because another session continues this one."""

    @property
    def stamp(self) -> Stamp | None:
        """What it was like when it was read."""

    @property
    def parts(self) -> Sequence[LogReader]:
        """The reader of the finished lines and, if the last has no end yet, that of the last."""


def _none_missing(files: Sequence[LogFile]) -> set[str]:
    return set()


def _never(path: str) -> bool:
    return False


def _no_limits(files: Sequence[LogFile]) -> LogRateLimits | None:
    return None


@frozen
class Tool:
    """One tool's logs: where they lie below a root, how they are read, what counts, what it costs.

    `merge` takes all files and, per home, what `tier` found there: whether calls whose log does not
    say are at the fast tier. `missing` names the sessions that files depend on and that are not
    among them; `name_of` is the name of the session in the file at a path. A file that
    `is_document` is one JSON value, on however many lines; its reader is told it as one line.
    """

    id: str
    sources: Callable[[Sequence[Path]], list[Source]]
    reader: Callable[[], LogReader]
    merge: Callable[[Sequence[LogFile], Mapping[str, bool]], Iterable[tuple[Call, bool]]]
    terms: Terms
    tier: Callable[[str], bool] | None = None
    missing: Callable[[Sequence[LogFile]], set[str]] = _none_missing
    name_of: Callable[[str], str] = str
    is_document: Callable[[str], bool] = _never
    rate_limits: Callable[[Sequence[LogFile]], LogRateLimits | None] = _no_limits
