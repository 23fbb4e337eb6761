"""Tests for `openusage.host.blocking`, with real threads that wait for events and never sleep."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from queue import Queue
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.blocking import Blocking, Threads
from tests.pieces import begun, words

T = TypeVar("T")
PATIENCE = 30.0
"""Seconds after which a thread that never comes fails the test."""


def made(run: Blocking, function: Callable[..., T], *args: Any) -> Deferred[T]:
    """A call, as it was made through `run`."""

    async def call() -> T:
        return await run(function, *args)

    return begun(call())


class _Reactor(Clock):
    """A clock whose calls from threads are made when the test turns it."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: Queue[Callable[[], object]] = Queue()

    def callFromThread(self, call: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        self._calls.put(partial(call, *args, **kwargs))

    def turn(self) -> None:
        """Make the next call that a thread asks for; wait for it if need be."""
        self._calls.get(timeout=PATIENCE)()


class ThreadsTests(SynchronousTestCase):
    """Tests for `Threads`."""

    def setUp(self) -> None:
        self.reactor = _Reactor()
        self.threads = Threads(self.reactor)
        self.threads.start()
        self.go = threading.Event()
        self.happened: Queue[str] = Queue()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        self.go.set()
        self.until(begun(self.threads.stop()))

    def until(self, work: Deferred[Any]) -> Any:
        """The result of `work`, once the threads have brought it."""
        while not work.called:
            self.reactor.turn()
        return self.successResultOf(work)

    def call(self, run: Blocking, name: str) -> Deferred[str]:
        """A call that tells when it begins, waits until it may go, and tells that it ends."""

        def wait() -> str:
            self.happened.put(f"{name} begins")
            if not self.go.wait(PATIENCE):
                raise AssertionError(f"nobody let {name} go")
            self.happened.put(f"{name} ends")
            return name

        return made(run, wait)

    def next(self) -> str:
        return self.happened.get(timeout=PATIENCE)

    def test_result(self) -> None:
        """What a function returns is the result, and it is given its arguments."""
        work = made(self.threads.lane(), divmod, 7, 2)

        self.assertEqual(self.until(work), (3, 1))

    def test_failure(self) -> None:
        """What a function raises is raised."""
        work = made(self.threads.lane(), int, "x")
        work.addErrback(lambda failure: failure.check(ValueError))

        self.assertIs(self.until(work), ValueError)

    def test_thread(self) -> None:
        """It runs in another thread, which does not keep the process from ending."""
        work = made(self.threads.lane(), threading.current_thread)

        thread = self.until(work)

        self.assertIsNot(thread, threading.current_thread())
        self.assertTrue(thread.daemon)

    def test_bound(self) -> None:
        """A lane runs as many calls at once as it is wide, and not one more."""
        together = threading.Barrier(3)
        lock, counts = threading.Lock(), [0, 0]

        def meet() -> None:
            with lock:
                counts[0] += 1
                counts[1] = max(counts)
            together.wait(PATIENCE)
            with lock:
                counts[0] -= 1
            together.wait(PATIENCE)

        run = self.threads.lane(3)
        for work in [made(run, meet) for _ in range(9)]:
            self.until(work)

        self.assertEqual(counts, [0, 3])

    def test_order(self) -> None:
        """Calls that queue run in the order in which they were made."""
        run, seen = self.threads.lane(1), list[int]()
        for work in [made(run, seen.append, n) for n in range(5)]:
            self.until(work)

        self.assertEqual(seen, [0, 1, 2, 3, 4])

    def test_lanes(self) -> None:
        """A lane whose calls hang holds up no other."""
        hanging = self.call(self.threads.lane(1), "first")
        self.next()

        self.until(made(self.threads.lane(1), str))

        self.assertNoResult(hanging)

    def test_cancelled(self) -> None:
        """A call that is cancelled is over, yet holds its place until its thread is done."""
        run = self.threads.lane(1)
        first, second = self.call(run, "first"), self.call(run, "second")
        self.next()

        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.until(made(self.threads.lane(1), str))
        self.assertTrue(self.happened.empty())
        self.go.set()

        self.assertEqual(self.until(second), "second")
        self.assertEqual(
            [self.next() for _ in range(3)], ["first ends", "second begins", "second ends"]
        )

    def test_many_cancelled(self) -> None:
        """However many calls of a lane hang and are given up, it takes no more threads."""
        run = self.threads.lane(2)
        for n in range(100):
            self.call(run, str(n)).addErrback(lambda failure: failure.trap(CancelledError)).cancel()

        pool = self.threads._pool
        assert pool is not None
        self.assertEqual(pool.workers, 2)

    def test_cancelled_in_the_queue(self) -> None:
        """A call that is cancelled while it queues is never made."""
        run = self.threads.lane(1)
        first, second, third = (self.call(run, name) for name in ("first", "second", "third"))

        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.go.set()
        self.until(first)
        self.until(third)

        self.assertEqual(
            [self.next() for _ in range(4)],
            ["first begins", "first ends", "third begins", "third ends"],
        )

    def test_not_started(self) -> None:
        """Before the start and after the stop calls are refused as cancelled."""
        threads = Threads(self.reactor)
        run = threads.lane()
        self.failureResultOf(made(run, str), CancelledError)

        threads.start()
        self.until(begun(threads.stop()))

        self.failureResultOf(made(run, str), CancelledError)

    def test_stop(self) -> None:
        """A stop waits for the calls that run."""
        work = self.call(self.threads.lane(), "first")
        self.next()

        stopped = begun(self.threads.stop())
        self.reactor.advance(4.9)
        self.assertNoResult(stopped)
        self.go.set()

        self.until(stopped)
        self.assertEqual(self.until(work), "first")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop_while_a_call_hangs(self) -> None:
        """A stop waits five seconds for a call that hangs, and leaves it behind with a warning."""
        self.call(self.threads.lane(), "first")
        self.next()
        with capturedLogs() as events:
            stopped = begun(self.threads.stop())
            self.reactor.advance(5)

        self.successResultOf(stopped)
        self.assertEqual(words(events), ["a blocking call still hangs; it is left behind"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.go.set()
        self.reactor.turn()  # the result of the call, which nobody waits for
        self.reactor.turn()  # the end of the pool, which nobody waits for either

    def test_queue_at_the_stop(self) -> None:
        """What still queues at the stop is refused when its turn comes."""
        run = self.threads.lane(1)
        first, second = self.call(run, "first"), self.call(run, "second")
        self.next()

        stopped = begun(self.threads.stop())
        self.go.set()
        self.until(first)

        self.failureResultOf(second, CancelledError)
        self.until(stopped)

    def test_start_again(self) -> None:
        """After a stop it can be started again, and its lanes go on."""
        run = self.threads.lane()
        self.until(begun(self.threads.stop()))

        self.threads.start()

        self.assertEqual(self.until(made(run, str, 5)), "5")

    def test_stop_twice(self) -> None:
        """A second stop has nothing to do."""
        self.until(begun(self.threads.stop()))

        self.successResultOf(begun(self.threads.stop()))
