"""Tests for `openusage.host.files`."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from unittest import skipIf

from filelock import FileLock
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage import disk
from openusage.host import files as module
from openusage.host.files import Files
from openusage.testing import run_inline

T = TypeVar("T")

WINDOWS = os.name == "nt"


class FilesCase(SynchronousTestCase):
    """A folder to read and write in."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.files = Files(run_inline)

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def failure(self, work: Coroutine[Any, Any, object], kind: type[BaseException]) -> Any:
        return self.failureResultOf(Deferred.fromCoroutine(work), kind).value

    def make(self, name: str, data: bytes = b"old", mode: int = 0o644) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


class ReadTests(FilesCase):
    """`Files.read`."""

    def test_read(self) -> None:
        """The content is had as it is."""
        path = self.make("a", b"\x00\r\n\xff")

        self.assertEqual(self.result(self.files.read(path)), b"\x00\r\n\xff")

    def test_limit(self) -> None:
        """A file may have as many bytes as the limit says and not one more."""
        path = self.make("a", b"12345")

        self.assertEqual(self.result(self.files.read(path, limit=5)), b"12345")
        error = self.failure(self.files.read(path, limit=4), OSError)
        self.assertEqual(error.errno, errno.EFBIG)

    def test_missing(self) -> None:
        """A missing file is `FileNotFoundError`."""
        self.failure(self.files.read(self.folder / "none"), FileNotFoundError)

    def test_folder(self) -> None:
        """A folder is an `OSError`."""
        self.failure(self.files.read(self.folder), OSError)

    @skipIf(WINDOWS, "needs a FIFO")
    def test_fifo(self) -> None:
        """A FIFO, which may never have a writer, is refused at once."""
        os.mkfifo(self.folder / "fifo")

        error = self.failure(self.files.read(self.folder / "fifo"), OSError)

        self.assertEqual(error.errno, errno.EINVAL)

    @skipIf(WINDOWS, "needs devices")
    def test_device(self) -> None:
        """A device, which may never end, is refused."""
        self.failure(self.files.read(Path("/dev/zero")), OSError)

    def test_impossible_name(self) -> None:
        """A name that no file can have is an `OSError`."""
        self.failure(self.files.read(self.folder / "a\0b"), OSError)
        self.failure(self.files.write(self.folder / "a\0b", b""), OSError)

    def test_descriptors(self) -> None:
        """A refused file is closed again."""
        path = self.make("a", b"12345")
        before = os.dup(0)
        os.close(before)

        self.failure(self.files.read(path, limit=1), OSError)
        self.failure(self.files.read(self.folder), OSError)

        after = os.dup(0)
        os.close(after)
        self.assertEqual(after, before)


class ReadTextTests(FilesCase):
    """`Files.read_text`."""

    def test_text(self) -> None:
        """Text is UTF-8, without byte-order mark; other bytes become U+FFFD."""
        path = self.make("a", b"\xef\xbb\xbf\xc3\xa4 \xff\r\n")

        self.assertEqual(self.result(self.files.read_text(path)), "\u00e4 \ufffd\r\n")


class LookTests(FilesCase):
    """`Files.exists`, `Files.is_dir` and `Files.list`."""

    def test_exists(self) -> None:
        """Files and folders exist; what is missing, dangling or impossible does not."""
        self.assertTrue(self.result(self.files.exists(self.make("a"))))
        self.assertTrue(self.result(self.files.exists(self.folder)))
        (self.folder / "dangling").symlink_to("none")
        for name in ("none", "a/b", "dangling", "x" * 5000, "a\0b"):
            self.assertFalse(self.result(self.files.exists(self.folder / name)), name)

    def test_is_dir(self) -> None:
        """Only a folder is one."""
        self.assertTrue(self.result(self.files.is_dir(self.folder)))
        self.assertFalse(self.result(self.files.is_dir(self.make("a"))))
        self.assertFalse(self.result(self.files.is_dir(self.folder / "none")))

    def test_list(self) -> None:
        """A folder's entries come sorted, as whole paths; anything else has none."""
        paths = [self.make(name) for name in ("b", "a", "B")]

        self.assertEqual(self.result(self.files.list(self.folder)), sorted(paths))
        self.assertEqual(self.result(self.files.list(paths[0])), [])
        self.assertEqual(self.result(self.files.list(self.folder / "none")), [])
        self.assertEqual(self.result(self.files.list(self.folder / "a\0b")), [])


class WriteTests(FilesCase):
    """`Files.write`."""

    def write(self, path: Path, data: bytes = b"new") -> None:
        self.result(self.files.write(path, data))

    def mode(self, path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    def test_new(self) -> None:
        """A new file is for its owner only."""
        self.write(self.folder / "a")

        self.assertEqual((self.folder / "a").read_bytes(), b"new")
        self.assertEqual(self.names(), ["a"])
        if not WINDOWS:
            self.assertEqual(self.mode(self.folder / "a"), 0o600)

    @skipIf(WINDOWS, "needs modes")
    def test_mode_kept(self) -> None:
        """An existing file keeps its mode, whatever the umask says."""
        path = self.make("a", mode=0o664)
        self.addCleanup(os.umask, os.umask(0o077))

        self.write(path)

        self.assertEqual(path.read_bytes(), b"new")
        self.assertEqual(self.mode(path), 0o664)

    @skipIf(WINDOWS or os.geteuid() != 0, "needs to be root")
    def test_owner_kept(self) -> None:
        """Run as root, a file stays its owner's."""
        path = self.make("a")
        os.chown(path, 1234, 1235)

        self.write(path)

        self.assertEqual((path.stat().st_uid, path.stat().st_gid), (1234, 1235))

    def test_folders(self) -> None:
        """Missing folders are made, for their owner only."""
        self.write(self.folder / "x" / "y" / "a")

        self.assertEqual((self.folder / "x" / "y" / "a").read_bytes(), b"new")
        if not WINDOWS:
            self.assertEqual(self.mode(self.folder / "x"), 0o700)
            self.assertEqual(self.mode(self.folder / "x" / "y"), 0o700)

    def test_link(self) -> None:
        """The file that a link leads to is replaced, and the link stays."""
        (self.folder / "dots").mkdir()
        target = self.make("dots/real")
        link = self.folder / "link"
        link.symlink_to(Path("dots") / "real")

        self.write(link)

        self.assertTrue(link.is_symlink())
        self.assertEqual(target.read_bytes(), b"new")
        self.assertEqual(self.names(), ["dots", "link"])

    def test_dangling_link(self) -> None:
        """A link that leads nowhere gets its file."""
        (self.folder / "link").symlink_to("real")

        self.write(self.folder / "link")

        self.assertTrue((self.folder / "link").is_symlink())
        self.assertEqual((self.folder / "real").read_bytes(), b"new")

    def test_link_loop(self) -> None:
        """A link that leads to itself is an `OSError`."""
        (self.folder / "link").symlink_to("link")

        self.failure(self.files.write(self.folder / "link", b"new"), OSError)

        self.assertEqual(self.names(), ["link"])

    @skipIf(WINDOWS, "needs a FIFO")
    def test_irregular(self) -> None:
        """A folder or FIFO is not replaced."""
        (self.folder / "folder").mkdir()
        os.mkfifo(self.folder / "fifo")

        self.failure(self.files.write(self.folder / "folder", b"new"), IsADirectoryError)
        self.failure(self.files.write(self.folder / "fifo", b"new"), OSError)

        self.assertEqual(self.names(), ["fifo", "folder"])

    def test_full_disk(self) -> None:
        """When the data does not reach the disk, the old file stays and nothing is left behind."""
        path = self.make("a")

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "full")

        self.patch(os, "fsync", full)

        error = self.failure(self.files.write(path, b"new"), OSError)

        self.assertEqual(error.errno, errno.ENOSPC)
        self.assertEqual(path.read_bytes(), b"old")
        self.assertEqual(self.names(), ["a"])

    def test_parent_is_file(self) -> None:
        """A parent folder that is a file is an `OSError`."""
        self.failure(self.files.write(self.make("a") / "b", b"new"), OSError)

    def refuse_replace(self, times: int) -> list[Path]:
        """Have the next replacements fail, as on Windows; returns those that were tried."""
        tried: list[Path] = []
        real: Callable[[Path, Path], Path] = Path.replace

        def replace(path: Path, target: Path) -> Path:
            tried.append(path)
            if len(tried) <= times:
                raise PermissionError(errno.EACCES, "in use")
            return real(path, target)

        self.patch(Path, "replace", replace)
        self.patch(disk, "_PAUSE", 0)
        self.patch(disk, "_TRIES", 3)
        return tried

    def test_in_use(self) -> None:
        """A file that another program looks at for a moment is replaced when it is done."""
        path = self.make("a")
        self.refuse_replace(2)

        self.write(path)

        self.assertEqual(path.read_bytes(), b"new")

    def test_in_use_for_long(self) -> None:
        """A file that stays in use is an error after a few tries, and nothing is left behind."""
        path = self.make("a")
        tried = self.refuse_replace(99)

        self.failure(self.files.write(path, b"new"), PermissionError)

        self.assertEqual(len(tried), 3)
        self.assertEqual(path.read_bytes(), b"old")
        self.assertEqual(self.names(), ["a"])


class LockTests(FilesCase):
    """`Files.lock`."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "locks" / "login.lock"
        self.patch(module, "_PAUSE", 0.001)

    async def hold(self, files: Files, until: Deferred[None], timeout: float = 10.0) -> str:
        async with files.lock(self.path, timeout):
            await until
        return "done"

    def is_free(self) -> bool:
        lock = FileLock(self.path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except TimeoutError:
            return False
        lock.release()
        return True

    def test_held(self) -> None:
        """The lock is held within the block and free after it."""
        until: Deferred[None] = Deferred()
        holding = Deferred.fromCoroutine(self.hold(self.files, until))
        self.assertFalse(self.is_free())

        until.callback(None)

        self.assertEqual(self.successResultOf(holding), "done")
        self.assertTrue(self.is_free())

    def test_failure(self) -> None:
        """A failure within the block frees the lock and passes on."""
        until: Deferred[None] = Deferred()
        holding = Deferred.fromCoroutine(self.hold(self.files, until))

        until.errback(ValueError("x"))

        self.failureResultOf(holding, ValueError)
        self.assertTrue(self.is_free())

    def test_timeout(self) -> None:
        """A lock that another holds for too long is a `TimeoutError` that names no folder."""
        self.path.parent.mkdir()
        other = FileLock(self.path, thread_local=False)
        other.acquire()
        self.addCleanup(other.release)

        error = self.failure(self.hold(self.files, Deferred(), 0.01), TimeoutError)

        self.assertEqual(str(error), "login.lock is locked by another process")

    def test_turns(self) -> None:
        """Whoever waits leaves the threads to others between two tries."""
        calls: list[Callable[[], None]] = []
        until: Deferred[None] = Deferred()
        self.path.parent.mkdir()
        other = FileLock(self.path, thread_local=False)
        other.acquire()
        holding = Deferred.fromCoroutine(self.hold(Files(queued(calls)), until))

        calls.pop()()
        self.assertNoResult(holding)
        other.release()
        calls.pop()()
        self.assertFalse(self.is_free())
        until.callback(None)

        self.assertEqual(self.successResultOf(holding), "done")
        self.assertEqual(calls, [])

    def test_cancelled_while_held(self) -> None:
        """Cancelling the block frees the lock."""
        holding = Deferred.fromCoroutine(self.hold(self.files, Deferred()))

        holding.cancel()

        self.failureResultOf(holding, CancelledError)
        self.assertTrue(self.is_free())

    def test_cancelled_while_trying(self) -> None:
        """A thread that takes the lock after the cancellation gives it back."""
        calls: list[Callable[[], None]] = []
        holding = Deferred.fromCoroutine(self.hold(Files(queued(calls)), Deferred()))
        holding.cancel()
        self.failureResultOf(holding, CancelledError)

        calls.pop()()

        self.assertTrue(self.is_free())

    def test_refused(self) -> None:
        """A lock file that cannot be made is an `OSError`."""
        self.path.parent.write_bytes(b"")

        self.failure(self.hold(self.files, Deferred()), OSError)


def queued(calls: list[Callable[[], None]]) -> Any:
    """A `Blocking` whose calls run when the test says so; a result nobody waits for is dropped."""

    def run(function: Callable[..., object], *args: object) -> Deferred[object]:
        done: Deferred[object] = Deferred()

        def call() -> None:
            result = function(*args)
            if not done.called:
                done.callback(result)

        calls.append(call)
        return done

    return run
