"""Tests for `openusage.host.state`."""

from __future__ import annotations

import json
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar
from unittest import skipIf

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Visit
from openusage.host.files import Files
from openusage.host.state import FileState
from openusage.testing import NOW, clock_at, run_inline

T = TypeVar("T")


class FileStateTests(SynchronousTestCase):
    """`FileState`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.path = self.folder / "claude-work.json"
        self.clock = clock_at(NOW)

    def state(self, credential: str | None = None) -> FileState:
        """The state of a new visit, as another process would see it."""
        return FileState(self.path, Files(run_inline), Visit(credential), self.clock.seconds)

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def read(self, credential: str | None = None) -> dict[str, Any]:
        return self.result(self.state(credential).read())

    def write(self, value: dict[str, Any], credential: str | None = None) -> None:
        self.result(self.state(credential).write(value))
        self.clock.advance(1)

    def document(self) -> Any:
        return json.loads(self.path.read_bytes())

    def test_nothing(self) -> None:
        """Before anything was written there is an empty object, and no file."""
        self.assertEqual(self.read(), {})
        self.assertFalse(self.folder.exists())

    def test_written(self) -> None:
        """What was written is found by the next visit."""
        self.write({"retryAt": 5, "body": [1, None, "\u00e4"]})

        self.assertEqual(self.read(), {"retryAt": 5, "body": [1, None, "\u00e4"]})

    def test_shape(self) -> None:
        """The file tells its version, and of each login when it was written."""
        self.write({"a": 1})
        self.write({"b": 2}, "digest")

        self.assertEqual(
            self.document(),
            {
                "version": 1,
                "credentials": {
                    "-": {"at": "2026-11-24T12:00:00.000+00:00", "value": {"a": 1}},
                    "digest": {"at": "2026-11-24T12:00:01.000+00:00", "value": {"b": 2}},
                },
            },
        )

    @skipIf(os.name == "nt", "needs modes")
    def test_private(self) -> None:
        """File and folder are for their owner only."""
        self.write({"a": 1})

        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)

    def test_credentials(self) -> None:
        """What was kept for one login is not shown to another."""
        self.write({"a": 1}, "one")
        self.write({"a": 2}, "two")

        self.assertEqual(self.read("one"), {"a": 1})
        self.assertEqual(self.read("two"), {"a": 2})
        self.assertEqual(self.read(), {})

    def test_identified_later(self) -> None:
        """The login counts that is in use when something is read or written."""
        self.write({"a": 1}, "one")
        state = self.state()

        self.assertEqual(self.result(state.read()), {})
        state.visit.credential = "one"
        self.assertEqual(self.result(state.read()), {"a": 1})
        self.result(state.write({"a": 2}))

        self.assertEqual(self.read("one"), {"a": 2})

    def test_forgotten(self) -> None:
        """Of five logins the one written longest ago is forgotten."""
        for credential in ("a", "b", "c", "d"):
            self.write({}, credential)
        self.write({"again": True}, "a")

        self.write({}, "e")

        self.assertEqual(set(self.document()["credentials"]), {"a", "c", "d", "e"})

    def test_other_process(self) -> None:
        """What another process wrote for another login since we read stays."""
        ours = self.state("one")
        self.result(ours.read())
        self.write({"theirs": 1}, "two")

        self.result(ours.write({"ours": 1}))

        self.assertEqual(self.read("two"), {"theirs": 1})
        self.assertEqual(self.read("one"), {"ours": 1})

    def test_own_copy(self) -> None:
        """Changing what was read changes nothing that is kept."""
        self.write({"a": 1})
        self.read()["a"] = 2

        self.assertEqual(self.read(), {"a": 1})

    def test_damaged(self) -> None:
        """A file that is not ours is put aside with a warning, and writing goes on."""
        aside = self.folder / "claude-work.json.bad"
        self.folder.mkdir()
        for content in (
            "",
            "{",
            "[]",
            '"text"',
            '{"version": 2, "credentials": {}}',
            '{"version": 1}',
            '{"version": 1, "credentials": []}',
            '{"version": 1, "credentials": {"-": 5}}',
            '{"version": 1, "credentials": {"-": {"at": "x", "value": 5}}}',
            '{"version": 1, "credentials": {"-": {"at": 5, "value": {}}}}',
            "[" * 100_000,
        ):
            self.path.write_text(content)

            with capturedLogs() as events:
                self.assertEqual(self.read(), {})

            self.assertEqual(aside.read_text(), content)
            self.assertFalse(self.path.exists())
            self.assertEqual([event["file"] for event in events], ["claude-work.json"])
            self.assertNotIn(str(self.folder), str(events))
        self.write({"a": 1})
        self.assertEqual(self.read(), {"a": 1})

    def test_not_readable(self) -> None:
        """A file that cannot be read is logged and counts as empty."""
        self.path.mkdir(parents=True)

        with capturedLogs() as events:
            self.assertEqual(self.read(), {})

        self.assertEqual([event["trouble"] for event in events], ["not readable"])
        self.assertNotIn(str(self.folder), str(events))

    def test_not_written(self) -> None:
        """Trouble with the disk is logged, not raised."""
        self.folder.write_bytes(b"")

        with capturedLogs() as events:
            self.write({"a": 1})

        self.assertIn("not written", [event["trouble"] for event in events])
        self.assertNotIn(str(self.folder), str(events))

    def test_not_put_aside(self) -> None:
        """A damaged file that cannot be renamed is logged, and overwritten by the next write."""
        self.folder.mkdir()
        self.path.write_bytes(b"{")
        (self.folder / "claude-work.json.bad").mkdir()

        with capturedLogs() as events:
            self.write({"a": 1})

        self.assertIn("not renamed", [event.get("trouble") for event in events])
        self.assertEqual(self.read(), {"a": 1})

    def test_no_json(self) -> None:
        """A value that is no JSON is the provider's mistake, and nothing is lost by it."""
        self.write({"a": 1})

        writing = Deferred.fromCoroutine(self.state().write({"a": object()}))

        self.failureResultOf(writing, TypeError)
        self.assertEqual(self.read(), {"a": 1})
