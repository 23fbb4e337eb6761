"""What several tests of the core need: snapshots, words of the log, calls that can be held."""

from __future__ import annotations

import stat
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, execute
from twisted.logger import LogEvent, formatEvent

from openusage.model import Progress, Snapshot
from openusage.testing import NOW

P = ParamSpec("P")
T = TypeVar("T")


def after(**span: float) -> datetime:
    """`NOW`, and so much later."""
    return NOW + timedelta(**span)


def snapshot(
    id: str = "fake",  # noqa: A002 (the field's own name)
    used: float = 42,
    fetched_at: datetime = NOW,
    plan: str | None = "Pro",
) -> Snapshot:
    return Snapshot(id, id.title(), plan, (Progress("Session", used, 100),), fetched_at)


def names(folder: Path) -> list[str]:
    """What is in the folder."""
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def words(events: Sequence[LogEvent]) -> list[str]:
    """What captured events say."""
    return [formatEvent(event) for event in events]


def begun(coroutine: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    return Deferred.fromCoroutine(coroutine)


@define
class HeldCalls:
    """A `Blocking` that calls at once, or, while `held`, when it is told to."""

    held: bool = False
    waiting: list[Deferred[None]] = field(factory=list)

    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        if not self.held:
            return execute(function, *args, **kwargs)
        turn: Deferred[None] = Deferred()
        self.waiting.append(turn)
        return turn.addCallback(lambda _: function(*args, **kwargs))

    def release(self) -> None:
        """Make the call that waits longest."""
        self.waiting.pop(0).callback(None)
