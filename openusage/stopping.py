"""Signals that stop the reactor, once, however many of them come."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType
from typing import Any

from twisted.internet.error import ReactorNotRunning

__all__ = ["stop_on"]


def _silent(number: int) -> None:
    """Say nothing."""


def stop_on(reactor: Any, numbers: Iterable[int], say: Callable[[int], None] = _silent) -> None:
    """From here on each of these signals stops the reactor, which must run already.

    Twisted does that as well, but takes a second one while it stops for a bug, and has twistd end
    by the signal, though being told to stop is no failure of ours. `say` is told first.
    """

    def stop(number: int) -> None:
        say(number)
        with suppress(ReactorNotRunning):
            reactor.stop()

    def told(number: int, frame: FrameType | None) -> None:
        reactor.callFromThread(stop, number)

    for number in numbers:
        signal.signal(number, told)
