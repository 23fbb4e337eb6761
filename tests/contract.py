"""What the provider contract stands on: a machine and a service for every provider, and its traces.

`each_provider` makes the tests of a class for every built-in provider, named by it, so that
`pytest -k codex` runs those of one.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from openusage.cache import dump_entries
from openusage.host import Host, Http, Response, Visit
from openusage.host.files import Files
from openusage.host.state import FileState
from openusage.model import Badge, Health, ProbeError, Snapshot, Text
from openusage.probing import checked
from openusage.providers.interface import Provider
from openusage.providers.registry import builtin_providers
from openusage.roster import Instance
from openusage.store import Entry
from openusage.testing import FakeKeychain, fake_host, run_inline
from openusage.wire import encode
from tests.planters import planters
from tests.planters.planter import ACCESS, EMAIL, OWNER, REFRESH, Planter

__all__ = [
    "ECHO",
    "PLATFORMS",
    "Contract",
    "Outcome",
    "Service",
    "Visitor",
    "answer",
    "each_provider",
    "good",
    "strangers",
    "with_odd_parts",
]

Outcome: TypeAlias = Response | ProbeError

PLATFORMS = ("linux", "darwin", "win32")
SECRETS = ("PLANTED", "planted.example")
ECHO = json.dumps({"error": {"message": f"{ACCESS} {REFRESH} of {EMAIL}", **OWNER}}).encode()
"""An error answer that repeats what must not be repeated."""

_LOCAL = ("http://127.0.0.1:", "https://127.0.0.1:", "http://localhost:", "https://localhost:")
_UNWRITABLE = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, sqlite3.Error)
"""What a `Planter.write` may raise for a login that its tool could not have written."""

C = TypeVar("C", bound="Contract")


def each_provider(contract: type[C]) -> type[C]:
    """`contract` with its tests, which take a provider and its planter, made for every provider."""
    for name, test in [*vars(contract).items()]:
        if name.startswith("test_"):
            delattr(contract, name)
            for provider in builtin_providers():
                planter = planters().get(provider.id)
                if planter is not None:
                    setattr(
                        contract, f"{name}_{_word(provider.id)}", _test(test, provider, planter)
                    )
    return contract


def _test(
    test: Callable[[C, Provider, Planter], None], provider: Provider, planter: Planter
) -> Callable[[C], None]:
    def run(self: C) -> None:
        test(self, provider, planter)

    run.__name__ = f"{test.__name__}_{_word(provider.id)}"
    run.__doc__ = f"{provider.name}: {test.__doc__}"
    return run


def _word(id_: str) -> str:
    return id_.replace("-", "_")


# --- the service ----------------------------------------------------------------------------------


def answer(status: int, body: bytes = ECHO, **headers: str) -> Response:
    """An answer; `retry_after` becomes `retry-after`."""
    return Response(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def good(body: Any) -> Response:
    """An answer of 200 with JSON."""
    return answer(200, json.dumps(body).encode())


@define
class Service:
    """An `Http` that plays the service of `planter`, and fails the test when others are asked.

    `trouble` is what comes of every request but renewals, or of the one that `only` names among the
    planter's answers; one that carries a text of `cure` gets its good answer all the same.
    Renewals get `renewal`. With `anybody`, who is not known says 404.
    """

    planter: Planter
    trouble: Outcome | None = None
    renewal: Outcome = field(factory=lambda: answer(500))
    only: str | None = None
    cure: Sequence[str] = ()
    anybody: bool = False
    hangs: bool = False
    asked: list[str] = field(factory=list)
    renewals: list[str] = field(factory=list)
    unsafe: list[str] = field(factory=list)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 10.0,
        follow_redirects: bool = False,
        verify: bool = True,
    ) -> Response:
        """What comes of it."""
        renewing = self.planter.renewal is not None and url.startswith(self.planter.renewal)
        (self.renewals if renewing else self.asked).append(f"{method} {url}")
        if follow_redirects or not (verify or url.startswith(_LOCAL)):
            self.unsafe.append(url)
        if self.hangs:
            never: Deferred[None] = Deferred()
            await never
        sent = json.dumps([dict(headers or {}), (body or b"").decode("utf-8", "replace")])
        outcome = self.renewal if renewing else self._outcome(f"{method} {url}", sent)
        if isinstance(outcome, ProbeError):
            raise outcome
        return outcome

    def _outcome(self, request: str, sent: str) -> Outcome:
        known = [key for key in self.planter.answers if request.startswith(key)]
        if not known:
            if self.anybody:
                return answer(404)
            raise AssertionError(f"{request} is no request of {self.planter.id}")
        key = max(known, key=len)
        cured = any(text in sent for text in self.cure)
        if self.trouble is not None and self.only in (None, key) and not cured:
            return self.trouble
        return good(self.planter.answers[key])


_: type[Http] = Service


# --- what is seen of a probe ----------------------------------------------------------------------


@define
class Visitor:
    """One probe and all that can be seen of it from outside."""

    outcome: Snapshot | ProbeError
    host: Host
    events: list[LogEvent]

    @property
    def told(self) -> list[str]:
        """What the person reads beside the figures."""
        lines = self.outcome.lines if isinstance(self.outcome, Snapshot) else ()
        badges = [line.text for line in lines if isinstance(line, Badge)]
        notes = [line.value for line in lines if isinstance(line, Text) and line.label == "Note"]
        return [*self.host.visit.notes, *badges, *notes]

    def texts(self) -> Iterator[str]:
        """Everything that leaves the probe as text."""
        visit = evolve(self.host.visit, watched=set())
        yield from (repr(self.outcome), str(self.outcome), repr(visit), repr(self.host.env))
        if isinstance(self.outcome, Snapshot):
            yield encode(self.outcome).decode()
        elif self.outcome.__cause__ is not None:
            yield repr(self.outcome.__cause__)
        yield dump_entries({self.host.id: self._entry()}).decode()
        for event in self.events:
            yield eventAsText(event)
            yield repr({key: value for key, value in event.items() if key != "log_failure"})

    def _entry(self) -> Entry:
        """What the store would keep, and the cache write, of it."""
        visit, outcome = self.host.visit, self.outcome
        if isinstance(outcome, Snapshot):
            return Entry(outcome, visit.credential, Health(notes=tuple(visit.notes)))
        health = Health(error=outcome.code, message=outcome.message, notes=tuple(visit.notes))
        return Entry(None, visit.credential, health)


class Contract(SynchronousTestCase):
    """A machine of its own for each provider and case."""

    def setUp(self) -> None:
        self.patch(os, "fsync", lambda file: None)  # thousands of probes, and no power cut
        self.empty()

    def empty(self) -> None:
        """An empty machine, with nothing remembered."""
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        self.states = Path(self.mktemp()).absolute()
        self.keychain = FakeKeychain()
        self.env: Mapping[str, str] = {}
        self.planted: Mapping[Path, tuple[bytes, int]] = {}

    def forget(self) -> None:
        """Nothing remembered; the rest of the machine is as it was."""
        shutil.rmtree(self.states, ignore_errors=True)

    def plant(self, planter: Planter) -> None:
        """Put the login of `planter` in its place."""
        planter.plant(self.home)
        self.env = planter.env
        self.planted = self.files()

    def planted_if_possible(self, planter: Planter) -> bool:
        """Plant, unless the tool could not have written such a login."""
        try:
            self.plant(planter)
        except _UNWRITABLE:
            return False
        return True

    @contextmanager
    def case(self, planter: Planter, name: str) -> Iterator[None]:
        """A fresh machine with the login planted; what fails on it is told with `name`."""
        self.empty()
        self.plant(planter)
        with self.named(name):
            yield

    @contextmanager
    def named(self, name: str) -> Iterator[None]:
        """What fails here is told with `name`."""
        try:
            yield
        except AssertionError as error:
            raise self.failureException(f"{name}: {error}") from error

    def files(self) -> dict[Path, tuple[bytes, int]]:
        """Content and time of every file in the home folder."""
        found = [path for path in self.home.rglob("*") if path.is_file()]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    def host(self, provider: Provider, http: Service, **more: Any) -> Host:
        """A host whose state is a real file."""
        visit = Visit()
        state = FileState(self.states / f"{provider.id}.json", Files(run_inline), visit)
        return fake_host(
            self.home,
            id=provider.id,
            name=provider.name,
            http=http,
            keychain=self.keychain,
            state=state,
            visit=visit,
            env=self.env,
            **{"platform": http.planter.platform, **more},
        )

    def probe(self, provider: Provider, http: Service, **more: Any) -> Visitor:
        """A probe that ends at once, in a snapshot that holds or in a `ProbeError`."""
        host = self.host(provider, http, **more)
        ended: list[Any] = []
        with capturedLogs() as events:
            Deferred.fromCoroutine(provider.probe(host)).addBoth(ended.append)
        (result,) = ended
        outcome = getattr(result, "value", result)
        if isinstance(outcome, Snapshot):
            checked(Instance(host.id, host.name, provider), outcome)
        self.assertIsInstance(outcome, (Snapshot, ProbeError), repr(result))
        self.assertEqual(self.flushLoggedErrors(), [])
        return Visitor(outcome, host, list(events))

    def snapshot(self, provider: Provider, http: Service, **more: Any) -> Snapshot:
        """The outcome of a probe that must succeed."""
        outcome = self.probe(provider, http, **more).outcome
        assert isinstance(outcome, Snapshot), outcome
        return outcome

    def assert_private(self, visitor: Visitor) -> None:
        """Nothing planted, and no path, is in any text or file but those of the tool itself."""
        for text in visitor.texts():
            for secret in (*SECRETS, str(self.home)):
                self.assertNotIn(secret, text)
        for file in [*self.home.rglob("*"), *self.states.rglob("*")]:
            if file.is_file() and file not in self.planted:
                for secret in SECRETS:
                    self.assertNotIn(secret.encode(), file.read_bytes(), file.name)


# --- logins and answers that are not as they should be --------------------------------------------


def with_odd_parts(value: Any) -> Iterator[Any]:
    """`value` with one part of it, on any level, replaced by each of a few odd things."""
    yield from (None, True, 5, -1e300, 10**400, "", "x\n\ud800", [], [value], {}, {"x": value})
    if isinstance(value, dict):
        for key in value:
            yield {name: inner for name, inner in value.items() if name != key}
            for odd in with_odd_parts(value[key]):
                yield {**value, key: odd}
    elif isinstance(value, list):
        for odd in with_odd_parts(value[0]) if value else ():
            yield [odd, *value[1:]]


def strangers(value: Any) -> Any:
    """`value` with a key that nobody knows in each of its objects."""
    if isinstance(value, list):
        return [strangers(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    stranger = {"email": EMAIL, "values": [1, True, {"deeper": EMAIL}]}
    return {**{key: strangers(inner) for key, inner in value.items()}, "aKeyUnheardOf": stranger}
