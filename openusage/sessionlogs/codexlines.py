"""The lines of Codex's logs that matter, as far as they do (seen 2026-11)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from openusage.sessionlogs.decoding import MAX_COUNT, decode

__all__ = [
    "CodexLine",
    "Counts",
    "Info",
    "Payload",
    "counts_of",
    "matters",
    "model_of",
    "parse",
    "text_of",
]

_DIGITS = re.compile(r"\s*\d{1,20}\s*", re.ASCII)

# How Codex begins a line. It tells the kind, so that most lines need no further look.
_HEAD = re.compile(
    rb'\{"timestamp":"[^"\\]*",(?:"ordinal":\d+,)?"type":"(\w+)",(?:"payload":\{"type":"(\w+)")?'
)
_OUTER_KINDS = (b"turn_context", b"session_meta")
_EVENT = b"event_msg"
_EVENT_KINDS = (b"token_count", b"thread_settings_applied", b"task_started")
_ANY_KIND = re.compile(rb'"type"\s*:\s*"(?:%s)"' % b"|".join(_OUTER_KINDS + _EVENT_KINDS))


class Usage(msgspec.Struct, gc=False):
    """Token counts, under all the names that they have had."""

    input_tokens: Any = None
    prompt_tokens: Any = None
    input: Any = None
    cached_input_tokens: Any = None
    cache_read_input_tokens: Any = None
    cached_tokens: Any = None
    cache_write_input_tokens: Any = None
    output_tokens: Any = None
    completion_tokens: Any = None
    output: Any = None
    reasoning_output_tokens: Any = None
    reasoning_tokens: Any = None
    total_tokens: Any = None


class Named(msgspec.Struct, gc=False):
    """Something that may name a model."""

    model: Any = None
    model_name: Any = None
    metadata: Any = None


class Info(Named, gc=False):
    """The figures of a `token_count` event."""

    total_token_usage: Usage | None = None
    last_token_usage: Usage | None = None


class _Settings(msgspec.Struct, gc=False):
    service_tier: Any = None


class Payload(Named, gc=False):
    """What a line is about."""

    type: Any = None
    info: Info | None = None
    rate_limits: Any = None
    thread_settings: _Settings | None = None
    service_tier: Any = None
    started_at: Any = None
    id: Any = None
    forked_from_id: Any = None
    parent_thread_id: Any = None
    source: Any = None


class CodexLine(msgspec.Struct, gc=False):
    """One line."""

    type: Any = None
    timestamp: Any = None
    payload: Payload | None = None


_LINE = msgspec.json.Decoder(CodexLine)


class Counts(NamedTuple):
    """What a usage says; `cached` and `written` are part of `input`, `reasoning` is of `output`."""

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0
    total: int = 0

    def since(self, old: Counts) -> Counts:
        """What was counted since; nothing where the counter fell."""
        return Counts(*(max(0, now - then) for now, then in zip(self, old, strict=True)))


def matters(piece: bytes, start: int, end: int) -> bool:
    """Whether a line of `piece` may be one of those that calls depend on."""
    head = _HEAD.match(piece, start, end)
    if head is None or (head[1] == _EVENT and head[2] is None):
        return _ANY_KIND.search(piece, start, end) is not None
    return head[1] in _OUTER_KINDS or (head[1] == _EVENT and head[2] in _EVENT_KINDS)


def parse(line: bytes) -> CodexLine | None:
    """`line` as such; `None` if it is another thing. Raises one of `UNREADABLE`."""
    return decode(line, _LINE)


def model_of(named: Named) -> str | None:
    """The model that is named."""
    inner = named.metadata.get("model") if isinstance(named.metadata, dict) else None
    return next(filter(None, map(text_of, (named.model, named.model_name, inner))), None)


def text_of(value: object) -> str | None:
    """`value` as text without white space around it; `None` if it is no text or blank."""
    return value.strip() or None if isinstance(value, str) else None


def counts_of(usage: Usage) -> Counts:
    """The counts that `usage` has; what is missing, or no count, is 0."""
    sent = _first(usage.input_tokens, usage.prompt_tokens, usage.input)
    got = _first(usage.output_tokens, usage.completion_tokens, usage.output)
    return Counts(
        input=sent,
        cached=_first(
            usage.cached_input_tokens, usage.cache_read_input_tokens, usage.cached_tokens
        ),
        written=_first(usage.cache_write_input_tokens),
        output=got,
        reasoning=_first(usage.reasoning_output_tokens, usage.reasoning_tokens),
        total=_first(usage.total_tokens) or sent + got,
    )


def _first(*values: object) -> int:
    """The first of `values` that is a count, as a number or as text; else 0."""
    for value in values:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if type(value) is int and 0 <= value <= MAX_COUNT:
            return value
    return 0
