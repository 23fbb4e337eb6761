"""Tests for `openusage.sessionlogs.codex` and the records it reads."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from openusage.host.env import Env
from openusage.sessionlogs import LogRateLimits, LogWindow
from openusage.sessionlogs.codex import CODEX, codex_homes
from tests.data.loglines import (
    AT,
    CHILD,
    PARENT,
    LogTestCase,
    calls,
    counts,
    event,
    line,
    meta,
    settings,
    stamp,
    started,
    turn,
    used,
)

FIRST, SECOND = counts(1000, 100, 200), counts(3000, 300, 600)


class HomesTests(SynchronousTestCase):
    """Tests for `codex_homes`."""

    def homes(self, **variables: str) -> list[str]:
        return [path.as_posix() for path in codex_homes(Path("/h"), Env(variables))]

    def test_default(self) -> None:
        """Codex's folder is in the home."""
        self.assertEqual(self.homes(), ["/h/.codex"])

    def test_configured(self) -> None:
        """`CODEX_HOME` is a list of others."""
        self.assertEqual(self.homes(CODEX_HOME="~/a, /b ,,/b"), ["/h/a", "/b"])

    def test_blank(self) -> None:
        """A blank variable is as good as none."""
        self.assertEqual(self.homes(CODEX_HOME=" , "), ["/h/.codex"])


class PlacesTests(LogTestCase):
    """Where logs are looked for in a home."""

    def test_none(self) -> None:
        """Without logs there is no history."""
        self.assertIsNone(self.home.history(CODEX))

    def test_both_folders(self) -> None:
        """Live and archived sessions count, each call once."""
        self.home.codex(meta(), turn(), used(10, FIRST))
        copy = [meta(), turn(), used(10, FIRST), used(20, SECOND)]
        self.home.codex(*copy, name=f"archived_sessions/r-{PARENT}.jsonl")

        self.assertEqual(self.total(CODEX), 4400)

    def test_live_first(self) -> None:
        """Of a live session and its archived copy at the same place only the live one is read."""
        self.home.codex(meta(), turn(), used(10, FIRST), name="sessions/a.jsonl")
        self.home.codex(meta(), turn(), used(20, SECOND), name="archived_sessions/a.jsonl")

        self.assertEqual(self.total(CODEX), 1100)

    def test_plain(self) -> None:
        """A home with neither folder is a folder of logs itself."""
        self.home.codex(meta(), turn(), used(10, FIRST), name="a.jsonl")

        self.assertEqual(self.total(CODEX), 1100)

    def test_same_folder(self) -> None:
        """A folder under two names is read once."""
        self.home.codex(meta(), turn(), used(10, None, FIRST), used(20, None, SECOND))
        link = self.home.root / "link"
        link.symlink_to(self.home.root / ".codex")

        self.assertEqual(self.total(CODEX, roots=[link, self.home.root / ".codex"]), 3300)


class CallTests(LogTestCase):
    """Which events are calls, and of how many tokens."""

    def of(self, *records: object) -> int:
        self.home.codex(meta(), turn(), *records)
        return self.total(CODEX)

    def test_last(self) -> None:
        """The usage of the last call counts, whatever the totals say."""
        self.assertEqual(
            self.of(used(10, FIRST, counts(9000)), used(20, FIRST, counts(9001))), 2200
        )

    def test_totals(self) -> None:
        """Where only totals are told, what they grow by counts; a fall counts nothing."""
        first, second = counts(1000, 200, 100), counts(1500, 300, 150)

        self.assertEqual(self.of(used(10, None, first), used(20, None, second)), 1800)
        self.assertEqual(
            self.of(used(10, None, second), used(20, None, first), used(30, None, second)), 2400
        )

    def test_repeated(self) -> None:
        """Unchanged totals are no call, whatever stands beside them."""
        self.assertEqual(self.of(used(10, FIRST, FIRST), used(20, SECOND, FIRST)), 1100)

    def test_repeated_without_totals(self) -> None:
        """Without totals an equal usage is another call, unless at the same instant."""
        self.assertEqual(self.of(used(10, FIRST), used(20, FIRST), used(20, FIRST)), 2200)

    def test_no_usage(self) -> None:
        """An event without usage, or with one of nothing, is no call."""
        nothing = counts(0) | {"total_tokens": 77, "cached_input_tokens": 5}

        self.assertEqual(self.of(used(10, None), used(20, nothing), used(30, FIRST)), 1100)

    def test_total_tokens(self) -> None:
        """A given total counts, else what was sent and got; reasoning is part of what was got."""
        plain = {"input_tokens": 10, "output_tokens": 5, "reasoning_output_tokens": 3}

        self.assertEqual(self.of(used(10, plain)), 15)
        self.assertEqual(self.of(used(10, plain | {"total_tokens": 0})), 15)
        self.assertEqual(self.of(used(10, plain | {"total_tokens": 90})), 90)

    def test_names(self) -> None:
        """Counts have had other names, and may be text."""
        old = {"prompt_tokens": 10, "completion_tokens": 5}
        older = {"input": "10", "output": " 5 ", "cached_tokens": 1, "reasoning_tokens": 2}
        mixed = {"input_tokens": None, "prompt_tokens": True, "input": 10, "output_tokens": 5}

        self.assertEqual(self.of(used(10, old), used(20, older), used(30, mixed)), 45)

    def test_bad_counts(self) -> None:
        """What is no count is nothing."""
        for value in (-10, 10.5, 2**64, "1" * 30, "x", True, None):
            self.assertEqual(self.of(used(10, {"input_tokens": value, "output_tokens": 3})), 3)

    def test_shapes(self) -> None:
        """A usage of another shape is none; then the totals tell."""
        self.assertEqual(self.of(used(10, "text", FIRST)), 1100)  # type: ignore[arg-type]
        self.assertEqual(self.of(event(10, "token_count", info=[1]), used(20, FIRST)), 1100)
        self.assertEqual(self.of({"type": "event_msg", "payload": 5}, used(20, FIRST)), 1100)

    def test_other_records(self) -> None:
        """Records that repeat the numbers, or only quote them, are no calls."""
        record = {"timestamp": stamp(9), "type": "token_usage_record", "payload": {"usage": FIRST}}
        quoting = event(9, "agent_message", message=json.dumps(used(9, FIRST)))
        wrong = {
            "timestamp": stamp(9),
            "type": "response_item",
            "payload": used(9, FIRST)["payload"],
        }

        self.assertEqual(self.of(record, quoting, wrong, used(10, FIRST)), 1100)

    def test_any_order(self) -> None:
        """The order of the keys and the white space between them do not matter."""
        first, second = used(10, FIRST), used(20, SECOND)
        turned = {key: first[key] for key in ("payload", "type", "timestamp")}
        turned["payload"] = dict(reversed(turned["payload"].items()))

        self.assertEqual(self.of(turned, json.dumps(second).encode()), 4400)

    def test_timestamps(self) -> None:
        """An event whose instant cannot be read is passed over, and no error."""
        texts: tuple[object, ...] = ("x", "", None, "2026-11-20", 1.5, -5, {})
        for text in texts:
            self.assertEqual(self.of(used(10, FIRST) | {"timestamp": text}, used(20, SECOND)), 3300)

    def test_other_timestamps(self) -> None:
        """Decimals, offsets, seconds and milliseconds are read."""
        seconds = int(AT.timestamp()) + 5
        instants = ("2026-11-20T10:00:01.123456Z", "2026-11-20T15:45:02+05:45", seconds)
        events = [used(10, FIRST) | {"timestamp": each} for each in (*instants, seconds * 1000 + 1)]

        self.assertEqual(self.of(*events), 4400)
        self.assertEqual(self.tokens(CODEX), {"2026-11-20": 4400})

    def test_totals_after_a_bad_timestamp(self) -> None:
        """What an event without an instant told is in the next total."""
        lost = used(10, None, FIRST) | {"timestamp": "x"}

        self.assertEqual(self.of(lost, used(20, None, SECOND)), 3300)

    def test_copies(self) -> None:
        """The same event in two files is one call; another model makes it another."""
        self.home.codex(meta(), turn(), used(10, FIRST))
        self.home.codex(meta(), turn(), used(10, FIRST), name="sessions/b.jsonl")
        self.assertEqual(self.total(CODEX), 1100)

        self.home.codex(meta(), turn(0, "gpt-5.4"), used(10, FIRST), name="sessions/b.jsonl")
        self.assertEqual(self.total(CODEX), 2200)

    def test_bad_lines(self) -> None:
        """Lines that are no JSON are skipped and counted."""
        torn = line(used(10, FIRST)).strip()[:-9]
        deep = b'{"type":"event_msg","x":"y","type":"token_count","z":' + b"[" * 50_000 + b"}"

        self.assertEqual(self.of(torn, torn + b"}", b"\0\0", deep, used(20, FIRST)), 1100)
        self.assertEqual(self.found(CODEX).notes, ("4 unreadable log lines skipped",))


class ModelTests(LogTestCase):
    """The model of a call."""

    def of(self, *records: object) -> dict[str, int]:
        self.home.codex(meta(), *records)
        return dict(self.found(CODEX).models)

    def test_turn(self) -> None:
        """The turn's context names it, for all calls that follow."""
        records = [turn(0, "gpt-5.4"), used(10, FIRST), used(20, SECOND), turn(25, " gpt-5.2 ")]
        models = self.of(*records, used(30, FIRST))

        self.assertEqual(models, {"gpt-5.4": 4400, "gpt-5.2": 1100})

    def test_none(self) -> None:
        """Without a context it is `gpt-5`."""
        models = self.of(used(10, FIRST), turn(15), used(20, SECOND))

        self.assertEqual(models, {"gpt-5": 1100, "gpt-5.5": 3300})

    def test_other_places(self) -> None:
        """An older context and the event itself may name it in other places."""
        older = {"timestamp": stamp(), "type": "turn_context", "payload": {"model_name": "a"}}
        in_info = used(30, FIRST)
        in_info["payload"]["info"]["metadata"] = {"model": "c"}
        models = self.of(older, used(10, FIRST), used(20, FIRST, model="b"), in_info)

        self.assertEqual(models, {"a": 1100, "b": 1100, "c": 1100})

    def test_stays(self) -> None:
        """A model that an event names is that of later ones too; a blank one changes nothing."""
        models = self.of(turn(), used(10, FIRST, model="b"), turn(15, " "), used(20, FIRST))

        self.assertEqual(models, {"b": 2200})

    def test_named_by_no_call(self) -> None:
        """What an event that is no call names is no matter."""
        models = self.of(turn(), used(10, counts(0), model="b"), used(20, FIRST))

        self.assertEqual(models, {"gpt-5.5": 1100})


class ForkTests(LogTestCase):
    """Sessions that begin with a replay of another one's calls.

    Calls are of 1, 2, 4 … thousand tokens, so that a sum tells which of them count.
    """

    SIZES = (1, 2, 4, 8, 16)

    def setUp(self) -> None:
        super().setUp()
        self.parent = [meta(), turn(), *calls(self.SIZES, 10, 10)]
        self.live = [started(3700), turn(3700), used(3710, counts(32_000), counts(63_000))]

    def child(
        self, *replayed: int, gap: float = 2, parent: bool = True, live: bool = True, **more: Any
    ) -> int:
        """The thousands that count with a fork that replays calls of such sizes."""
        if parent:
            self.home.codex(*self.parent)
        begin = meta(3600, CHILD, **(more or {"forked_from_id": PARENT}))
        records = [begin, *calls(replayed, 3600.1, gap), *(self.live if live else ())]
        self.home.codex(*records, name=f"sessions/2026/11/20/r-{CHILD}.jsonl")
        return self.total(CODEX) // 1000

    def test_all(self) -> None:
        """The calls of the parent count once."""
        self.assertEqual(self.child(*self.SIZES), 63)

    def test_prefix(self) -> None:
        """A fork from the middle replays what was until then."""
        self.assertEqual(self.child(1, 2), 63)

    def test_prefix_only(self) -> None:
        """What differs from the parent is the fork's own, and so is all that follows."""
        self.assertEqual(self.child(1, 2, 8, 16), 63 + 24)

    def test_no_prefix(self) -> None:
        """Calls that do not begin as the parent's do are the fork's own."""
        self.assertEqual(self.child(2, 4, 8), 63 + 14)

    def test_no_parent(self) -> None:
        """Without the parent, what is written within a second is a replay, and nothing else."""
        self.assertEqual(self.child(*self.SIZES, gap=0.9, parent=False), 32)
        self.assertEqual(self.child(*self.SIZES, gap=1.1, parent=False), 63)

    def test_no_parent_one_call(self) -> None:
        """One call on its own is no replay."""
        self.assertEqual(self.child(1, parent=False), 33)

    def test_no_parent_no_turn(self) -> None:
        """A fork that was left at once has no calls of its own."""
        self.assertEqual(self.child(1, 2, gap=0.01, parent=False, live=False), 0)

    def test_live_at_once(self) -> None:
        """A turn that began after the fork ends the replay, however soon its call is."""
        self.live = [started(3601), turn(3600.5), used(3600.6, counts(32_000), counts(35_000))]

        self.assertEqual(self.child(1, 2, gap=0.1, parent=False), 32)

    def test_replayed_turn(self) -> None:
        """The replay of a turn's beginning does not end the replay."""
        begin = meta(3600, CHILD, forked_from_id=PARENT)
        replay = calls((1, 2), 3600.1, 0.1)
        old = event(3600.15, "task_started", started_at=int(AT.timestamp()))
        self.home.codex(begin, replay[0], old, replay[1], *self.live)

        self.assertEqual(self.total(CODEX), 32_000)

    def test_spawned(self) -> None:
        """An agent spawned by a session goes on from it as a fork does."""
        source = {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "depth": 1}}}

        self.assertEqual(self.child(*self.SIZES, source=source), 63)
        (self.home.root / f".codex/sessions/2026/11/20/r-{PARENT}.jsonl").unlink()
        self.assertEqual(self.child(1, 2, gap=0.1, parent=False, source=source), 32)

    def test_helper(self) -> None:
        """A session that works for another repeats its calls or has its own, however fast."""
        self.assertEqual(self.child(*self.SIZES, gap=0.1, parent_thread_id=PARENT), 63)
        self.assertEqual(self.child(2, 1, gap=0.1, parent_thread_id=PARENT), 63 + 3)

    def test_no_child(self) -> None:
        """A session that names no other is its own, also where the names are there but empty."""
        empty: dict[str, Any] = {
            "forked_from_id": None,
            "parent_thread_id": " ",
            "source": {"subagent": None},
        }

        self.assertEqual(self.child(*self.SIZES, gap=0.1, **empty), 63 + 31)

    def test_baseline(self) -> None:
        """Where a fork tells totals only, they grow from those of the replay."""
        self.live[-1] = used(3710, None, counts(63_000))

        self.assertEqual(self.child(*self.SIZES), 63)
        self.assertEqual(self.child(*self.SIZES, gap=0.1), 63)

    def test_first_meta(self) -> None:
        """The parent's own first line, replayed, does not make the fork its parent."""
        self.home.codex(*self.parent)
        begin = meta(3600, CHILD, forked_from_id=PARENT)
        copy = [begin, meta(3600), *calls(self.SIZES, 3600, 0.1), *self.live]
        self.home.codex(*copy, name="sessions/b.jsonl")

        self.assertEqual(self.total(CODEX), 63_000)

    def test_of_a_fork(self) -> None:
        """A fork of a fork replays the replay too."""
        name = "33333333-3333-4333-a333-333333333333"
        replay = calls((*self.SIZES, 32), 7200.1, 2)
        again = [meta(7200, name, forked_from_id=CHILD), *replay, started(7300)]
        self.home.codex(*again, used(7310, counts(64_000)), name=f"sessions/r-{name}.jsonl")

        self.assertEqual(self.child(*self.SIZES), 127)

    def test_later(self) -> None:
        """What the parent did after the fork is no part of the fork, even if it looks alike."""
        self.parent[3:] = [used(4000, counts(2000), counts(3000))]

        self.assertEqual(self.child(1, 2), 1 + 2 + 2 + 32)

    def test_old_parent(self) -> None:
        """A parent from before the window is read for the sake of its fork, and does not count."""
        self.assertEqual(self.child(*self.SIZES), 63)
        path = self.home.root / f".codex/sessions/2026/11/20/r-{PARENT}.jsonl"
        self.home.touch(path, AT - timedelta(days=60))

        self.assertEqual(self.total(CODEX), 32_000)
        self.home.forget()
        self.assertEqual(self.total(CODEX), 32_000)
        path.unlink()
        self.assertEqual(self.total(CODEX), 63_000)

    def test_parent_grows(self) -> None:
        """The parent may be found, or grow, after the fork."""
        self.assertEqual(self.child(*self.SIZES, parent=False), 63)
        path = self.home.codex(*self.parent[:3])
        self.assertEqual(self.total(CODEX), 63_000)
        self.home.append(path, b"".join(map(line, self.parent[3:])))

        self.assertEqual(self.total(CODEX), 63_000)


class CostTests(LogTestCase):
    """What the calls of Codex cost."""

    def cost(self, *records: object, model: str = "gpt-5.5") -> float | None:
        self.home.codex(meta(), turn(0, model), *records)
        return self.found(CODEX).days[0].cost

    def test_buckets(self) -> None:
        """What was cached is cheaper; what was written to the cache is part of what was sent."""
        # (800 x 5 + 200 x 0.5 + 100 x 30) / 1e6
        self.assertAlmostEqual(self.cost(used(10, FIRST)) or 0, 0.0071)
        written = FIRST | {"cache_write_input_tokens": 300}
        # gpt-5.6-terra: (500 x 2 + 300 x 2.5 + 200 x 0.2 + 100 x 12) / 1e6
        self.assertAlmostEqual(self.cost(used(10, written), model="gpt-5.6-terra") or 0, 0.00299)

    def test_clamped(self) -> None:
        """No more is cached than was sent, and no more written than the rest of it."""
        odd = counts(100, 0, 250) | {"cache_write_input_tokens": 50}
        # (100 x 0.5) / 1e6
        self.assertAlmostEqual(self.cost(used(10, odd)) or 0, 0.00005)

    def test_long_context(self) -> None:
        """A prompt above 272,000 tokens costs the long rate as a whole; one of so many does not."""
        self.assertAlmostEqual(self.cost(used(10, counts(272_000, 1000, 72_000))) or 0, 1.066)
        long = used(10, counts(300_000, 10_000, 100_000))
        for model, cost in (
            ("gpt-5.5", 2.55),
            ("gpt-5.4", 1.275),
            ("gpt-5.4-pro", 20.7),
            ("gpt-5.6-terra", 1.02),
            ("gpt-5.6-luna", 0.102),
        ):
            self.assertAlmostEqual(self.cost(long, model=model) or 0, cost, msg=model)

    def test_tier(self) -> None:
        """The tier applied last counts, from there on."""
        events = [
            settings(5, "default"),
            used(10, FIRST),
            settings(15, "priority"),
            used(20, FIRST),
        ]

        self.assertAlmostEqual(self.cost(*events) or 0, 0.0071 * (1 + 2.5))
        again = [settings(25, "flex"), used(30, FIRST), settings(35, "fast"), used(40, FIRST)]
        self.assertAlmostEqual(self.cost(*events, *again) or 0, 0.0071 * (2 + 2.5 * 2))

    def test_tier_unsaid(self) -> None:
        """Settings that name no tier change nothing."""
        events = [settings(5, "priority"), settings(6, None), settings(7, " "), used(10, FIRST)]

        self.assertAlmostEqual(self.cost(*events) or 0, 0.0071 * 2.5)

    def test_tier_elsewhere(self) -> None:
        """The tier may stand beside the settings."""
        applied = event(5, "thread_settings_applied", service_tier="priority")

        self.assertAlmostEqual(self.cost(applied, used(10, FIRST)) or 0, 0.0071 * 2.5)

    def test_tier_default(self) -> None:
        """A model whose factor for the fast tier is not known costs twice as much there."""
        # (800 x 0.75 + 200 x 0.075 + 100 x 4.5) / 1e6 x 2
        events = settings(5, "fast"), used(10, FIRST)
        self.assertAlmostEqual(self.cost(*events, model="gpt-5.4-mini") or 0, 0.00213)

    def test_configured(self) -> None:
        """Where a session says nothing, Codex's settings do, as they are now."""
        self.assertAlmostEqual(self.cost(used(10, FIRST)) or 0, 0.0071)
        config = self.home.root / ".codex/config.toml"
        for text, times in (
            ('service_tier = "fast"', 2.5),
            ("service_tier = 'priority' # faster", 2.5),
            ('service_tier = "flex"', 1),
            ('[other]\nservice_tier = "fast"', 1),
            ('profile = "p"\n[profiles.p]\nservice_tier = "fast"', 2.5),
            ('service_tier = "fast"\nprofile = "p"\n[profiles.p]\nservice_tier = "flex"', 1),
            ("service_tier = ['fast']\nprofile = 'p'\nprofiles = 5", 1),
            ("service_tier = fast", 1),
        ):
            config.write_text(text, encoding="utf-8")
            cost = self.found(CODEX).days[0].cost
            self.assertAlmostEqual(cost or 0, 0.0071 * times, msg=text)

    def test_configured_by_no_file(self) -> None:
        """Settings that are no file say nothing, and nobody waits for them."""
        (self.home.root / ".codex").mkdir(parents=True)
        if hasattr(os, "mkfifo"):
            os.mkfifo(self.home.root / ".codex/config.toml")

        self.assertAlmostEqual(self.cost(used(10, FIRST)) or 0, 0.0071)

    def test_configured_and_applied(self) -> None:
        """What the session says goes before the settings."""
        self.home.root.mkdir()
        (self.home.root / ".codex").mkdir()
        (self.home.root / ".codex/config.toml").write_text('service_tier = "fast"')

        self.assertAlmostEqual(self.cost(settings(5, "default"), used(10, FIRST)) or 0, 0.0071)

    def test_copies(self) -> None:
        """Of copies the one that says its tier counts."""
        self.home.codex(meta(), turn(), used(10, FIRST))
        copy = [meta(), turn(), settings(5, "fast"), used(10, FIRST)]
        self.home.codex(*copy, name="sessions/z.jsonl")

        self.assertAlmostEqual(self.found(CODEX).days[0].cost or 0, 0.0071 * 2.5)

    def test_review(self) -> None:
        """The reviewer's model keeps its name and costs what it stood for."""
        # gpt-5.6-luna: (800 x 0.2 + 200 x 0.02 + 100 x 1.2) / 1e6
        self.assertAlmostEqual(self.cost(used(10, FIRST), model="codex-auto-review") or 0, 0.000284)
        self.assertEqual(list(self.found(CODEX).models), ["codex-auto-review"])

    def test_unknown(self) -> None:
        """An unknown model has tokens, no cost and a note."""
        self.assertIsNone(self.cost(used(10, FIRST), model="mystery"))
        self.assertEqual(self.found(CODEX).notes, ("unknown model: mystery",))


class RateLimitTests(LogTestCase):
    """The rate limits that come with the events."""

    def window(self, percent: object, minutes: object = 300, **more: Any) -> dict[str, Any]:
        return {"used_percent": percent, "window_minutes": minutes, **more}

    def limits(self, *records: object) -> LogRateLimits | None:
        self.home.codex(meta(), *records)
        return self.found(CODEX).rate_limits

    def test_none(self) -> None:
        """Most logs have some, but not all."""
        self.assertIsNone(self.limits(used(10, FIRST), used(20, FIRST, rate_limits=None)))

    def test_newest(self) -> None:
        """Those of the newest event count, over all files."""
        new = {
            "primary": self.window(18.5, resets_at=int(AT.timestamp()) + 60),
            "secondary": self.window(5, 10080, resets_in_seconds=30),
            "plan_type": "pro",
        }
        old = {"primary": self.window(99)}
        self.home.codex(used(30, None, rate_limits=new), used(40, None), name="sessions/a.jsonl")
        found = self.limits(used(10, FIRST, rate_limits=old), used(20, FIRST, rate_limits=old))

        at = AT + timedelta(seconds=30)
        primary = LogWindow(18.5, 300, AT + timedelta(seconds=60), "primary")
        secondary = LogWindow(5, 10080, at + timedelta(seconds=30), "secondary")
        self.assertEqual(found, LogRateLimits(at, "pro", (primary, secondary)))

    def test_unusable_event(self) -> None:
        """They count even if nothing else of the event can be used, not even its instant."""
        limits = {"primary": self.window(1)}
        bad = used(10, {"input_tokens": []}, rate_limits=limits) | {"timestamp": "x"}
        bad["payload"]["info"] = "text"

        found = self.limits(used(5, FIRST), bad)

        assert found is not None
        self.assertEqual(found.at, AT + timedelta(seconds=5))

    def test_bad_windows(self) -> None:
        """A window without its share or length is none; a reset may be unknown."""
        windows = {"primary": self.window("5"), "secondary": self.window(5, 60, resets_at="x")}
        found = self.limits(used(10, FIRST, rate_limits=windows))

        assert found is not None
        self.assertEqual(found.windows, (LogWindow(5, 60, None, "secondary"),))
        self.assertIsNone(found.plan)
        self.assertIsNone(self.limits(used(10, FIRST, rate_limits={"primary": self.window(-1)})))
        self.assertIsNone(self.limits(used(10, FIRST, rate_limits={"primary": self.window(1, 0)})))

    def test_empty(self) -> None:
        """Limits without a window do not hide older ones."""
        limits = {"primary": self.window(1)}
        empty = {"primary": None, "secondary": None}

        self.assertIsNotNone(
            self.limits(used(10, FIRST, rate_limits=limits), used(20, FIRST, rate_limits=empty))
        )

    def test_other_limits(self) -> None:
        """The limits of a model that has its own are not the plan's."""
        other = {"limit_id": "codex_other", "primary": self.window(1)}
        own = {"limit_id": "codex", "primary": self.window(2)}
        found = self.limits(used(10, FIRST, rate_limits=own), used(20, FIRST, rate_limits=other))

        assert found is not None
        self.assertEqual(found.windows[0].used_percent, 2)

    def test_far_reset(self) -> None:
        """A reset beyond any calendar is unknown."""
        limits = {"primary": self.window(1, resets_at=10**18)}
        soon = {"primary": self.window(1, resets_in_seconds=10**12)}

        for each in (limits, soon):
            found = self.limits(used(10, FIRST, rate_limits=each))
            assert found is not None
            self.assertIsNone(found.windows[0].resets_at)

    def test_aware(self) -> None:
        """Instants are aware."""
        found = self.limits(used(10, FIRST, rate_limits={"primary": self.window(1)}))

        assert found is not None
        self.assertEqual(found.at, datetime(2026, 11, 20, 10, 0, 10, tzinfo=timezone.utc))
