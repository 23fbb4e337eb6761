"""Tests for `LocalSessionLogs`: several scans, at once, stopped, and over changing files."""

from __future__ import annotations

import math
import os
import tempfile
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.sessionlogs import Call, Day, History, LocalSessionLogs, Terms, Tool
from openusage.sessionlogs.claude import CLAUDE
from openusage.sessionlogs.codex import CODEX
from openusage.sessionlogs.prices import PriceBook
from openusage.sessionlogs.rates import Price, Rates
from openusage.sessionlogs.reading import PIECE
from openusage.sessionlogs.walk import StoppedError
from openusage.testing import run_inline
from tests.data.loglines import (
    AT,
    CHILD,
    PARENT,
    TODAY,
    LogHome,
    LogTestCase,
    answer,
    counts,
    line,
    meta,
    started,
    turn,
    used,
)
from tests.data.loglines import settings as applied


class HeldRun:
    """A `Blocking` whose calls are made when the test says so, as threads would at some time."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()

        def call() -> None:
            try:
                done.callback(function(*args, **kwargs))
            except StoppedError:
                done.errback()

        self.calls.append(call)
        return done


class LocalSessionLogsTests(LogTestCase):
    """Tests for `LocalSessionLogs`."""

    def setUp(self) -> None:
        super().setUp()
        self.run_held = HeldRun()
        self.logs = LocalSessionLogs(self.run_held, clock=self.home.clock)

    def ask(self, logs: LocalSessionLogs | None = None, root: str = ".claude") -> Deferred[Any]:
        reading = (logs or self.logs).history(
            CLAUDE, [self.home.root / root], today=TODAY, zone=timezone.utc
        )
        return Deferred.fromCoroutine(reading)

    def test_one_at_a_time(self) -> None:
        """Of two calls for the same roots one scans after the other, and both answer alike."""
        self.home.claude(answer())
        first, second = self.ask(), self.ask()
        self.assertEqual(len(self.run_held.calls), 1)

        self.run_held.calls[0]()
        self.assertEqual(len(self.run_held.calls), 2)
        self.run_held.calls[1]()

        self.assertEqual(self.successResultOf(first), self.successResultOf(second))

    def test_other_roots(self) -> None:
        """Calls for other roots do not wait."""
        first, second = self.ask(), self.ask(root="other")
        for call in list(self.run_held.calls):
            call()

        self.assertIsNone(self.successResultOf(first))
        self.assertIsNone(self.successResultOf(second))

    def test_cancelled(self) -> None:
        """A cancelled call stops its scan and lets the next one begin."""
        self.home.claude(answer())
        first, second = self.ask(), self.ask()

        first.cancel()
        self.failureResultOf(first, CancelledError)
        for call in list(self.run_held.calls):
            call()

        self.assertEqual(self.successResultOf(second).days[0].tokens, 15)

    def test_cancelled_while_waiting(self) -> None:
        """A call that waits for its turn can be cancelled too."""
        self.home.claude(answer())
        first, second, third = self.ask(), self.ask(), self.ask()

        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.run_held.calls[0]()
        self.run_held.calls[1]()

        self.assertEqual(self.successResultOf(first), self.successResultOf(third))

    def test_stop(self) -> None:
        """`stop` ends the scans that run."""
        self.home.claude(answer())
        asked = self.ask()

        self.logs.stop()
        self.run_held.calls[0]()

        self.failureResultOf(asked, StoppedError)

    def test_stopped_within_a_file(self) -> None:
        """A scan ends within a file, and the next one goes on from there to the same figures."""
        records = [answer(id=f"m{number}", text="x" * (PIECE // 2)) for number in range(20)]
        self.home.claude(*records)
        self.home.claude(answer(id="z"), name="-p/z.jsonl")
        stops: list[Any] = []

        def run(function: Callable[..., Any], window: Any, now: Any, stop: Any) -> Deferred[Any]:
            stops.append(_StopAfter(9))
            held = HeldRun()
            done = held(function, window, now, stops[-1])
            held.calls[0]()
            return done

        logs = LocalSessionLogs(run, clock=self.home.clock)  # type: ignore[arg-type]
        attempts = 0
        while True:
            attempts += 1
            asked = self.ask(logs)
            if isinstance(getattr(asked, "result", None), History):
                break
            self.failureResultOf(asked, StoppedError)

        self.assertGreater(attempts, 1)
        self.assertLess(attempts, 20)
        self.assertEqual(self.successResultOf(asked).days[0].tokens, 15 * 21)

    def test_many_roots(self) -> None:
        """Roots that are not asked for any more are forgotten at some time."""
        for number in range(100):
            self.ask(root=str(number))
            self.run_held.calls.pop()()

        self.assertLess(len(self.logs._readings), 50)

    def test_threads(self) -> None:
        """A scan whose thread still runs after it was cancelled does not meet the next one."""
        self.home.claude(answer())
        first, second = self.ask(), self.ask()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        threads = [threading.Thread(target=call) for call in self.run_held.calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        self.assertEqual(self.successResultOf(second).days[0].tokens, 15)

    def test_new_prices(self) -> None:
        """New prices hold for the next history, with no file read again."""
        path = self.home.claude(answer(model="mystery"))
        book = PriceBook()
        self.home.logs = LocalSessionLogs(self.home.logs.run, book, self.home.clock)
        self.assertIsNone(self.found(CLAUDE).days[0].cost)
        stat = path.stat()
        path.write_bytes(b"!" * stat.st_size)
        self.home.touch(path)
        book.use({"mystery": Price(Rates(1, 1, 1, 2))})
        os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))

        history = self.found(CLAUDE)

        # (10 x 1 + 5 x 2) / 1e6
        self.assertAlmostEqual(history.days[0].cost or 0, 0.00002)
        self.assertEqual(history.notes, ())

    def test_zone_changes(self) -> None:
        """Another zone means other days, with no file read again."""
        path = self.home.claude(answer(3600 * 14))
        self.assertEqual(self.tokens(CLAUDE), {"2026-11-21": 15})
        path.chmod(0)
        self.addCleanup(path.chmod, 0o600)

        zone = ZoneInfo("America/New_York")
        self.assertEqual(self.tokens(CLAUDE, zone=zone), {"2026-11-20": 15})

    def test_days(self) -> None:
        """The number of days can be chosen."""
        path = self.home.claude(answer(), answer(86_400, id="m2"))
        self.home.touch(path, AT + timedelta(days=1))

        self.assertEqual(self.tokens(CLAUDE, days=2), {"2026-11-21": 15})


class AddUpTests(SynchronousTestCase):
    """Calls that are in no log file."""

    def setUp(self) -> None:
        self.logs = LocalSessionLogs(run_inline)

    def add_up(self, *calls: Call, **more: Any) -> History:
        given = {"today": TODAY, "zone": timezone.utc, **more}
        return self.successResultOf(Deferred.fromCoroutine(self.logs.add_up(calls, **given)))

    def call(self, days: int = 0, **more: Any) -> Call:
        at = datetime.combine(TODAY, datetime.min.time(), timezone.utc) - timedelta(days=days)
        known = {"model": "grok-build", "input": 1_000_000, "output": 0, "tokens": 1_000_000}
        return Call(at=int(at.timestamp() * 1000), **{**known, **more})

    def test_sums(self) -> None:
        """Days and models are summed, and priced as logs are."""
        found = self.add_up(self.call(), self.call(), self.call(3, model="grok-4.5"))

        self.assertEqual(
            list(found.days),
            [Day(TODAY - timedelta(days=3), 1_000_000, 2.0), Day(TODAY, 2_000_000, 2.0)],
        )
        self.assertEqual(found.models, {"grok-build": 2_000_000, "grok-4.5": 1_000_000})

    def test_window(self) -> None:
        """Calls before the window do not count; its days are those of the zone."""
        found = self.add_up(self.call(30), self.call(31))
        self.assertEqual([day.date for day in found.days], [TODAY - timedelta(days=30)])

        found = self.add_up(self.call(30), zone=ZoneInfo("America/New_York"))
        self.assertEqual(found.days, ())

    def test_given_cost(self) -> None:
        """A cost that a call has wins, unless it can be none."""
        for cost, dollars in ((7.5, 7.5), (0.0, 0.0), (-1.0, 1.0), (math.nan, 1.0), (1e300, 1.0)):
            self.assertEqual(self.add_up(self.call(cost=cost)).days[0].cost, dollars)

    def test_unknown_model(self) -> None:
        """The tokens of a model without price count, unless only what has a price is to."""
        calls = self.call(tokens=5, model="mystery"), self.call(model="")

        found = self.add_up(*calls, notes=["a remark"])
        self.assertEqual(found.days, (Day(TODAY, 1_000_005, None),))
        self.assertEqual(found.notes, ("a remark", "unknown model: mystery"))

        found = self.add_up(*calls, terms=Terms(priced_only=True))
        self.assertEqual((found.days, found.models), ((), {}))
        self.assertEqual(found.notes, ("unknown model: mystery",))

        found = self.add_up(*calls, self.call(cost=2.0, model=""), terms=Terms(priced_only=True))
        self.assertEqual(found.days, (Day(TODAY, 1_000_000, 2.0),))

    def test_long_context(self) -> None:
        """A long prompt costs more, unless a call stands for several."""
        call = self.call(model="claude-sonnet-4-5")

        self.assertEqual(self.add_up(call).days[0].cost, 6.0)
        self.assertEqual(self.add_up(call, terms=Terms(long_context=False)).days[0].cost, 3.0)

    def test_stopped(self) -> None:
        """`stop` ends the summing, and so does cancelling it."""
        held = HeldRun()
        logs = LocalSessionLogs(held)
        for end in (lambda _: logs.stop(), lambda asked: asked.cancel()):
            asked = Deferred.fromCoroutine(
                logs.add_up([self.call()], today=TODAY, zone=timezone.utc)
            )
            end(asked)
            held.calls.pop()()
            self.failureResultOf(asked, StoppedError, CancelledError)


class _StopAfter:
    """A flag that is set after it was looked at so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


# --- the same as read anew ------------------------------------------------------------------------

_USAGES = [
    {"input_tokens": sent, "output_tokens": got} | more
    for sent, got in ((1, 1), (10, 5), (10, 50))
    for more in ({}, {"speed": "fast"}, {"cache_read_input_tokens": 7})
]
_CLAUDE_LINES = st.builds(
    answer,
    st.sampled_from([0, 1, 40_000, 86_400, 100_000]),
    id=st.sampled_from(["m1", "m2", "m3", None]),
    request=st.sampled_from(["r1", "r2", None]),
    side=st.booleans(),
    usage=st.sampled_from(_USAGES),
    model=st.sampled_from(["claude-sonnet-4-6", "claude-opus-5", "mystery"]),
)
_CODEX_LINES = st.one_of(
    st.builds(meta, st.integers(0, 9), st.sampled_from([PARENT, CHILD])),
    st.builds(meta, st.integers(0, 9), st.just(CHILD), forked_from_id=st.just(PARENT)),
    st.builds(turn, st.just(1), st.sampled_from(["gpt-5.5", "gpt-5.4"])),
    st.builds(applied, st.just(1), st.sampled_from(["fast", "default"])),
    st.builds(started, st.integers(0, 20)),
    st.builds(
        used,
        st.sampled_from([2, 3, 3.5, 40_000, 90_000]),
        st.sampled_from([None, counts(1), counts(2)]),
        st.sampled_from([None, counts(1), counts(3), counts(9)]),
        rate_limits=st.sampled_from(
            [None, *({"primary": {"used_percent": n, "window_minutes": 300}} for n in (1, 2))]
        ),
    ),
)
_BAD_LINES = st.sampled_from([b"", b"x", b'{"usage":{', b"\0\0", b'{"type":"token_count"'])


def _data(lines: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Some lines, of which the last may be half or have no end."""
    whole = st.lists(st.one_of(lines, lines, lines, _BAD_LINES), max_size=6)
    return st.builds(
        lambda records, cut: b"".join(map(line, records))[: -cut or None],
        whole,
        st.sampled_from([0, 0, 1, 30]),
    )


def _steps(lines: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[str, int, Any]]]:
    place = st.integers(0, 3)
    return st.lists(
        st.one_of(
            st.tuples(st.just("write"), place, _data(lines)),
            st.tuples(st.just("append"), place, _data(lines)),
            st.tuples(st.just("append"), place, _data(lines)),
            st.tuples(st.just("replace"), place, _data(lines)),
            st.tuples(st.just("truncate"), place, st.integers(1, 400)),
            st.tuples(st.just("delete"), place, st.none()),
            st.tuples(st.just("age"), place, st.sampled_from([1, 40])),
            st.tuples(st.just("day"), place, st.sampled_from([-1, 1, 30])),
            st.tuples(st.just("scan"), place, st.none()),
        ),
        min_size=1,
        max_size=14,
    )


class _Changing:
    """A home whose files change step by step, read once and for all or each time anew."""

    def __init__(self, root: Path, tool: Tool) -> None:
        self.tool, self.home, self.today = tool, LogHome(root), TODAY
        folder = {CLAUDE: ".claude/projects/-p/", CODEX: ".codex/"}[tool]
        names = {
            CLAUDE: ("a.jsonl", "b.jsonl", "s/agent.jsonl", "z.jsonl"),
            CODEX: (
                f"sessions/{PARENT}.jsonl",
                f"sessions/{CHILD}.jsonl",
                "sessions/b.jsonl",
                "archived_sessions/b.jsonl",
            ),
        }[tool]
        self.paths = [root / folder / name for name in names]

    def step(self, kind: str, place: int, what: Any) -> None:
        path = self.paths[place]
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "day":
            self.today += timedelta(days=what)
        elif kind == "write":
            path.write_bytes(what)
            self.home.touch(path)
        elif kind == "replace":
            new = path.with_suffix(".new")
            new.write_bytes(what)
            self.home.touch(new).replace(path)
        elif kind == "append":
            self.home.append(path, what)
        elif path.exists():
            self.change(path, kind, what)

    def change(self, path: Path, kind: str, what: Any) -> None:
        if kind == "truncate":
            path.write_bytes(path.read_bytes()[:-what])
            self.home.touch(path)
        elif kind == "delete":
            path.unlink()
        elif kind == "age":
            self.home.touch(path, AT - timedelta(days=what))

    def now(self) -> History | None:
        return self.home.history(self.tool, today=self.today)

    def anew(self) -> History | None:
        kept = self.home.logs
        self.home.forget()
        found = self.now()
        self.home.logs = kept
        return found


class SameAsAnewTests(SynchronousTestCase):
    """Whatever happens to the files, what is read bit by bit is what is read anew."""

    def check(self, tool: Tool, steps: list[tuple[str, int, Any]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            changing = _Changing(Path(folder), tool)
            for kind, place, what in steps:
                if kind != "scan":
                    changing.step(kind, place, what)
                else:
                    self.assertEqual(changing.now(), changing.anew())
            self.assertEqual(changing.now(), changing.anew())

    @settings(deadline=None, max_examples=60)
    @given(_steps(_CLAUDE_LINES))
    def test_claude(self, steps: list[tuple[str, int, Any]]) -> None:
        """Claude Code's logs."""
        self.check(CLAUDE, steps)

    @settings(deadline=None, max_examples=80)
    @given(_steps(_CODEX_LINES))
    def test_codex(self, steps: list[tuple[str, int, Any]]) -> None:
        """Codex's logs, in which one file bears on another."""
        self.check(CODEX, steps)


class TodayTests(LogTestCase):
    """What today is, is the caller's to say."""

    def test_far_dates(self) -> None:
        """The first and last days that there are do no harm."""
        self.home.claude(answer())

        self.assertEqual(self.total(CLAUDE, today=date(9999, 12, 31)), 0)
        self.assertEqual(self.total(CLAUDE, today=date(1970, 3, 1)), 15)
