"""Tests for `openusage.deadline`."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from openusage.deadline import settled, within
from openusage.model import ProbeTimeoutError


class WithinTests(SynchronousTestCase):
    """Tests for `within`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.cancelled = 0

    def work(self) -> Deferred[str]:
        def cancel(_: Deferred[str]) -> None:
            self.cancelled += 1

        return Deferred(cancel)

    def stubborn(self) -> Deferred[str]:
        """Work that a cancellation cannot end."""
        inner: Deferred[str] = Deferred()
        outer = self.work()
        outer.addErrback(lambda _: inner)
        return outer

    def over(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_in_time(self) -> None:
        """What the work results in is the result; the deadline is gone."""
        work = self.work()
        result = within(work, 60, self.clock)
        self.clock.advance(59)

        work.callback("done")

        self.assertEqual(self.successResultOf(result), "done")
        self.over()

    def test_done_before(self) -> None:
        """Work that is done already leaves no deadline behind."""
        done: Deferred[str] = Deferred()
        done.callback("done")

        self.assertEqual(self.successResultOf(within(done, 60, self.clock)), "done")
        self.over()

    def test_failure(self) -> None:
        """What the work fails with is the failure."""
        work = self.work()
        result = within(work, 60, self.clock)

        work.errback(Failure(ZeroDivisionError()))

        self.failureResultOf(result, ZeroDivisionError)
        self.over()

    def test_late(self) -> None:
        """At the deadline the work is cancelled, and the failure says how long it had."""
        work = self.work()
        result = within(work, 1.5, self.clock)

        self.clock.advance(1.5)

        error = self.failureResultOf(result, ProbeTimeoutError).value
        self.assertEqual(str(error), "No answer within 1.5 s.")
        self.assertEqual(self.cancelled, 1)
        self.assertIsNone(self.successResultOf(work))  # what became of it is taken care of
        self.over()

    def test_stubborn(self) -> None:
        """Work that does not end when it is cancelled is late all the same, and then ignored."""
        work = self.stubborn()
        result = within(work, 60, self.clock)

        self.clock.advance(60)

        self.failureResultOf(result, ProbeTimeoutError)
        self.assertNoResult(work)
        self.over()

    def test_cancelled(self) -> None:
        """Who cancels the result cancels the work, and no deadline is left."""
        result = within(self.work(), 60, self.clock)

        result.cancel()

        self.failureResultOf(result, CancelledError)
        self.assertEqual(self.cancelled, 1)
        self.over()

    def test_cancelled_in_vain(self) -> None:
        """The result is cancelled even when the work goes on, and nothing comes of it later."""
        result = within(self.stubborn(), 60, self.clock)

        result.cancel()

        self.failureResultOf(result, CancelledError)
        self.over()


class SettledTests(SynchronousTestCase):
    """Tests for `settled`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.work: Deferred[str] = Deferred()

    def test_over(self) -> None:
        """It fires when the work is over, which keeps its result; no call is left."""
        waiting = settled(self.work, 20, self.clock)
        self.assertNoResult(waiting)

        self.work.callback("done")

        self.successResultOf(waiting)
        self.assertEqual(self.successResultOf(self.work), "done")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failed(self) -> None:
        """Work that failed is over too, and keeps its failure."""
        self.work.errback(ZeroDivisionError())

        self.successResultOf(settled(self.work, 20, self.clock))

        self.failureResultOf(self.work, ZeroDivisionError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_long(self) -> None:
        """It does not wait for ever, and what comes later does no harm."""
        waiting = settled(self.work, 20, self.clock)

        self.clock.advance(20)
        self.work.callback("late")

        self.successResultOf(waiting)
        self.assertEqual(self.successResultOf(self.work), "late")
