"""What every built-in provider promises when its service is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred

from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.interface import Provider
from openusage.sessionlogs import Day, History
from openusage.testing import NOW, FakeLogs, clock_at
from tests.contract import ECHO, Contract, Outcome, Service, Visitor, answer, each_provider, good
from tests.planters.planter import ACCESS, EMAIL, OWNER, Planter


@frozen
class Trouble:
    """What may come of a request, and the class of error that it is."""

    name: str
    outcome: Outcome
    kind: type[ProbeError]


TROUBLES = (
    Trouble("401", answer(401), TokenExpiredError),
    Trouble("403", answer(403), TokenExpiredError),
    Trouble("429", answer(429), RateLimitedError),
    Trouble("429, 10 min", answer(429, retry_after="600"), RateLimitedError),
    Trouble("429, now", answer(429, retry_after="0"), RateLimitedError),
    Trouble("500", answer(500), UnexpectedResponseError),
    Trouble("503", answer(503, b"", retry_after="600"), UnexpectedResponseError),
    Trouble("404", answer(404), UnexpectedResponseError),
    Trouble(
        "redirect",
        answer(302, b"", location="https://elsewhere.example/"),
        UnexpectedResponseError,
    ),
    Trouble("no JSON", answer(200, f"<html>{ACCESS} {EMAIL}".encode()), UnexpectedResponseError),
    Trouble("half JSON", answer(200, ECHO[:-2]), UnexpectedResponseError),
    Trouble("no object", answer(200, b"[1]"), UnexpectedResponseError),
    Trouble("null", answer(200, b"null"), UnexpectedResponseError),
    Trouble("another shape", answer(200), UnexpectedResponseError),
    Trouble("nested without end", answer(200, b"[" * 100_000), UnexpectedResponseError),
    Trouble("no UTF-8", answer(200, b'{"a": "\xff"}'), UnexpectedResponseError),
    Trouble("nothing", answer(200, b""), UnexpectedResponseError),
    Trouble("no content", answer(204, b""), UnexpectedResponseError),
    Trouble(
        "too large",
        UnexpectedResponseError("the answer is too large", 200),
        UnexpectedResponseError,
    ),
    Trouble("no connection", UnreachableError("connection refused"), UnreachableError),
    Trouble("silence", ProbeTimeoutError("no answer within 10 s"), ProbeTimeoutError),
)

RENEWALS: Mapping[str, Outcome] = {
    "refused": answer(400),
    "refused by a page": answer(401, b"<html>"),
    "failed": answer(500),
    "another shape": answer(200),
    "no connection": UnreachableError("connection reset"),
    "silence": ProbeTimeoutError("no answer within 15 s"),
}
"""What may come of an attempt to renew a login that buys nothing."""


def figures(snapshot: Snapshot) -> dict[tuple[type, str], object]:
    """What the lines that tell a figure tell, by their labels."""
    bars = [line for line in snapshot.lines if isinstance(line, Progress)]
    texts = [line for line in snapshot.lines if isinstance(line, Text)]
    return {
        **{(Progress, line.label): (line.used, line.limit, line.format) for line in bars},
        **{(Text, line.label): line.value for line in texts if line.label != "Note"},
    }


@each_provider
class TroubleTests(Contract):
    """`Provider.probe` when the service is not as it should be.

    Two things may happen when a request has trouble. What is asked for by it cannot be shown
    without: then the error is of the trouble's class, and the last good snapshot stays. Or it adds
    to the rest: then that is shown as it is. Where every request has trouble only what is known
    otherwise may be shown, with all the figures there were, or with a word on what is wrong.
    """

    def troubles(self, planter: Planter) -> Iterator[Trouble]:
        """All of them, if anybody is asked."""
        return iter(TROUBLES if planter.answers else ())

    def assert_told(self, visitor: Visitor, trouble: Trouble) -> None:
        """It is an error of its class, in sentences."""
        self.assertIsInstance(visitor.outcome, trouble.kind)
        self.assertRegex(str(visitor.outcome), r"\A[A-Z].*\.\Z")

    def test_told(self, provider: Provider, planter: Planter) -> None:
        """Each trouble is an error of its class, or a snapshot that says what is wrong."""
        logs = FakeLogs(History((Day(NOW.date(), 150, 0.75),), {"a-model": 150}))
        for trouble in self.troubles(planter):
            with self.case(planter, trouble.name):
                for found in (FakeLogs(), logs):
                    visitor = self.probe(provider, Service(planter, trouble.outcome), logs=found)
                    if isinstance(visitor.outcome, ProbeError):
                        self.assert_told(visitor, trouble)
                    else:
                        self.assertTrue(visitor.told)
                        self.assertNotEqual(visitor.told, ["No usage data"])

    def test_one_request(self, provider: Provider, planter: Planter) -> None:
        """The service is asked as often as when all is well, and not by the probe that comes next.

        Nobody else is asked.
        """
        for trouble in self.troubles(planter):
            with self.case(planter, trouble.name):
                http = Service(planter, trouble.outcome)
                self.probe(provider, http)
                asked, renewals = [*http.asked], [*http.renewals]
                self.assertTrue(asked or renewals)
                self.assertLessEqual(len(asked), planter.requests)
                self.assertLessEqual(len(renewals), 0 if planter.spends else 1)

                self.probe(provider, http)
                self.assertEqual((http.asked, http.renewals), (asked, renewals))

    def test_figures_stay(self, provider: Provider, planter: Planter) -> None:
        """Trouble with all requests never makes a snapshot with fewer figures than there were."""
        for trouble in self.troubles(planter):
            with self.case(planter, trouble.name):
                before = self.snapshot(provider, Service(planter))
                clock = clock_at(NOW)
                clock.advance(301)
                after = self.probe(provider, Service(planter, trouble.outcome), clock=clock)
                if isinstance(after.outcome, Snapshot):
                    self.assertLessEqual(set(before.lines), set(after.outcome.lines))
                    self.assertEqual(after.outcome.fetched_at, NOW)

    def test_one_of_many(self, provider: Provider, planter: Planter) -> None:
        """Trouble with one of several requests changes no figure that is asked for by the others.

        It is an error of its class, or costs what that request alone tells.
        """
        if len(planter.answers) < 2:
            return
        self.plant(planter)
        known = figures(self.snapshot(provider, Service(planter)))
        for request in planter.answers:
            for trouble in self.troubles(planter):
                with self.case(planter, f"{request}: {trouble.name}"):
                    http = Service(planter, trouble.outcome, only=request)
                    visitor = self.probe(provider, http)
                    self.assert_private(visitor)
                    self.assertLessEqual(len(http.asked), planter.requests)
                    if isinstance(visitor.outcome, ProbeError):
                        self.assert_told(visitor, trouble)
                    else:
                        shown = figures(visitor.outcome)
                        self.assertTrue(shown)
                        same = {key: known[key] for key in shown if key in known}
                        self.assertEqual({**shown, **same}, shown)

    def test_private(self, provider: Provider, planter: Planter) -> None:
        """Whatever the service says, and whatever is allowed, nothing planted comes out."""
        for trouble in self.troubles(planter):
            for name, renewal in self.renewals(planter):
                with self.case(planter, f"{trouble.name}, renewal {name}"):
                    http = Service(planter, trouble.outcome, renewal)
                    self.assert_private(self.probe(provider, http, refresh_credentials=True))
            with self.case(planter, trouble.name):
                self.assert_private(self.probe(provider, Service(planter, trouble.outcome)))

    def renewals(self, planter: Planter) -> Iterator[tuple[str, Outcome]]:
        if planter.renewed is not None:
            yield from RENEWALS.items()
            yield "good", good({**planter.renewed, **OWNER, **planter.renewed})

    def test_cancelled(self, provider: Provider, planter: Planter) -> None:
        """A probe that is cancelled while it waits for the service ends as cancelled."""
        if planter.answers:
            self.plant(planter)
            http = Service(planter, hangs=True)
            work = Deferred.fromCoroutine(provider.probe(self.host(provider, http)))
            self.assertNoResult(work)
            work.cancel()
            self.failureResultOf(work, CancelledError)


@each_provider
class RefreshTests(Contract):
    """`Provider.probe` where the service refuses the token."""

    def test_not_allowed(self, provider: Provider, planter: Planter) -> None:
        """Without permission nothing is spent, whatever the service says, and nothing written."""
        for name, renewal in RENEWALS.items():
            with self.case(planter, name):
                http = Service(planter, answer(401), renewal)
                self.probe(provider, http)
                self.assertTrue(http.renewals == [] or not planter.spends, http.renewals)
                self.assertEqual(self.files(), self.planted)
                self.assertEqual(self.keychain.saved, [])

    def test_once(self, provider: Provider, planter: Planter) -> None:
        """With permission the refresh token is sent once, whatever comes of it."""
        if planter.renewed is None:
            return
        for name, renewal in {**RENEWALS, "good": good(planter.renewed)}.items():
            with self.case(planter, name):
                http = Service(planter, answer(401), renewal)
                self.probe(provider, http, refresh_credentials=True)
                self.assertEqual(len(http.renewals), 1)
                self.assertLessEqual(len(http.asked), 2 * planter.requests)

    def test_good_again(self, provider: Provider, planter: Planter) -> None:
        """With the token that a refresh buys the service is asked again, and gives its figures."""
        if planter.renewed is None:
            return
        self.plant(planter)
        expected = self.snapshot(provider, Service(planter))
        self.empty()
        self.plant(planter)
        http = Service(planter, answer(401), good(planter.renewed), cure=bought(planter))
        after = self.snapshot(provider, http, refresh_credentials=planter.spends)
        self.assertEqual(figures(after), figures(expected))
        if not planter.spends:
            self.assertEqual(self.files(), self.planted)

    def test_kept(self, provider: Provider, planter: Planter) -> None:
        """What a refresh buys is stored, beside everything that was there, in the same mode."""
        if planter.renewed is None or not planter.spends or planter.file is None:
            return
        self.plant(planter)
        path = self.home / planter.file
        path.chmod(0o640)
        before, beside = planter.read(path), set(path.parent.iterdir())
        http = Service(planter, answer(401), good(planter.renewed))
        self.probe(provider, http, refresh_credentials=True)

        after = planter.read(path)
        for token in bought(planter):
            self.assertIn(token, repr(after))
        self.assert_kept(before, after)
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)
        self.assertEqual(set(path.parent.iterdir()), beside)

    def assert_kept(self, before: Any, after: Any) -> None:
        """Every key is still there, and what is the owner's alone is as it was."""
        if before in (OWNER, EMAIL):
            self.assertEqual(after, before)
        elif isinstance(before, dict):
            self.assertLessEqual(set(before), set(after))
            for key, value in before.items():
                self.assert_kept(value, after[key])


def bought(planter: Planter) -> list[str]:
    """The tokens in what a refresh buys, but for the one that only tells who the person is."""
    return [*_tokens({**(planter.renewed or {}), "id_token": None, "idToken": None})]


def _tokens(value: object) -> Iterator[str]:
    if isinstance(value, str) and "PLANTED" in value:
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _tokens(inner)
