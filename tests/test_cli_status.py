"""`openusage status`, from a service and from the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest import skipIf

from click.testing import Result
from twisted.trial.unittest import SynchronousTestCase

from openusage.cache import dump_entries
from openusage.model import Health, Progress, Snapshot, Text
from openusage.store import Entry
from openusage.wire import encode, to_json
from tests.test_cli import child_env, folders, run
from tests.test_cli_ask import REPORT, USAGE, Server, serve

NOBODY = "http://127.0.0.1:1"


def now() -> datetime:
    return datetime.now(timezone.utc)


def snapshot(name: str = "claude", minutes: float = 2) -> Snapshot:
    lines = (Progress("Session", 42, 100), Text("Today", "$5.17 · 9.2M tokens"))
    return Snapshot(name, name.title(), "Pro", lines, now() - timedelta(minutes=minutes))


def health(**more: Any) -> dict[str, Any]:
    state = {"providerId": "claude", "displayName": "Claude", "enabled": True, **more}
    return {"version": "1", "uptimeSeconds": 1, "problems": [], "providers": [state]}


class ServiceTests(SynchronousTestCase):
    """With a service."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())

    def status(self, server: Server, *arguments: str) -> Result:
        return run("status", "--url", server.url, *arguments, env=folders(self.base))

    def test_blocks(self) -> None:
        """A block for each snapshot, on stdout, without colour when it is no terminal."""
        server = serve(self, {USAGE: [to_json(snapshot())], REPORT: health()})

        result = self.status(server)

        self.assertEqual(
            (result.exit_code, result.stderr, result.stdout.splitlines()),
            (
                0,
                "",
                [
                    "Claude · Pro · 2 min ago",
                    "  Session  ████████░░░░░░░░░░░░  42 %",
                    "  Today    $5.17 · 9.2M tokens",
                ],
            ),
        )

    def test_color(self) -> None:
        """Colour can be had where it is not by itself."""
        server = serve(self, {USAGE: [to_json(snapshot())]})

        self.assertIn("\x1b[1mClaude\x1b[0m", self.status(server, "--color").stdout)
        self.assertNotIn("\x1b", self.status(server, "--no-color").stdout)

    def test_failing(self) -> None:
        """Why an instance fails is shown below its name."""
        error = {"code": "timeout", "message": "No answer within 60 s."}
        server = serve(self, {USAGE: [to_json(snapshot())], REPORT: health(lastError=error)})

        lines = self.status(server).stdout.splitlines()

        self.assertEqual(
            lines[:2], ["Claude · Pro · 2 min ago · stale", "  No answer within 60 s."]
        )

    def test_problems(self) -> None:
        """What the service finds wrong with the settings goes to stderr."""
        report = {**health(), "problems": ["settings.json, line 3: \x1bbad"]}
        server = serve(self, {USAGE: [to_json(snapshot())], REPORT: report})

        self.assertEqual(self.status(server).stderr, "openusage: settings.json, line 3: ad\n")

    def test_json(self) -> None:
        """With --json the very objects of the API, in UTF-8."""
        snapshots = [{**to_json(snapshot()), "more": "ü\ud800"}]
        server = serve(self, {USAGE: snapshots, REPORT: health()})

        result = self.status(server, "--json")

        self.assertEqual(result.exit_code, 0)
        self.assertEqual(
            json.loads(result.stdout_bytes),
            {
                "source": "service",
                "snapshots": [{**snapshots[0], "more": "ü?"}],
                "health": health(),
            },
        )
        self.assertIn('"used":42.0,', result.stdout)

    def test_json_without_health(self) -> None:
        """Health that cannot be had is null."""
        server = serve(self, {USAGE: []})

        self.assertEqual(
            self.status(server, "--json").stdout,
            '{"source":"service","snapshots":[],"health":null}\n',
        )

    def test_nothing_yet(self) -> None:
        """A service that has nothing to show is no failure."""
        server = serve(self, {USAGE: []})

        result = self.status(server)

        self.assertEqual((result.exit_code, result.stdout), (0, ""))
        self.assertIn("no provider is enabled", result.stderr)

    def test_no_cache_read(self) -> None:
        """While a service answers, neither settings nor cache matter."""
        (self.base / "config").mkdir(parents=True)
        (self.base / "config" / "settings.json").write_text("{oops")
        server = serve(self, {USAGE: [to_json(snapshot())]})

        result = self.status(server)

        self.assertEqual((result.exit_code, result.stderr), (0, ""))


class CacheTests(SynchronousTestCase):
    """Without a service."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        self.cache = self.base / "data" / "snapshots.json"
        self.settings = self.base / "config" / "settings.json"
        for folder in (self.cache.parent, self.settings.parent):
            folder.mkdir(parents=True)

    def keep(self, *entries: Entry, minutes: float = 3) -> bytes:
        data = dump_entries({e.snapshot.provider_id: e for e in entries if e.snapshot})
        self.cache.write_bytes(data)
        then = (now() - timedelta(minutes=minutes)).timestamp()
        os.utime(self.cache, (then, then))
        return data

    def status(self, *arguments: str) -> Result:
        return run("status", "--url", NOBODY, *arguments, env=folders(self.base))

    def test_blocks(self) -> None:
        """The cache is shown, stderr says that it is the cache and how old."""
        data = self.keep(Entry(snapshot()))

        result = self.status()

        self.assertEqual((result.exit_code, result.stdout.count("\n")), (0, 3))
        self.assertEqual(
            result.stderr,
            f"openusage: no service at {NOBODY}; showing the cache, last written 3 min ago\n",
        )
        self.assertEqual(self.cache.read_bytes(), data)

    def test_json(self) -> None:
        """The same objects as /v1/usage, and no health report."""
        kept = snapshot()
        self.keep(Entry(kept))

        result = self.status("--json")

        expected = b'{"source":"cache","snapshots":[' + encode(kept) + b'],"health":null}\n'
        self.assertEqual(result.stdout_bytes, expected)

    def test_order_and_choice(self) -> None:
        """Order and choice are those of the settings; what nobody knows any more is not shown."""
        self.settings.write_text('{"plugins": {"order": ["codex"], "disabled": ["cursor"]}}')
        self.keep(*(Entry(snapshot(name)) for name in ("claude", "codex", "cursor", "gone")))

        shown = json.loads(self.status("--json").stdout)["snapshots"]

        self.assertEqual([each["providerId"] for each in shown], ["codex", "claude"])

    def test_stale(self) -> None:
        """Age against the interval of the settings, and the last failure, make it stale."""
        failed = Health(error="timeout", message="No answer.", failures=1)
        self.settings.write_text('{"autoUpdateInterval": 10}')
        self.keep(Entry(snapshot(minutes=19)), Entry(snapshot("codex"), health=failed))

        lines = self.status().stdout.splitlines()

        self.assertIn("Claude · Pro · 19 min ago", lines)
        self.assertIn("Codex · Pro · 2 min ago · stale", lines)
        self.assertIn("  No answer.", lines)

    def test_nothing(self) -> None:
        """Neither service nor cache is a failure that says how to start a service."""
        for prepare in (lambda: None, self.keep, lambda: self.keep(Entry())):
            prepare()
            for arguments in ((), ("--json",)):
                result = self.status(*arguments)

                self.assertEqual((result.exit_code, result.stdout), (1, ""))
                self.assertEqual(
                    result.stderr,
                    f"openusage: no service at {NOBODY}, and nothing is cached;"
                    " start it with `twistd openusage` or `openusage serve`\n",
                )

    def test_not_ours(self) -> None:
        """Something else at the port counts as no service, and is told."""
        self.keep(Entry(snapshot()))
        server = serve(self, {USAGE: b"<html>"})

        result = run("status", "--url", server.url, env=folders(self.base))

        self.assertEqual((result.exit_code, result.stdout.count("\n")), (0, 3))
        self.assertIn(f"what answers at {server.url} is not openusage; showing", result.stderr)

    def test_broken(self) -> None:
        """A cache that cannot be used is told, left alone, and counts as none."""
        for data, words in (
            (b"{oops", "snapshots.json: broken JSON"),
            (b"[" * 100_000, "snapshots.json: broken JSON"),
            (b'{"version": 99, "providers": {}}', "version 99, this program knows 1"),
            (b"[]", "not a cache of ours"),
        ):
            self.cache.write_bytes(data)

            result = self.status()

            self.assertEqual((result.exit_code, result.stdout), (1, ""))
            self.assertIn(words, result.stderr)
            self.assertEqual(self.cache.read_bytes(), data)
            self.assertEqual([path.name for path in self.cache.parent.iterdir()], [self.cache.name])

    def test_unreadable(self) -> None:
        """A cache that cannot be read is told in the system's words, without its path."""
        self.cache.mkdir()

        result = self.status()

        self.assertEqual(result.exit_code, 1)
        self.assertIn("openusage: snapshots.json: cannot be read (", result.stderr)
        self.assertNotIn(str(self.base), result.stderr)

    def test_folders(self) -> None:
        """Other folders than the usual ones can be named."""
        self.keep(Entry(snapshot()), Entry(snapshot("codex")))
        self.settings.write_text('{"plugins": {"disabled": ["claude"]}}')

        result = run(
            *("status", "--url", NOBODY, "--config-dir", str(self.settings.parent)),
            *("--data-dir", str(self.cache.parent)),
            env=folders(self.base / "elsewhere"),
        )

        self.assertEqual(result.exit_code, 0)
        self.assertRegex(result.stdout, r"\ACodex · Pro · 2 min ago\n")

    def test_broken_entry(self) -> None:
        """An entry that cannot be read does not cost the others."""
        document = json.loads(self.keep(Entry(snapshot())))
        document["providers"]["codex"] = {"snapshot": 1}
        document["providers"]["cursor"] = document["providers"]["claude"]
        self.cache.write_text(json.dumps(document))

        shown = json.loads(self.status("--json").stdout)["snapshots"]

        self.assertEqual([each["providerId"] for each in shown], ["claude"])

    def test_settings(self) -> None:
        """Settings that are not valid are named by line and key."""
        self.settings.write_text('{\n "autoUpdateInterval": 100}')
        self.keep(Entry(snapshot()))

        result = self.status()

        self.assertEqual((result.exit_code, result.stdout), (2, ""))
        self.assertIn("openusage: settings.json, line 2: autoUpdateInterval", result.stderr)


class UsageTests(SynchronousTestCase):
    """How it is called."""

    def test_bad_url(self) -> None:
        """A URL that is none is a usage error."""
        for url in ("nonsense", "ftp://x", "http://x:y"):
            result = run("status", "--url", url)

            self.assertEqual((result.exit_code, result.stdout), (2, ""))
            self.assertIn("--url", result.stderr)

    @skipIf(sys.platform == "win32", "there a closed pipe is another error")
    def test_broken_pipe(self) -> None:
        """A reader that leaves early ends the command without a word."""
        base = Path(self.mktemp()).absolute()
        base.mkdir()
        many = [to_json(snapshot(f"x{i}")) for i in range(5000)]
        server = serve(self, {USAGE: many})
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "openusage", "status", "--url", server.url],
                env=child_env(base),
                stdout=writer,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
        finally:
            os.close(writer)

        self.assertEqual(done.stderr, b"")

    def test_encoding(self) -> None:
        """Where stdout cannot encode what a service says, it is shown as well as it can be."""
        base = Path(self.mktemp()).absolute()
        base.mkdir()
        server = serve(self, {USAGE: [to_json(snapshot())]})

        done = subprocess.run(
            [sys.executable, "-m", "openusage", "status", "--url", server.url],
            env=child_env(base, PYTHONIOENCODING="ascii"),
            capture_output=True,
            timeout=60,
            check=True,
        )

        self.assertEqual(
            done.stdout.splitlines()[1:],
            [b"  Session  ########............  42 %", b"  Today    $5.17 - 9.2M tokens"],
        )
