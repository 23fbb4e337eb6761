"""`openusage providers`."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.known import Known
from openusage.cli.providers import find, listed, table
from openusage.folders import Folders
from openusage.host import Host, Visit
from openusage.roster import Instance
from openusage.settings import Plugins, Settings
from openusage.testing import NOW, FakeProvider, clock_at, fake_host
from tests.test_cli import folders, run, run_child
from tests.test_cli_probe import CREDENTIALS


class Hanging(FakeProvider):
    """A provider whose detection never ends."""

    async def detect(self, host: Host) -> str | None:
        await Deferred()
        return "too late"


class Broken(FakeProvider):
    """A provider whose detection fails."""

    async def detect(self, host: Host) -> str | None:
        raise KeyError("x")


class FindTests(SynchronousTestCase):
    """`find`, `listed` and `table`, on providers that are made up."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        found = FakeProvider("ada", "Ada", detected="~/.ada\x1b[0m/auth.json")
        self.known = Known(
            Folders(self.base, self.base),
            Settings(plugins=Plugins(disabled=("ada",))),
            (
                Instance("ada", "Ada", found),
                Instance("bob", "Bob", FakeProvider("bob", "Bob", detected=None)),
                Instance("ada-work", "Ada (work)", found),
                Instance("eve", "Eve", Hanging("eve", "Eve")),
                Instance("kim", "Kim", Broken("kim", "Kim")),
            ),
        )

    def find(self) -> dict[str, str]:
        clock = clock_at(NOW)

        def make_host(instance: Instance, visit: Visit) -> Host:
            return fake_host(self.base, id=instance.id, visit=visit)

        finding = Deferred.fromCoroutine(find(self.known, make_host, clock))
        self.assertNoResult(finding)
        clock.advance(60)
        return self.successResultOf(finding)

    def test_find(self) -> None:
        """Places by id; a detection that fails or hangs has found nothing."""
        self.assertEqual(list(self.find()), ["ada", "ada-work"])

    def test_listed(self) -> None:
        """Every instance with what is known of it, in order."""
        rows = listed(self.known, self.find())

        self.assertEqual(
            rows[2],
            {
                "id": "ada-work",
                "name": "Ada (work)",
                "provider": "ada",
                "detected": "~/.ada\x1b[0m/auth.json",
                "enabled": True,
                "order": 2,
                "account": True,
            },
        )
        self.assertEqual(
            [(row["id"], row["order"], row["enabled"], row["account"]) for row in rows[:2]],
            [("ada", 0, False, False), ("bob", 1, False, False)],
        )
        self.assertIsNone(rows[1]["detected"])

    def test_table(self) -> None:
        """The same for people, without anything that could steer a terminal."""
        self.assertEqual(
            table(listed(self.known, self.find()))[:4],
            [
                "ID        NAME        DETECTED          ENABLED",
                "ada       Ada         ~/.ada/auth.json  no",
                "bob       Bob         \N{EN DASH}                 no",
                "ada-work  Ada (work)  ~/.ada/auth.json  yes",
            ],
        )


class ProvidersTests(SynchronousTestCase):
    """The command."""

    def test_json(self) -> None:
        """What is on the machine is found, in the order of the settings."""
        base = Path(self.mktemp()).absolute()
        (base / "home" / ".claude").mkdir(parents=True)
        (base / "home" / ".claude" / ".credentials.json").write_text(json.dumps(CREDENTIALS))
        (base / "config").mkdir()
        settings = {
            "plugins": {"order": ["codex"]},
            "accounts": [{"id": "x", "provider": "codex"}, {"id": "y", "provider": "nix"}],
        }
        (base / "config" / "settings.json").write_text(json.dumps(settings))

        done = run_child(base, "providers", "--json")

        rows = {row["id"]: row for row in json.loads(done.stdout)}
        self.assertEqual(list(rows)[:2], ["codex", "claude"])
        self.assertEqual(rows["claude"]["enabled"], True)
        self.assertEqual(rows["claude"]["detected"], "~/.claude/.credentials.json")
        self.assertEqual((rows["codex"]["enabled"], rows["codex"]["detected"]), (False, None))
        self.assertEqual((rows["x"]["enabled"], rows["x"]["account"]), (True, True))
        self.assertRegex(done.stderr, rb"^openusage: account y: no provider 'nix'")
        self.assertEqual(done.returncode, 0)

    def test_bad_settings(self) -> None:
        """Settings that are not valid end it with 2, wherever they are."""
        base = Path(self.mktemp())
        (base / "config").mkdir(parents=True)
        (base / "config" / "settings.json").write_text("[]")

        for arguments, env in (
            ((), folders(base)),
            (("--config-dir", str(base / "config")), folders(base / "elsewhere")),
        ):
            result = run("providers", *arguments, env=env)

            self.assertEqual((result.exit_code, result.stdout), (2, ""))
            self.assertRegex(result.stderr, r"^openusage: settings.json")
