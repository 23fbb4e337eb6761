"""`Files`: the person's files, off the reactor; reads are bounded, writes whole or not at all."""

from __future__ import annotations

import builtins
import errno
import stat
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BufferedReader
from pathlib import Path

from attrs import define, field, frozen
from filelock import FileLock, Timeout

from openusage.disk import make_folder, open_regular, refusal, replace_file
from openusage.host.blocking import Blocking

__all__ = ["Files"]

MIB = 2**20
_PAUSE = 0.05


@frozen
class Files:
    """Reads, writes and locks files. Trouble is an `OSError` whose `filename` names the file."""

    run: Blocking

    async def read(self, path: Path, limit: int = 8 * MIB) -> bytes:
        """The content of a regular file of at most `limit` bytes."""
        return await self.run(_read, path, limit)

    async def read_text(self, path: Path) -> str:
        """The content as text without byte-order mark; bytes that are not UTF-8 become U+FFFD."""
        return (await self.read(path)).decode("utf-8", "replace").removeprefix("\ufeff")

    async def exists(self, path: Path) -> bool:
        """Whether anything is there; `False` as well where we may not look."""
        return await self.run(_mode, path) != 0

    async def is_dir(self, path: Path) -> bool:
        """Whether a folder is there; `False` as well where we may not look."""
        return stat.S_ISDIR(await self.run(_mode, path))

    async def list(self, path: Path) -> builtins.list[Path]:
        """What lies in the folder, sorted; empty when it is missing or we may not look."""
        return await self.run(_list, path)

    async def write(self, path: Path, data: bytes) -> None:
        """Put `data` in the place of the file at once: a reader sees the old content or the new.

        An existing file keeps its mode and a symbolic link its place, since the file it leads to is
        replaced. A new file has 0600; folders that are missing are made with 0700.
        """
        await self.run(replace_file, path, data)

    def lock(self, path: Path, timeout: float = 10.0) -> AbstractAsyncContextManager[None]:
        """Holds the lock file `path`, which other processes respect, within `async with`.

        Raises `TimeoutError` when it cannot be had within `timeout` seconds.
        """
        return self._locked(path, timeout)

    @asynccontextmanager
    async def _locked(self, path: Path, seconds: float) -> AsyncIterator[None]:
        deadline = time.monotonic() + seconds
        claim = _Claim(path)
        try:
            # Short turns, so that a thread is free now and then for whoever holds the lock.
            while not await self.run(claim.attempt):
                if time.monotonic() >= deadline:
                    raise TimeoutError(f"{path.name} is locked by another process")
            yield
        finally:
            claim.give_up()


@define
class _Claim:
    """One try to hold a lock file, safe to give up while a thread is still at it."""

    path: Path
    given_up: bool = False
    _lock: FileLock | None = None
    _mutex: threading.Lock = field(factory=threading.Lock)

    def attempt(self) -> bool:
        """Take the lock if it is free, else pause a little. Blocks."""
        make_folder(self.path.parent)
        lock = FileLock(self.path, mode=0o600, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            time.sleep(_PAUSE)
            return False
        with self._mutex:
            if self.given_up:
                lock.release()
            else:
                self._lock = lock
        return True

    def give_up(self) -> None:
        """Let go of the lock, held or about to be held.

        Called straight from the reactor: a call in a thread could be cancelled before it runs, and
        the lock would stay. Closing a descriptor takes no time.
        """
        with self._mutex:
            self.given_up = True
            if self._lock is not None:
                self._lock.release()
                self._lock = None


def _read(path: Path, limit: int) -> bytes:
    with BufferedReader(open_regular(path)) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise refusal(errno.EFBIG, path)
    return data


def _mode(path: Path) -> int:
    """The type and permission bits; 0 when there are none to be had."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _list(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except (OSError, ValueError):
        return []
