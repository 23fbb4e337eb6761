"""Tests for `openusage.host.machine`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host, Machine, Visit
from openusage.host.blocking import Blocking
from openusage.host.env import Env
from openusage.testing import NOW, FakeHttp, FakeKeychain, FakeLogs, clock_at
from tests.pieces import HeldCalls, begun

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")


class MachineTests(SynchronousTestCase):
    """Tests for `Machine`."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.zone: tzinfo = BERLIN
        self.lanes: list[Blocking] = []
        self.machine = Machine(
            clock=clock_at(NOW),
            http=FakeHttp(),
            env=Env({"PATH": "/bin", "CODEX_HOME": "/srv/codex"}, "linux"),
            home=self.home,
            platform="linux",
            keychain=FakeKeychain(),
            logs=FakeLogs(),
            states=self.home / "state",
            user_agent="openusage/1",
            zone=lambda: self.zone,
            lane=self.lane,
        )

    def lane(self) -> Blocking:
        lane = HeldCalls()
        self.lanes.append(lane)
        return lane

    def host(self, id: str = "claude", visit: Visit | None = None, **overlay: Any) -> Host:  # noqa: A002
        return self.machine.host(id, id.title(), visit or Visit(), **overlay)

    def test_shared(self) -> None:
        """A host has what the machine has, and is told what it is the host of."""
        visit = Visit()

        host = self.host(visit=visit)

        self.assertEqual((host.id, host.name, host.home), ("claude", "Claude", self.home))
        self.assertEqual((host.platform, host.user_agent), ("linux", "openusage/1"))
        self.assertIs(host.http, self.machine.http)
        self.assertIs(host.keychain, self.machine.keychain)
        self.assertIs(host.logs, self.machine.logs)
        self.assertIs(host.visit, visit)
        self.assertEqual(host.now(), NOW)
        self.assertFalse(host.refresh_credentials)
        self.assertIsNone(host.compatible_agent)

    def test_environment(self) -> None:
        """An instance sees the environment with its own overlay; the machine's stays."""
        overlay: Mapping[str, str | None] = {"CODEX_HOME": "~/.codex-work", "PATH": None}

        work, default = self.host("work", env=overlay), self.host()

        self.assertEqual(
            (work.env.get("CODEX_HOME"), work.env.get("PATH")), ("~/.codex-work", None)
        )
        self.assertEqual(default.env.get("CODEX_HOME"), "/srv/codex")

    def test_home(self) -> None:
        """An instance may have another home, where its paths start."""
        host = self.host(home=Path("/srv/work"))

        self.assertEqual(host.path("~/.codex"), Path("/srv/work/.codex"))

    def test_zone(self) -> None:
        """The zone is asked for at each visit, unless one is given."""
        first = self.host().zone
        self.zone = TOKYO

        self.assertEqual((first, self.host().zone), (BERLIN, TOKYO))
        self.assertEqual(self.host(zone=timezone.utc).zone, timezone.utc)

    def test_settings(self) -> None:
        """What the person allowed or chose is passed on."""
        host = self.host(refresh_credentials=True, compatible_agent="mine/1")

        self.assertTrue(host.refresh_credentials)
        self.assertEqual(host.agent("claude-code/2"), "mine/1")

    def test_lanes(self) -> None:
        """Each instance has a lane of its own, which it keeps from visit to visit."""
        first, second, other = self.host(), self.host(), self.host("codex")

        self.assertIs(first.run, second.run)
        self.assertIsNot(first.run, other.run)
        self.assertEqual(len(self.lanes), 2)

    def test_one_lane(self) -> None:
        """Files and databases of an instance go through its lane."""
        host = self.host()

        self.assertIs(host.files.run, host.run)
        self.assertIs(host.sqlite.run, host.run)

    def test_state(self) -> None:
        """What an instance keeps is there at its next visit, and nobody else's."""
        self.successResultOf(begun(self.host().state.write({"seen": 1})))

        self.assertEqual(self.successResultOf(begun(self.host().state.read())), {"seen": 1})
        self.assertEqual(self.successResultOf(begun(self.host("codex").state.read())), {})
        self.assertEqual([path.name for path in (self.home / "state").iterdir()], ["claude.json"])

    def test_state_of_a_login(self) -> None:
        """What was kept for one login is not shown to another."""
        ada, bob = self.host(), self.host()
        ada.identify("ada")
        bob.identify("bob")

        self.successResultOf(begun(ada.state.write({"seen": 1})))

        self.assertEqual(self.successResultOf(begun(bob.state.read())), {})
        self.assertIn("2026-11-24T12:00:00", (self.home / "state" / "claude.json").read_text())
