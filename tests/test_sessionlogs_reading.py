"""Tests for `openusage.sessionlogs.reading` and `walk`: what is read of which files, and when."""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import Sequence
from datetime import timedelta, timezone
from pathlib import Path
from threading import Event, Thread
from unittest import skipIf

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.sessionlogs.claude import CLAUDE
from openusage.sessionlogs.clauderecords import ClaudeReader
from openusage.sessionlogs.codex import CODEX
from openusage.sessionlogs.index import Index, Window
from openusage.sessionlogs.reading import LONGEST_LINE, PIECE
from openusage.sessionlogs.walk import Source, StoppedError, walk
from tests.data.loglines import AT, TODAY, LogTestCase, answer, counts, line, meta, turn, used

_NO_MODES = sys.platform == "win32" or (hasattr(os, "geteuid") and os.geteuid() == 0)


class _Broken(ClaudeReader):
    """A reader on a disk with a hole."""

    def feed(self, piece: bytes, after: int) -> None:
        super().feed(piece, after)
        if b"broken" in piece:
            raise OSError("a hole")


class WalkTests(SynchronousTestCase):
    """Tests for `walk`."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir()

    def test_missing(self) -> None:
        """A source that does not exist, or is a file, has no files."""
        (self.root / "file").touch()
        sources = [Source(str(self.root / name), "h") for name in ("none", "file")]

        self.assertEqual(walk(sources, Event()).files, {})

    def test_stamps(self) -> None:
        """A file comes with what tells that it changed."""
        path = self.root / "a" / "b.jsonl"
        path.parent.mkdir()
        path.write_bytes(b"123")
        os.utime(path, ns=(5, 7_000_000_000))

        found = walk([Source(str(self.root), "h")], Event())

        stamp = found.files[str(path)]
        self.assertEqual((stamp.size, stamp.mtime_ns), (3, 7_000_000_000))

    def test_shadowed(self) -> None:
        """Of files at the same place in a home's folders the first folder's is found."""
        for name in ("one", "two"):
            (self.root / name).mkdir()
            (self.root / name / "a.jsonl").touch()
        one, two = str(self.root / "one"), str(self.root / "two")

        same = walk([Source(one, "h"), Source(two, "h")], Event())
        other = walk([Source(one, "h"), Source(two, "g")], Event())

        self.assertEqual((len(same.files), len(other.files)), (1, 2))
        self.assertIn("one", next(iter(same.files)))

    def test_special_files(self) -> None:
        """A folder or a pipe that is named like a log is none."""
        (self.root / "a.jsonl").mkdir()
        if hasattr(os, "mkfifo"):
            os.mkfifo(self.root / "b.jsonl")

        self.assertEqual(walk([Source(str(self.root), "h")], Event()).files, {})

    @skipIf(_NO_MODES, "every folder can be read")
    def test_unreadable(self) -> None:
        """A folder that cannot be read is counted."""
        closed = self.root / "closed"
        closed.mkdir(mode=0)
        self.addCleanup(closed.chmod, 0o700)

        self.assertEqual(walk([Source(str(self.root), "h")], Event()).unreadable, 1)

    @skipIf(_NO_MODES, "every folder can be read")
    def test_listed_only(self) -> None:
        """A folder whose files cannot be looked at is counted once."""
        listed = self.root / "listed"
        listed.mkdir()
        for name in ("a.jsonl", "b.jsonl"):
            (listed / name).touch()
        listed.chmod(0o600)
        self.addCleanup(listed.chmod, 0o700)

        found = walk([Source(str(self.root), "h")], Event())

        self.assertEqual((found.files, found.unreadable), ({}, 1))

    def test_stopped(self) -> None:
        """A walk ends when it is told to."""
        stop = Event()
        stop.set()

        self.assertRaises(StoppedError, walk, [Source(str(self.root), "h")], stop)


class IndexTests(SynchronousTestCase):
    """Tests for `Index`."""

    window = Window(TODAY - timedelta(days=30), timezone.utc)

    @skipIf(_NO_MODES, "every folder can be read")
    def test_nothing_readable(self) -> None:
        """Logs that cannot be looked at are trouble; they are not as good as none."""
        root = Path(self.mktemp())
        (root / "projects").mkdir(parents=True)
        index = Index(CLAUDE, [root])
        self.assertIsNone(index.scan(self.window, 0.0, Event()))
        (root / "projects").chmod(0)
        self.addCleanup((root / "projects").chmod, 0o700)

        self.assertRaises(OSError, index.scan, self.window, 0.0, Event())

    def test_hangs(self) -> None:
        """A scan that waits for one which hangs can still be stopped."""
        begun, thawed, stop = Event(), Event(), Event()

        def frozen(roots: Sequence[Path]) -> list[Source]:
            begun.set()
            thawed.wait(30)
            return []

        index = Index(evolve(CLAUDE, sources=frozen), [])
        hanging = Thread(target=index.scan, args=(self.window, 0.0, Event()))
        hanging.start()
        self.addCleanup(hanging.join)
        self.addCleanup(thawed.set)
        begun.wait(30)
        stop.set()

        self.assertRaises(StoppedError, index.scan, self.window, 0.0, stop)
        self.assertTrue(hanging.is_alive())


class PiecesTests(LogTestCase):
    """Files larger than a piece, and lines larger than anything."""

    def test_across_pieces(self) -> None:
        """Lines count wherever pieces end, also lines longer than one."""
        sizes = (PIECE - 400, 10, 3 * PIECE, PIECE // 2, PIECE // 2, 1)
        records = [answer(id=f"m{n}", text="x" * size) for n, size in enumerate(sizes)]
        self.home.claude(*records)

        self.assertEqual((self.total(CLAUDE), self.found(CLAUDE).notes), (90, ()))

    def test_longest(self) -> None:
        """A line of just the longest length counts; one byte more and it is skipped and counted."""
        short = len(line(answer(id="m1", text=""))) - 1
        fits = answer(id="m1", text="x" * (LONGEST_LINE - short))
        over = answer(id="m2", text="x" * (LONGEST_LINE - short + 1))
        self.home.claude(answer(), fits, over, answer(id="m3"))

        self.assertEqual(self.total(CLAUDE), 45)
        self.assertEqual(self.found(CLAUDE).notes, ("1 unreadable log line skipped",))

    def test_memory(self) -> None:
        """Of a line that is too long only a part is ever in memory."""
        path = self.home.claude(answer())
        self.home.append(path, line(answer(id="m2")))
        with path.open("ab") as stream:
            stream.truncate(path.stat().st_size + 100 * 2**20)  # a hole, which takes no room
        self.home.append(path, b"\n" + line(answer(id="m3")))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

        found = self.found(CLAUDE)

        self.assertEqual(found.days[0].tokens, 45)
        self.assertEqual(found.notes, ("1 unreadable log line skipped",))
        self.assertLess(tracemalloc.get_traced_memory()[1], 3 * LONGEST_LINE)

    def test_endless(self) -> None:
        """A line that is too long and has no end yet is passed over once and for all."""
        path = self.home.claude(answer(), b"{" + b"x" * LONGEST_LINE)
        self.home.append(path, b"")
        with path.open("r+b") as stream:
            stream.truncate(path.stat().st_size - 1)
        self.home.touch(path)
        self.assertEqual(self.found(CLAUDE).notes, ("1 unreadable log line skipped",))

        self.home.append(path, b"x" * 10)
        self.assertEqual(self.total(CLAUDE), 15)
        self.home.append(path, b"\n" + line(answer(id="m2")))

        self.assertEqual(self.total(CLAUDE), 30)
        self.assertEqual(self.found(CLAUDE).notes, ("1 unreadable log line skipped",))


class LastLineTests(LogTestCase):
    """The last line of a file, which may be half of one."""

    def test_no_end(self) -> None:
        """A whole line without an end counts, and counts once when it gets its end."""
        path = self.home.claude(answer())
        whole = line(answer(id="m2"))
        self.home.append(path, whole[:-1])
        self.assertEqual(self.total(CLAUDE), 30)

        self.home.append(path, b"\n" + line(answer(id="m3")))
        self.assertEqual(self.total(CLAUDE), 45)

    def test_half(self) -> None:
        """Half a line is neither a call nor trouble until it is whole."""
        path = self.home.claude(answer())
        whole = line(answer(id="m2"))
        self.home.append(path, whole[:50])
        self.assertEqual((self.total(CLAUDE), self.found(CLAUDE).notes), (15, ()))

        self.home.append(path, whole[50:])
        self.assertEqual(self.total(CLAUDE), 30)

    def test_half_with_an_end(self) -> None:
        """Half a line that got an end is trouble."""
        path = self.home.claude(answer())
        self.home.append(path, line(answer(id="m2"))[:50] + b"\n")

        self.assertEqual(self.found(CLAUDE).notes, ("1 unreadable log line skipped",))

    def test_context(self) -> None:
        """What a last line without an end says holds for it alone until it has one."""
        first, second = counts(1000), counts(3000)
        path = self.home.codex(meta(), turn(0, "a"), used(10, None, first))
        self.home.append(path, line(turn(15, "b"))[:-1])
        self.assertEqual(dict(self.found(CODEX).models), {"a": 1000})

        self.home.append(path, b"\n" + line(used(20, None, second))[:-1])
        self.assertEqual(dict(self.found(CODEX).models), {"a": 1000, "b": 2000})
        self.home.append(path, b"\n")
        self.assertEqual(dict(self.found(CODEX).models), {"a": 1000, "b": 2000})


class ChangeTests(LogTestCase):
    """Which files are read again."""

    def test_unchanged(self) -> None:
        """A file whose size and time are the same is not opened again."""
        path = self.home.claude(answer())
        stat = path.stat()
        self.assertEqual(self.total(CLAUDE), 15)
        path.write_bytes(line(answer(usage={"input_tokens": 11, "output_tokens": 5})))
        os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))

        self.assertEqual(self.total(CLAUDE), 15)

    def test_changed_at_once(self) -> None:
        """A file that changed just before it was read is looked at again despite its time."""
        path = self.home.claude(answer())
        self.home.clock.advance(AT.timestamp() - self.home.clock.seconds())
        self.assertEqual(self.total(CLAUDE), 15)
        stat = path.stat()
        path.write_bytes(line(answer(usage={"input_tokens": 11, "output_tokens": 5})))
        os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))

        self.assertEqual(self.total(CLAUDE), 16)

    def test_grown(self) -> None:
        """A file that grew is read from where it ended: what is before is not looked at."""
        records = [answer(id=f"m{number}", text="x" * 200) for number in range(100)]
        path = self.home.claude(*records)
        self.assertEqual(self.total(CLAUDE), 1500)
        data = path.read_bytes()
        middle = len(data) // 2 // len(line(records[50])) * len(line(records[50]))
        with path.open("r+b") as stream:
            stream.seek(middle)
            stream.write(b"!" * 50)
        self.home.append(path, line(answer(id="new")))

        self.assertEqual(self.total(CLAUDE), 1515)
        self.home.forget()
        self.assertEqual(self.total(CLAUDE), 1500)

    def test_rewritten(self) -> None:
        """A file that was written anew in place is read anew, even if it is larger than before."""
        path = self.home.claude(answer(id="a"), answer(id="b"))
        self.assertEqual(self.total(CLAUDE), 30)
        path.write_bytes(b"".join(line(answer(id=name)) for name in "cde"))
        self.home.touch(path)

        self.assertEqual(self.total(CLAUDE), 45)

    def test_truncated(self) -> None:
        """A file that lost its end lost the calls in it."""
        path = self.home.claude(answer(id="a"), answer(id="b"))
        self.assertEqual(self.total(CLAUDE), 30)
        path.write_bytes(line(answer(id="a")))
        self.home.touch(path)

        self.assertEqual(self.total(CLAUDE), 15)

    def test_replaced(self) -> None:
        """Another file in the place of one is another file."""
        path = self.home.claude(answer(id="a"))
        self.assertEqual(self.total(CLAUDE), 15)
        other = path.with_suffix(".new")
        other.write_bytes(line(answer(id="a")) + line(answer(id="b")))
        self.home.touch(other).replace(path)

        self.assertEqual(self.total(CLAUDE), 30)

    def test_deleted(self) -> None:
        """A file that is gone took its calls with it, but not those that another one has too."""
        path = self.home.claude(answer(id="a"), answer(id="b"))
        self.home.claude(answer(id="a"), name="-p/other.jsonl")
        self.assertEqual(self.total(CLAUDE), 30)
        path.unlink()

        self.assertEqual(self.total(CLAUDE), 15)

    def test_new(self) -> None:
        """A new file is found."""
        self.home.claude(answer(id="a"))
        self.assertEqual(self.total(CLAUDE), 15)
        self.home.claude(answer(id="b"), name="-q/b.jsonl")

        self.assertEqual(self.total(CLAUDE), 30)

    def test_window_moves(self) -> None:
        """As days go by, old calls and old files fall out; backwards they come in again."""
        self.home.claude(answer(), answer(86_400 * 2, id="m2"))
        later = AT.date() + timedelta(days=31)
        self.assertEqual(self.total(CLAUDE), 30)

        path = self.home.root / ".claude/projects/-p/a.jsonl"
        self.home.touch(path, AT + timedelta(days=2))
        self.assertEqual(self.total(CLAUDE, today=later), 15)
        self.assertEqual(self.total(CLAUDE, today=later + timedelta(days=9)), 0)
        self.assertEqual(self.total(CLAUDE), 30)

    def test_broken_disk(self) -> None:
        """Trouble in the middle of files is told, how many they are; the others count."""
        for name in "abc":
            self.home.claude(answer(id=name), name=f"-p/{name}.jsonl")
        tool = evolve(CLAUDE, reader=_Broken)
        broken = [self.home.root / f".claude/projects/-p/{name}.jsonl" for name in "ab"]
        for path in broken:
            self.home.append(path, line({"broken": True}))
        reading = self.home.logs.history(
            tool, [self.home.root / ".claude"], today=TODAY, zone=timezone.utc
        )

        history = self.successResultOf(Deferred.fromCoroutine(reading))

        assert history is not None
        self.assertEqual(history.days[0].tokens, 15)
        self.assertEqual(history.notes, ("2 log files could not be read",))

    @skipIf(_NO_MODES, "every file can be read")
    def test_unreadable(self) -> None:
        """A file that cannot be read is told; its calls are gone until it can be read again."""
        path = self.home.claude(answer(id="a"))
        self.home.claude(answer(id="b"), name="-p/b.jsonl")
        self.assertEqual(self.total(CLAUDE), 30)
        path.chmod(0)
        self.home.touch(path)
        self.assertEqual(self.total(CLAUDE), 15)
        self.assertEqual(self.found(CLAUDE).notes, ("1 log file could not be read",))

        path.chmod(0o600)
        self.assertEqual((self.total(CLAUDE), self.found(CLAUDE).notes), (30, ()))
