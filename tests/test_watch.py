"""Tests for `openusage.watch`."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from openusage.watch import FileWatch
from tests.pieces import HeldCalls


class FileWatchTests(SynchronousTestCase):
    """Tests for `FileWatch`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "auth.json"
        self.clock, self.calls = Clock(), HeldCalls()
        self.watch = FileWatch(self.clock, self.calls)
        self.called: list[str] = []

    def follow(self, key: str, *paths: Path, at_first: bool = False) -> None:
        self.watch.watch(key, paths, lambda: self.called.append(key), at_first=at_first)

    def start(self) -> None:
        """Follow the path, and look for the first time."""
        self.follow("claude", self.path)
        self.watch.startService()

    def look(self) -> list[str]:
        """Who is called at the next look."""
        del self.called[:]
        self.clock.advance(5)
        return list(self.called)

    def stop(self) -> None:
        self.watch.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_quiet(self) -> None:
        """What stays as it is calls nobody, at the first look neither."""
        self.path.write_text("a")
        self.start()

        self.assertEqual(self.called + self.look() + self.look(), [])
        self.stop()

    def test_created(self) -> None:
        """A file that comes is a change, one."""
        self.start()

        self.path.write_text("a")

        self.assertEqual((self.look(), self.look()), (["claude"], []))
        self.stop()

    def test_deleted(self) -> None:
        """A file that goes is a change."""
        self.path.write_text("a")
        self.start()

        self.path.unlink()

        self.assertEqual((self.look(), self.look()), (["claude"], []))
        self.stop()

    def test_changed(self) -> None:
        """Another size, or another time of writing, is a change."""
        self.path.write_text("a")
        self.start()

        self.path.write_text("ab")
        first = self.look()
        os.utime(self.path, (1, 1))

        self.assertEqual((first, self.look(), self.look()), (["claude"], ["claude"], []))
        self.stop()

    def test_replaced(self) -> None:
        """Another file in its place is a change, even of the same size and time."""
        self.path.write_text("a")
        os.utime(self.path, (1, 1))
        self.start()

        other = self.folder / "other"
        other.write_text("b")
        os.utime(other, (1, 1))
        other.replace(self.path)

        self.assertEqual(self.look(), ["claude"])
        self.stop()

    def test_link(self) -> None:
        """What a link leads to counts, not the link."""
        real = self.folder / "real.json"
        self.path.symlink_to(real.name)
        self.start()

        real.write_text("a")

        self.assertEqual(self.look(), ["claude"])
        self.stop()

    def test_unreachable(self) -> None:
        """What cannot be looked at is as good as absent, whatever its name."""
        (self.folder / "file").write_text("a")
        self.follow("odd", self.folder / "file" / "below", self.folder / "a\0b", Path("x" * 5000))
        self.start()

        self.assertEqual(self.look(), [])
        self.path.write_text("a")
        self.assertEqual(self.look(), ["claude"])
        self.stop()

    def test_many(self) -> None:
        """Each is called once for its own files, however many of them changed."""
        others = [self.folder / name for name in "abc"]
        self.follow("codex", self.path, *others)
        self.follow("zai", others[0])
        self.start()

        for path in others[1:]:
            path.write_text("a")
        self.assertEqual(self.look(), ["codex"])
        self.path.write_text("a")
        self.assertEqual(sorted(self.look()), ["claude", "codex"])
        self.stop()

    def test_watch_again(self) -> None:
        """Another set takes the place of the first."""
        other = self.folder / "other.json"
        self.start()
        self.follow("claude", other)
        self.look()

        self.path.write_text("a")
        first = self.look()
        other.write_text("a")

        self.assertEqual((first, self.look()), ([], ["claude"]))
        self.stop()

    def test_same_again(self) -> None:
        """Who watches the same again, as after every probe, misses nothing in between."""
        self.start()

        self.path.write_text("a")
        self.follow("claude", self.path)

        self.assertEqual(self.look(), ["claude"])
        self.stop()

    def test_at_first(self) -> None:
        """Who asks for it is called after the first look as well, once."""
        self.watch.startService()
        self.follow("settings", self.path, at_first=True)

        self.assertEqual((self.look(), self.look()), (["settings"], []))
        self.path.write_text("a")
        self.assertEqual(self.look(), ["settings"])
        self.stop()

    def test_no_gap(self) -> None:
        """A change after the files were stamped, before the first call, is another call."""
        self.watch.startService()
        seen: list[str] = []

        def read() -> None:
            seen.append(self.path.read_text() if self.path.exists() else "")

        self.calls.held = True
        self.watch.watch("settings", [self.path], read, at_first=True)
        self.clock.advance(5)
        self.calls.release()
        self.path.write_text("a")
        self.clock.advance(5)
        self.calls.release()

        self.assertEqual(seen, ["", "a"])
        self.stop()

    def test_unwatch(self) -> None:
        """Who no longer watches is not called."""
        self.start()

        self.watch.unwatch("claude")
        self.watch.unwatch("never seen")
        self.path.write_text("a")

        self.assertEqual(self.look(), [])
        self.stop()

    def test_unwatch_inside(self) -> None:
        """Who is called may take another off the list, who is then not called."""
        self.watch.watch("first", [self.path], lambda: self.watch.unwatch("claude"))
        self.start()

        self.path.write_text("a")

        self.assertEqual(self.look(), [])
        self.stop()

    def test_watch_inside(self) -> None:
        """Who is called may watch something else."""
        other = self.folder / "other.json"
        self.watch.watch("first", [self.path], lambda: self.follow("first", other))
        self.start()

        self.path.write_text("a")
        self.look()
        self.look()
        other.write_text("a")

        self.assertEqual(self.look(), ["first"])
        self.stop()

    def test_raising(self) -> None:
        """One that raises is logged, and ends the watching for nobody."""

        def broken() -> None:
            raise ZeroDivisionError

        self.watch.watch("broken", [self.path], broken)
        self.start()
        for text in ("a", "ab"):
            self.path.write_text(text)
            self.assertEqual(self.look(), ["claude"])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.stop()

    def test_slow(self) -> None:
        """A look that takes long is not joined by another; the reactor is free meanwhile."""
        self.start()
        self.calls.held = True
        self.path.write_text("a")
        self.clock.advance(5)
        self.clock.advance(60)
        self.assertEqual(len(self.calls.waiting), 1)
        self.assertEqual(self.called, [])

        self.calls.release()

        self.assertEqual(self.called, ["claude"])
        self.stop()

    def test_idle(self) -> None:
        """With nothing to watch no call is made."""
        self.calls.held = True
        self.watch.startService()

        self.look()

        self.assertEqual(self.calls.waiting, [])
        self.stop()

    def test_stop_while_looking(self) -> None:
        """What a look finds after the stop calls nobody."""
        self.start()
        self.calls.held = True
        self.path.write_text("a")
        self.clock.advance(5)

        self.stop()
        self.calls.release()

        self.assertEqual(self.called, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_start_again(self) -> None:
        """What changed between a stop and a start is noticed."""
        self.start()
        self.stop()
        self.path.write_text("a")

        self.watch.startService()

        self.assertEqual(self.called, ["claude"])
        self.stop()

    def test_no_threads(self) -> None:
        """Calls that are refused, as when the threads are stopped, end nothing."""

        def refused(*_: object) -> Deferred[None]:
            return fail(CancelledError())

        self.watch.run, run = refused, self.watch.run  # type: ignore[assignment]
        self.start()
        self.look()
        self.watch.run = run
        self.look()

        self.path.write_text("a")

        self.assertEqual(self.look(), ["claude"])
        self.stop()

    def test_never_started(self) -> None:
        """A service that was never started can be stopped."""
        self.stop()
