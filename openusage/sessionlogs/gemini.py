"""The session logs of the Gemini CLI: where they are, and what their messages used (seen 2026-11).

Older versions keep a session as one JSON value with all its `messages`, newer ones as JSON lines: a
header, then a message per line, which is written again whenever there is more to tell of it. What a
message counts is what that answer alone used. A session that is resumed by a newer version leaves
its old file behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Protocol, cast

import msgspec
from attrs import define, evolve, field

from openusage.sessionlogs.calls import Call
from openusage.sessionlogs.decoding import MAX_COUNT, UNREADABLE, decode, whole_lines
from openusage.sessionlogs.prices import Terms
from openusage.sessionlogs.timestamps import to_milliseconds
from openusage.sessionlogs.tool import LogFile, Tool
from openusage.sessionlogs.walk import Source, is_folder

__all__ = ["GEMINI", "GeminiReader", "gemini_homes"]

_MARKS = (b'"tokens"', b'"sessionId"')


class _Env(Protocol):
    def get(self, name: str) -> str | None: ...


def gemini_homes(home: Path, env: _Env) -> tuple[Path, ...]:
    """The folders that the CLI may keep its own files in, whether or not they exist.

    `GEMINI_CLI_HOME` names the folder in which `.gemini` is, and for some tools that folder itself.
    """
    text = (env.get("GEMINI_CLI_HOME") or "").strip()
    if not text:
        return (home / ".gemini",)
    outer = home / (text[2:] if text == "~" or text.startswith(("~/", "~\\")) else text)
    return (outer / ".gemini", outer)


class _Tokens(msgspec.Struct, gc=False):
    input: Any = 0
    output: Any = 0
    cached: Any = 0
    thoughts: Any = 0
    tool: Any = 0
    total: Any = 0


class _Message(msgspec.Struct, gc=False):
    id: Any = None
    timestamp: Any = None
    model: Any = None
    tokens: _Tokens | None = None


class _Line(_Message, gc=False, rename="camel"):
    session_id: Any = None
    start_time: Any = None
    messages: msgspec.Raw = msgspec.Raw()


_LINE = msgspec.json.Decoder(_Line)
_MESSAGE = msgspec.json.Decoder(_Message)
_PARTS = msgspec.json.Decoder(list[msgspec.Raw])


@define(eq=False)
class GeminiReader:
    """The calls of one file, by the id of the message, or a number where that has none.

    `session` names the conversation, as far as the file has said.
    """

    calls: dict[str | int, Call] = field(factory=dict)
    unreadable: int = 0
    session: str | None = None
    _start: int | None = None
    _nameless: int = 0

    def feed(self, piece: bytes, after: int) -> None:
        """Take in the calls of whole lines, at or after the instant `after`."""
        for start, end in whole_lines(piece):
            if start < 0:
                self.unreadable += 1
            elif any(piece.find(mark, start, end) >= 0 for mark in _MARKS):
                try:
                    line = decode(piece[start:end], _LINE)
                    messages = [] if line is None else [*_messages(line)]
                except UNREADABLE:
                    self.unreadable += 1
                    continue
                if line is not None:
                    self._begin(line)
                for message in messages:
                    self._take(message, after)

    def fork(self) -> GeminiReader:
        """A reader for lines that follow."""
        return evolve(self, calls={}, unreadable=0)

    def forget(self, before: int) -> None:
        """Drop older calls."""
        self.calls = {name: call for name, call in self.calls.items() if call.at >= before}

    def _begin(self, line: _Line) -> None:
        if isinstance(line.session_id, str) and line.session_id:
            self.session = line.session_id
        if isinstance(line.start_time, str):
            self._start = to_milliseconds(line.start_time)

    def _take(self, message: _Message, after: int) -> None:
        if message.tokens is None:
            return
        at = to_milliseconds(message.timestamp) if isinstance(message.timestamp, str) else None
        at = self._start if at is None else at
        call = None if at is None else _call(at, message.model, message.tokens)
        if call is None or call.at < after:
            return
        name: object = message.id
        if not isinstance(name, str) or not name:
            self._nameless += 1
            name = self._nameless
        self.calls[name] = call


def _messages(line: _Line) -> Iterator[_Message]:
    """The messages that `line` holds or is. Raises one of `UNREADABLE`."""
    yield line
    held: Any = line.messages
    if not isinstance(held, msgspec.Raw):  # from a line that had to be mended
        held = msgspec.json.encode(held)
    if bytes(held).lstrip()[:1] == b"[":
        for part in _PARTS.decode(held):
            message = decode(bytes(part), _MESSAGE)
            if message is not None:
                yield message


def _call(at: int, model: object, tokens: _Tokens) -> Call:
    sent, got, thought = _count(tokens.input), _count(tokens.output), _count(tokens.thoughts)
    cached, tool = min(_count(tokens.cached), sent), _count(tokens.tool)
    return Call(
        at=at,
        model=model.strip() if isinstance(model, str) else "",
        input=sent - cached + tool,
        read=cached,
        output=got + thought,  # thoughts cost what other output does
        tokens=_count(tokens.total) or sent + tool + got + thought,
    )


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= MAX_COUNT else 0


def _sources(homes: Sequence[Path]) -> list[Source]:
    """The logs of the first of `homes` that has any."""
    home = next((home for home in homes if is_folder(home / "tmp")), None)
    if home is None:
        return []
    skips = frozenset({"backup"})
    return [Source(str(home / "tmp"), str(home), takes=_is_log, skips=skips)]


def _is_log(path: str) -> bool:
    """Sessions are in folders named `chats`, one below each project's; old ones may lie outside."""
    name = os.path.basename(path)  # noqa: PTH119 (a str, for thousands)
    if name.startswith("session-") and name.endswith(".json"):
        return True
    return name.endswith((".json", ".jsonl")) and "chats" in PurePath(path).parts


def _is_document(path: str) -> bool:
    return path.endswith(".json")


def _merge(files: Sequence[LogFile], tiers: Mapping[str, bool]) -> Iterable[tuple[Call, bool]]:
    """Each session once, as the file that changed last has it."""
    told: set[str] = set()
    newest = sorted(files, key=lambda file: (file.stamp.mtime_ns if file.stamp else 0, file.path))
    for file in reversed(newest):
        parts = [cast("GeminiReader", part) for part in file.parts]
        session = parts[-1].session
        if session is not None and session in told:
            continue
        if session is not None:
            told.add(session)
        calls = {name: call for part in parts for name, call in part.calls.items()}
        yield from ((call, False) for call in calls.values())


GEMINI = Tool(
    id="gemini",
    sources=_sources,
    reader=GeminiReader,
    merge=_merge,
    terms=Terms(priced_only=True),
    is_document=_is_document,
)
