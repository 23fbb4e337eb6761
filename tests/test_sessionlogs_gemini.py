"""Tests for the session logs of the Gemini CLI."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.env import Env
from openusage.sessionlogs import History, LocalSessionLogs, reading
from openusage.sessionlogs.gemini import GEMINI, GeminiReader, gemini_homes
from openusage.testing import clock_at, run_inline

TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
CHATS = "tmp/0f3a/chats"


def instant(days: float = 0) -> str:
    """An instant so many days ago, as the CLI writes it."""
    return (NOON - timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tokens(input: object = 0, output: object = 0, **more: object) -> dict[str, Any]:  # noqa: A002
    """What an answer used."""
    counts = {"cached": 0, "thoughts": 0, "tool": 0, **more}
    given = [input, output, counts["thoughts"], counts["tool"]]
    total = sum(count for count in given if isinstance(count, int))
    return {"input": input, "output": output, **counts, "total": more.get("total", total)}


def message(id: Any = "m1", days: float = 0, **more: Any) -> dict[str, Any]:  # noqa: A002
    """An answer."""
    known = {"type": "gemini", "timestamp": instant(days), "model": "gemini-2.5-pro"}
    return {"id": id, **known, "tokens": tokens(1000, 100), **more}


def header(session: str = "s1", **more: Any) -> dict[str, Any]:
    """How a session begins."""
    return {"sessionId": session, "projectHash": "0f3a", "startTime": instant(1), **more}


def document(*messages: Any, session: str = "s1", **more: Any) -> str:
    """A whole session, as older versions of the CLI wrote it."""
    return json.dumps({**header(session), "messages": messages, **more}, indent=2)


def lines(*records: object) -> str:
    """A session as newer versions write it."""
    return "".join(json.dumps(record) + "\n" for record in records)


class GeminiLogCase(SynchronousTestCase):
    """A folder of the Gemini CLI."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.logs = LocalSessionLogs(run_inline, clock=clock_at(NOON + timedelta(days=1)))
        self.ticks = 0

    def write(self, text: str, name: str = "session-a.jsonl", folder: str = CHATS) -> Path:
        """Put a text into a log."""
        path = self.folder / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.ticks += 1
        when = int(NOON.timestamp() * 1e9) + self.ticks * 1_000_000
        os.utime(path, ns=(when, when))
        return path

    def history(self) -> History | None:
        """What the logs say."""
        asked = self.logs.history(GEMINI, [self.folder], today=TODAY, zone=timezone.utc)
        found: History | None = self.successResultOf(Deferred.fromCoroutine(asked))
        return found

    def found(self, text: str | None = None, name: str = "session-a.jsonl") -> History:
        """The history, which there is, with one more log."""
        if text is not None:
            self.write(text, name)
        history = self.history()
        assert history is not None
        return history

    def total(self, text: str | None = None, name: str = "session-a.jsonl") -> int:
        """The tokens of all days."""
        return sum(day.tokens for day in self.found(text, name).days)


class MessageTests(GeminiLogCase):
    """What an answer is."""

    def test_example(self) -> None:
        """Cached tokens are part of the input; thoughts are output that has no text."""
        used = {"input": 9000, "output": 350, "cached": 4000, "thoughts": 120, "total": 9470}
        user = {"id": "m0", "type": "user", "timestamp": instant()}

        for text, name in (
            (document(user, message(tokens=used)), "session-a.json"),
            (lines(header(), user, message(tokens=used)), "session-a.jsonl"),
        ):
            (day,) = self.found(text, name).days
            self.assertEqual((day.date, day.tokens), (TODAY, 9470))
            # (5000 x 1.25 + 4000 x 0.125 + 470 x 10) / 1e6
            self.assertAlmostEqual(day.cost or 0, 0.01145)

    def test_long_prompt(self) -> None:
        """A long prompt costs more."""
        text = lines(header(), message(tokens=tokens(200_001)))
        self.assertAlmostEqual(self.found(text).days[0].cost or 0, 0.5000025)

        text = lines(header(), message(tokens=tokens(200_000)))
        self.assertAlmostEqual(self.found(text).days[0].cost or 0, 0.25)

    def test_total(self) -> None:
        """Without a total it is the sum of the parts; cached tokens are in the input already."""
        for total in (0, -1, None, "5"):
            used = tokens(1000, 100, cached=900, thoughts=10, tool=1, total=total)
            self.assertEqual(self.total(lines(header(), message(tokens=used))), 1111)

    def test_tool(self) -> None:
        """What tools added to the prompt is input, and cached is no more than the input."""
        used = tokens(1_000_000, cached=2_000_000, tool=1_000_000)
        found = self.found(lines(header(), message(tokens=used, model="gemini-2.5-flash")))

        self.assertAlmostEqual(found.days[0].cost or 0, 0.33)

    def test_each_answer(self) -> None:
        """Numbers that grow are those of each answer, not of all so far."""
        answers = [message(f"m{n}", tokens=tokens(n * 1000, n)) for n in (1, 2, 3)]

        self.assertEqual(self.total(lines(header(), *answers)), 6006)
        self.assertEqual(self.total(document(*answers, session="s2"), "session-b.json"), 12_012)

    def test_day(self) -> None:
        """The day is that of the answer, else that on which the session began."""
        found = self.found(
            lines(header(), message("a", 3), message("b", timestamp=None), message("c", 31))
        )

        days = [(day.date, day.tokens) for day in found.days]
        ago = [TODAY - timedelta(days=3), TODAY - timedelta(days=1)]
        self.assertEqual(days, [(ago[0], 1100), (ago[1], 1100)])

    def test_no_time(self) -> None:
        """An answer without any time cannot be placed."""
        answer = message(timestamp="x")

        self.assertEqual(self.total(lines({"sessionId": "s1"}, answer)), 0)

    def test_unknown_model(self) -> None:
        """A model without a price, or without a name, counts for nothing; it is named if it can."""
        found = self.found(
            lines(
                header(),
                message("a"),
                message("b", model="gemini-99-ultra"),
                message("c", model=None),
                message("d", model="gemini-98", tokens=tokens()),
            )
        )

        self.assertEqual(found.models, {"gemini-2.5-pro": 1100})
        self.assertEqual(found.notes, ("unknown model: gemini-99-ultra",))

    def test_dated_model(self) -> None:
        """Previews with a date cost what their model does, lighter ones less."""
        name = "gemini-2.5-flash-lite-preview-09-2025"
        found = self.found(lines(header(), message(model=name, tokens=tokens(1_000_000))))

        self.assertAlmostEqual(found.days[0].cost or 0, 0.1)


class SessionTests(GeminiLogCase):
    """What counts once."""

    def test_written_again(self) -> None:
        """A later line replaces the one with the same id; without counts it takes none away."""
        first, second = message(tokens=None), message(tokens=tokens(5, 5))
        self.assertEqual(self.total(lines(header(), first, second)), 10)
        self.assertEqual(self.total(lines(header(), second, message(tokens=tokens(7)))), 7)
        self.assertEqual(self.total(lines(header(), second, first)), 10)

    def test_replaced_later(self) -> None:
        """It does so when it is written later, or has no end yet."""
        path = self.write(lines(header(), message()))
        self.assertEqual(self.total(), 1100)

        text = path.read_text() + json.dumps(message(tokens=tokens(7)))
        self.write(text)
        self.assertEqual(self.total(), 7)
        self.write(text + "\n" + lines(message("m2", tokens=tokens(1))))
        self.assertEqual(self.total(), 8)

    def test_nameless(self) -> None:
        """Answers without id are never the same."""
        for nameless in (None, "", 5):
            text = lines(header(), message(nameless), message(nameless))
            self.assertEqual(self.total(text), 2200)
        path = self.write(lines(header(), message(None)))
        self.assertEqual(self.total(), 1100)
        self.write(path.read_text() + json.dumps(message(None)))
        self.assertEqual(self.total(), 2200)

    def test_same_session(self) -> None:
        """Of two files of one session the one that changed last counts."""
        self.write(document(message("a"), message("b")), "session-a.json")
        self.write(lines(header(), message("a"), message("b"), message("c")), "session-a.jsonl")
        self.assertEqual(self.total(), 3300)

        self.write(document(message("a")), "session-a.json")
        self.assertEqual(self.total(), 1100)

    def test_other_sessions(self) -> None:
        """The same ids in another session, or where none is named, are other answers."""
        self.write(lines(header("s1"), message()))
        self.write(lines(header("s2"), message()), "session-b.jsonl")
        for name in ("session-c.jsonl", "session-d.jsonl"):
            self.write(lines({"sessionId": ""}, message()), name)

        self.assertEqual(self.total(), 4400)

    def test_changes_of_the_session(self) -> None:
        """Lines that change the session as a whole count nothing and lose nothing."""
        again = {"$set": {"messages": [message("a"), message("x")], "sessionId": "s1"}}

        self.assertEqual(
            self.total(lines(header(), message("a"), {"$rewindTo": "a"}, again, message("b"))), 2200
        )

    def test_document_grows(self) -> None:
        """A session that is one JSON value is read anew whenever it changes."""
        answers = [message(f"m{n}", content="x" * 9000) for n in range(3)]
        for number in (1, 2, 3, 2):
            text = document(*answers[:number], lastUpdated="then")
            self.assertEqual(self.total(text, "session-a.json"), number * 1100)

    def test_half_a_document(self) -> None:
        """One that is just being written is told of, and no harm to the others."""
        self.write(document(message())[:-9], "session-a.json")
        self.write(lines(header("s2"), message()), "session-b.jsonl")

        self.assertEqual(self.total(), 1100)
        self.assertEqual(self.found().notes, ("1 unreadable log line skipped",))

    def test_large_document(self) -> None:
        """One that is larger than any is skipped."""
        with patch.object(reading, "LONGEST_DOCUMENT", 500):
            text = document(message(content="x" * 1000))
            self.assertEqual(self.total(text, "session-a.json"), 0)
            self.assertEqual(len(self.found().notes), 1)

    def test_half_characters(self) -> None:
        """Half of a character, which JavaScript may write, spoils nothing."""
        half = message("a", content="\ud83d")
        self.assertEqual(self.total(document(half), "session-a.json"), 1100)
        self.assertEqual(self.total(lines(header("s2"), half, message("b"))), 3300)


class PlaceTests(GeminiLogCase):
    """Which files are logs."""

    def test_logs(self) -> None:
        """Sessions of whatever project, those in `chats` under any name; and nothing else."""
        for number, (name, counts) in enumerate(
            (
                ("tmp/p/chats/session-1.json", True),
                ("tmp/p/chats/other.json", True),
                ("tmp/p/chats/parent/sub.jsonl", True),
                ("tmp/p/session-1.json", True),
                ("tmp/session-1.json", True),
                ("tmp/p/session-1.jsonl", False),
                ("tmp/p/logs.json", False),
                ("tmp/p/chats/notes.txt", False),
                ("tmp/p/backup/session-1.json", False),
                ("tmp/p/chats/backup/deep/session-1.json", False),
                ("chats/session-1.json", False),
            )
        ):
            self.folder = Path(self.mktemp()).absolute()
            folder, _, file = name.rpartition("/")
            session = f"s{number}"
            text = document(message(), session=session)
            if name.endswith("l"):
                text = lines(header(session), message())
            self.write(text, file, folder)
            self.assertEqual(self.history() is not None, counts, name)
            if counts:
                self.assertEqual(self.total(), 1100, name)

    def test_below_another_chats(self) -> None:
        """A folder of that name above the CLI's own means nothing."""
        self.folder = self.folder / "chats" / ".gemini"
        self.write(lines(header(), message()), "logs.jsonl", "tmp/p")

        self.assertIsNone(self.history())

    def test_first_home(self) -> None:
        """Of the two folders that the variable may mean the inner one goes first."""
        inner = self.folder / ".gemini"
        roots = [inner, self.folder]

        def total() -> int:
            asked = self.logs.history(GEMINI, roots, today=TODAY, zone=timezone.utc)
            history = self.successResultOf(Deferred.fromCoroutine(asked))
            return sum(day.tokens for day in history.days) if history else 0

        self.assertEqual(total(), 0)
        self.write(lines(header(), message()))
        self.assertEqual(total(), 1100)
        self.write(lines(header(), message(tokens=tokens(5))), folder=f".gemini/{CHATS}")
        self.assertEqual(total(), 5)

    def test_homes(self) -> None:
        """`~/.gemini`, unless `GEMINI_CLI_HOME` names another home."""
        home = Path("/home/ada")

        def homes(variables: Mapping[str, str]) -> list[str]:
            return [path.as_posix() for path in gemini_homes(home, Env(variables, "linux"))]

        self.assertEqual(homes({}), ["/home/ada/.gemini"])
        self.assertEqual(homes({"GEMINI_CLI_HOME": " "}), ["/home/ada/.gemini"])
        self.assertEqual(homes({"GEMINI_CLI_HOME": "/srv/g"}), ["/srv/g/.gemini", "/srv/g"])
        self.assertEqual(homes({"GEMINI_CLI_HOME": "~/g"}), ["/home/ada/g/.gemini", "/home/ada/g"])


_ODD = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 10**30),
        st.floats(),
        st.text(max_size=3),
        st.just("2026-11-22T12:00:00Z"),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["id", "timestamp", "model", "tokens", "input", "cached", "total", "messages"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


class OddLineTests(SynchronousTestCase):
    """Lines of any form."""

    @settings(deadline=None, max_examples=100)
    @given(_ODD, _ODD)
    def test_any(self, messages: Any, used: Any) -> None:
        """No line is so odd that it ends the reading."""
        reader = GeminiReader()
        for odd in (
            header(messages=messages),
            header(messages=[{**message(), "tokens": used}, messages]),
            header(messages=[], x="\ud83d", tokens=used),
            {**message(), "tokens": used},
            used,
        ):
            reader.feed(json.dumps(odd).encode() + b"\n", 0)
        reader.feed(lines(message("last")).encode(), 0)

        self.assertEqual(reader.calls["last"].tokens, 1100)
