"""In-memory stand-ins for everything a probe may touch, for the tests of providers.

```python
class CodexTests(SynchronousTestCase):
    def test_refused(self) -> None:
        home, http = Path(self.mktemp()), FakeHttp()
        (home / ".codex").mkdir(parents=True)
        (home / ".codex/auth.json").write_text('{"tokens": {"access_token": "token"}}')
        http.reply("GET", "https://chatgpt.com/", 401)
        host = fake_host(home, id="codex", http=http)

        self.failureResultOf(Deferred.fromCoroutine(Codex().probe(host)), TokenExpiredError)
```

No thread, network, keychain or wall clock is used: files and SQLite databases are real, below the
`home` that is given, and everything answers before the call returns unless it is told to hang.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timezone, tzinfo
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, execute
from twisted.internet.task import Clock
from zope.interface import implementer

from openusage.host import Host, Http, Response, State, Visit
from openusage.host.env import Env
from openusage.host.files import Files
from openusage.host.keychain import Keychain, KeychainError
from openusage.host.processes import Process, Processes
from openusage.host.sqlite import Sqlite
from openusage.model import Line, ProbeError, Progress, Snapshot
from openusage.providers.interface import DeclaredLine, IProvider, Link, Provider
from openusage.sessionlogs import Call, History, LocalSessionLogs, SessionLogs, Terms, Tool

__all__ = [
    "NOW",
    "FakeHttp",
    "FakeKeychain",
    "FakeLogs",
    "FakeProcesses",
    "FakeProvider",
    "MemoryState",
    "Request",
    "clock_at",
    "fake_host",
    "run_inline",
]

P = ParamSpec("P")
T = TypeVar("T")

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
"""The instant at which the clock of `fake_host` stands unless another clock is given."""


def run_inline(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """A `Blocking` that calls at once: the Deferred has already fired."""
    return execute(function, *args, **kwargs)


def clock_at(instant: datetime) -> Clock:
    """A `Clock` that stands at `instant` until it is advanced."""
    clock = Clock()
    clock.rightNow = instant.timestamp()
    return clock


# --- HTTP -----------------------------------------------------------------------------------------


@frozen
class Request:
    """One request that a provider made; header names are lower-case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float = 10.0
    follow_redirects: bool = False
    verify: bool = True

    def json(self) -> Any:
        """The body as JSON; `ValueError` when it is none."""
        return json.loads(self.body or b"")


@frozen
class _Answer:
    method: str
    prefix: str
    outcome: Callable[[], Deferred[Response]]

    def fits(self, method: str, url: str) -> bool:
        return self.method == method and url.startswith(self.prefix)


@define
class FakeHttp:
    """An `Http` whose answers are queued beforehand and whose requests are kept for inspection.

    Each answer serves one request. Among those that fit, the longest URL prefix goes first, then
    the one queued first. A request that nothing fits fails the test with an `AssertionError`.
    """

    requests: list[Request] = field(factory=list)
    _answers: list[_Answer] = field(factory=list, init=False)

    def reply(
        self,
        method: str,
        url_prefix: str,
        status: int = 200,
        body: bytes | str | Mapping[str, Any] | Sequence[Any] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer one request; a text `body` is sent as UTF-8, a mapping or sequence as JSON."""
        response = Response(status, _lower(headers), _bytes(body))
        self._queue(method, url_prefix, lambda: execute(lambda: response))

    def fail(self, method: str, url_prefix: str, error: ProbeError) -> None:
        """Fail a request with `error`, such as `UnreachableError("…")`."""

        def outcome() -> Deferred[Response]:
            failed: Deferred[Response] = Deferred()
            failed.errback(error)
            return failed

        self._queue(method, url_prefix, outcome)

    def hang(self, method: str, url_prefix: str) -> Deferred[Response]:
        """Leave a request without answer until the Deferred that is returned is fired."""
        waiting: Deferred[Response] = Deferred()
        self._queue(method, url_prefix, lambda: waiting)
        return waiting

    @property
    def left(self) -> list[str]:
        """The answers that nobody asked for, as `GET https://…`."""
        return [f"{answer.method} {answer.prefix}" for answer in self._answers]

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
        """The answer queued for `method` and `url`."""
        self.requests.append(
            Request(method, url, _lower(headers), body, timeout, follow_redirects, verify)
        )
        fitting = [answer for answer in self._answers if answer.fits(method, url)]
        if not fitting:
            raise AssertionError(f"unexpected request: {method} {url}; left: {self.left}")
        answer = max(fitting, key=lambda answer: len(answer.prefix))
        self._answers.remove(answer)
        return await answer.outcome()

    def _queue(self, method: str, prefix: str, outcome: Callable[[], Deferred[Response]]) -> None:
        self._answers.append(_Answer(method, prefix, outcome))


def _lower(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _bytes(body: bytes | str | Mapping[str, Any] | Sequence[Any]) -> bytes:
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


# --- keychain, state, logs ------------------------------------------------------------------------


@define
class FakeKeychain:
    """A `Keychain` kept in `items`, by service and account.

    A lookup without account finds the first item of the service, as the macOS keychain does.
    `asked`, `prompted` (lookups that might show a dialog) and `saved` tell what was done. `locked`:
    nothing is found and nothing can be saved. `read_only`: nothing can be saved. `background`:
    lookups that might show a dialog find nothing.
    """

    items: dict[tuple[str, str | None], str] = field(factory=dict)
    current_user: str = "ada"
    locked: bool = False
    read_only: bool = False
    background: bool = False
    asked: list[tuple[str, str | None]] = field(factory=list)
    prompted: list[tuple[str, str | None]] = field(factory=list)
    saved: list[tuple[str, str | None, str]] = field(factory=list)

    async def get(
        self, service: str, account: str | None = None, *, prompts: bool = False
    ) -> str | None:
        """The item's value; `None` when there is none or it cannot be had."""
        self.asked.append((service, account))
        if prompts:
            self.prompted.append((service, account))
        if self.locked or (prompts and self.background):
            return None
        return self.items.get(self._key(service, account))

    async def set(self, service: str, account: str | None, value: str) -> None:
        """Keep the value; without account that of the service's first item is used again."""
        if self.locked or self.read_only:
            raise KeychainError("the keychain did not take the value")
        self.saved.append((service, account, value))
        self.items[self._key(service, account)] = value

    def _key(self, service: str, account: str | None) -> tuple[str, str | None]:
        if account is not None:
            return service, account
        return next((key for key in self.items if key[0] == service), (service, None))


@define
class MemoryState:
    """A `State` kept in `values`, one JSON object per credential; `None` before `host.identify`.

    Give the same one to two hosts, and the second finds what the first left.
    """

    values: dict[str | None, dict[str, Any]] = field(factory=dict)
    visit: Visit = field(factory=Visit)

    async def read(self) -> dict[str, Any]:
        """What was last written for the credential in use, or `{}`."""
        return _copy(self.values.get(self.visit.credential, {}))

    async def write(self, value: dict[str, Any]) -> None:
        """Keep `value`; `TypeError` when it is not JSON."""
        self.values[self.visit.credential] = _copy(value)


def _copy(value: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(value))
    return copy


@define
class FakeLogs:
    """A `SessionLogs` that finds `found` wherever it looks; `asked` keeps the tool and roots.

    Calls that it is given to add up are kept in `added` and really summed, at the bundled prices.
    """

    found: History | None = None
    asked: list[tuple[Tool, tuple[Path, ...]]] = field(factory=list)
    added: list[Call] = field(factory=list)

    async def history(
        self, tool: Tool, roots: Sequence[Path], *, today: date, zone: tzinfo, days: int = 31
    ) -> History | None:
        """What `found` holds."""
        self.asked.append((tool, tuple(roots)))
        return self.found

    async def add_up(
        self,
        calls: Iterable[Call],
        *,
        today: date,
        zone: tzinfo,
        days: int = 31,
        terms: Terms = Terms(),  # noqa: B008 (frozen)
        notes: Iterable[str] = (),
    ) -> History:
        """The sums of `calls`."""
        given = list(calls)
        self.added += given
        logs = LocalSessionLogs(run_inline)
        return await logs.add_up(given, today=today, zone=zone, days=days, terms=terms, notes=notes)


@define
class FakeProcesses:
    """A `Processes` of `running` programs, whose `listening` ports are kept by process id.

    `asked` counts how often the programs were listed.
    """

    running: list[Process] = field(factory=list)
    listening: dict[int, list[int]] = field(factory=dict)
    asked: int = 0

    async def list(self) -> Sequence[Process]:
        """The programs."""
        self.asked += 1
        return self.running

    async def ports(self, pid: int) -> Sequence[int]:
        """The ports of one of them."""
        return self.listening.get(pid, [])


# --- the host and a provider ----------------------------------------------------------------------


def fake_host(
    home: Path,
    *,
    id: str = "claude",  # noqa: A002 (the field's own name)
    name: str | None = None,
    env: Mapping[str, str] | None = None,
    platform: str = "linux",
    http: Http | None = None,
    keychain: Keychain | None = None,
    clock: Clock | None = None,
    zone: tzinfo = timezone.utc,
    logs: SessionLogs | None = None,
    processes: Processes | None = None,
    state: State | None = None,
    refresh_credentials: bool = False,
    visit: Visit | None = None,
) -> Host:
    """A real `Host` for a person whose home folder is `home`, with fakes where nothing is given.

    A `MemoryState` follows the new host's `visit`; any other `state` is used as it is.
    """
    visit = visit or Visit()
    state = state or MemoryState()
    if isinstance(state, MemoryState):
        state.visit = visit
    return Host(
        id=id,
        name=name or id.replace("-", " ").title(),
        home=home,
        platform=platform,
        zone=zone,
        clock=clock or clock_at(NOW),
        run=run_inline,
        http=http or FakeHttp(),
        env=Env(env or {}, platform),
        files=Files(run_inline),
        keychain=keychain or FakeKeychain(),
        sqlite=Sqlite(run_inline),
        logs=logs or FakeLogs(),
        processes=processes or FakeProcesses(),
        state=state,
        user_agent="openusage/0",
        refresh_credentials=refresh_credentials,
        visit=visit,
    )


@implementer(IProvider)
@define
class FakeProvider:
    """A provider that finds what it is told to.

    A probe returns `snapshot` if there is one, else `usage` and `plan` under the host's id and
    name; `error`, if there is one, is raised instead. While `hanging`, each probe waits on a
    Deferred of its own, the newest last in `pending`: fire it to let the probe go on. `probes`,
    `detects` and `cancelled` count, `hosts` keeps what the probes were given. `detected` is what
    `detect` returns.
    """

    id: str = "fake"
    name: str = "Fake"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Session", "progress", "overview", resource="session", primary=1),
    )
    links: Sequence[Link] = ()
    brand_color: str = "#808080"
    usage: Sequence[Line] = (Progress("Session", 42, 100),)
    plan: str | None = "Pro"
    snapshot: Snapshot | None = None
    error: Exception | None = None
    hanging: bool = False
    detected: str | None = "~/.fake/credentials.json"
    probes: int = 0
    detects: int = 0
    cancelled: int = 0
    pending: list[Deferred[None]] = field(factory=list)
    hosts: list[Host] = field(factory=list)

    async def detect(self, host: Host) -> str | None:
        """What `detected` holds."""
        self.detects += 1
        return self.detected

    async def probe(self, host: Host) -> Snapshot:
        """The snapshot or error that was asked for, once nothing hangs."""
        self.probes += 1
        self.hosts.append(host)
        if self.hanging:
            await self._released()
        if self.error is not None:
            raise self.error
        return self.snapshot or host.snapshot(self.usage, self.plan)

    async def _released(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.pending.append(waiting)
        try:
            await waiting
        except CancelledError:
            self.cancelled += 1
            raise


# Each fake is pinned to the seam it stands for: the type checker tells when one drifts.
_: type[Provider] = FakeProvider
_SEAMS: tuple[type[Http], type[Keychain], type[State], type[SessionLogs], type[Processes]] = (
    FakeHttp,
    FakeKeychain,
    MemoryState,
    FakeLogs,
    FakeProcesses,
)
