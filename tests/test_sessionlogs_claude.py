"""Tests for `openusage.sessionlogs.claude` and the records it reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest import skipIf
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from openusage.host.env import Env
from openusage.sessionlogs.claude import CLAUDE, claude_roots
from tests.data.loglines import AT, LogTestCase, answer, line, progress, stamp


def usage(**more: Any) -> dict[str, Any]:
    """A usage of 1115 tokens, but for `more`."""
    return {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 1000,
    } | more


class RootsTests(SynchronousTestCase):
    """Tests for `claude_roots`."""

    def roots(self, platform: str = "linux", **variables: str) -> list[str]:
        home = Path("/h")
        return [path.as_posix() for path in claude_roots(home, Env(variables), platform)]

    def test_default(self) -> None:
        """The XDG folder comes before the old one."""
        self.assertEqual(self.roots(), ["/h/.config/claude", "/h/.claude"])

    def test_xdg(self) -> None:
        """`XDG_CONFIG_HOME` moves the first."""
        self.assertEqual(self.roots(XDG_CONFIG_HOME="/x"), ["/x/claude", "/h/.claude"])

    def test_configured(self) -> None:
        """`CLAUDE_CONFIG_DIR` is a list, of which each entry counts once, and nothing else does."""
        found = self.roots(CLAUDE_CONFIG_DIR=" ~/a , /b,,~,/b")

        self.assertEqual(found, ["/h/a", "/b", "/h"])

    def test_blank(self) -> None:
        """A blank variable is as good as none."""
        self.assertEqual(self.roots(CLAUDE_CONFIG_DIR="  "), ["/h/.config/claude", "/h/.claude"])

    def test_sandboxes(self) -> None:
        """On macOS the sandboxes of the desktop app are always looked at."""
        sandboxes = "/h/Library/Application Support/Claude/local-agent-mode-sessions"

        self.assertEqual(self.roots("darwin", CLAUDE_CONFIG_DIR="/a"), ["/a", sandboxes])


class PlacesTests(LogTestCase):
    """Where logs are looked for below the roots."""

    def test_no_root(self) -> None:
        """Without any folder there is no history."""
        self.assertIsNone(self.home.history(CLAUDE))

    def test_no_log(self) -> None:
        """Without any log file there is no history."""
        (self.home.root / ".claude/projects/-p").mkdir(parents=True)

        self.assertIsNone(self.home.history(CLAUDE))

    def test_no_usage(self) -> None:
        """A log without a call is an empty history."""
        self.home.claude({"type": "user"})

        self.assertEqual(self.found(CLAUDE).days, ())

    def test_projects_itself(self) -> None:
        """A root that is `projects` stands for its parent, and both are one."""
        self.home.claude(answer())
        roots = [self.home.root / ".claude/projects", self.home.root / ".claude"]

        self.assertEqual(self.total(CLAUDE, roots=roots), 15)

    def test_deep(self) -> None:
        """Sub-agents' logs lie deeper."""
        self.home.claude(answer(), name="-p/s/subagents/agent-1.jsonl")

        self.assertEqual(self.total(CLAUDE), 15)

    def test_other_files(self) -> None:
        """Only `.jsonl` files are logs."""
        self.home.claude(answer())
        self.home.claude(answer(id="msg_2"), name="-p/a.jsonl.bak")

        self.assertEqual(self.total(CLAUDE), 15)

    def test_sandboxes(self) -> None:
        """A sandbox of the desktop app is found in both places, and what it repeats counts once."""
        base = self.home.root / "local-agent-mode-sessions"
        name = "local-agent-mode-sessions/g/s/{}/.claude/projects/-p/a.jsonl"
        self.home.write(name.format("local_1"), answer())
        self.home.write(name.format("agent/local_2"), answer(), answer(id="msg_2"))
        self.home.write(name.format("deep/er/local_3"), answer(id="msg_3"))

        self.assertEqual(self.total(CLAUDE, roots=[base]), 30)

    @skipIf(sys.platform == "win32", "making links needs a privilege there")
    def test_links(self) -> None:
        """A root may be a link; links below it are not followed, and a loop does no harm."""
        self.home.write("real/projects/-p/a.jsonl", answer())
        self.home.write("other/b.jsonl", answer(id="msg_2"))
        projects = self.home.root / "real/projects"
        (self.home.root / ".claude").symlink_to(self.home.root / "real")
        (projects / "loop").symlink_to(projects)
        (projects / "out").symlink_to(self.home.root / "other")
        (projects / "file.jsonl").symlink_to(self.home.root / "other/b.jsonl")

        self.assertEqual(self.total(CLAUDE), 15)


class RecordTests(LogTestCase):
    """Which lines tell of a call, and of how many tokens."""

    def of(self, *records: object) -> int:
        self.home.claude(*records)
        return self.total(CLAUDE)

    def assert_dropped(self, record: object) -> None:
        self.assertEqual(self.of(record, answer(id="msg_0")), 15, record)

    def test_buckets(self) -> None:
        """All kinds of tokens count."""
        self.assertEqual(self.of(answer(usage=usage())), 1115)

    def test_split_writes(self) -> None:
        """The split of cache writes replaces the flat field, whatever it holds."""
        split = {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2}

        self.assertEqual(self.of(answer(usage=usage(cache_creation=split))), 1018)
        self.assertEqual(self.of(answer(usage=usage(cache_creation={}))), 1015)
        self.assertEqual(self.of(answer(usage=usage(cache_creation=None))), 1115)

    def test_any_type(self) -> None:
        """The type of the line does not matter, nor whether it has one."""
        self.assertEqual(self.of(answer(type="x"), answer(id="m2", type=5)), 30)

    def test_optional(self) -> None:
        """What may be missing may be missing."""
        record = answer(id=None, request=None, model=None)
        for key in ("type", "sessionId", "version", "isSidechain"):
            del record[key]

        self.assertEqual(self.of(record), 15)

    def test_progress(self) -> None:
        """An answer to a sub-agent counts where only the record of its progress has it."""
        self.assertEqual(self.of(progress(answer(model="claude-opus-5"))), 15)
        self.assertEqual(dict(self.found(CLAUDE).models), {"claude-opus-5": 15})

    def test_progress_and_own(self) -> None:
        """In a record of progress the message of the line itself goes first, if it is a call."""
        both = progress(answer(id="m2")) | {"message": answer(usage=usage())["message"]}
        bad = both | {"version": "x"}

        self.assertEqual(self.of(both), 1115)
        self.assertEqual(self.of(bad), 15)

    def test_tool_result(self) -> None:
        """The usage inside a tool's result is that of calls told elsewhere."""
        self.assert_dropped({"type": "user", "toolUseResult": {"usage": usage()}})

    def test_text(self) -> None:
        """A log line quoted in a text is no call."""
        quoted = json.dumps(answer(id="m2"))
        self.assertEqual(self.of(answer(note=quoted, other=json.dumps({"id": None}))), 15)

    def test_versions(self) -> None:
        """A version must begin like one."""
        for version in ("unknown", "1.0", "1.0.", "1.2.x", "", 5):
            self.assert_dropped(answer(version=version))
        self.assertEqual(self.of(answer(version="1.0.24-beta.1")), 15)

    def test_empty(self) -> None:
        """Fields that name something must not be empty, nor be anything but text."""
        values: tuple[Any, ...] = ("", 5, [])
        for value in values:
            self.assert_dropped(answer(sessionId=value))
            self.assert_dropped(answer(requestId=value))
            self.assert_dropped(answer(id=value))
            self.assert_dropped(answer(model=value))

    def test_null(self) -> None:
        """Claude Code never writes null for some keys, anywhere in the line; for others it does."""
        for key in ("id", "cwd", "model", "speed", "costUSD", "version", "sessionId", "requestId"):
            self.assert_dropped(answer(content=[{key: None}]))
        for key in ("isApiErrorMessage", "cache_read_input_tokens", "cache_creation_input_tokens"):
            self.assert_dropped(answer() | {key: None})
        self.assertEqual(self.of(answer(parentUuid=None, stop_reason=None, isSidechain=None)), 15)
        self.assert_dropped(line(answer(cwd=None)).strip().replace(b":null", b" : null"))

    def test_speed(self) -> None:
        """A speed is fast or standard."""
        for speed in ("slow", "Fast", "", 5):
            self.assert_dropped(answer(usage=usage(speed=speed)))
        fast, standard = usage(speed="fast"), usage(speed="standard")
        self.assertEqual(self.of(answer(usage=fast), answer(id="m2", usage=standard)), 2230)

    def test_counts(self) -> None:
        """A count is a whole number, not negative, and of a size that a counter may have."""
        bad: tuple[Any, ...] = ("7", 7.0, 7.5, -7, 2**64, True, [], {})
        for key in usage():
            for value in bad:
                self.assert_dropped(answer(usage=usage(**{key: value})))
        for value in ("1", -1, None, 1.0):
            split: dict[str, Any] = {"ephemeral_5m_input_tokens": value}
            self.assert_dropped(answer(usage=usage(cache_creation=split)))
        self.assert_dropped(answer(usage=usage(cache_creation=5)))
        self.assert_dropped(answer(usage={"input_tokens": 1}))
        self.assert_dropped(answer(usage={"output_tokens": 1}))

    def test_shapes(self) -> None:
        """Whatever has another shape than known is no call."""
        messages: tuple[Any, ...] = ("text", 5, [], {"usage": "text"}, {"usage": []})
        for message in messages:
            self.assert_dropped(answer(note={"usage": {}}) | {"message": message})
        for key, value in (("isSidechain", "yes"), ("isSidechain", 1), ("costUSD", "0.5")):
            self.assert_dropped(answer() | {key: value})

    def test_timestamps(self) -> None:
        """A call has an instant that can be read, with any number of decimals and any offset."""
        for text in ("", "x", 5, None, "2026-11-20", "2026-02-30T10:00:00Z", "2026-11-20T10:00:00"):
            self.assert_dropped(answer(timestamp=text))
        good = ("10:00:00Z", "10:00:00.1Z", "10:00:00.123456Z", "10:00:00.5+05:45", "10:00:00-0330")
        self.assertEqual(
            self.of(*(answer(id=text, timestamp=f"2026-11-20T{text}") for text in good)), 75
        )

    def test_advisors(self) -> None:
        """Calls to an adviser count on their own, once, under their own model."""
        advice = {"type": "advisor_message", "model": "claude-haiku-4-5", "input_tokens": 3}
        good, other = advice | {"output_tokens": 4}, advice | {"type": "message"}
        iterations = [good, other, advice, good, advice | {"model": ""}, "text"]
        record = answer(usage=usage(iterations=iterations))

        self.assertEqual(self.of(record, record), 1115 + 14)
        self.assertEqual(self.found(CLAUDE).models["claude-haiku-4-5"], 14)
        self.assertEqual(self.of(answer(id=None, usage=usage(iterations=[good]))), 1122)
        self.assertEqual(self.of(answer(usage=usage(iterations={"a": 1}))), 1115)

    def test_no_model(self) -> None:
        """The tokens of a call that no model made count for no model."""
        self.assertEqual(self.of(answer(model="<synthetic>")), 15)
        history = self.found(CLAUDE)
        self.assertEqual((dict(history.models), history.notes), ({}, ()))
        self.assertIsNone(history.days[0].cost)


class DuplicateTests(LogTestCase):
    """Which records are the same call, and which of them counts."""

    def of(self, *records: object) -> int:
        self.home.claude(*records)
        return self.total(CLAUDE)

    def test_blocks(self) -> None:
        """The lines of one answer are one call."""
        self.assertEqual(self.of(answer(), answer(1), answer(2)), 15)

    def test_no_id(self) -> None:
        """Without a message id every record is a call."""
        self.assertEqual(self.of(answer(id=None), answer(id=None)), 30)

    def test_requests(self) -> None:
        """Another request is another call, and so is none."""
        self.assertEqual(self.of(answer(), answer(request="r2"), answer(request=None)), 45)
        self.assertEqual(self.of(answer(request=None), answer(9, request=None)), 15)

    def test_partial(self) -> None:
        """While an answer streams, some lines have less of it; the largest counts."""
        small = answer(usage=usage(output_tokens=1))
        large = answer(1, usage=usage(output_tokens=50))

        for records in ((small, large), (large, small), (small, large, answer(id="m2"), small)):
            other = 15 if len(records) > 2 else 0
            self.assertEqual(self.of(*records), 1160 + other)

    def test_side_repeats(self) -> None:
        """A side conversation repeats a message under another request: the message counts once."""
        side = answer(request="r2", side=True, usage=usage(output_tokens=500))

        for records in ((answer(), side), (side, answer()), (side, answer(), side, answer())):
            self.assertEqual(self.of(*records), 15)

    def test_side_only(self) -> None:
        """What only side conversations have counts once, as the largest."""
        small, large = usage(), usage(output_tokens=50)

        records = [answer(side=True, usage=small), answer(request="r2", side=True, usage=large)]
        self.assertEqual(self.of(*records), 1160)

    def test_side_and_two(self) -> None:
        """Two calls stay two even if a side conversation repeats one of them first."""
        side = answer(request="r1", side=True)

        records = [side, answer(request="r2"), answer(request="r1"), answer(request="r2")]
        self.assertEqual(self.of(*records), 30)

    def test_speed(self) -> None:
        """Of equals, the record that knows the speed decides the day."""
        records = [answer(), answer(86_400, usage=answer()["message"]["usage"] | {"speed": "fast"})]
        self.home.claude(*records)

        self.assertEqual(self.tokens(CLAUDE), {"2026-11-21": 15})

    def test_first(self) -> None:
        """Of equals otherwise, the first in the order of paths and lines decides the day."""
        self.home.claude(answer(), answer(86_400), name="-p/b.jsonl")
        self.assertEqual(self.tokens(CLAUDE), {"2026-11-20": 15})

        self.home.claude(answer(86_400), name="-p/a.jsonl")
        self.assertEqual(self.tokens(CLAUDE), {"2026-11-21": 15})

    def test_files(self) -> None:
        """A resumed conversation repeats what is in another file."""
        self.home.claude(answer(), answer(id="m2"))
        self.home.claude(answer(), answer(id="m3", sessionId="s2"), name="-q/b.jsonl")

        self.assertEqual(self.total(CLAUDE), 45)

    def test_progress(self) -> None:
        """The record of a sub-agent's progress repeats what is in the sub-agent's own file."""
        self.home.claude(progress(answer(usage=usage(output_tokens=1))))
        self.home.claude(answer(side=True, usage=usage()), name="-p/s/subagents/a.jsonl")

        self.assertEqual(self.total(CLAUDE), 1111)


class DayTests(LogTestCase):
    """The calendar day of a call."""

    def test_zones(self) -> None:
        """The person's zone decides the day; the minute before midnight is the day before."""
        for name, minute in (("America/New_York", 19 * 60), ("Asia/Kathmandu", 8 * 60 + 15)):
            midnight = (minute * 60) - 0.001
            self.home.claude(answer(midnight), answer(midnight + 0.001, id="m2"))
            days = self.tokens(CLAUDE, zone=ZoneInfo(name))
            self.assertEqual(days, {"2026-11-20": 15, "2026-11-21": 15}, name)

    def test_clock_change(self) -> None:
        """The day on which the clock goes back has 25 hours."""
        begin, end = "2026-11-01T04:00:00.000Z", "2026-11-02T04:59:59.999Z"
        late = "2026-11-02T05:00:00.000Z"
        records = [answer(id=text, timestamp=text) for text in (begin, end, late)]
        self.home.claude(*records)

        days = self.tokens(CLAUDE, zone=ZoneInfo("America/New_York"))

        self.assertEqual(days, {"2026-11-01": 30, "2026-11-02": 15})

    def test_window(self) -> None:
        """31 days count, today included, and what the log has of the future."""
        self.home.claude(
            answer(id="a", timestamp="2026-10-22T23:59:59.999Z"),
            answer(id="b", timestamp="2026-10-23T00:00:00.000Z"),
            answer(id="c", timestamp="2026-11-22T23:00:00.000Z"),
            answer(id="d", timestamp="2026-11-23T01:00:00.000Z"),
        )

        self.assertEqual(list(self.tokens(CLAUDE)), ["2026-10-23", "2026-11-22", "2026-11-23"])

    def test_old_file(self) -> None:
        """A file that was last changed before the window is not opened."""
        path = self.home.claude(answer())
        self.home.touch(path, AT.replace(month=10, day=22))

        self.assertEqual(self.found(CLAUDE).days, ())

    def test_over_the_border(self) -> None:
        """A call whose best record is from before the window does not count by a lesser one."""
        large = answer(usage=usage(output_tokens=50), timestamp="2026-10-22T23:59:59Z")
        self.home.claude(answer(timestamp="2026-10-23T00:00:01Z"), large)

        self.assertEqual(self.found(CLAUDE).days, ())


class CostTests(LogTestCase):
    """What the calls of Claude Code cost."""

    def cost(self, *records: object) -> float | None:
        self.home.claude(*records)
        return self.found(CLAUDE).days[0].cost

    def test_buckets(self) -> None:
        """Each kind of tokens has its rate; an hour of cache costs twice the input."""
        split = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 100}
        tokens = usage(input_tokens=1000, output_tokens=100, cache_creation=split)

        # (1000 x 3 + 100 x 3.75 + 100 x 6 + 1000 x 0.3 + 100 x 15) / 1e6
        self.assertAlmostEqual(self.cost(answer(usage=tokens)) or 0, 0.005775)

    def test_fast(self) -> None:
        """The fast tier costs six times as much with this model."""
        fast = usage(cache_read_input_tokens=0, cache_creation_input_tokens=0, speed="fast")

        # (10 x 5 + 5 x 25) / 1e6 x 6
        self.assertAlmostEqual(self.cost(answer(model="claude-opus-4-6", usage=fast)) or 0, 0.00105)

    def test_fast_unknown(self) -> None:
        """Where no other price for it is known, the fast tier costs the same."""
        fast = usage(cache_read_input_tokens=0, cache_creation_input_tokens=0, speed="fast")

        self.assertAlmostEqual(self.cost(answer(model="claude-fable-5", usage=fast)) or 0, 0.00035)

    def test_long_context(self) -> None:
        """A prompt above 200,000 tokens costs the long rate as a whole; one of so many does not."""
        short = usage(input_tokens=198_900)
        long = usage(input_tokens=198_901)
        name = "claude-sonnet-4-5-20250929"

        # (198900 x 3 + 100 x 3.75 + 1000 x 0.3 + 5 x 15) / 1e6
        self.assertAlmostEqual(self.cost(answer(model=name, usage=short)) or 0, 0.59745)
        # (198901 x 6 + 100 x 7.5 + 1000 x 0.6 + 5 x 22.5) / 1e6
        self.assertAlmostEqual(self.cost(answer(model=name, usage=long)) or 0, 1.1948685)

    def test_carried(self) -> None:
        """A cost in the record goes before any price, even 0 and even of an unknown model."""
        self.assertEqual(self.cost(answer(costUSD=1.5)), 1.5)
        self.assertEqual(self.cost(answer(costUSD=0)), 0)
        self.assertEqual(self.cost(answer(model="mystery", costUSD=0.25)), 0.25)
        self.assertEqual(self.found(CLAUDE).notes, ())

    def test_carried_with_advisor(self) -> None:
        """The cost in a record is not that of its adviser."""
        advice = {"type": "advisor_message", "model": "claude-haiku-4-5"}
        advice |= {"input_tokens": 10, "output_tokens": 2}  # type: ignore[dict-item]
        record = answer(costUSD=1.23, usage=usage(iterations=[advice]))

        self.assertAlmostEqual(self.cost(record) or 0, 1.23 + 0.00002)

    def test_impossible(self) -> None:
        """A cost below nothing, or beyond all measure, is none; the call is priced."""
        for cost in (-1, 1e308, 10**400, 1_000_001):
            self.assertAlmostEqual(self.cost(answer(costUSD=cost)) or 0, 0.000105, msg=str(cost))

    def test_unknown(self) -> None:
        """The tokens of an unknown model count, its cost is unknown, and it is named once."""
        self.assertIsNone(self.cost(answer(model="mystery"), answer(id="m2", model="mystery")))
        history = self.found(CLAUDE)
        self.assertEqual(history.days[0].tokens, 30)
        self.assertEqual(history.notes, ("unknown model: mystery",))

    def test_many_unknown(self) -> None:
        """Of many unknown models some are named, and a name is cut where it is no name any more."""
        self.home.claude(
            *(answer(id=f"m{number}", model=f"model-{number:04}") for number in range(1000)),
            answer(id="long", model="a" * 10**6),
        )

        history = self.found(CLAUDE)

        self.assertEqual(history.days[0].tokens, 15 * 1001)
        self.assertEqual(max(map(len, history.models)), 200)
        self.assertEqual(len(history.notes), 9)
        self.assertEqual(history.notes[0], "unknown model: " + "a" * 200)
        self.assertEqual(history.notes[-1], "unknown models: 993 more")

    def test_partly_unknown(self) -> None:
        """A day costs what is known of it."""
        self.assertAlmostEqual(self.cost(answer(), answer(id="m2", model="mystery")) or 0, 0.000105)

    def test_day_of_use(self) -> None:
        """The price is that of the day in UTC, on which the log was written."""
        self.assertEqual(stamp(), "2026-11-20T10:00:00.000Z")
        long = answer(usage=usage(input_tokens=200_000), timestamp="2026-03-12T23:59:59Z")
        path = self.home.claude(long)
        self.home.touch(path, AT.replace(month=3, day=13))
        today = AT.date().replace(month=3, day=13)

        days = self.found(CLAUDE, today=today).days

        # Until 2026-03-13 this model had a long-context price.
        # (200000 x 6 + 100 x 7.5 + 1000 x 0.6 + 5 x 22.5) / 1e6
        self.assertAlmostEqual(days[0].cost or 0, 1.2014625)


class BadDataTests(LogTestCase):
    """What no reader should choke on."""

    def test_lines(self) -> None:
        """Lines that are no JSON are skipped and counted, whatever is wrong; the others count."""
        good = line(answer()).strip()
        bad = [
            good[:-40],  # torn
            good + good,  # two at once
            b"\0" * 40,
            b'\0\0{"a":1}',
            good.replace(b"assistant", b"\xff\xfe"),
            good.replace(b"assistant", b"\x01"),
            b'{"usage":{},"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
            b"[1]",
            b"x",
        ]
        self.home.claude(*bad, b"", b"  ", b"\r", answer(id="m2"))

        self.assertEqual(self.total(CLAUDE), 15)
        self.assertEqual(self.found(CLAUDE).notes, ("9 unreadable log lines skipped",))

    def test_one_line(self) -> None:
        """One line is told as one."""
        self.home.claude(answer(), b"x")

        self.assertEqual(self.found(CLAUDE).notes, ("1 unreadable log line skipped",))

    def test_white_space(self) -> None:
        """A byte order mark, carriage returns and white space around a line do no harm."""
        first, second, third = (line(answer(id=name)).strip() for name in "abc")
        self.home.claude(b"\xef\xbb\xbf" + first + b"\r", second + b"\r", b" \t" + third + b" ")

        self.assertEqual((self.total(CLAUDE), self.found(CLAUDE).notes), (45, ()))

    def test_half_character(self) -> None:
        """Half of a character, which JavaScript writes when it cuts a text, does no harm."""
        for half in (rb"\ud83d", rb"x\udc00y", rb"\ud83d\ud83d", rb"\\\ud83d\u"[:8]):
            record = line(answer(note="@")).strip().replace(b"@", half)
            self.home.claude(record)
            self.assertEqual((self.total(CLAUDE), self.found(CLAUDE).notes), (15, ()), half)

    def test_whole_character(self) -> None:
        """A character beyond the first plane in a line that needs mending stays whole."""
        model = rb"\ud83d\ude00"
        record = line(answer(model="@", note="#")).strip()
        self.home.claude(record.replace(b"@", model).replace(b"#", rb"\ud83d"))

        self.assertEqual(list(self.found(CLAUDE).models), ["\N{GRINNING FACE}"])
