"""Tests for `openusage.cache`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.monkey import MonkeyPatcher
from twisted.trial.unittest import SynchronousTestCase

from openusage import cache as module
from openusage.cache import Cache, Loaded, dump_entries, read_entries
from openusage.model import Health
from openusage.roster import Instance, Roster
from openusage.store import Entry, Store
from openusage.testing import FakeProvider
from openusage.wire import to_json
from tests.pieces import HeldCalls, after, begun, mode, names, snapshot, words

ENTRY = Entry(
    snapshot("claude"),
    "0123456789abcdef",
    Health(
        last_attempt=after(milliseconds=123),
        last_success=after(milliseconds=123),
        error="timeout",
        message="No answer within 60 s.",
        failures=2,
        next_attempt=after(minutes=10),
        waiting="backoff",
        notes=("unknown model: claude-next",),
    ),
)
FULL = "No space left on device"
NEVER_PROBED = Entry(health=Health(error="not_logged_in", message="No login.", failures=1))


class _FileTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "openusage" / "snapshots.json"

    def write(self, content: bytes | str | dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())


class DumpEntriesTests(SynchronousTestCase):
    """Tests for `dump_entries`."""

    def test_shape(self) -> None:
        """The file has its version, and each entry in the spelling of the API."""
        document = json.loads(dump_entries({"claude": ENTRY}, {"odd": [1]}))

        self.assertEqual(
            document, {"version": 1, "providers": {"odd": [1], "claude": to_json(ENTRY)}}
        )

    def test_newer_wins(self) -> None:
        """An entry takes the place of an unread one of the same id."""
        document = json.loads(dump_entries({"claude": ENTRY}, {"claude": "broken"}))

        self.assertEqual(document["providers"], {"claude": to_json(ENTRY)})

    def test_surrogates(self) -> None:
        """What UTF-8 cannot carry is written all the same, as an escape."""
        odd = {"\ud800": ["\udfff"]}

        self.assertEqual(json.loads(dump_entries({}, odd))["providers"], odd)


class ReadEntriesTests(_FileTestCase):
    """Tests for `read_entries`."""

    def test_round_trip(self) -> None:
        """Entries come back exactly as they were."""
        entries = {"claude": ENTRY, "codex": NEVER_PROBED}
        self.write(dump_entries(entries))

        self.assertEqual(read_entries(self.path), Loaded(entries))

    def test_absent(self) -> None:
        """Without a file there is nothing, and nothing to complain of."""
        self.assertEqual(read_entries(self.path), Loaded())

    def test_unusable(self) -> None:
        """A file that is broken, foreign or of another version is set aside, and told why."""
        whole = dump_entries({"claude": ENTRY})
        for content, reason in (
            (b"", "broken JSON"),
            (whole[:-1], "broken JSON"),
            (whole[: len(whole) // 2], "broken JSON"),
            (b"\xff\xfe\x00", "broken JSON"),
            (b"[" * 100_000, "broken JSON"),
            (b"null", "not a cache of ours"),
            (b"[]", "not a cache of ours"),
            (b'{"version": 1}', "not a cache of ours"),
            (b'{"version": 1, "providers": []}', "not a cache of ours"),
            (b'{"version": 2, "providers": {}}', "version 2, this program knows 1"),
            (b'{"providers": {}}', "version None, this program knows 1"),
        ):
            self.write(content)

            loaded = read_entries(self.path)

            self.assertEqual(loaded.entries, {}, content[:40])
            self.assertEqual(
                loaded.complaints, [f"{reason}; it is now snapshots.json.bad"], content[:40]
            )
            self.assertEqual(names(self.path.parent), ["snapshots.json.bad"])
            self.assertEqual(self.path.with_name("snapshots.json.bad").read_bytes(), content)

    def test_too_large(self) -> None:
        """A file that is larger than any of ours is not read to its end."""
        self.patch(module, "_LARGEST", 100)
        self.write(dump_entries({"claude": ENTRY}))

        self.assertEqual(read_entries(self.path).entries, {})

    def test_stuck(self) -> None:
        """A broken file that cannot be renamed is not used, which is told."""
        self.write(b"{")
        self.path.with_name("snapshots.json.bad").mkdir()

        (complaint,) = read_entries(self.path).complaints

        self.assertIn("broken JSON; it is not used, nor could it be renamed", complaint)

    def test_unreadable(self) -> None:
        """What cannot be read is set aside, with the system's reason and without its path."""
        self.path.mkdir(parents=True)

        self.assertEqual(
            read_entries(self.path).complaints,
            ["cannot be read (Is a directory); it is now snapshots.json.bad"],
        )

    def test_one_bad(self) -> None:
        """One bad entry does not cost the others; it is kept as it is."""
        good = to_json(ENTRY)
        for bad, reason in (
            ("text", "must be an object, not text"),
            ({**good, "snapshot": {}}, "snapshot.providerId: is missing"),
            (
                {**good, "health": {"failures": "2"}},
                "health.failures: must be a whole number, not text",
            ),
            (to_json(Entry(snapshot("codex"))), "a snapshot of another provider"),
        ):
            self.write({"version": 1, "providers": {"zai": bad, "claude": good}})

            loaded = read_entries(self.path)

            self.assertEqual(loaded.entries, {"claude": ENTRY})
            self.assertEqual(loaded.unread, {"zai": bad})
            (complaint,) = loaded.complaints
            self.assertTrue(complaint.startswith(f"the entry zai is left out ({reason}"), complaint)
            self.assertEqual(names(self.path.parent), ["snapshots.json"])

    def test_newer_keys(self) -> None:
        """What a later version of the same format adds is no fault."""
        self.write(
            {"version": 1, "more": 1, "providers": {"claude": {**to_json(ENTRY), "more": 1}}}
        )

        self.assertEqual(read_entries(self.path), Loaded({"claude": ENTRY}))

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=50), st.integers(0, 2000), st.integers(0, 50))
    def test_any_damage(self, noise: bytes, at: int, cut: int) -> None:
        """Whatever was damaged, something is loaded or the file set aside, and nothing raised."""
        whole = dump_entries({"claude": ENTRY, "codex": NEVER_PROBED})
        at %= len(whole)
        self.write(whole[:at] + noise + whole[at + cut :])

        loaded = read_entries(self.path)

        self.assertEqual(self.path.exists(), not any("it is now" in c for c in loaded.complaints))
        self.assertTrue(set(loaded.entries) | set(loaded.unread) or loaded.complaints or not whole)


class CacheTests(_FileTestCase):
    """Tests for `Cache`."""

    def setUp(self) -> None:
        super().setUp()
        self.clock, self.calls, self.store = Clock(), HeldCalls(), Store()
        self.cache = self.another(self.store)
        self.tries: list[float] = []

    def another(self, store: Store) -> Cache:
        return Cache(self.path, store, self.clock, self.calls)

    def start(self) -> None:
        self.successResultOf(begun(self.cache.load()))
        self.cache.startService()

    def stop(self) -> None:
        self.successResultOf(self.cache.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def kept(self) -> dict[str, Entry]:
        """What another run would find."""
        store = Store()
        self.successResultOf(begun(self.another(store).load()))
        return dict(store.entries())

    def keep(self, used: float) -> None:
        self.store.keep("fake", snapshot(used=used))

    def used(self) -> float | None:
        """What the file has of the one provider."""
        if not self.path.exists():
            return None
        document = json.loads(self.path.read_bytes())
        used: float = document["providers"]["fake"]["snapshot"]["lines"][0]["used"]
        return used

    def break_disk(self) -> MonkeyPatcher:
        """No write gets through until what is returned is restored; `tries` are the times."""

        def full(*_: object, **__: object) -> None:
            self.tries.append(self.clock.seconds())
            raise OSError(28, FULL)

        patched: MonkeyPatcher = self.patch(module, "replace_file", full)
        return patched

    def test_load(self) -> None:
        """What an earlier run left is in the store before anything is probed."""
        self.write(dump_entries({"claude": ENTRY}))

        self.successResultOf(begun(self.cache.load()))

        self.assertEqual(self.store.entry("claude"), ENTRY)

    def test_complaints(self) -> None:
        """What is wrong with the file is a warning with its name."""
        self.write(b"{")
        with capturedLogs() as events:
            self.successResultOf(begun(self.cache.load()))

        self.assertEqual(
            words(events), ["cache snapshots.json: broken JSON; it is now snapshots.json.bad"]
        )
        self.assertEqual(events[0]["log_level"].name, "warn")

    def test_written(self) -> None:
        """A change is on the disk half a second later, and nothing moves after that."""
        self.start()
        self.keep(1)

        self.clock.advance(0.49)
        before = self.used()
        self.clock.advance(0.01)

        self.assertEqual((before, self.used()), (None, 1.0))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.stop()

    def test_quiet(self) -> None:
        """Without a change nothing is written, at the stop neither."""
        self.write(dump_entries({"claude": ENTRY}))
        stamp = self.path.stat().st_mtime_ns, self.path.stat().st_ino
        self.start()
        self.store.set_roster(Roster((Instance("a", "A", FakeProvider()),), frozenset({"a"})))

        self.clock.advance(60)
        self.stop()

        self.assertEqual((self.path.stat().st_mtime_ns, self.path.stat().st_ino), stamp)

    def test_one_write(self) -> None:
        """Many changes within half a second are one write, of the last state."""
        self.start()
        self.calls.held = True
        for used in range(20):
            self.keep(used)
            self.store.set_health("fake", Health(failures=used))
            self.clock.advance(0.02)
        self.clock.advance(0.1)

        self.assertEqual(len(self.calls.waiting), 1)
        self.calls.release()
        self.assertEqual(self.used(), 19.0)
        self.stop()

    def test_changed_while_writing(self) -> None:
        """A change during a write is written after it, never beside it."""
        self.start()
        self.calls.held = True
        self.keep(1)
        self.clock.advance(0.5)
        self.keep(2)
        self.clock.advance(10)
        self.assertEqual(len(self.calls.waiting), 1)

        self.calls.release()
        first = self.used()
        self.clock.advance(0.5)
        self.calls.release()

        self.assertEqual((first, self.used()), (1.0, 2.0))
        self.stop()

    def test_modes(self) -> None:
        """The file and its folder are their owner's alone, even if the file was not before."""
        self.start()
        self.keep(1)
        self.clock.advance(1)
        folder = mode(self.path.parent)
        self.path.chmod(0o644)
        self.keep(2)
        self.clock.advance(1)

        self.assertEqual((folder, mode(self.path)), (0o700, 0o600))
        self.stop()

    def test_restart(self) -> None:
        """The next run has every snapshot, credential and health of this one."""
        self.start()
        self.store.keep("claude", snapshot("claude"), "0123456789abcdef")
        self.store.set_health("claude", ENTRY.health)
        self.store.set_health("codex", NEVER_PROBED.health)
        self.stop()

        self.assertEqual(self.kept(), {"claude": ENTRY, "codex": NEVER_PROBED})

    def test_others_stay(self) -> None:
        """Entries of providers that are gone stay in the file, and those that cannot be read."""
        self.write(
            {"version": 1, "providers": {"gone": to_json(Entry(snapshot("gone"))), "odd": "\ud800"}}
        )
        self.start()
        self.keep(1)
        self.stop()

        document = json.loads(self.path.read_bytes())
        self.assertEqual(document["providers"]["odd"], "\ud800")
        self.assertEqual(self.kept()["gone"], Entry(snapshot("gone")))
        self.assertEqual(self.used(), 1.0)

    def test_forgotten(self) -> None:
        """A snapshot that was forgotten is not in the file either."""
        self.start()
        self.keep(1)
        self.clock.advance(1)

        self.store.forget("fake")
        self.clock.advance(1)

        self.assertEqual(self.kept(), {})
        self.stop()

    def test_flush(self) -> None:
        """A stop writes at once what still waited."""
        self.start()
        self.keep(1)

        self.stop()

        self.assertEqual(self.used(), 1.0)

    def test_flush_while_writing(self) -> None:
        """A stop during a write waits for it, then writes what changed meanwhile."""
        self.start()
        self.calls.held = True
        self.keep(1)
        self.clock.advance(0.5)
        self.keep(2)

        stopped = self.cache.stopService()
        self.assertEqual(len(self.calls.waiting), 1)
        self.calls.release()
        self.assertNoResult(stopped)
        self.calls.release()

        self.successResultOf(stopped)
        self.assertEqual(self.used(), 2.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_while_the_disk_hangs(self) -> None:
        """A stop waits some seconds for a disk that does not answer, and no longer."""
        self.start()
        self.calls.held = True
        self.keep(1)
        self.clock.advance(0.5)
        self.keep(2)
        with capturedLogs() as events:
            stopped = self.cache.stopService()
            self.clock.advance(4.9)
            self.assertNoResult(stopped)
            self.clock.advance(0.1)

        self.successResultOf(stopped)
        self.assertEqual(words(events), ["cache snapshots.json: the disk does not answer"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_the_stop(self) -> None:
        """What changes after the stop is not written."""
        self.start()
        self.stop()

        self.keep(1)

        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.path.exists())

    def test_started_again(self) -> None:
        """After a stop the service can be started again."""
        self.start()
        self.stop()
        self.cache.startService()
        self.keep(1)
        self.clock.advance(0.5)

        self.assertEqual(self.used(), 1.0)
        self.stop()

    def test_never_started(self) -> None:
        """A service that was never started can be stopped."""
        self.stop()

    def test_retries(self) -> None:
        """A write that fails is tried again, at twice the distance each time, ten times."""
        self.start()
        self.break_disk()
        self.keep(1)

        self.clock.pump([0.5] * 1000)

        gaps = [b - a for a, b in zip(self.tries, self.tries[1:], strict=False)]
        self.assertEqual(gaps, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.stop()

    def test_one_warning(self) -> None:
        """A disk that takes nothing is one warning, however often it is tried."""
        self.start()
        disk = self.break_disk()
        with capturedLogs() as events:
            for used in range(3):
                self.keep(used)
                self.clock.pump([0.5] * 100)

        self.assertEqual(
            words(events),
            [f"cache snapshots.json cannot be written ({FULL}); it is kept in memory"],
        )
        disk.restore()
        self.stop()
        self.assertEqual(self.used(), 2.0)

    def test_mended(self) -> None:
        """When the disk takes data again the last state is written; new trouble is told anew."""
        self.start()
        disk = self.break_disk()
        self.keep(1)
        self.clock.pump([0.5] * 4)
        self.keep(2)
        disk.restore()

        self.clock.pump([0.5] * 20)
        self.assertEqual(self.used(), 2.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.break_disk()
        with capturedLogs() as events:
            self.keep(3)
            self.clock.advance(0.5)
            self.stop()

        self.assertEqual(len(words(events)), 1)

    def test_new_try(self) -> None:
        """A change after the last try is tried again like the first."""
        self.start()
        disk = self.break_disk()
        self.keep(1)
        self.clock.pump([0.5] * 1000)
        self.keep(2)
        self.clock.pump([0.5] * 1000)
        self.assertEqual(len(self.tries), 22)
        disk.restore()

        self.keep(3)
        self.clock.advance(0.5)

        self.assertEqual(self.used(), 3.0)
        self.stop()

    def test_no_folder(self) -> None:
        """Where the folder cannot be, everything goes on in memory."""
        self.path.parent.parent.mkdir()
        self.path.parent.write_text("a file in the way")
        self.start()
        self.keep(1)

        self.clock.pump([0.5] * 3)
        self.stop()

        self.assertIsNotNone(self.store.body("fake"))
        self.assertEqual(self.path.parent.read_text(), "a file in the way")

    def test_bug(self) -> None:
        """A failure that is not the disk's is logged as what it is, and the next write tried."""
        self.start()

        def broken(*_: object) -> bytes:
            raise ZeroDivisionError

        patched = self.patch(module, "dump_entries", broken)
        self.keep(1)
        self.clock.advance(0.5)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        patched.restore()

        self.keep(2)
        self.clock.advance(0.5)

        self.assertEqual(self.used(), 2.0)
        self.stop()

    def test_whole_at_every_step(self) -> None:
        """Whenever somebody looks, the file is absent or whole, of one state or the next."""
        self.start()
        seen: list[float | None] = []
        fsync, replace = os.fsync, Path.replace

        def looked(*arguments: Any) -> Any:
            seen.append(self.used())
            return fsync(*arguments)

        def looked_again(*arguments: Any) -> Any:
            seen.append(self.used())
            return replace(*arguments)

        self.patch(os, "fsync", looked)
        self.patch(Path, "replace", looked_again)
        for used in (1, 2, 3):
            self.keep(used)
            self.clock.advance(0.5)

        self.assertEqual(seen, [None, None, 1.0, 1.0, 2.0, 2.0])
        self.assertEqual(names(self.path.parent), ["snapshots.json"])
        self.stop()
