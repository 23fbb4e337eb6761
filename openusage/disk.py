"""Files: written as a whole or not at all, and read only if they are files."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path

__all__ = ["make_folder", "open_regular", "refusal", "replace_file", "set_aside", "sweep"]

_CREATE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
# Non-blocking, or opening a FIFO would wait for a writer. Some flags exist on some platforms only.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
# Windows refuses to replace a file while a virus scanner or an editor looks at it.
_TRIES = 6 if os.name == "nt" else 1
_PAUSE = 0.05
_ABANDONED = 60.0
"""Seconds after which nobody can still be writing a temporary file."""


def open_regular(path: str | Path) -> FileIO:
    """The file at `path`, to be read. Raises `OSError`, also for what is there but no file."""
    try:
        descriptor = os.open(path, _READ)
    except ValueError as error:  # a NUL or a lone surrogate in the name
        raise refusal(errno.EINVAL, Path(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise refusal(errno.EINVAL, Path(path))
    return FileIO(descriptor, "rb")


def replace_file(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Put `data` in the place of what is in `path`; blocks. Raises `OSError`.

    The mode of an existing file is kept, unless `mode` is given; a new file is 0600 and a new
    folder 0700. A symbolic link stays one: what it points to is replaced. The data is on the disk
    before it takes the old file's name.
    """
    try:
        target = Path(os.path.realpath(path))
        old = _replaceable(target)
    except ValueError as error:  # a NUL or a lone surrogate in the name
        raise refusal(errno.EINVAL, path) from error
    make_folder(target.parent)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        _fill(temporary, data, old, mode)
        _rename(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, in the place of an earlier such one. Raises `OSError`."""
    aside = path.with_name(path.name + ".bad")
    path.replace(aside)
    return aside


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` have left beside it."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):  # gone already, or not ours to remove: no harm either way
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()


def make_folder(path: Path) -> None:
    """Make a folder that is missing, and those above it, for their owner alone."""
    try:
        path.mkdir(0o700, exist_ok=True)
    except FileNotFoundError:
        if path.parent == path:  # a Windows drive that is not there
            raise
        make_folder(path.parent)
        path.mkdir(0o700, exist_ok=True)


def refusal(number: int, path: Path) -> OSError:
    """The error the system would raise with this number."""
    return OSError(number, os.strerror(number), str(path))


def _replaceable(target: Path) -> os.stat_result | None:
    """What is known of the file to replace, if there is one; a device or folder is refused."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(old.st_mode):
        raise refusal(errno.EISDIR if stat.S_ISDIR(old.st_mode) else errno.EINVAL, target)
    return old


def _fill(temporary: Path, data: bytes, old: os.stat_result | None, mode: int | None) -> None:
    if mode is None:
        mode = 0o600 if old is None else stat.S_IMODE(old.st_mode)
    descriptor = os.open(temporary, _CREATE, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if sys.platform != "win32":
            if old is not None and os.geteuid() == 0:  # or root would take the person's file away
                os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _rename(source: Path, target: Path) -> None:
    for left in range(_TRIES - 1, -1, -1):
        try:
            source.replace(target)
        except PermissionError:
            if not left:
                raise
            time.sleep(_PAUSE)
        else:
            return
