"""Tests for `openusage.health`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from openusage._version import __version__
from openusage.health import HealthReport, InstanceHealth, LastError, report
from openusage.model import Health
from openusage.roster import Instance, Roster
from openusage.store import Store
from openusage.testing import NOW, FakeProvider
from openusage.wire import encode
from tests.pieces import after


class ReportTests(SynchronousTestCase):
    """Tests for `report`."""

    def setUp(self) -> None:
        provider = FakeProvider()
        self.store = Store(
            Roster((Instance("b", "B", provider), Instance("a", "A", provider)), frozenset({"a"}))
        )
        self.failed = Health(
            last_attempt=NOW,
            last_success=after(hours=-1),
            error="timeout",
            message="No answer within 60 s.",
            failures=2,
            next_attempt=after(minutes=10),
            waiting="backoff",
            notes=("unknown model: x",),
        )

    def test_service(self) -> None:
        """The report has the version, the uptime in whole seconds, and what needs mending."""
        whole = report(Store(), 4512.9, ("settings.json: unknown key 'theme'",))

        self.assertEqual(
            whole, HealthReport(__version__, 4512, ("settings.json: unknown key 'theme'",), ())
        )

    def test_failure(self) -> None:
        """Of an instance that fails there is why, since when, and when it is tried again."""
        self.store.set_health("a", self.failed)

        _, a = report(self.store, 0).providers

        self.assertEqual(
            a,
            InstanceHealth(
                provider_id="a",
                display_name="A",
                enabled=True,
                last_attempt=NOW,
                last_success=after(hours=-1),
                last_error=LastError("timeout", "No answer within 60 s."),
                failures=2,
                next_attempt=after(minutes=10),
                waiting="backoff",
                notes=("unknown model: x",),
            ),
        )

    def test_fine(self) -> None:
        """Of an instance that was never probed nothing is known, and nothing is wrong."""
        _, a = report(self.store, 0).providers

        self.assertEqual(a, InstanceHealth("a", "A", True, None, None, None, 0, None, None, ()))

    def test_no_words(self) -> None:
        """A failure without words has empty ones."""
        self.store.set_health("a", Health(error="timeout"))

        self.assertEqual(report(self.store, 0).providers[1].last_error, LastError("timeout", ""))

    def test_disabled(self) -> None:
        """An instance that is not enabled waits for nothing; how it went is still there."""
        self.store.set_health("b", self.failed)

        b, _ = report(self.store, 0).providers

        self.assertEqual((b.enabled, b.next_attempt, b.waiting), (False, None, None))
        self.assertEqual((b.failures, b.last_attempt), (2, NOW))

    def test_roster(self) -> None:
        """The order is the roster's; what is not in it is not reported."""
        self.store.set_health("gone", self.failed)

        ids = [each.provider_id for each in report(self.store, 0).providers]

        self.assertEqual(ids, ["b", "a"])

    def test_wire(self) -> None:
        """On the wire every key is there, in this order."""
        self.store.set_health("a", self.failed)

        document = json.loads(encode(report(self.store, 1)))

        self.assertEqual(list(document), ["version", "uptimeSeconds", "problems", "providers"])
        self.assertEqual(
            list(document["providers"][0]),
            [
                *("providerId", "displayName", "enabled", "lastAttempt", "lastSuccess"),
                *("lastError", "failures", "nextAttempt", "waiting", "notes"),
            ],
        )
        self.assertEqual(
            document["providers"][1]["lastError"],
            {"code": "timeout", "message": "No answer within 60 s."},
        )
