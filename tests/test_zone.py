"""Tests for `openusage.host.zone`."""

from __future__ import annotations

from datetime import timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tzlocal
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import zone
from openusage.host.zone import LocalZone, local_zone
from openusage.testing import NOW, clock_at
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


class LocalZoneAgeTests(SynchronousTestCase):
    """Tests for `LocalZone`."""

    def setUp(self) -> None:
        self.names = ["Europe/Berlin"]
        self.looked_up = 0
        self.clock = clock_at(NOW)
        self.patch(tzlocal, "reload_localzone", self.reload)
        self.zone = LocalZone(self.clock)

    def reload(self) -> ZoneInfo:
        self.looked_up += 1
        return ZoneInfo(self.names[-1])

    def test_together(self) -> None:
        """All that is asked at the same time costs one look-up."""
        zones = {self.zone() for _ in range(20)}

        self.assertEqual((zones, self.looked_up), ({ZoneInfo("Europe/Berlin")}, 1))

    def test_travel(self) -> None:
        """Half a minute later the zone is looked up again, since people travel."""
        self.zone()
        self.names.append("Asia/Tokyo")
        self.clock.advance(29.9)
        before = self.zone()
        self.clock.advance(0.1)

        self.assertEqual(before, ZoneInfo("Europe/Berlin"))
        self.assertEqual(self.zone(), ZoneInfo("Asia/Tokyo"))

    def test_set_back(self) -> None:
        """A clock that was set back does not keep an old zone for ever."""
        self.zone()
        self.names.append("Asia/Tokyo")
        self.clock.rightNow -= 3600

        self.assertEqual(self.zone(), ZoneInfo("Asia/Tokyo"))
