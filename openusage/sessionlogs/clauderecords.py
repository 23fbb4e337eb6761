"""The records of Claude Code's logs: which lines tell of a call, and what they say (seen 2026-11).

One answer is written as several lines, one per block of it, that repeat its ids and its usage;
while it streams, early lines may have part of the usage only. Resumed and side conversations repeat
lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from attrs import define, evolve, field
from msgspec import UNSET

from openusage.sessionlogs.calls import ClaudeCall
from openusage.sessionlogs.decoding import MAX_COUNT, UNREADABLE, decode, whole_lines
from openusage.sessionlogs.timestamps import to_milliseconds

__all__ = ["ClaudeReader", "is_better"]

_MARK = b'"usage":{'
_VERSION = re.compile(r"\d+\.\d+\.\d", re.ASCII)
# Claude Code leaves these keys out rather than writing null; a record that has one is no call.
_NEVER_NULL = tuple(
    b'"%s"' % key
    for key in (
        b"id",
        b"cwd",
        b"model",
        b"speed",
        b"costUSD",
        b"version",
        b"sessionId",
        b"requestId",
        b"isApiErrorMessage",
        b"cache_read_input_tokens",
        b"cache_creation_input_tokens",
    )
)
_NO_MODEL = "<synthetic>"
_MOST_DOLLARS = 10**6
"""No call costs more."""


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Any = None
    output_tokens: Any = None
    cache_creation_input_tokens: Any = 0
    cache_read_input_tokens: Any = 0
    cache_creation: Any = None
    speed: Any = UNSET
    iterations: Any = None


class _Message(msgspec.Struct, gc=False):
    usage: _Usage | None = None
    model: Any = UNSET
    id: Any = UNSET


class _Inner(msgspec.Struct, gc=False, rename="camel"):
    timestamp: Any = None
    message: _Message | None = None
    request_id: Any = UNSET
    is_sidechain: Any = None
    cost_usd: Any = msgspec.field(name="costUSD", default=UNSET)


class _Data(msgspec.Struct, gc=False):
    message: _Inner | None = None


class _Line(_Inner, gc=False, rename="camel"):
    version: Any = UNSET
    session_id: Any = UNSET
    data: _Data | None = None


_LINE = msgspec.json.Decoder(_Line)


def is_better(new: ClaudeCall, kept: ClaudeCall) -> bool:
    """Whether `new` tells more of the call than `kept`, which came first."""
    if new.side != kept.side:
        return kept.side
    if new.tokens != kept.tokens:
        return new.tokens > kept.tokens
    return new.has_speed and not kept.has_speed


@define(eq=False)
class ClaudeReader:
    """The calls of one log file of Claude Code, in the order of its lines."""

    calls: list[ClaudeCall] = field(factory=list)
    unreadable: int = 0

    def feed(self, piece: bytes, after: int) -> None:
        """Take in the calls at or after the instant `after` of whole lines."""
        for start, end in whole_lines(piece):
            if start < 0:
                self.unreadable += 1
            elif piece.find(_MARK, start, end) >= 0:
                line = piece[start:end]
                try:
                    if not line.isascii():
                        line.decode()  # the decoder passes over what is not used
                    record = decode(line, _LINE)
                except UNREADABLE:
                    self.unreadable += 1
                    continue
                if record is not None and not _has_null(line):
                    for call in _calls(record):
                        if call.at >= after:
                            self._keep(call)

    def fork(self) -> ClaudeReader:
        """A reader for lines that follow."""
        return evolve(self, calls=[], unreadable=0)

    def forget(self, before: int) -> None:
        """Drop older calls."""
        self.calls = [call for call in self.calls if call.at >= before]

    def _keep(self, call: ClaudeCall) -> None:
        """Keep `call`, or the better one if the line before it told of it too."""
        last = self.calls[-1] if self.calls else None
        if (
            last is None
            or call.id is None
            or (call.id, call.request, call.side) != (last.id, last.request, last.side)
        ):
            self.calls.append(call)
        elif is_better(call, last):
            self.calls[-1] = call


def _has_null(line: bytes) -> bool:
    at = line.find(b"null")
    while at >= 0:
        before = line[max(0, at - 64) : at].rstrip()
        if before.endswith(b":") and before[:-1].rstrip().endswith(_NEVER_NULL):
            return True
        at = line.find(b"null", at + 4)
    return False


def _calls(line: _Line) -> Iterator[ClaudeCall]:
    """The call that `line` tells of and those of its advisors; none if it has another form."""
    if not _is_text(line.session_id):
        return
    record: _Inner = line
    call = _call(line) if _is_version(line.version) else None
    if call is None and line.data is not None and line.data.message is not None:
        # A sub-agent's answer inside a progress record of the conversation it works for.
        record = line.data.message
        call = _call(record)
    if call is None or record.message is None or record.message.usage is None:
        return
    yield call
    if record.message.usage.iterations:
        yield from _advisors(call, record.message.usage.iterations)


def _call(record: _Inner) -> ClaudeCall | None:
    message, side = record.message, record.is_sidechain
    if message is None or message.usage is None or not (side is None or isinstance(side, bool)):
        return None
    at = to_milliseconds(record.timestamp) if isinstance(record.timestamp, str) else None
    texts = (message.id, message.model, record.request_id)
    if at is None or not all(_is_text(text) for text in texts) or not _is_cost(record.cost_usd):
        return None
    return _usage(
        message.usage,
        at=at,
        model="" if message.model is UNSET or message.model == _NO_MODEL else message.model,
        id=None if message.id is UNSET else message.id,
        request=None if record.request_id is UNSET else record.request_id,
        side=bool(side),
        cost=_cost(record.cost_usd),
    )


def _usage(usage: _Usage, **known: Any) -> ClaudeCall | None:
    if usage.speed is not UNSET and usage.speed not in ("fast", "standard"):
        return None
    write_5m, write_1h = usage.cache_creation_input_tokens, 0
    counts = [usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, write_5m]
    if usage.cache_creation is not None:
        if not isinstance(usage.cache_creation, dict):
            return None
        write_5m = usage.cache_creation.get("ephemeral_5m_input_tokens", 0)
        write_1h = usage.cache_creation.get("ephemeral_1h_input_tokens", 0)
        counts += write_5m, write_1h
    for count in counts:
        if type(count) is not int or not 0 <= count <= MAX_COUNT:
            return None
    return ClaudeCall(
        input=usage.input_tokens,
        write_5m=write_5m,
        write_1h=write_1h,
        read=usage.cache_read_input_tokens,
        output=usage.output_tokens,
        tokens=counts[0] + counts[1] + counts[2] + write_5m + write_1h,
        fast=usage.speed == "fast",
        has_speed=usage.speed is not UNSET,
        **known,
    )


def _advisors(call: ClaudeCall, iterations: object) -> Iterator[ClaudeCall]:
    """Calls to an advising model while `call` was made; other iterations are part of `call`."""
    elements = iterations if isinstance(iterations, list) else []
    advisors = [
        element
        for element in elements
        if isinstance(element, dict) and element.get("type") == "advisor_message"
    ]
    for number, advisor in enumerate(advisors):
        model = advisor.get("model")
        if isinstance(model, str) and model:
            known = {name: advisor[name] for name in _Usage.__struct_fields__ if name in advisor}
            made = _usage(
                _Usage(**known),
                at=call.at,
                model=model,
                id=None if call.id is None else f"{call.id}:advisor:{number}",
                request=call.request,
                side=call.side,
            )
            if made is not None:
                yield made


def _is_text(value: object) -> bool:
    """Missing, or text that is not empty."""
    return value is UNSET or (isinstance(value, str) and value != "")


def _is_version(value: object) -> bool:
    return value is UNSET or (isinstance(value, str) and _VERSION.match(value) is not None)


def _is_cost(value: object) -> bool:
    return value is UNSET or (isinstance(value, int | float) and not isinstance(value, bool))


def _cost(value: object) -> float | None:
    """Dollars; a cost that can be none is not taken over, and the call is priced instead."""
    if not isinstance(value, int | float) or not 0 <= value <= _MOST_DOLLARS:
        return None
    return float(value)
