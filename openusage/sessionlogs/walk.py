"""The log files below some folders, with what tells that one has changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from attrs import define, field, frozen

__all__ = [
    "Flag",
    "Found",
    "Source",
    "Stamp",
    "StoppedError",
    "check",
    "is_folder",
    "is_jsonl",
    "walk",
]


class Flag(Protocol):
    """A `threading.Event`, as far as a scan cares: set when the scan is no longer wanted."""

    def is_set(self) -> bool:
        """Whether to stop."""


class StoppedError(Exception):
    """The scan was told to stop. What it has read so far is kept."""


def is_folder(path: str | Path) -> bool:
    """Whether `path` is a folder or a link to one; no error, whatever is in the way."""
    return os.path.isdir(path)  # noqa: PTH112 (`Path.is_dir` raises where it may not look)


def is_jsonl(path: str) -> bool:
    """Whether a file is one of JSON lines, by its name."""
    return path.endswith(".jsonl")


def check(stop: Flag) -> None:
    """Raise `StoppedError` if `stop` is set."""
    if stop.is_set():
        raise StoppedError


@frozen
class Source:
    """A folder of log files. `home` is the tool's own folder that it is part of.

    Of two files with the same path below sources of one `home`, only that in the earlier one
    counts. `takes` tells which files are logs by their path below the folder, with a separator
    before it; folders named in `skips` hold none.
    """

    folder: str
    home: str
    takes: Callable[[str], bool] = is_jsonl
    skips: frozenset[str] = frozenset()


class Stamp(NamedTuple):
    """A file is taken as unchanged while this is the same."""

    size: int
    mtime_ns: int
    inode: int
    device: int


@define
class Found:
    """What a walk found: `files` maps each path, as reached from its source, to its stamp.

    `sources` has the place of each path's source among all, `unreadable` counts folders.
    """

    files: dict[str, Stamp] = field(factory=dict)
    sources: dict[str, int] = field(factory=dict)
    unreadable: int = 0


def walk(sources: Sequence[Source], stop: Flag) -> Found:
    """All log files below `sources`, which may be links; links below them are not followed.

    What vanishes meanwhile is not there, a folder that cannot be read is counted. Raises
    `StoppedError`.
    """
    found = Found()
    walked: set[str] = set()
    taken: set[tuple[str, str]] = set()
    blind: set[str] = set()
    for place, source in enumerate(sources):
        real = os.path.realpath(source.folder)
        if real in walked or not is_folder(real):
            continue
        walked.add(real)
        for entry in _entries(source, found, stop):
            key = (source.home, entry.path[len(source.folder) :])
            if key in taken:
                continue
            try:
                stamp = _stamp(entry)
            except FileNotFoundError:
                continue
            except OSError:  # a folder that may be listed and no more
                blind.add(os.path.dirname(entry.path))  # noqa: PTH120 (a str, for thousands)
                continue
            taken.add(key)
            found.files[entry.path] = stamp
            found.sources[entry.path] = place
    found.unreadable += len(blind)
    return found


def _entries(source: Source, found: Found, stop: Flag) -> Iterator[os.DirEntry[str]]:
    folders, above = [source.folder], len(source.folder)
    while folders:
        check(stop)
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in source.skips:
                            folders.append(entry.path)
                    elif source.takes(entry.path[above:]) and entry.is_file(follow_symlinks=False):
                        yield entry
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            found.unreadable += 1


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    stat = entry.stat(follow_symlinks=False)
    return Stamp(stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_dev)
