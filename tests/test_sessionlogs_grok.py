"""Tests for the log of the Grok CLI."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.env import Env
from openusage.sessionlogs import History, LocalSessionLogs
from openusage.sessionlogs.grok import GROK, GrokReader, grok_home
from openusage.testing import clock_at, run_inline

TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
MILLION = 1_000_000


def line(msg: str, days: float = 0, pid: Any = 1, **context: Any) -> dict[str, Any]:
    """A line that was written so many days ago."""
    ts = (NOON - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    return {"ts": ts, "pid": pid, "sid": "s-1", "msg": msg, "ctx": context}


def switch(model: object, days: float = 0, pid: Any = 1) -> dict[str, Any]:
    """A process turns to a model."""
    return line("model changed", days, pid, model=model)


def call(
    prompt: object = None, completion: object = 0, days: float = 0, pid: Any = 1, **more: Any
) -> dict[str, Any]:
    """A call of a process."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return line("shell.turn.inference_done", days, pid, **counts)


class GrokLogCase(SynchronousTestCase):
    """A folder of the Grok CLI."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.log = self.folder / "logs" / "unified.jsonl"
        self.log.parent.mkdir(parents=True)
        self.logs = LocalSessionLogs(run_inline, clock=clock_at(NOON + timedelta(days=1)))
        self.ticks = 0

    def write(self, *records: object, mode: str = "wb") -> None:
        """Put lines into the log."""
        with self.log.open(mode) as stream:
            for record in records:
                text = record if isinstance(record, str) else json.dumps(record)
                stream.write(text.encode() + b"\n")
        self.ticks += 1
        when = int(NOON.timestamp() * 1e9) + self.ticks * 1_000_000
        os.utime(self.log, ns=(when, when))

    def history(self, zone: tzinfo = timezone.utc) -> History | None:
        """What the log says."""
        reading = self.logs.history(GROK, [self.folder], today=TODAY, zone=zone)
        found: History | None = self.successResultOf(Deferred.fromCoroutine(reading))
        return found

    def found(self, *records: object, zone: tzinfo = timezone.utc) -> History:
        """What a log with these lines says."""
        self.write(*records)
        history = self.history(zone)
        assert history is not None
        return history

    def sums(self, *records: object) -> tuple[int, float]:
        """The tokens and dollars of all days."""
        days = self.found(*records).days
        return sum(day.tokens for day in days), round(sum(day.cost or 0 for day in days), 9)


class CallTests(GrokLogCase):
    """What a call is."""

    def test_two_models(self) -> None:
        """Each process has a model of its own."""
        self.assertEqual(
            self.sums(
                switch("grok-build", pid=1),
                switch("grok-composer-2.5-fast", pid=2),
                call(MILLION, MILLION, pid=1),
                call(MILLION, MILLION, pid=2),
            ),
            (4 * MILLION, 21.0),
        )

    def test_switch(self) -> None:
        """A process may turn to another model between two calls."""
        self.assertEqual(
            self.sums(
                switch("grok-build"), call(MILLION), switch("grok-composer-2.5-fast"), call(MILLION)
            ),
            (2 * MILLION, 4.0),
        )

    def test_cached(self) -> None:
        """Cached tokens are part of the prompt, at a price of their own, and never more than it."""
        cached = call(MILLION, cached_prompt_tokens=800_000)
        self.assertEqual(self.sums(switch("grok-build"), cached), (MILLION, 0.36))

        too_many = call(MILLION, cached_prompt_tokens=9 * MILLION)
        self.assertEqual(self.sums(switch("grok-build"), too_many), (MILLION, 0.2))

    def test_reasoning(self) -> None:
        """Reasoning counts as output."""
        thought = call(0, 500_000, reasoning_tokens=500_000)

        self.assertEqual(self.sums(switch("grok-build"), thought), (MILLION, 2.0))

    def test_model_events(self) -> None:
        """Four kinds of lines tell the model, each under names of its own."""
        for msg, context in (
            ("model changed", {"model": "grok-build"}),
            ("model catalog: notifying clients", {"current_model_id": "grok-build"}),
            ("backend_search: model switch", {"model": "grok-build", "model_id": "x"}),
            ("backend_search: model switch", {"current_model_id": "grok-build", "model_id": "x"}),
            ("backend_search: model switch", {"model": " ", "model_id": "grok-build"}),
            ("subagent model resolved", {"model_id": "grok-build", "model": "x"}),
            ("subagent model resolved", {"model_id": None, "model": " grok-build "}),
        ):
            self.assertEqual(self.sums(line(msg, **context), call(MILLION)), (MILLION, 1.0))

    def test_no_model_event(self) -> None:
        """Other lines, and other fields, tell no model."""
        for msg, context in (
            ("model changed", {"model_id": "grok-build"}),
            ("model changed", {"model": 5}),
            ("model changed", {"model": ""}),
            ("model changed: not", {"model": "grok-build"}),
        ):
            found = self.found(line(msg, **context), call(MILLION))
            self.assertEqual((found.days, found.notes), ((), ()))

    def test_event_without_use(self) -> None:
        """An event that names no model leaves the model as it was."""
        self.assertEqual(self.sums(switch("grok-build"), switch(None), call(MILLION))[1], 1.0)

    def test_other_prices(self) -> None:
        """Models by the names that the CLI has for them, at their prices."""
        for model, dollars in (
            ("grok-proxy", 1.0),
            ("grok-code-fast-1", 1.0),
            ("grok-build-0.1", 1.0),
            ("grok-4.5", 2.0),
            ("cursor-grok-4-6-xhigh", 2.0),
            ("grok-4.6-fast", 4.0),
            ("grok-4.5-high-fast", 4.0),
            ("grok-4-20-thinking", 2.0),
        ):
            self.assertEqual(self.sums(switch(model), call(MILLION))[1], dollars, model)

    def test_long_context(self) -> None:
        """A prompt over 200,000 tokens costs more with some models, as a whole."""
        for model in ("grok-4.3", "grok-4.3-thinking"):
            self.assertEqual(self.sums(switch(model), call(200_000, 100_000))[1], 0.5)
            self.assertEqual(self.sums(switch(model), call(200_001, 0))[1], 0.5000025)


class DroppedTests(GrokLogCase):
    """What does not count."""

    def test_window(self) -> None:
        """Calls before the window do not count; the model is known from before it all the same."""
        found = self.found(
            switch("grok-build", days=90), call(MILLION, days=31), call(MILLION, days=30)
        )

        self.assertEqual([day.date for day in found.days], [TODAY - timedelta(days=30)])

    def test_no_prompt(self) -> None:
        """A call without a count of its prompt is none; other counts are 0 where there are none."""
        odd = [call(count) for count in (None, -1, "5", True, 1.5, 2**70)]
        self.assertEqual(self.sums(switch("grok-build"), *odd), (0, 0.0))

        part = call(5, completion="x", cached_prompt_tokens=-1, reasoning_tokens=None)
        self.assertEqual(self.sums(switch("grok-build"), part)[0], 5)

    def test_unknown_model(self) -> None:
        """A model without a price is named and its tokens do not count."""
        found = self.found(
            switch("grok-next", pid=2), switch("grok-build"), call(500_000), call(9, pid=2)
        )
        self.assertEqual([day.tokens for day in found.days], [500_000])
        self.assertEqual(found.notes, ("unknown model: grok-next",))
        self.assertEqual(found.models, {"grok-build": 500_000})

        found = self.found(switch("grok-next"), call(500_000))
        self.assertEqual((found.days, found.models), ((), {}))

        found = self.found(switch("grok-next"), call(0))
        self.assertEqual(found.notes, ())

    def test_process_without_model(self) -> None:
        """A call of a process that never told its model is none, and nothing unknown either."""
        found = self.found(switch("grok-build", pid=2), call(MILLION), call(MILLION, pid=None))

        self.assertEqual((found.days, found.notes), ((), ()))

    def test_odd_lines(self) -> None:
        """Lines of any other form are passed over; what is no JSON is counted."""
        usage = "shell.turn.inference_done"
        found = self.found(
            switch("grok-build"),
            {"msg": usage},
            {"msg": usage, "pid": 1, "ctx": 5},
            {"msg": usage, "pid": "1", "ts": NOON.isoformat(), "ctx": {"prompt_tokens": 5}},
            {**call(5), "ts": None},
            {**call(5), "ts": "yesterday"},
            {**call(5), "ts": 1763812800},
            [call(5)],
            f'{{"msg": "{usage}", ',
            f'{{"msg": "{usage}", "ctx": ]}}',
            '{"msg": "of no use", ]}',
        )

        self.assertEqual(found.days, ())
        self.assertEqual(found.notes, ("3 unreadable log lines skipped",))

    def test_other_files(self) -> None:
        """Only this one log counts, not what lies beside or below."""
        self.write(switch("grok-build"), call(MILLION))
        for name in ("other.jsonl", "old/unified.jsonl", "unified.jsonl.1"):
            path = self.log.parent / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.log.read_bytes())

        history = self.history()
        assert history is not None
        self.assertEqual([day.tokens for day in history.days], [MILLION])

    def test_none(self) -> None:
        """Without a log there is no history, and no error."""
        self.assertIsNone(self.history())
        self.log.parent.rmdir()
        self.assertIsNone(self.history())


class GrowingTests(GrokLogCase):
    """A log that changes while we look."""

    def tokens(self) -> int:
        history = self.history()
        return sum(day.tokens for day in history.days) if history is not None else 0

    def test_appended(self) -> None:
        """The model is remembered from what was read before."""
        self.write(switch("grok-build"), call(1))
        self.assertEqual(self.tokens(), 1)

        self.write(call(10), mode="ab")
        self.assertEqual(self.tokens(), 11)

    def test_half_a_line(self) -> None:
        """A last line without end counts, and once: its model holds when the line is finished."""
        self.write(switch("grok-build"), call(1))
        self.log.write_bytes(self.log.read_bytes() + json.dumps(switch("grok-4.5")).encode())
        self.assertEqual(self.tokens(), 1)

        self.write("", call(MILLION), mode="ab")
        history = self.history()
        assert history is not None
        self.assertEqual(history.models, {"grok-build": 1, "grok-4.5": MILLION})

    def test_truncated(self) -> None:
        """A log that begins anew is read anew, and so are the models."""
        self.write(switch("grok-build"), call(1), call(1), call(1))
        self.assertEqual(self.tokens(), 3)

        self.write(call(5))
        self.assertEqual(self.tokens(), 0)
        self.write(switch("grok-build"), call(5), mode="ab")
        self.assertEqual(self.tokens(), 5)

    def test_rotated(self) -> None:
        """So is a new file in its place, be it larger than the old one."""
        self.write(switch("grok-build"), call(1))
        self.assertEqual(self.tokens(), 1)

        self.log.rename(self.log.with_name("unified.jsonl.1"))
        self.write(call(9), switch("grok-build", pid=7), call(5, pid=7), call(9))
        self.assertEqual(self.tokens(), 5)

    def test_zone(self) -> None:
        """Days are those of the person."""
        self.write(switch("grok-build"), call(1, days=0.5))

        for zone, day in (("UTC", TODAY), ("America/New_York", TODAY - timedelta(days=1))):
            history = self.history(ZoneInfo(zone))
            assert history is not None
            self.assertEqual([each.date for each in history.days], [day])

    def test_forgotten(self) -> None:
        """What is older than can matter is not kept in memory; the models are."""
        reader = GrokReader()
        for record in (switch("grok-build"), call(1, days=9), call(2)):
            reader.feed(json.dumps(record).encode() + b"\n", 0)
        fork = reader.fork()
        reader.forget(int((NOON - timedelta(days=1)).timestamp() * 1000))
        fork.feed(json.dumps(call(3)).encode() + b"\n", 0)

        self.assertEqual([call.tokens for call in reader.calls], [2])
        self.assertEqual([call.tokens for call in fork.calls], [3])

    _values = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 10**30),
        st.floats(),
        st.sampled_from(["", "grok-build", "model changed", "2026-11-22T12:00:00Z"]),
        st.lists(st.integers(), max_size=2),
        st.dictionaries(
            st.sampled_from(["model", "model_id", "prompt_tokens", "completion_tokens"]),
            st.one_of(st.none(), st.integers(-1, 10**25), st.just("grok-build")),
        ),
    )

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(st.sampled_from(["ts", "pid", "msg", "ctx"]), _values),
        st.sampled_from(["model changed", "shell.turn.inference_done"]),
    )
    def test_any_line(self, record: dict[str, Any], msg: str) -> None:
        """No line is so odd that it ends the reading."""
        reader = GrokReader()
        for odd in (record, {**record, "msg": msg}, {**record, "msg": msg, "pid": 1}):
            reader.feed(json.dumps(odd).encode() + b"\n", 0)
        reader.feed(b'{"msg":"model changed","pid":3,"ctx":{"model":"m"}}\n', 0)
        reader.feed(json.dumps(call(7, pid=3)).encode() + b"\n", 0)

        self.assertEqual(reader.calls[-1].tokens, 7)


class HomeTests(SynchronousTestCase):
    """Tests for `grok_home`."""

    def home(self, variables: Mapping[str, str]) -> Path:
        return grok_home(Path("/home/ada"), Env(variables, "linux"))

    def test_usual(self) -> None:
        """`~/.grok`, also when the variable is blank."""
        self.assertEqual(self.home({}), Path("/home/ada/.grok"))
        self.assertEqual(self.home({"GROK_HOME": " "}), Path("/home/ada/.grok"))

    def test_variable(self) -> None:
        """What `GROK_HOME` names, `~` included and slashes at the end not."""
        for text, path in (
            ("/opt/grok///", "/opt/grok"),
            ("~", "/home/ada"),
            ("~/g/", "/home/ada/g"),
            ("below", "/home/ada/below"),
            ("/", "/"),
        ):
            self.assertEqual(self.home({"GROK_HOME": text}), Path(path), text)
