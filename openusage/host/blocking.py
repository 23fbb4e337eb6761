"""Blocking calls, off the reactor: the type of the seam, and the thread pool behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from threading import Thread
from typing import Any, ParamSpec, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, fail
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from openusage.log import logger

__all__ = ["Blocking", "Threads"]

_PATIENCE = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class Blocking(Protocol):
    """Runs `function(*args, **kwargs)` where blocking harms nobody; the result is awaited."""

    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """What `function` returns or raises, later."""
        ...


@define(eq=False)
class Threads:
    """A thread pool that hands out `Blocking` seams, each with a bound of its own.

    The bound keeps one caller whose calls hang (a dead network mount, say) from taking the threads
    of all the others: cancelling a Deferred does not stop a thread.
    """

    reactor: Any
    _pool: ThreadPool | None = field(default=None, init=False)
    _log = logger(__name__)

    def start(self) -> None:
        """Make a pool; its threads are made when first needed."""
        pool = ThreadPool(minthreads=0, maxthreads=64, name="openusage")
        # A call that never returns must not keep the process from ending.
        pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
        pool.start()
        self._pool = pool

    async def stop(self) -> None:
        """Wait for the calls that run, but not for ever: one may hang in the operating system."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        stopped: Deferred[None] = Deferred()

        def join() -> None:
            pool.stop()
            self.reactor.callFromThread(_fire, stopped)

        Thread(target=join, daemon=True).start()
        try:
            await stopped.addTimeout(_PATIENCE, self.reactor)
        except DeferredTimeoutError:
            self._log.warn("a blocking call still hangs; it is left behind")

    def lane(self, width: int = 2) -> Blocking:
        """A `Blocking` that never holds more than `width` threads; further calls queue."""
        gate = DeferredSemaphore(width)

        def run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
            call: Callable[[], Deferred[T]] = partial(self._defer, function, *args, **kwargs)
            return Deferred.fromCoroutine(_held(gate, call))

        return run

    def _defer(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        if self._pool is None:
            return fail(CancelledError())  # the service stops, or has not begun
        return deferToThreadPool(self.reactor, self._pool, function, *args, **kwargs)


async def _held(gate: DeferredSemaphore, call: Callable[[], Deferred[T]]) -> T:
    """What `call` results in; `gate` is held until its thread is done, be it cancelled or not."""
    await gate.acquire()
    outcome: Deferred[T] = Deferred()

    def done(result: T | Failure) -> None:
        gate.release()
        if not outcome.called:
            outcome.callback(result)  # a Failure becomes an errback

    call().addBoth(done)
    return await outcome


def _fire(stopped: Deferred[None]) -> None:
    if not stopped.called:
        stopped.callback(None)
