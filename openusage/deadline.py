"""A deadline that holds, whatever becomes of what had to meet it."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from openusage.model import ProbeTimeoutError

__all__ = ["GRACE", "settled", "within"]

T = TypeVar("T")

GRACE = 20.0
"""Seconds that a stop waits for work which must not be cut off: a renewed login on its way home."""


def within(work: Deferred[T], seconds: float, clock: IReactorTime) -> Deferred[T]:
    """What `work` results in, or a `ProbeTimeoutError` after `seconds`.

    At the deadline, and when the result is cancelled, `work` is cancelled; the answer does not
    depend on what it makes of that.
    """
    outcome: Deferred[T] = Deferred(lambda _: work.cancel())

    def expire() -> None:
        outcome.errback(ProbeTimeoutError(f"No answer within {seconds:g} s."))
        work.cancel()

    def decided(result: T) -> T:
        if deadline.active():
            deadline.cancel()
        return result

    def arrived(result: T | Failure) -> None:
        if not outcome.called:
            outcome.callback(result)  # a Failure becomes an errback

    deadline = clock.callLater(seconds, expire)
    outcome.addBoth(decided)
    work.addBoth(arrived)
    return outcome


def settled(work: Deferred[T], seconds: float, clock: IReactorTime) -> Deferred[None]:
    """Fires once `work` is over, however it ended, or after `seconds`; `work` keeps its result."""
    waiting: Deferred[None] = Deferred()

    def over(result: T) -> T:
        if not waiting.called:
            patience.cancel()
            waiting.callback(None)
        return result

    patience = clock.callLater(seconds, waiting.callback, None)
    work.addBoth(over)
    return waiting
