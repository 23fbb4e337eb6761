"""Reading a log file piece by piece, and only what is new since the last time."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from io import FileIO

from attrs import define, field

from openusage.disk import open_regular
from openusage.sessionlogs.tool import LogReader, Tool
from openusage.sessionlogs.walk import Flag, Stamp, check

__all__ = ["LONGEST_LINE", "ReadFile"]

PIECE = 2**20
LONGEST_LINE = 16 * 2**20
"""In bytes. No tool writes a longer line; such a one is skipped, and never held as a whole."""
LONGEST_DOCUMENT = 64 * 2**20
"""In bytes; a longer file of a single value is skipped too."""

_WINDOW = 4096


@define(eq=False)
class ReadFile:
    """A log file with what was read of it so far.

    Everything before `offset` is in `reader`. A last line without an end is looked at each time,
    since some tools leave it so for good, and is kept apart in `tail`, since it may be half of a
    line.
    """

    tool: Tool
    path: str
    home: str
    place: int
    counts: bool = True
    reader: LogReader = field(init=False)
    tail: LogReader | None = None
    offset: int = 0
    stamp: Stamp | None = None
    _settled: bool = False
    _skipping: bool = False
    _windows: bytes = b""

    def __attrs_post_init__(self) -> None:
        self.reader = self.tool.reader()

    @property
    def parts(self) -> Sequence[LogReader]:
        """The readers in the order of the lines."""
        return [self.reader] if self.tail is None else [self.reader, self.tail]

    def is_current(self, stamp: Stamp) -> bool:
        """Whether a file that has `stamp` now needs no reading.

        A file that changed in the very moment it was read may change again and show the same time:
        it is not trusted until its time lies back.
        """
        return self._settled and self.stamp == stamp

    def update(self, stamp: Stamp, now: float, after: int, stop: Flag) -> None:
        """Read what the file, which had `stamp` at `now` (seconds), holds beyond what was read.

        Raises `OSError`, after which the file is to be forgotten, and `StoppedError`, after which
        it can be updated again.
        """
        self.stamp, old = None, self.stamp
        with open_regular(self.path) as stream:
            if self.tool.is_document(self.path):
                self._read_document(stream, after, stop)
            else:
                self._read_on(stream, self._goes_on(stream, stamp, old), after, stop)
        self.stamp = stamp
        self._settled = stamp.mtime_ns < (now - 2) * 1e9

    def _goes_on(self, stream: FileIO, stamp: Stamp, old: Stamp | None) -> bool:
        """Whether what was read is still the beginning of the file."""
        same = old is None or (old.inode, old.device) == (stamp.inode, stamp.device)
        return same and _windows(stream, self.offset) == self._windows

    def _restart(self) -> None:
        self.reader, self.tail = self.tool.reader(), None
        self.offset, self._skipping = 0, False

    def _read_on(self, stream: FileIO, goes_on: bool, after: int, stop: Flag) -> None:
        if not goes_on:
            self._restart()
        try:
            self._read(stream, after, stop)
        finally:
            self._windows = _windows(stream, self.offset)

    def _read_document(self, stream: FileIO, after: int, stop: Flag) -> None:
        self._restart()
        pieces, length = [], 0
        while length <= LONGEST_DOCUMENT and (piece := stream.read(PIECE)):
            check(stop)
            pieces.append(piece.replace(b"\n", b" "))
            length += len(piece)
        if length > LONGEST_DOCUMENT:
            self.reader.unreadable += 1
        else:
            self.reader.feed(b"".join([*pieces, b"\n"]), after)

    def _read(self, stream: FileIO, after: int, stop: Flag) -> None:
        self.tail = None
        stream.seek(self.offset)
        begun: list[bytes] = []  # the parts of a line whose end is not read yet
        length = 0
        while chunk := stream.read(PIECE):
            check(stop)
            first = chunk.find(b"\n")
            if first < 0:
                begun.append(chunk)
                length += len(chunk)
            else:
                self._feed(begun, length, chunk, first, after)
                begun = [chunk[chunk.rfind(b"\n") + 1 :]]
                length = len(begun[0])
            if self._skipping or length > LONGEST_LINE:
                self._skip(length)
                begun, length = [], 0
        if length:
            self.tail = self.reader.fork()
            self.tail.feed(b"".join(begun) + b"\n", after)

    def _feed(self, begun: list[bytes], length: int, chunk: bytes, first: int, after: int) -> None:
        """Feed all lines that end in `chunk`; the first one began with `begun`."""
        last = chunk.rfind(b"\n") + 1
        if self._skipping or length + first > LONGEST_LINE:
            self._skip(length + first + 1)
            self._skipping = False
            piece = chunk[first + 1 : last]
        else:
            piece = b"".join([*begun, chunk[:last]])
        self.reader.feed(piece, after)
        self.offset += len(piece)

    def _skip(self, length: int) -> None:
        if not self._skipping:
            self.reader.unreadable += 1
        self._skipping = True
        self.offset += length


def _windows(stream: FileIO, offset: int) -> bytes:
    """A digest of the first and the last bytes before `offset`, which tells a rewritten file."""
    digest = blake2b(digest_size=16)
    stream.seek(0)
    digest.update(stream.read(min(_WINDOW, offset)))
    if offset > _WINDOW:
        stream.seek(offset - _WINDOW)
        digest.update(stream.read(_WINDOW))
    return digest.digest()
