"""Tests for `openusage.disk`."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from openusage.disk import open_regular, replace_file, set_aside, sweep
from tests.pieces import mode, names

OLD, NEW = b"old " * 1000, b"new " * 5000


class _Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@frozen
class _HalfFile:
    """A file of which only half of what is written arrives before the end."""

    handle: int

    def write(self, data: bytes) -> None:
        os.write(self.handle, data[: len(data) // 2])
        raise _Killed


@contextmanager
def half_a_file(handle: int, _: str) -> Iterator[_HalfFile]:
    try:
        yield _HalfFile(handle)
    finally:
        os.close(handle)


def raising(error: BaseException) -> Callable[..., Any]:
    def step(*_: object, **__: object) -> None:
        raise error

    return step


class OpenRegularTests(SynchronousTestCase):
    """Tests for `open_regular`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def test_file(self) -> None:
        """A file is read, by whatever link one gets there."""
        (self.folder / "file").write_bytes(b"content")
        (self.folder / "link").symlink_to("file")

        with open_regular(str(self.folder / "link")) as file:
            self.assertEqual(file.read(), b"content")

    def test_others(self) -> None:
        """What is no file is refused at once, a pipe on which nobody writes too."""
        if hasattr(os, "mkfifo"):
            os.mkfifo(self.folder / "pipe")
        for name in ("pipe", ".", "missing", "a\0b", "/dev/null"):
            with self.assertRaises(OSError, msg=name):
                open_regular(self.folder / name)


class _FolderTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "snapshots.json"


class SweepTests(_FolderTestCase):
    """Tests for `sweep`."""

    def test_left_behind(self) -> None:
        """What a killed process left goes after a while; all else stays."""
        old, new = ".snapshots.json.12.ab.tmp", ".snapshots.json.13.cd.tmp"
        for name in ("snapshots.json", "other.tmp", ".other.json.12.ab.tmp", old, new):
            (self.folder / name).write_bytes(OLD)
        for path in self.folder.iterdir():
            if path.name != new:
                os.utime(path, (0, 0))

        sweep(self.path)
        sweep(self.folder / "none" / "x.json")

        left = [".other.json.12.ab.tmp", new, "other.tmp", "snapshots.json"]
        self.assertEqual(names(self.folder), left)


class ReplaceFileTests(_FolderTestCase):
    """Tests for `replace_file`."""

    def test_new(self) -> None:
        """A new file is its owner's alone, and so is a folder that is made for it."""
        path = self.folder / "data" / "snapshots.json"

        replace_file(path, NEW)

        self.assertEqual(path.read_bytes(), NEW)
        self.assertEqual((mode(path), mode(path.parent)), (0o600, 0o700))

    def test_umask(self) -> None:
        """The mode does not depend on the umask."""
        self.addCleanup(os.umask, os.umask(0o077))

        replace_file(self.path, NEW, mode=0o644)

        self.assertEqual(mode(self.path), 0o644)

    def test_replaced(self) -> None:
        """The new data takes the old file's place, and nothing else is left in the folder."""
        self.path.write_bytes(OLD)

        replace_file(self.path, NEW)

        self.assertEqual(self.path.read_bytes(), NEW)
        self.assertEqual(names(self.folder), ["snapshots.json"])

    def test_mode(self) -> None:
        """The mode of an old file is kept, unless one is given."""
        self.path.write_bytes(OLD)
        self.path.chmod(0o640)

        replace_file(self.path, NEW)
        kept = mode(self.path)
        replace_file(self.path, NEW, mode=0o600)

        self.assertEqual((kept, mode(self.path)), (0o640, 0o600))

    def test_link(self) -> None:
        """A symbolic link stays one, and what it leads to is replaced."""
        real = self.folder / "elsewhere" / "real.json"
        real.parent.mkdir()
        real.write_bytes(OLD)
        self.path.symlink_to(Path("elsewhere") / "real.json")

        replace_file(self.path, NEW)

        self.assertTrue(self.path.is_symlink())
        self.assertEqual(real.read_bytes(), NEW)
        self.assertEqual([each.name for each in real.parent.iterdir()], ["real.json"])

    def test_reader(self) -> None:
        """Who has the old file open goes on reading the old data."""
        self.path.write_bytes(OLD)
        with self.path.open("rb") as reader:
            replace_file(self.path, NEW)
            self.assertEqual(reader.read(), OLD)

    def test_durable(self) -> None:
        """The data is on the disk before it takes the old file's name."""
        self.path.write_bytes(OLD)
        seen: list[bytes] = []
        fsync = os.fsync

        def watched(handle: int) -> None:
            fsync(handle)
            seen.append(self.path.read_bytes())
            seen.append(
                (
                    self.folder / next(n for n in names(self.folder) if n.endswith(".tmp"))
                ).read_bytes()
            )

        self.patch(os, "fsync", watched)

        replace_file(self.path, NEW)

        self.assertEqual(seen, [OLD, NEW])

    def test_failure(self) -> None:
        """When any step fails the old file is whole and nothing else is left."""
        self.path.write_bytes(OLD)
        trouble = OSError(errno.ENOSPC, "No space left on device")
        for owner, name in (
            (os, "open"),
            (os, "fdopen"),
            (os, "fsync"),
            (os, "fchmod"),
            (Path, "replace"),
        ):
            patched = self.patch(owner, name, raising(trouble))

            self.assertRaises(OSError, replace_file, self.path, NEW)

            patched.restore()
            self.assertEqual(self.path.read_bytes(), OLD, name)
            self.assertEqual(names(self.folder), ["snapshots.json"], name)

    def test_killed(self) -> None:
        """Whenever the process ends, the file is the old one or the new one, never half of one."""
        self.path.write_bytes(OLD)
        for owner, name, step in (
            (os, "open", raising(_Killed())),
            (os, "fdopen", half_a_file),
            (os, "fsync", raising(_Killed())),
            (os, "fchmod", raising(_Killed())),
            (Path, "replace", raising(_Killed())),
        ):
            patched = self.patch(owner, name, step)
            unlink = self.patch(Path, "unlink", raising(_Killed()))  # nobody tidies up

            self.assertRaises(_Killed, replace_file, self.path, NEW)

            patched.restore()
            unlink.restore()
            self.assertEqual(self.path.read_bytes(), OLD, name)
        replace_file(self.path, NEW)
        self.assertEqual(self.path.read_bytes(), NEW)

    def test_killed_after(self) -> None:
        """Once the file has its name it is whole, even if the process ends at once."""
        self.path.write_bytes(OLD)
        replace = Path.replace

        def last(source: Path, target: Path) -> None:
            replace(source, target)
            raise _Killed

        self.patch(Path, "replace", last)

        self.assertRaises(_Killed, replace_file, self.path, NEW)

        self.assertEqual(self.path.read_bytes(), NEW)

    def test_no_folder(self) -> None:
        """Where no file can be, an `OSError` tells why."""
        self.path.write_bytes(OLD)

        self.assertRaises(OSError, replace_file, self.path / "below" / "a.json", NEW)
        self.assertRaises(OSError, replace_file, self.folder, NEW)

        self.assertEqual(names(self.folder), ["snapshots.json"])


class SetAsideTests(_FolderTestCase):
    """Tests for `set_aside`."""

    def test_renamed(self) -> None:
        """The file has another name, in the place of what was set aside before."""
        for content in (b"first", b"second"):
            self.path.write_bytes(content)
            aside = set_aside(self.path)
            self.assertEqual(aside, self.folder / "snapshots.json.bad")
            self.assertEqual(aside.read_bytes(), content)
            self.assertEqual(names(self.folder), ["snapshots.json.bad"])

    def test_absent(self) -> None:
        """What is not there cannot be set aside."""
        self.assertRaises(OSError, set_aside, self.path)
