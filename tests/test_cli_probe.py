"""`openusage probe`."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.blocks import Block, Meter
from openusage.cli.probe import allowed, block_of, known_prices, probe_once, status_of
from openusage.folders import Folders
from openusage.host import Machine, Visit
from openusage.host.env import Env
from openusage.model import (
    MalformedError,
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    ProviderCrashedError,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.probing import DEADLINE
from openusage.roster import Instance
from openusage.sessionlogs.rates import Buckets
from openusage.settings import Settings
from openusage.testing import (
    NOW,
    FakeHttp,
    FakeKeychain,
    FakeLogs,
    FakeProvider,
    clock_at,
    run_inline,
)
from openusage.wire import encode, from_json, instant_text
from tests.test_cli import folders, run, run_child
from tests.test_cli_status import now

CREDENTIALS = {"claudeAiOauth": {"accessToken": "planted", "expiresAt": 4102444800000}}


def machine(base: Path, clock: Clock) -> Machine:
    return Machine(
        clock=clock,
        http=FakeHttp(),
        env=Env({}, "linux"),
        home=base,
        platform="linux",
        keychain=FakeKeychain(),
        logs=FakeLogs(),
        states=base / "state",
        user_agent="openusage/0",
        zone=lambda: timezone.utc,
        lane=lambda: run_inline,
    )


class ProbeOnceTests(SynchronousTestCase):
    """`probe_once`"""

    def setUp(self) -> None:
        self.clock = clock_at(NOW)
        self.machine = machine(Path(self.mktemp()), self.clock)
        self.provider = FakeProvider()

    def probe(self, settings: Settings | None = None, name: str = "fake") -> Deferred[Snapshot]:
        instance = Instance(name, name.title(), self.provider, {"WHO": "me"})
        probing: Coroutine[Any, Any, Snapshot] = probe_once(
            instance, settings or Settings(), self.machine, Visit()
        )
        return Deferred.fromCoroutine(probing)

    def test_snapshot(self) -> None:
        """The provider's snapshot, under the id of the instance and with its environment."""
        snapshot = self.successResultOf(self.probe(name="fake-work"))

        self.assertEqual((snapshot.provider_id, snapshot.plan), ("fake-work", "Pro"))
        self.assertEqual(self.provider.hosts[0].env.get("WHO"), "me")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deadline(self) -> None:
        """A provider that hangs is given up, and cancelled, at the deadline."""
        self.provider.hanging = True
        probing = self.probe()

        self.clock.advance(DEADLINE - 1)
        self.assertNoResult(probing)
        self.clock.advance(1)

        self.failureResultOf(probing, ProbeTimeoutError)
        self.assertEqual(self.provider.cancelled, 1)

    def test_crash(self) -> None:
        """A bug of a provider is told as such."""
        self.provider.error = KeyError("x")

        self.failureResultOf(self.probe(), ProviderCrashedError)

    def test_settings(self) -> None:
        """Refresh tokens are spent only where the settings, or this run, allow it."""
        instance = Instance("fake", "Fake", self.provider)
        for settings in (Settings(), allowed(Settings(), instance)):
            self.successResultOf(self.probe(settings))

        self.assertEqual([h.refresh_credentials for h in self.provider.hosts], [False, True])


class AllowedTests(SynchronousTestCase):
    """`allowed`"""

    def test_only_this(self) -> None:
        """One instance is allowed, and no other."""
        settings = allowed(Settings(time_zone="UTC"), Instance("x", "X", FakeProvider("x")))

        self.assertEqual((settings.may_refresh("x"), settings.may_refresh("y")), (True, False))
        self.assertEqual(settings.time_zone, "UTC")


class KnownPricesTests(SynchronousTestCase):
    """`known_prices`"""

    def cost(self, settings: Settings) -> float | None:
        """What a million tokens of a model cost that only the stored catalog knows."""
        folders = Folders(Path(), Path(self.mktemp()))
        folders.data.mkdir()
        catalog = {"mystery": {"rates": [3, 3, None, 3]}}
        folders.prices.write_text(json.dumps({"checked_at": 0, "etag": None, "models": catalog}))

        finding = Deferred.fromCoroutine(known_prices(settings, folders, run_inline))

        return self.successResultOf(finding).cost("mystery", Buckets(10**6))

    def test_stored(self) -> None:
        """A stored catalog is used if it is there and the settings do not switch it off."""
        self.assertEqual(self.cost(Settings()), 3)
        self.assertIsNone(self.cost(Settings(refresh_prices=False)))


class StatusOfTests(SynchronousTestCase):
    """`status_of`"""

    def test_every_error(self) -> None:
        """Each class of failure has its status; one that is not known is a plain failure."""
        for error, status in (
            (NotLoggedInError("x"), 3),
            (NotAvailableError("x"), 3),
            (TokenExpiredError("x"), 4),
            (RateLimitedError("x"), 4),
            (UnreachableError("x"), 4),
            (ProbeTimeoutError("x"), 4),
            (UnexpectedResponseError("x"), 4),
            (MalformedError("x"), 1),
            (ProviderCrashedError("x"), 1),
            (ProbeError("x"), 1),
        ):
            with self.subTest(error=error):
                self.assertEqual(status_of(error), status)


class BlockOfTests(SynchronousTestCase):
    """`block_of`"""

    def test_facts(self) -> None:
        """The plan, and the age of figures that are not new."""
        lines = (Progress("Session", 42, 100),)
        rows = (Meter("Session", 0.42, "42 %"),)
        old = Snapshot("x", "X", None, lines, NOW - timedelta(hours=2))

        self.assertEqual(
            block_of(Snapshot("x", "X", "Pro", lines, NOW), NOW), Block("X", ("Pro",), rows=rows)
        )
        self.assertEqual(block_of(old, NOW), Block("X", ("2 h ago",), rows=rows))


class ProbeTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        self.home = self.base / "home"

    def log_something(self, model: str = "claude-opus-4-5") -> None:
        """Plant a session log of Claude Code with one call of just now."""
        folder = self.home / ".claude" / "projects" / "p"
        folder.mkdir(parents=True)
        usage = {"input_tokens": 1000, "output_tokens": 500}
        message = {"id": "m", "model": model, "usage": usage}
        record = {
            "type": "assistant",
            "timestamp": instant_text(now().replace(microsecond=0)),
            "sessionId": "s",
            "version": "2.1.0",
            "requestId": "r",
            "message": message,
        }
        (folder / "s.jsonl").write_text(json.dumps(record, separators=(",", ":")) + "\n")

    def test_unknown(self) -> None:
        """An id that is not known is a usage error that lists those that are."""
        result = run("probe", "nix", env=folders(self.base))

        self.assertEqual((result.exit_code, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"^openusage: no provider 'nix'; there are: claude, codex")

    def test_bad_settings(self) -> None:
        """Settings that are not valid are named by line, wherever they are."""
        self.base.mkdir()
        (self.base / "settings.json").write_text("{\n\n!")

        result = run("probe", "claude", "--config-dir", str(self.base), env=folders(self.base))

        self.assertEqual((result.exit_code, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"^openusage: settings.json, line 3")

    def test_no_id(self) -> None:
        """Without an id it is a usage error."""
        self.assertEqual(run("probe").exit_code, 2)

    def test_no_credentials(self) -> None:
        """Without login and logs: 3, one line on stderr, nothing on stdout."""
        done = run_child(self.base, "probe", "claude", "--json")

        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertRegex(done.stderr, rb"^openusage: claude: [^\n]+\n\Z")

    def test_json(self) -> None:
        """With logs: 0 and exactly the bytes of the API, and the service's cache stays."""
        self.log_something()

        done = run_child(self.base, "probe", "claude", "--json")

        self.assertEqual(done.returncode, 0)
        snapshot = from_json(json.loads(done.stdout), Snapshot)
        self.assertEqual(done.stdout, encode(snapshot) + b"\n")
        self.assertIn("Today", [line.label for line in snapshot.lines])
        self.assertFalse((self.base / "data" / "snapshots.json").exists())

    def test_stored_prices(self) -> None:
        """A model that only the service's stored price list knows is priced by it."""
        self.log_something("mystery-9")
        (self.base / "data").mkdir()
        catalog = {"mystery-9": {"rates": [1000, 1000, None, 4000]}}
        stored = {"checked_at": 0, "etag": None, "models": catalog}
        (self.base / "data" / "prices.json").write_text(json.dumps(stored))

        done = run_child(self.base, "probe", "claude")

        self.assertIn("Today         $3.00 · 1.5K tokens", done.stdout.decode().splitlines()[1])

    def test_refused(self) -> None:
        """A service that cannot be reached: 4."""
        folder = self.home / ".claude"
        folder.mkdir(parents=True)
        (folder / ".credentials.json").write_text(json.dumps(CREDENTIALS))

        done = run_child(self.base, "probe", "claude", more={"HTTPS_PROXY": "http://127.0.0.1:1"})

        self.assertEqual((done.returncode, done.stdout), (4, b""))
        self.assertRegex(done.stderr, rb"(?m)^openusage: claude: ")
        self.assertNotIn(b"planted", done.stderr)
