"""Tests for `openusage.host.zone`."""

from __future__ import annotations

from datetime import timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tzlocal
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import zone
from openusage.host.zone import local_zone
from tests.pieces import words


class LocalZoneTests(SynchronousTestCase):
    """Tests for `local_zone`."""

    def setUp(self) -> None:
        self.addCleanup(zone._warn.cache_clear)
        zone._warn.cache_clear()

    def machine(self, answer: ZoneInfo | Exception) -> None:
        """What the machine says its zone is."""

        def reload() -> ZoneInfo:
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.patch(tzlocal, "reload_localzone", reload)

    def test_zone(self) -> None:
        """The zone is that of the machine, asked for each time, since people travel."""
        for name in ("Europe/Berlin", "America/New_York"):
            self.machine(ZoneInfo(name))
            self.assertEqual(local_zone(), ZoneInfo(name))

    def test_unknown(self) -> None:
        """On a machine whose zone is none we know, days are counted in UTC; one warning says so."""
        for trouble in (ZoneInfoNotFoundError("EST5EDT4"), ValueError("offset"), OSError("gone")):
            self.machine(trouble)
            with capturedLogs() as events:
                self.assertEqual((local_zone(), local_zone()), (timezone.utc, timezone.utc))

            (said,) = words(events)
            self.assertIn(f"is not known ({type(trouble).__name__})", said)
            self.assertIn('Set "timeZone" in settings.json.', said)
