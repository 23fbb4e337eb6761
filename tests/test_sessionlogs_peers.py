"""Large and genuine logs, where they are at hand: what is read is what was used, to the token."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest import skipUnless

from openusage.sessionlogs import Tool
from openusage.sessionlogs.claude import CLAUDE
from openusage.sessionlogs.codex import CODEX
from tests.data.loglines import LogTestCase

_SHARED = Path(__file__).resolve().parents[2] / "shared"
_GENUINE = _SHARED / "real-logs" / "shift_to_now.py"
_GENERATOR = _SHARED / "logbench" / "gen.py"
_END = date(2026, 11, 22)


def run(script: Path, *arguments: object) -> None:
    command = [sys.executable, str(script), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


@skipUnless(_GENUINE.exists(), "the genuine logs are not at hand")
class GenuineTests(LogTestCase):
    """Logs that the real tools wrote, with the ledger of what they used."""

    def setUp(self) -> None:
        super().setUp()
        run(_GENUINE, self.home.root)

    def test_ledger(self) -> None:
        """Both add up to the ledger, with nothing left over and nothing unknown."""
        today = datetime.now(timezone.utc).date() + timedelta(days=1)

        for tool, tokens in ((CLAUDE, 2_362_000), (CODEX, 892_822)):
            self.assertEqual(self.total(tool, today=today), tokens)
            history = self.found(tool, today=today)
            self.assertEqual(sum(history.models.values()), tokens)
            self.assertEqual(history.notes, ())
            self.assertTrue(all(day.cost for day in history.days))

    def test_rate_limits(self) -> None:
        """Codex's have the limits that the service told it."""
        limits = self.found(CODEX, today=datetime.now(timezone.utc).date()).rate_limits

        assert limits is not None
        self.assertEqual([window.window_minutes for window in limits.windows], [300, 10_080])


@skipUnless(_GENERATOR.exists(), "the generator is not at hand")
class GeneratedTests(LogTestCase):
    """Generated logs with partial answers, copies, replays, forks and archives in them."""

    def setUp(self) -> None:
        super().setUp()
        run(_GENERATOR, self.home.root, "--mb", 4, "--end", _END, "--seed", 7)
        self.truth = json.loads((self.home.root / "truth.json").read_text())
        self.home.root /= "home"

    def used(self, tool: Tool) -> tuple[dict[str, int], dict[str, int]]:
        days: Counter[str] = Counter()
        models: Counter[str] = Counter()
        for day, calls in self.truth[tool.id].items():
            for model, counts in calls.items():
                tokens = counts.get("total") or _sum(counts)
                days[day] += tokens
                models[model.removesuffix("@priority")] += tokens
        return days, models

    def test_truth(self) -> None:
        """Each day and each model has the tokens that were used."""
        for tool in (CLAUDE, CODEX):
            days, models = self.used(tool)

            self.assertEqual(self.tokens(tool, today=_END, days=70), days)
            self.assertEqual(self.found(tool, today=_END, days=70).models, models)

    def test_window(self) -> None:
        """So has each day of the window."""
        first = str(_END - timedelta(days=30))
        for tool in (CLAUDE, CODEX):
            days, _ = self.used(tool)

            recent = {day: tokens for day, tokens in days.items() if day >= first}
            self.assertEqual(self.tokens(tool, today=_END), recent)


def _sum(counts: dict[str, Any]) -> int:
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    return sum(counts[kind] for kind in kinds)
