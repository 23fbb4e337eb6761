"""Tests for `openusage.providers.spacing`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.host.oauth import RefusedError
from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.shape import Shape
from openusage.providers.spacing import SPACING, USUAL_WAIT, Answer, spaced
from openusage.testing import NOW, MemoryState, clock_at, fake_host

OLD, NEW = "at-PLANTED-old", "at-PLANTED-new"
SHAPE: Mapping[str, Shape] = {"used": "any", "window": {"limit": "any"}}
EMAIL = "ada@planted.example"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@define
class Service:
    """Answers with `body`, or fails with `error`; `asked` counts."""

    body: Mapping[str, Any] = field(factory=lambda: {"used": 5})
    error: Exception | None = None
    asked: int = 0

    async def fetch(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.body


class SpacedTests(SynchronousTestCase):
    """`spaced`."""

    def setUp(self) -> None:
        self.clock = clock_at(NOW)
        self.state = MemoryState()
        self.service = Service()

    def host(self, clock: Clock | None = None) -> Host:
        """The host of another visit, or of one after a restart."""
        host = fake_host(Path("/nonexistent"), clock=clock or self.clock, state=self.state)
        host.identify("ada")
        return host

    def work(self, token: str = OLD, host: Host | None = None) -> Deferred[Answer]:
        return Deferred.fromCoroutine(spaced(host or self.host(), token, SHAPE, self.service.fetch))

    def answer(self, token: str = OLD, host: Host | None = None) -> Answer:
        return self.successResultOf(self.work(token, host))

    def error(self, token: str = OLD, host: Host | None = None) -> ProbeError:
        error: ProbeError = self.failureResultOf(self.work(token, host), ProbeError).value
        return error

    def after(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @property
    def kept(self) -> str:
        """All that is kept, as JSON."""
        return json.dumps(list(self.state.values.values()))

    def keep(self, usage: object) -> None:
        """Put something into the state as what `spaced` left there."""
        self.state.values[self.host().visit.credential] = {"usage": usage}


class MinuteTests(SpacedTests):
    """A minute between two questions."""

    def test_answer(self) -> None:
        """What was answered is given again for a minute, as of when it was answered."""
        first = self.answer()
        self.assertEqual(first, Answer(NOW, {"used": 5}))
        self.service.body = {"used": 6}
        self.after(59.9)
        host = self.host()
        self.assertEqual(self.answer(host=host), first)
        self.assertEqual(self.service.asked, 1)
        self.assertEqual(host.visit.again_at, NOW + SPACING)

        self.after(0.1)
        host = self.host()
        self.assertEqual(self.answer(host=host), Answer(NOW + SPACING, {"used": 6}))
        self.assertIsNone(host.visit.again_at)

    def test_any_token(self) -> None:
        """A new token asks no sooner for what is known."""
        self.answer(OLD)
        self.assertEqual(self.answer(NEW).at, NOW)
        self.assertEqual(self.service.asked, 1)

    def test_accounts(self) -> None:
        """What one account was told is not given to another."""
        self.answer()
        host = self.host()
        host.identify("charles")
        self.answer(host=host)
        self.assertEqual(self.service.asked, 2)

    def test_failures(self) -> None:
        """A failure is told again for a minute, in kind, words and status; then it is asked."""
        for error in (
            UnreachableError("Nobody there."),
            ProbeTimeoutError("Silence."),
            UnexpectedResponseError("Odd.", 503),
            TokenExpiredError("Refused."),
        ):
            with self.subTest(error=error):
                self.setUp()
                self.service.error = error
                self.assertIs(self.error(), error)
                self.after(59)
                again = self.error()
                self.assertEqual((type(again), repr(again)), (type(error), repr(error)))
                self.assertEqual(self.service.asked, 1)
                self.after(1)
                self.service.error = None
                self.answer()
                self.assertEqual(self.service.asked, 2)

    def test_answer_after_failure(self) -> None:
        """An answer takes the place of a failure, and a failure that of an answer."""
        self.answer()
        self.after(60)
        self.service.error = UnreachableError("Nobody there.")
        self.error()
        self.after(30)
        self.assertEqual(repr(self.error()), repr(UnreachableError("Nobody there.")))
        self.after(30)
        self.service.error = None
        self.answer()
        self.after(30)
        self.assertEqual(self.answer().at, NOW + timedelta(seconds=120))

    def test_slow_answer(self) -> None:
        """The minute begins with the answer, not with the question."""

        async def fetch() -> Mapping[str, Any]:
            self.after(20)
            return {"used": 7}

        work = Deferred.fromCoroutine(spaced(self.host(), OLD, SHAPE, fetch))
        self.assertEqual(self.successResultOf(work).at, NOW + timedelta(seconds=20))
        self.after(59)
        self.answer()
        self.assertEqual(self.service.asked, 0)


class RefusedTests(SpacedTests):
    """A token that the service refused."""

    def test_new_token(self) -> None:
        """A new token is tried at once, the refused one not before a minute is over."""
        for error in (TokenExpiredError("Refused."), RefusedError("Refused.")):
            self.setUp()
            self.service.error = error
            self.error(OLD)
            self.service.error = None
            self.assertIsInstance(self.error(OLD), TokenExpiredError)
            self.assertEqual(self.service.asked, 1)
            self.answer(NEW)
            self.assertEqual(self.service.asked, 2)

    def test_other_failures(self) -> None:
        """A new token does not make a service answer that failed for another reason."""
        self.service.error = UnreachableError("Nobody there.")
        self.error(OLD)
        self.error(NEW)
        self.assertEqual(self.service.asked, 1)

    def test_odd_tokens(self) -> None:
        """Any text may be a token."""
        for token in ("", "ключ", "\ud800"):
            self.setUp()
            self.answer(token)


class RateLimitTests(SpacedTests):
    """A service that asks to be left alone."""

    def test_memory(self) -> None:
        """Nothing is sent before the time is over, with any token; then it is."""
        for told, seconds in (
            (600.0, 600.0),
            (5.0, 60.0),
            (None, USUAL_WAIT.total_seconds()),
            (31 * 86400.0, 31 * 86400.0),
            (1e9, 31 * 86400.0),
            (1e300, 31 * 86400.0),
        ):
            with self.subTest(told=told):
                self.setUp()
                error = RateLimitedError("Too often.", told)
                self.service.error = error
                self.assertIs(self.error(), error)
                self.service.error = None
                self.after(seconds - 1)
                for token in (OLD, NEW):
                    host = self.host()
                    again = self.error(token, host)
                    assert isinstance(again, RateLimitedError)
                    assert again.retry_after is not None
                    self.assertAlmostEqual(again.retry_after, 1)
                    assert host.visit.again_at is not None
                    wait = host.visit.again_at - host.now()
                    self.assertAlmostEqual(wait.total_seconds(), 1)
                self.assertEqual(self.service.asked, 1)
                self.after(1)
                self.answer()

    def test_sentence(self) -> None:
        """What is said in the meantime is a sentence."""
        self.service.error = RateLimitedError("Too often.")
        self.error()
        self.assertRegex(str(self.error()), r"\A[A-Z].*\.\Z")

    def test_end_too_far(self) -> None:
        """An end that no service would name, as a clock set back makes one, is none."""
        self.keep({"blockedUntil": (NOW + timedelta(days=32)).timestamp()})
        self.answer()


class InterruptionTests(SpacedTests):
    """A question without an answer."""

    def test_cancelled(self) -> None:
        """A question that was cancelled counts as one, until a minute is over."""
        waiting: Deferred[Mapping[str, Any]] = Deferred()

        async def fetch() -> Mapping[str, Any]:
            return await waiting

        work = Deferred.fromCoroutine(spaced(self.host(), OLD, SHAPE, fetch))
        self.assertNoResult(work)
        work.cancel()
        self.failureResultOf(work, CancelledError)

        self.after(59)
        error = self.error(NEW)
        self.assertIs(type(error), ProbeTimeoutError)
        self.assertRegex(str(error), r"\A[A-Z].*\.\Z")
        self.assertEqual(self.service.asked, 0)
        self.after(1)
        self.answer()

    def test_stopped(self) -> None:
        """So does one during which the service was stopped: it is kept before it is sent."""
        seen: list[str] = []

        async def fetch() -> Mapping[str, Any]:
            seen.append(self.kept)
            return {}

        self.successResultOf(Deferred.fromCoroutine(spaced(self.host(), OLD, SHAPE, fetch)))
        self.assertIn("interrupted", seen[0])
        self.assertNotIn("interrupted", self.kept)

    def test_crashed(self) -> None:
        """A provider that crashes on an answer does not ask again at once."""
        self.service.error = LookupError("bug")
        self.failureResultOf(self.work(), LookupError)
        self.assertIsInstance(self.error(), ProbeTimeoutError)
        self.assertEqual(self.service.asked, 1)


class ClockTests(SpacedTests):
    """A clock that is set."""

    def test_set_back(self) -> None:
        """What was told in the future is asked for again, be it an answer or a failure."""
        for error in (None, UnreachableError("Nobody there.")):
            self.setUp()
            self.service.error = error
            (self.error if error else self.answer)()
            self.service.error = None
            self.clock = clock_at(NOW - timedelta(hours=1))
            self.assertEqual(self.answer().at, NOW - timedelta(hours=1))


class KeptTests(SpacedTests):
    """What is kept."""

    def test_shape(self) -> None:
        """Only what the shape names is given and kept, of an answer, and no token of any."""
        owner = {"email": EMAIL}
        self.service.body = {"used": [EMAIL], "window": {"limit": 9, **owner}, **owner}
        expected = {"used": None, "window": {"limit": 9}}
        self.assertEqual(self.answer().body, expected)
        self.assertEqual(self.answer().body, expected)
        self.after(60)
        self.service.error = TokenExpiredError("Refused.")
        self.error()
        for secret in (EMAIL, OLD, "planted"):
            self.assertNotIn(secret, self.kept)

    def test_repr(self) -> None:
        """The figures of an answer are not in its `repr`."""
        self.assertNotIn("used", repr(self.answer()))

    def test_others_stay(self) -> None:
        """What a provider keeps beside it stays."""
        host = self.host()
        self.successResultOf(Deferred.fromCoroutine(host.state.write({"mine": 1})))
        self.answer()
        self.after(60)
        self.service.error = RateLimitedError("Too often.")
        self.error()
        kept = self.successResultOf(Deferred.fromCoroutine(self.host().state.read()))
        self.assertEqual(kept["mine"], 1)
        self.assertEqual(set(kept), {"mine", "usage"})

    def test_odd(self) -> None:
        """Whatever stands in the state in the place of what is kept, it is asked or told."""
        now = NOW.timestamp()
        cases: tuple[object, ...] = (
            None,
            "x",
            [],
            {},
            {"at": "now", "body": {"used": 1}},
            {"at": None, "error": {"message": "x"}},
            {"at": now, "body": [1]},
            {"at": now, "body": None, "error": None},
            {"at": now, "error": {"message": 5}},
            {"at": now, "error": "x"},
            {"at": 1e300, "body": {}},
            {"blockedUntil": True},
            {"blockedUntil": 1e300},
            {"blockedUntil": "soon"},
        )
        for usage in cases:
            with self.subTest(usage=usage):
                self.service.asked = 0
                self.keep(usage)
                self.assertEqual(self.answer(), Answer(NOW, {"used": 5}))
                self.assertEqual(self.service.asked, 1)

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.sampled_from(["at", "body", "error", "token", "blockedUntil"]),
            JSON
            | st.floats(NOW.timestamp() - 100, NOW.timestamp() + 100)
            | st.dictionaries(
                st.sampled_from(["code", "message", "status"]),
                JSON | st.sampled_from(["token_expired", "unexpected_response", "timeout"]),
            ),
        )
        | JSON
    )
    def test_any_json(self, usage: object) -> None:
        """It may be any JSON: there is an answer or an error of our own."""
        self.state = MemoryState()
        self.service = Service()
        self.keep(usage)
        ended: list[Any] = []
        self.work().addBoth(ended.append)
        outcome = getattr(ended[0], "value", ended[0])
        self.assertIsInstance(outcome, (Answer, ProbeError))
