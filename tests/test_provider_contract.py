"""What every built-in provider promises, whatever its service: told once, held for all of them.

A provider joins by an entry in `PLANTERS`, which says how its login is stored and what its service
answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogEvent, capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host import Host, Http, Response, Visit
from openusage.host.files import Files
from openusage.host.state import FileState
from openusage.model import (
    Badge,
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    RateLimitedError,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.probing import checked
from openusage.providers.interface import IProvider, Provider
from openusage.providers.registry import builtin_providers
from openusage.roster import Instance
from openusage.sessionlogs import Day, History
from openusage.settings import is_id
from openusage.testing import NOW, FakeKeychain, FakeLogs, fake_host, run_inline
from openusage.wire import encode

ACCESS = "at-PLANTED-0123456789"
REFRESH = "rt-PLANTED-0123456789"
EMAIL = "ada.lovelace@planted.example"
SECRETS = ("PLANTED", "planted.example")

PLATFORMS = ("linux", "darwin", "win32")
OWNER = {"email": EMAIL, "account": {"email_address": EMAIL}, "access_token": ACCESS}
ECHO = json.dumps({"error": {"message": f"{ACCESS} {REFRESH} of {EMAIL}", **OWNER}}).encode()


# --- how each provider's login is planted ---------------------------------------------------------


@frozen
class Planter:
    """A provider's login, as it is stored in `file` below the home folder, and its service.

    `service` begins every address that may be asked for usage, and one probe asks it at most
    `requests` times. `answer` is a good one, `renewed` what a refresh buys.
    """

    file: str
    login: Any
    service: str
    answer: Mapping[str, Any]
    renewed: Mapping[str, Any] | None = None
    requests: int = 1

    def plant(self, home: Path) -> Path:
        """Put the login in its place."""
        path = home / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.login))
        return path


def _millis(hours: float) -> int:
    return int((NOW.timestamp() + hours * 3600) * 1000)


PLANTERS: Mapping[str, Planter] = {
    "claude": Planter(
        ".claude/.credentials.json",
        {
            "claudeAiOauth": {
                "accessToken": ACCESS,
                "refreshToken": REFRESH,
                "expiresAt": _millis(24),
                "scopes": ["user:profile"],
                "subscriptionType": "max",
            },
            "owner": OWNER,
        },
        "https://api.anthropic.com/api/oauth/",
        {
            "five_hour": {"utilization": 31.5, "resets_at": "2099-01-01T00:00:00Z", **OWNER},
            "seven_day": {"utilization": 12, "resets_at": None},
            "extra_usage": {"is_enabled": True, "used_credits": 1240, "monthly_limit": 5000},
            **OWNER,
        },
        {"access_token": f"{ACCESS}-2", "refresh_token": f"{REFRESH}-2", "expires_in": 28800},
    ),
    "codex": Planter(
        ".codex/auth.json",
        {
            "OPENAI_API_KEY": None,
            "tokens": {"access_token": ACCESS, "refresh_token": REFRESH, "account_id": "PLANTED"},
            "owner": OWNER,
        },
        "https://chatgpt.com/backend-api/wham/",
        {
            "plan_type": "plus",
            "rate_limit": {
                "primary_window": {"used_percent": 22, "limit_window_seconds": 18000, **OWNER},
                **OWNER,
            },
            "credits": {"has_credits": True, "balance": "512.75", **OWNER},
            **OWNER,
        },
        {"access_token": f"{ACCESS}-2", "refresh_token": f"{REFRESH}-2"},
    ),
}


# --- what a service may do ------------------------------------------------------------------------

Outcome: TypeAlias = Response | ProbeError


def _answer(status: int, body: bytes = ECHO, **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


TROUBLES: tuple[tuple[str, Outcome, type[ProbeError]], ...] = (
    ("401", _answer(401), TokenExpiredError),
    ("403", _answer(403), TokenExpiredError),
    ("429", _answer(429), RateLimitedError),
    ("429, 10 min", _answer(429, retry_after="600"), RateLimitedError),
    ("429, now", _answer(429, retry_after="0"), RateLimitedError),
    ("500", _answer(500), UnexpectedResponseError),
    ("503", _answer(503, b"", retry_after="600"), UnexpectedResponseError),
    ("404", _answer(404), UnexpectedResponseError),
    ("redirect", _answer(302, b"", location="https://elsewhere.example/"), UnexpectedResponseError),
    ("no JSON", _answer(200, f"<html>{ACCESS} {EMAIL}".encode()), UnexpectedResponseError),
    ("half JSON", _answer(200, ECHO[:-2]), UnexpectedResponseError),
    ("no object", _answer(200, b"[1]"), UnexpectedResponseError),
    ("null", _answer(200, b"null"), UnexpectedResponseError),
    ("another shape", _answer(200), UnexpectedResponseError),
    ("nested without end", _answer(200, b"[" * 100_000), UnexpectedResponseError),
    ("no UTF-8", _answer(200, b'{"a": "\xff"}'), UnexpectedResponseError),
    ("nothing", _answer(200, b""), UnexpectedResponseError),
    ("no content", _answer(204, b""), UnexpectedResponseError),
    (
        "too large",
        UnexpectedResponseError("the answer is too large", 200),
        UnexpectedResponseError,
    ),
    ("no connection", UnreachableError("connection refused"), UnreachableError),
    ("silence", ProbeTimeoutError("no answer within 10 s"), ProbeTimeoutError),
)

DAMAGES: tuple[tuple[str, bytes], ...] = (
    ("empty", b""),
    ("blank", b" \n"),
    ("no JSON", f"{{{ACCESS}".encode()),
    ("half JSON", f'{{"tokens": {{"access_token": "{ACCESS}'.encode()),
    ("list", json.dumps([ACCESS]).encode()),
    ("text", json.dumps(ACCESS).encode()),
    ("null", b"null"),
    ("other keys", json.dumps({"owner": OWNER}).encode()),
    ("nested without end", b"[" * 100_000),
    ("no UTF-8", b"\xff\xfe\x00" + ACCESS.encode()),
    ("too large", b" " * (8 * 2**20 + 1)),
)


@define
class Service:
    """An `Http` that has one answer to every question, and another one where tokens are renewed."""

    outcome: Outcome
    renewal: Outcome = field(factory=lambda: _answer(500))
    hangs: bool = False
    requests: list[tuple[str, str]] = field(factory=list)
    options: list[tuple[bool, bool]] = field(factory=list)

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
        """The answer."""
        self.requests.append((method, url))
        self.options.append((follow_redirects, verify))
        if self.hangs:
            never: Deferred[None] = Deferred()
            await never
        outcome = self.outcome if method == "GET" else self.renewal
        if isinstance(outcome, ProbeError):
            raise outcome
        return outcome

    def asked(self, method: str) -> list[str]:
        """The addresses of all requests of this kind."""
        return [url for kind, url in self.requests if kind == method]


_: type[Http] = Service


# --- the promises ---------------------------------------------------------------------------------


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
        for event in self.events:
            yield eventAsText(event)
            yield repr({key: value for key, value in event.items() if key != "log_failure"})


class Contract(SynchronousTestCase):
    """A machine of its own for each provider and case."""

    def providers(self) -> Iterator[tuple[Provider, Planter]]:
        """All of them, each with an empty home folder and nothing remembered."""
        for provider in builtin_providers():
            with self.subTest(provider=provider.id):
                self.empty()
                yield provider, PLANTERS[provider.id]

    def empty(self) -> None:
        """An empty machine."""
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        self.states = Path(self.mktemp()).absolute()
        self.keychain = FakeKeychain()

    def host(self, provider: Provider, http: Http, **more: Any) -> Host:
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
            **more,
        )

    def probe(self, provider: Provider, http: Http, **more: Any) -> Visitor:
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

    def assert_private(self, visitor: Visitor, *kept: Path) -> None:
        """Nothing planted, and no path, is in any text or file but those of the tool itself."""
        for text in visitor.texts():
            for secret in (*SECRETS, str(self.home)):
                self.assertNotIn(secret, text)
        files = [*self.home.rglob("*"), *self.states.rglob("*")]
        for file in files:
            if file.is_file() and file not in kept:
                for secret in SECRETS:
                    self.assertNotIn(secret.encode(), file.read_bytes(), file.name)


class PlantersTests(SynchronousTestCase):
    """`PLANTERS`."""

    def test_complete(self) -> None:
        """Every built-in provider is held to the contract."""
        self.assertEqual({provider.id for provider in builtin_providers()}, set(PLANTERS))


class ManifestTests(Contract):
    """What a provider says of itself."""

    def test_interface(self) -> None:
        """It is a provider in full, with an id that can stand in a URL, and a name."""
        for provider, _ in self.providers():
            self.assertTrue(verifyObject(IProvider, provider))
            self.assertTrue(is_id(provider.id))
            self.assertTrue(provider.name.strip())

    def test_color(self) -> None:
        """Its colour is `#RRGGBB`."""
        for provider, _ in self.providers():
            self.assertRegex(provider.brand_color, r"\A#[0-9A-Fa-f]{6}\Z")

    def test_links(self) -> None:
        """It has links, which are secure and named."""
        for provider, _ in self.providers():
            self.assertTrue(provider.links)
            for link in provider.links:
                self.assertRegex(link.url, r"\Ahttps://[a-z0-9.-]+/")
                self.assertTrue(link.label.strip())

    def test_labels(self) -> None:
        """Each line is declared once."""
        for provider, _ in self.providers():
            labels = [line.label for line in provider.lines]
            self.assertTrue(labels)
            self.assertEqual(sorted(labels), sorted(set(labels)))
            self.assertTrue(all(label.strip() for label in labels))

    def test_resources(self) -> None:
        """Each limit has a key of its own, in camel case."""
        for provider, _ in self.providers():
            keys = [line.resource for line in provider.lines if line.resource is not None]
            self.assertTrue(keys)
            self.assertEqual(sorted(keys), sorted(set(keys)))
            for key in keys:
                self.assertTrue(re.fullmatch(r"[a-z]+(?:[A-Z][a-z]*)*", key), key)

    def test_headline(self) -> None:
        """Only progress lines are headlines, with a rank each; one at most is the weekly one."""
        for provider, _ in self.providers():
            ranked = [line for line in provider.lines if line.primary is not None]
            weekly = [line for line in provider.lines if line.weekly]
            self.assertLessEqual({line.type for line in (*ranked, *weekly)}, {"progress"})
            self.assertEqual(len({line.primary for line in ranked}), len(ranked))
            self.assertLessEqual(len(weekly), 1)


class DetectTests(Contract):
    """`Provider.detect`."""

    def detect(self, provider: Provider, platform: str = "linux") -> str | None:
        http = Service(_answer(500))
        host = self.host(provider, http, platform=platform)
        found = self.successResultOf(Deferred.fromCoroutine(provider.detect(host)))
        self.assertEqual(http.requests, [])
        self.assertEqual(self.keychain.asked, [])
        self.assertFalse(self.states.exists())
        return found

    def test_nothing(self) -> None:
        """On an empty machine nothing is found, no request is made and no keychain asked."""
        for provider, _ in self.providers():
            for platform in PLATFORMS:
                self.assertIsNone(self.detect(provider, platform), platform)
                self.assertEqual(list(self.home.iterdir()), [])

    def test_login(self) -> None:
        """A login is found where it is, named without a path of the machine."""
        for provider, planter in self.providers():
            planter.plant(self.home)
            for platform in PLATFORMS:
                self.assertEqual(self.detect(provider, platform), f"~/{planter.file}")

    def test_damaged(self) -> None:
        """A damaged login is none."""
        for provider, planter in self.providers():
            for name, content in DAMAGES:
                planter.plant(self.home).write_bytes(content)
                self.assertIsNone(self.detect(provider), name)


class ProbeTests(Contract):
    """`Provider.probe` when all is well."""

    def test_snapshot(self) -> None:
        """The snapshot is that of the instance, of now, has figures, and says whose it is."""
        for provider, planter in self.providers():
            planter.plant(self.home)
            http = Service(_answer(200, json.dumps(planter.answer).encode()))
            host = evolve(self.host(provider, http), id="a-second-one", name="The second")

            work = Deferred.fromCoroutine(provider.probe(host))
            snapshot = self.successResultOf(work)

            self.assertEqual(snapshot.provider_id, "a-second-one")
            self.assertEqual(snapshot.display_name, "The second")
            self.assertEqual(snapshot.fetched_at, NOW)
            self.assertIsNotNone(snapshot.plan)
            self.assertIn("progress", encode(snapshot).decode())
            self.assertIsNotNone(host.visit.credential)

    def test_declared(self) -> None:
        """The lines are among the declared ones, and of the declared type."""
        for provider, planter in self.providers():
            planter.plant(self.home)
            http = Service(_answer(200, json.dumps(planter.answer).encode()))
            outcome = self.probe(provider, http).outcome
            assert isinstance(outcome, Snapshot)
            declared = {(line.label, line.type) for line in provider.lines}
            for line in json.loads(encode(outcome))["lines"]:
                self.assertIn((line["label"], line["type"]), declared)

    def test_requests(self) -> None:
        """Only the service is asked, no more than it need be, by checked TLS, and not led astray.

        Nothing is spent and no file is touched.
        """
        for provider, planter in self.providers():
            path = planter.plant(self.home)
            before = path.read_bytes(), path.stat()
            http = Service(_answer(200, json.dumps(planter.answer).encode()))
            self.probe(provider, http)

            self.assertTrue(http.requests)
            self.assertLessEqual(len(http.requests), planter.requests)
            for method, url in http.requests:
                self.assertEqual(method, "GET")
                self.assertTrue(url.startswith(planter.service), url)
            self.assertEqual(set(http.options), {(False, True)})
            self.assertEqual(
                (path.read_bytes(), path.stat().st_mtime_ns), (before[0], before[1].st_mtime_ns)
            )
            self.assertEqual(self.keychain.saved, [])

    def test_watched(self) -> None:
        """The file with the login is watched, so that a new one is noticed."""
        for provider, planter in self.providers():
            path = planter.plant(self.home)
            http = Service(_answer(200, json.dumps(planter.answer).encode()))
            self.assertIn(path, self.probe(provider, http).host.visit.watched)

    def test_state(self) -> None:
        """What is remembered survives a restart, and is for its owner's eyes alone."""
        for provider, planter in self.providers():
            planter.plant(self.home)
            http = Service(_answer(200, json.dumps(planter.answer).encode()))
            first = self.probe(provider, http)
            second = self.probe(provider, http)

            self.assertEqual(second.outcome, first.outcome)
            self.assertLessEqual(len(http.requests), planter.requests)
            (file,) = self.states.iterdir()
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            self.assertLess(file.stat().st_size, 100_000)


class NoLoginTests(Contract):
    """`Provider.probe` without a usable login."""

    def test_nothing(self) -> None:
        """The error says where a login was looked for, and nothing is sent."""
        for provider, planter in self.providers():
            http = Service(_answer(500))
            visitor = self.probe(provider, http)
            self.assertIsInstance(visitor.outcome, NotLoggedInError)
            self.assertIn(f"~/{planter.file}", str(visitor.outcome))
            self.assertEqual(http.requests, [])
            self.assert_private(visitor)

    def test_damaged(self) -> None:
        """A damaged login is none: the error names the file and nothing of what is in it."""
        for provider, planter in self.providers():
            for name, content in DAMAGES:
                with self.subTest(damage=name):
                    path = planter.plant(self.home)
                    path.write_bytes(content)
                    http = Service(_answer(500))
                    visitor = self.probe(provider, http)
                    self.assertIsInstance(visitor.outcome, (NotLoggedInError, NotAvailableError))
                    self.assertIn(f"~/{planter.file}", str(visitor.outcome))
                    self.assertEqual(http.requests, [])
                    self.assert_private(visitor, path)

    def test_wrong_types(self) -> None:
        """Whatever stands in the place of any part of a login, the probe ends as it should."""
        for provider, planter in self.providers():
            http = Service(_answer(200, json.dumps(planter.answer).encode()))
            for odd in _with_odd_parts(planter.login):
                path = planter.plant(self.home)
                path.write_text(json.dumps(odd))
                self.assert_private(self.probe(provider, http), path)


def _with_odd_parts(value: Any) -> Iterator[Any]:
    """`value` with one part of it, on any level, replaced by each of a few odd things."""
    yield from (None, True, 5, -1e300, "", "x\n\ud800", [], [value], {}, {"x": value})
    for key in value if isinstance(value, dict) else ():
        yield {name: inner for name, inner in value.items() if name != key}
        for odd in _with_odd_parts(value[key]):
            yield {**value, key: odd}


class TroubleTests(Contract):
    """`Provider.probe` when the service is not as it should be."""

    def cases(self) -> Iterator[tuple[Provider, Planter, Outcome, type[ProbeError]]]:
        for provider, planter in self.providers():
            for name, outcome, kind in TROUBLES:
                with self.subTest(trouble=name):
                    self.empty()
                    yield provider, planter, outcome, kind

    def test_told(self) -> None:
        """Each trouble is an error of its class, or a snapshot that says what is wrong."""
        logs = FakeLogs(History((Day(NOW.date(), 150, 0.75),), {"a-model": 150}))
        for provider, planter, outcome, kind in self.cases():
            planter.plant(self.home)
            for found in (FakeLogs(), logs):
                visitor = self.probe(provider, Service(outcome), logs=found)
                if isinstance(visitor.outcome, ProbeError):
                    self.assertIsInstance(visitor.outcome, kind)
                    self.assertRegex(str(visitor.outcome), r"\A[A-Z].*\.\Z")
                else:
                    self.assertTrue(visitor.told)
                    self.assertNotEqual(visitor.told, ["No usage data"])

    def test_one_request(self) -> None:
        """The service is asked once, and nobody else is, also in the probe that comes next."""
        for provider, planter, outcome, _ in self.cases():
            planter.plant(self.home)
            http = Service(outcome)
            for _probe in range(2):
                self.probe(provider, http)
                self.assertEqual(len(http.requests), 1)
            self.assertEqual(http.asked("POST"), [])
            self.assertTrue(http.requests[0][1].startswith(planter.service))

    def test_figures_stay(self) -> None:
        """Trouble after a good answer never makes a snapshot that has fewer figures."""
        for provider, planter, outcome, _ in self.cases():
            planter.plant(self.home)
            good = Service(_answer(200, json.dumps(planter.answer).encode()))
            before = self.probe(provider, good).outcome
            assert isinstance(before, Snapshot)
            clock = fake_host(self.home).clock
            clock.advance(301)  # type: ignore[attr-defined]
            after = self.probe(provider, Service(outcome), clock=clock).outcome
            if isinstance(after, Snapshot):
                self.assertLessEqual(set(before.lines), set(after.lines))
                self.assertEqual(after.fetched_at, NOW)

    def test_private(self) -> None:
        """Whatever the service says, and whatever is allowed, nothing planted comes out."""
        for provider, planter, outcome, _ in self.cases():
            for renewal in self.renewals(planter):
                path = planter.plant(self.home)
                http = Service(outcome, renewal)
                visitor = self.probe(provider, http, refresh_credentials=True)
                self.assert_private(visitor, path)
            path = planter.plant(self.home)
            self.assert_private(self.probe(provider, Service(outcome)), path)

    def renewals(self, planter: Planter) -> Iterator[Outcome]:
        yield _answer(400)
        yield _answer(500)
        yield _answer(200)
        yield ProbeTimeoutError("no answer within 15 s")
        if planter.renewed is not None:
            yield _answer(200, json.dumps({**planter.renewed, **OWNER, **planter.renewed}).encode())

    def test_private_when_well(self) -> None:
        """Nor does it when all is well: neither a token nor an address is kept or shown."""
        for provider, planter in self.providers():
            path = planter.plant(self.home)
            http = Service(_answer(200, json.dumps(planter.answer).encode()))
            self.assert_private(self.probe(provider, http), path)

    def test_cancelled(self) -> None:
        """A probe that is cancelled while it waits for the service ends as cancelled."""
        for provider, planter in self.providers():
            planter.plant(self.home)
            http = Service(_answer(500), hangs=True)
            work = Deferred.fromCoroutine(provider.probe(self.host(provider, http)))
            self.assertNoResult(work)
            work.cancel()
            self.failureResultOf(work, CancelledError)


class RefreshTests(Contract):
    """`Provider.probe` where the service refuses the token."""

    def renewable(self) -> Iterator[tuple[Provider, Planter, Path]]:
        for provider, planter in self.providers():
            if planter.renewed is not None:
                yield provider, planter, planter.plant(self.home)

    def test_not_allowed(self) -> None:
        """Without permission no refresh token is sent, whatever the service says."""
        for provider, _, path in self.renewable():
            before = path.read_bytes()
            http = Service(_answer(401))
            self.probe(provider, http)
            self.assertEqual(http.asked("POST"), [])
            self.assertEqual(path.read_bytes(), before)

    def test_once(self) -> None:
        """With permission the refresh token is sent once, whatever comes of it."""
        answers: tuple[Callable[[Planter], Outcome], ...] = (
            lambda planter: _answer(200, json.dumps(planter.renewed).encode()),
            lambda planter: _answer(400),
            lambda planter: _answer(401, b"<html>"),
            lambda planter: _answer(500),
            lambda planter: UnreachableError("connection reset"),
        )
        for answer in answers:
            for provider, planter, _ in self.renewable():
                http = Service(_answer(401), answer(planter))
                self.probe(provider, http, refresh_credentials=True)
                self.assertEqual(len(http.asked("POST")), 1)
                self.assertLessEqual(len(http.asked("GET")), 2)

    def test_kept(self) -> None:
        """What a refresh buys is stored, beside everything that was there, in the same mode."""
        for provider, planter, path in self.renewable():
            path.chmod(0o640)
            before = json.loads(path.read_text())
            http = Service(_answer(401), _answer(200, json.dumps(planter.renewed).encode()))
            self.probe(provider, http, refresh_credentials=True)

            text = path.read_text()
            self.assertIn(f"{ACCESS}-2", text)
            self.assertIn(f"{REFRESH}-2", text)
            after = json.loads(text)
            self.assertEqual(after["owner"], OWNER)
            self.assertLessEqual(set(before), set(after))
            self.assertEqual(path.stat().st_mode & 0o777, 0o640)
            self.assertEqual(list(path.parent.iterdir()), [path])
