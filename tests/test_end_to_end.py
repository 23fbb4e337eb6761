"""The service and the command as a person runs them: real processes, real sockets, on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from openusage.cache import read_entries
from tests.processes import ROOT, TWISTD, environment, eventually, openusage, running
from tests.session_files import (
    CLAUDE_TOKENS,
    CODEX_TOKENS,
    write_claude_log,
    write_codex_log,
)

FREE = ("--listen", "tcp:0:interface=127.0.0.1")
EXAMPLES = ROOT / "docs" / "examples"
REAL_LOGS = ROOT.parent / "shared" / "real-logs"


def values(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The lines of a snapshot by label: the text of texts, the meter of meters."""
    return {
        line["label"]: line.get("value", line.get("used")) for line in snapshot.get("lines", [])
    }


class EndToEndTests(SynchronousTestCase):
    """A person with session logs and no login."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.environ = environment(self.home)

    def service(self, *options: str) -> Any:
        return running(self.environ, *TWISTD, "openusage", *(options or FREE))

    def data(self, name: str) -> Path:
        """A file of the data folder."""
        folder = self.environ.setdefault("OPENUSAGE_DATA_DIR", str(self.home / "data"))
        return Path(folder) / name

    def settings(self, value: object) -> None:
        folder = self.environ.setdefault("OPENUSAGE_CONFIG_DIR", str(self.home / "config"))
        Path(folder).mkdir(exist_ok=True)
        text = value if isinstance(value, str) else json.dumps(value)
        (Path(folder) / "settings.json").write_text(text)

    def plant(self) -> None:
        now = datetime.now(timezone.utc)
        write_claude_log(self.home, now)
        write_codex_log(self.home, now)


class ServiceTests(EndToEndTests):
    """`twistd openusage`."""

    def test_history_without_login(self) -> None:
        """Logs alone make snapshots: tokens, and the limits that Codex was told."""
        self.plant()
        with self.service() as service:
            both = service.get_when("/v1/usage", lambda usage: len(usage) == 2)
            code = service.end()

        claude, codex = both
        self.assertEqual([claude["providerId"], codex["providerId"]], ["claude", "codex"])
        self.assertTrue(values(claude)["Today"].endswith(" · 4.7K tokens"), values(claude))
        self.assertTrue(values(codex)["Today"].endswith(" · 13K tokens"), values(codex))
        self.assertEqual((CLAUDE_TOKENS, CODEX_TOKENS), (4700, 12900))
        self.assertEqual((values(codex)["Session"], values(codex)["Weekly"]), (18.0, 5.0))
        self.assertEqual(code, 0)
        self.assertNotIn("Traceback", service.output)

    def test_restart(self) -> None:
        """The last good snapshots are served again at once, and the cache is its owner's alone."""
        self.plant()
        cache = self.data("snapshots.json")
        with self.service() as service:
            before = service.get_when("/v1/usage", lambda usage: len(usage) == 2)
            service.end()

        self.assertEqual(set(read_entries(cache).entries), {"claude", "codex"})
        if os.name == "posix":
            self.assertEqual(stat.S_IMODE(cache.stat().st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(cache.parent.stat().st_mode), 0o700)
        with self.service() as service:
            self.assertEqual(service.get("/v1/usage"), (200, before))

    def test_nothing_found(self) -> None:
        """On an empty machine the defaults are tried, and say what they looked for."""
        with self.service() as service:
            health = service.get_when(
                "/v1/health",
                lambda health: all(p["lastError"] for p in health["providers"] if p["enabled"]),
            )
            self.assertEqual(service.get("/v1/usage"), (200, []))
            self.assertEqual(service.get("/v1/usage/claude"), (204, None))

        errors = {p["providerId"]: p["lastError"] for p in health["providers"] if p["enabled"]}
        self.assertEqual(set(errors), {"claude", "codex", "cursor"})
        self.assertEqual({e["code"] for e in errors.values()}, {"not_logged_in"})
        self.assertIn(".claude/.credentials.json", errors["claude"]["message"])
        self.assertIn("auth.json", errors["codex"]["message"])

    def test_taken_port(self) -> None:
        """A second service on the port goes on probing, says one line, and ends well."""
        self.plant()
        with self.service() as first:
            host, port = first.address()
            taken = ("--listen", f"tcp:{port}:interface={host}")
            cache = self.data("snapshots.json")
            with self.service(*taken) as second:
                line = second.wait_for("HTTP API is off").string
                eventually(lambda: read_entries(cache).entries, lambda found: "claude" in found)
                code = second.end()
            self.assertEqual(first.get("/v1/usage")[0], 200)

        self.assertIn(str(port), line)
        self.assertEqual(code, 0)
        self.assertNotIn("Traceback", second.output)
        self.assertEqual(second.output.count("HTTP API is off"), 1)

    def test_settings_change(self) -> None:
        """New settings are in force without a restart; broken ones change nothing and say why."""
        self.plant()
        self.settings({"plugins": {"order": ["codex"]}})
        with self.service() as service:
            service.get_when(
                "/v1/usage", lambda u: [s["providerId"] for s in u] == ["codex", "claude"]
            )
            self.settings({"plugins": {"disabled": ["codex"]}})
            service.get_when("/v1/usage", lambda u: [s["providerId"] for s in u] == ["claude"])
            self.assertEqual(service.get("/v1/usage/codex")[0], 200)
            self.settings('{"plugins": {"disabled": [1]}}')
            health = service.get_when("/v1/health", lambda h: h["problems"])
            self.assertEqual(len(service.get("/v1/usage")[1]), 1)

        self.assertEqual(
            health["problems"],
            ["settings.json, line 1: plugins.disabled[0] must be text, not a whole number"],
        )

    def test_accounts(self) -> None:
        """A second login is an instance of its own, under its own id."""
        self.plant()
        write_claude_log(self.home / "work", datetime.now(timezone.utc))
        account = {"id": "claude-work", "provider": "claude", "home": "~/work"}
        self.settings({"accounts": [account]})
        with self.service() as service:
            usage = service.get_when("/v1/usage", lambda usage: len(usage) == 3)

        self.assertEqual(
            [(s["providerId"], s["displayName"]) for s in usage],
            [("claude", "Claude"), ("codex", "Codex"), ("claude-work", "Claude (claude-work)")],
        )

    def test_unix_socket(self) -> None:
        """A unix socket serves too, and is its owner's alone."""
        folder = TemporaryDirectory()  # the path of a socket must be short
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "o.sock"
        with self.service("--listen", f"unix:{path}") as service:
            service.wait_for("HTTP API on")
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(10)
            client.connect(str(path))
            client.sendall(b"GET /v1/usage HTTP/1.0\r\n\r\n")
            answer = client.recv(65536)
            client.close()
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

        self.assertIn(b" 200 OK\r\n", answer)

    test_unix_socket.skip = None if hasattr(socket, "AF_UNIX") else "no unix sockets"  # type: ignore[attr-defined]

    def test_broken_cache(self) -> None:
        """A cache that is no cache is set aside, and the start goes on."""
        cache = self.data("snapshots.json")
        cache.parent.mkdir()
        cache.write_text('{"version": 1, "providers": {"claude": ')
        with self.service() as service:
            self.assertEqual(service.get("/v1/usage"), (200, []))
            service.wait_for(r"snapshots\.json: broken JSON; it is now snapshots\.json\.bad")

        self.assertTrue(cache.with_name("snapshots.json.bad").exists())

    def test_refused_at_the_start(self) -> None:
        """Bad settings and bad options are one line and 2, never a traceback."""
        minutes = "must be a whole number from 1 to 60"
        cases = [
            ("{}", ("--listen", "nonsense"), "--listen 'nonsense' is no endpoint"),
            ("{}", ("--interval", "90"), "--interval must be a whole number of minutes"),
            ('{"autoUpdateInterval": 0}', FREE, f"line 1: autoUpdateInterval {minutes}"),
        ]
        for settings, options, words in cases:
            self.settings(settings)
            with self.service(*options) as service:
                code = service.process.wait(60)
                service.wait_for("openusage: ")
            self.assertEqual(code, 2)
            self.assertIn(words, service.output)
            self.assertNotIn("Traceback", service.output)

    def test_killed_while_writing(self) -> None:
        """However it is killed, the next start finds a whole cache with the last good snapshots."""
        self.plant()
        cache = self.data("snapshots.json")
        script = str(ROOT / "tests" / "write_for_ever.py")
        with self.service() as service:
            service.get_when("/v1/usage", lambda usage: len(usage) == 2)
            service.end()
        for _ in range(8):
            with running(self.environ, script, str(cache)) as writer:
                writer.wait_for("writing")
                writer.process.kill()
                writer.process.wait(60)
            loaded = read_entries(cache)
            self.assertEqual(loaded.complaints, [])
            self.assertIsNotNone(loaded.entries["claude"].snapshot)


class ExamplesTests(EndToEndTests):
    """The examples of the documentation."""

    def test_adopt(self) -> None:
        """An application that adopts the service hears of changes."""
        self.plant()
        tac = str(EXAMPLES / "adopt.py")
        with running(self.environ, *TWISTD, "-y", tac) as application:
            application.wait_for("codex: Session 18 %")
            code = application.end()

        self.assertIn(code, (0, -signal.SIGTERM))  # twistd ends by the signal that stopped it

    def test_mount(self) -> None:
        """A site of somebody else serves the API below a prefix, and its own pages as before."""
        self.environ["PORT"] = "tcp:0:interface=127.0.0.1"
        tac = str(EXAMPLES / "mount.py")
        with running(self.environ, *TWISTD, "-y", tac) as application:
            match = application.wait_for(r"starting on (\d+)")
            port = int(match[1])
            asked = subprocess.run(
                [sys.executable, "-c", ASK, str(port)], capture_output=True, text=True, check=True
            )

        self.assertEqual(asked.stdout.split("|"), ["My own page.", "[]"])


ASK = """
import sys, urllib.request
for path in ("/", "/tracker/v1/usage"):
    with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}{path}") as answer:
        sys.stdout.write(answer.read().decode() + ("|" if path == "/" else ""))
"""


@skipIf(not REAL_LOGS.exists(), "the genuine logs are not here")
class RealLogsTests(EndToEndTests):
    """Logs of the real command lines, against what was really used."""

    def setUp(self) -> None:
        super().setUp()
        shift = [sys.executable, str(REAL_LOGS / "shift_to_now.py"), str(self.home)]
        subprocess.run(shift, check=True, capture_output=True)

    def test_command(self) -> None:
        """One probe of each, without any login, shows the ledger's totals."""
        wanted = {"claude": 2_362_000, "codex": 892_822}
        for name, tokens in wanted.items():
            done = openusage(self.environ, "probe", name, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(total(json.loads(done.stdout)), tokens)

    def test_service(self) -> None:
        """The service shows the same."""
        with self.service() as service:
            both = service.get_when("/v1/usage", lambda usage: len(usage) == 2)

        self.assertEqual([total(snapshot) for snapshot in both], [2_362_000, 892_822])


def total(snapshot: dict[str, Any]) -> int:
    """The tokens of all bars of the chart together."""
    (chart,) = (line for line in snapshot["lines"] if line["type"] == "barChart")
    return sum(int(point["value"]) for point in chart["points"])


class CommandTests(EndToEndTests):
    """`openusage probe`."""

    def test_no_login(self) -> None:
        """Without login and logs it says what it looked for, and ends with 3."""
        done = openusage(self.environ, "probe", "claude", "--json")

        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("~/.claude/.credentials.json", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_unknown(self) -> None:
        """An unknown id is 2, with the ids there are."""
        done = openusage(self.environ, "probe", "zzz")

        self.assertEqual(done.returncode, 2)
        self.assertIn("claude", done.stderr)

    def test_interrupted_service(self) -> None:
        """`openusage serve` ends with 0 on an interrupt."""
        with running(self.environ, "-m", "openusage", "serve", *FREE) as service:
            service.wait_for("HTTP API on")
            self.assertEqual(service.end(signal.SIGINT), 0)
