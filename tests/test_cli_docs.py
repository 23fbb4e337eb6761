"""What the page on the command shows is what the command prints."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import skipIf

from click.testing import Result
from twisted.trial.unittest import SynchronousTestCase

from openusage.cache import dump_entries
from openusage.cli.draw import draw
from openusage.cli.probe import block_of
from openusage.cli.screen import Screen
from openusage.model import BarChart, BarPoint, Dollars, Line, Progress, Snapshot, Text
from openusage.store import Entry
from openusage.wire import instant_text, to_json
from tests.pages import DOCS, fences
from tests.session_files import write_claude_log
from tests.test_cli import folders, run, run_child
from tests.test_cli_ask import REPORT, USAGE, serve
from tests.test_cli_serve import SIGNALS, start
from tests.test_cli_status import NOBODY, now

USUAL = "http://127.0.0.1:6736"
UTF_8 = {"PYTHONIOENCODING": "utf-8"}
LEVELS = "▁▂▃▄▅▆▇█"
SPARE = 30
"""Seconds that each instant is off, so that it reads the same a moment later."""


def shown() -> dict[str, list[list[tuple[str, str]]]]:
    """The blocks by their first command; each is a list of commands and what they print."""
    blocks: dict[str, list[list[tuple[str, str]]]] = {}
    for fence in fences(DOCS / "command.md", "console"):
        parts = [part.partition("\n") for part in re.split(r"^\$ ", fence.text, flags=re.MULTILINE)]
        calls = [(command, output) for command, _, output in parts if command]
        blocks.setdefault(calls[0][0], []).append(calls)
    return blocks


def said(output: bytes) -> str:
    """What a child has printed, as text."""
    return output.decode().replace("\r\n", "\n")


def assert_begins(case: SynchronousTestCase, output: str, page: str) -> None:
    """What the page shows is the beginning of the output, of which an ellipsis stands for more."""
    case.assertEqual(page[-2:], "…\n")
    case.assertEqual(output[: len(page) - 2], page[:-2])


def later(**span: float) -> datetime:
    """An instant to come."""
    return now() + timedelta(**span) + timedelta(seconds=SPARE)


def before(**span: float) -> datetime:
    """An instant that has been."""
    return now() - timedelta(**span) - timedelta(seconds=SPARE)


def claude(chart: str) -> Snapshot:
    """The first snapshot of the page; `chart` is how its trend is drawn."""
    values = [LEVELS.index(bar) * 12 / 7 for bar in chart]
    points = (BarPoint(str(at), value, f"{value:.0f}M tokens") for at, value in enumerate(values))
    lines: list[Line] = [
        *limits(extra_usage_resets=before(minutes=1)),
        Text("Yesterday", "$12.03 · 21M tokens"),
        Text("Last 30 Days", "$210.88 · 380M tokens"),
        BarChart("Usage Trend", tuple(points)),
        Text("claude-opus-4-5", "81%"),
        Text("claude-next", "19%"),
    ]
    lines.insert(2, Progress("Opus", 0, 100, resets_at=later(days=3, hours=3)))
    return Snapshot("claude", "Claude", "Max 20x", tuple(lines), before(minutes=2))


def limits(extra_usage_resets: datetime) -> Sequence[Line]:
    """What both `status` and `probe` show of Claude."""
    return (
        Progress("Session", 42, 100, resets_at=later(hours=2, minutes=10)),
        Progress("Weekly", 93, 100, resets_at=later(days=3, hours=4)),
        Progress("Extra usage spent", 12.5, 50, Dollars(), extra_usage_resets),
        Text("Today", "$5.17 · 9.2M tokens"),
    )


def codex(session: float, weekly: float, *resets: datetime, age: float) -> Snapshot:
    lines = (
        Progress("Session", session, 100, resets_at=resets[0]),
        Progress("Weekly", weekly, 100, resets_at=resets[1]),
        Text("Today", "$1.63 · 893K tokens"),
    )
    return Snapshot("codex", "Codex", "Plus", lines, before(minutes=age))


def states() -> Iterator[Mapping[str, Any]]:
    """How the probes of the page's three instances go."""
    for name, title, trouble, minutes, notes in (
        ("claude", "Claude", None, 4, ["unknown model: claude-next"]),
        ("codex", "Codex", "Usage request failed. Check your connection.", 12, []),
        ("work", "Claude (work)", "Token expired 3h ago. Run `claude` once to renew it.", 11, []),
    ):
        yield {
            "providerId": name,
            "displayName": title,
            "enabled": True,
            "lastError": trouble and {"code": "unreachable", "message": trouble},
            "nextAttempt": instant_text(later(minutes=minutes)),
            "notes": notes,
        }


class StatusTests(SynchronousTestCase):
    """`openusage status`"""

    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        ((_, self.live),), ((_, self.cached),), self.nothing = shown()["openusage status"]

    def ask(self, *arguments: str) -> Result:
        """What it says of a service that has what the page shows."""
        (chart,) = re.findall(rf"[{LEVELS}]{{9,}}(?=  peak)", self.live)
        stale = codex(75.4, 12, later(minutes=20), later(days=6), age=14)
        report = {"providers": list(states())}
        server = serve(self, {USAGE: [to_json(claude(chart)), to_json(stale)], REPORT: report})
        return run("status", "--url", server.url, *arguments, env=folders(self.base))

    def test_service(self) -> None:
        """From a service."""
        self.assertEqual(self.ask().stdout, self.live)

    def test_json(self) -> None:
        """As JSON, of which the beginning is shown."""
        ((_, begin),) = shown()["openusage status --json"][0]

        self.assertEqual(begin[-2:], "…\n")
        self.assertTrue(self.ask("--json").stdout.startswith(begin[:-2]))

    def test_cache(self) -> None:
        """From the cache."""
        fresh = codex(
            37.5, 12, later(hours=1, minutes=38), later(days=4, hours=14, minutes=5), age=5
        )
        cache = self.base / "data" / "snapshots.json"
        cache.parent.mkdir(parents=True)
        cache.write_bytes(dump_entries({"codex": Entry(fresh)}))
        written = before(minutes=4).timestamp()
        os.utime(cache, (written, written))

        result = run("status", "--url", NOBODY, env=folders(self.base))

        self.assertEqual((result.stderr + result.stdout).replace(NOBODY, USUAL), self.cached)

    def test_nothing(self) -> None:
        """From neither."""
        result = run("status", "--url", NOBODY, env=folders(self.base))

        (_, words), (_, status) = self.nothing
        self.assertEqual(result.stderr.replace(NOBODY, USUAL), words)
        self.assertEqual(result.exit_code, int(status))


class ProbeTests(SynchronousTestCase):
    """`openusage probe`"""

    def test_snapshot(self) -> None:
        """With a login."""
        ((_, output),) = shown()["openusage probe claude"][0]
        lines = (*limits(later(days=6)), Text("Last 30 Days", "$210.88 · 380M tokens"))
        found = Snapshot("claude", "Claude", "Max 20x", lines, now())

        drawn = draw([block_of(found, now())], Screen(), meters=0)

        self.assertEqual("\n".join(drawn) + "\n", output)

    @skipIf(sys.platform == "darwin", "there the keychain is one more place")
    def test_no_login(self) -> None:
        """Without one."""
        (_, words), (_, status) = shown()["openusage probe claude"][1]

        done = run_child(Path(self.mktemp()).absolute(), "probe", "claude")

        self.assertEqual(said(done.stderr), words)
        self.assertEqual(done.returncode, int(status))


class ProvidersTests(SynchronousTestCase):
    """`openusage providers`"""

    def test_both(self) -> None:
        """The table, and the beginning of the JSON."""
        base = Path(self.mktemp()).absolute()
        write_claude_log(base / "home", now())
        ((_, rows),) = shown()["openusage providers"][0]
        ((_, begin),) = shown()["openusage providers --json"][0]

        assert_begins(self, said(run_child(base, "providers", more=UTF_8).stdout), rows)
        assert_begins(self, said(run_child(base, "providers", "--json").stdout), begin)


class ChooseTests(SynchronousTestCase):
    """`openusage enable`, `disable` and `order`"""

    def test_one_after_the_other(self) -> None:
        """All that is shown of them, in the order of the page."""
        base = Path(self.mktemp())
        blocks = shown()
        (calls,), ((refused, status),) = (
            blocks["openusage disable codex"],
            blocks["openusage enable nonsense"],
        )

        for command, output in calls:
            result = run(*command.split()[1:], env=folders(base))
            self.assertEqual(result.exit_code, 0)
            assert_begins(self, result.stdout, output)
        result = run(*refused[0].split()[1:], env=folders(base))

        self.assertEqual(result.exit_code, int(status[1]))
        assert_begins(self, result.stderr, refused[1])


class ServeTests(SynchronousTestCase):
    """`openusage serve`"""

    @skipIf(not SIGNALS, "needs signals")
    def test_log(self) -> None:
        """The lines of the log, but for time and port."""
        ((command, output),) = shown()["openusage serve --interval 10"][0]
        base = Path(self.mktemp()).absolute()
        base.mkdir()
        listen = ("--listen", "tcp:0:interface=127.0.0.1")
        child = start(self, base, "-m", *command.split(), *listen)
        assert child.stderr is not None
        begin: list[bytes] = []
        while not begin or b"HTTP API" not in begin[-1]:
            begin.append(child.stderr.readline())
            self.assertTrue(begin[-1], begin)

        child.send_signal(signal.SIGINT)
        _, rest = child.communicate(timeout=60)

        log = said(b"".join([*begin, rest]))
        lines = [re.escape(line[24:]) for line in output.splitlines()]
        wanted = "$.*^.{24}".join(lines).replace("6736", r"\d+")
        self.assertRegex(log, re.compile(wanted, re.DOTALL | re.MULTILINE))


class PageTests(SynchronousTestCase):
    """The page."""

    def test_all(self) -> None:
        """There is no block but those that are checked here."""
        self.assertEqual(
            {command: len(blocks) for command, blocks in shown().items()},
            {
                "openusage status": 3,
                "openusage status --json": 1,
                "openusage probe claude": 2,
                "openusage providers": 1,
                "openusage providers --json": 1,
                "openusage disable codex": 1,
                "openusage enable nonsense": 1,
                "openusage serve --interval 10": 1,
            },
        )
