"""The records of Codex's logs: calls, their model and tier, replays, rate limits (seen 2026-11).

A `token_count` event has the usage of the last call and the totals of the session. It is written
again, unchanged, when only the rate limits moved. A session that was forked from another begins
with a replay of that one's events, under its own times.
"""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

from attrs import define, evolve, field

from openusage.sessionlogs.calls import CodexCall
from openusage.sessionlogs.codexlines import (
    CodexLine,
    Counts,
    Info,
    Payload,
    counts_of,
    matters,
    model_of,
    parse,
    text_of,
)
from openusage.sessionlogs.decoding import UNREADABLE, whole_lines
from openusage.sessionlogs.timestamps import to_milliseconds

__all__ = ["FAST_TIERS", "CodexReader", "Limits", "Replay"]

_FALLBACK_MODEL = "gpt-5"
_BURST_MS = 1000
FAST_TIERS = frozenset({"fast", "priority"})
"""The names of the tier at which a call costs more."""


class Limits(NamedTuple):
    """The rate limits of an event at an instant (milliseconds), as they were written."""

    at: int
    limits: dict[str, Any]


@define(eq=False)
class Replay:
    """What the beginning of a session may have to do with another one.

    `parent` is the session that this one goes on from or works for. Some sessions are `expected` to
    begin with a replay of their parent's events, which is written in one go: `calls` counts the
    calls up to the first event that is not within a second of the one before.
    """

    session: str | None = None
    parent: str | None = None
    expected: bool = False
    calls: int = 0
    open: bool = False
    started: int | None = None
    _events: int = 0
    _last: int = 0

    def go_on(self, at: int) -> None:
        """Take note of an event at an instant, in milliseconds."""
        if self._events and at - self._last > _BURST_MS:
            self.open = False
        if self.open:
            self._events += 1
            self._last = at

    def length(self) -> int:
        """How many calls at the beginning are a replay, judging by their times alone."""
        return self.calls if self._events > 1 else 0


@define(eq=False)
class CodexReader:
    """The calls of one session of Codex.

    `prints` and `times` have a fingerprint of every call, kept or not, and its instant.
    """

    calls: list[CodexCall] = field(factory=list)
    prints: array[int] = field(factory=lambda: array("q"))
    times: array[int] = field(factory=lambda: array("q"))
    count: int = 0
    unreadable: int = 0
    replay: Replay | None = None
    limits: Limits | None = None
    _model: str | None = None
    _fast: bool | None = None
    _totals: Counts | None = None
    _now: int | None = None

    def feed(self, piece: bytes, after: int) -> None:
        """Take in the calls of whole lines, at or after the instant `after`, and their context."""
        for start, end in whole_lines(piece):
            if start < 0:
                self.unreadable += 1
            elif matters(piece, start, end):
                try:
                    line = parse(piece[start:end])
                except UNREADABLE:
                    self.unreadable += 1
                    continue
                if line is not None and line.payload is not None:
                    self._take(line, line.payload, after)

    def fork(self) -> CodexReader:
        """A reader for lines that follow."""
        replay = None if self.replay is None else evolve(self.replay)
        empty = array("q")
        return evolve(self, calls=[], prints=empty, times=empty[:], unreadable=0, replay=replay)

    def forget(self, before: int) -> None:
        """Drop older calls."""
        self.calls = [call for call in self.calls if call.at >= before]

    def _take(self, line: CodexLine, payload: Payload, after: int) -> None:
        if line.type == "turn_context":
            self._model = model_of(payload) or self._model
        elif line.type == "session_meta":
            if self.replay is None:
                self.replay = _replay(line, payload)
        elif line.type == "event_msg":
            if payload.type == "token_count":
                self._token_count(line, payload, after)
            elif payload.type == "thread_settings_applied":
                self._settings(payload)
            elif payload.type == "task_started":
                self._task_started(line, payload)

    def _settings(self, payload: Payload) -> None:
        settings = payload.thread_settings
        applied = settings.service_tier if settings is not None else None
        for tier in (applied, payload.service_tier):
            if isinstance(tier, str) and tier.strip():
                self._fast = tier.strip() in FAST_TIERS
                return

    def _task_started(self, line: CodexLine, payload: Payload) -> None:
        """A turn that started after the session did is no replay, and neither is what follows."""
        replay, started = self.replay, payload.started_at
        if replay is None or not replay.open or not isinstance(started, int | float):
            return
        begun = replay.started if replay.started is not None else to_milliseconds(line.timestamp)
        if begun is not None and started >= begun // 1000:
            replay.open = False

    def _token_count(self, line: CodexLine, payload: Payload, after: int) -> None:
        at = to_milliseconds(line.timestamp)
        self._now = self._now if at is None else at
        if self._now is not None and _has_windows(payload.rate_limits):
            self.limits = Limits(self._now, payload.rate_limits)
        info = payload.info
        if at is None or info is None:
            return
        if self.replay is not None and (info.total_token_usage or info.last_token_usage):
            self.replay.go_on(at)
        totals = None if info.total_token_usage is None else counts_of(info.total_token_usage)
        if totals is not None and totals == self._totals:
            return
        if info.last_token_usage is not None:
            used = counts_of(info.last_token_usage)
        elif totals is not None:
            used = totals.since(self._totals or Counts())
        else:
            return
        self._totals = self._totals if totals is None else totals
        call = self._call(at, used, payload, info)
        if call is not None:
            self._keep(call, after)

    def _call(self, at: int, used: Counts, payload: Payload, info: Info) -> CodexCall | None:
        read = min(used.cached, used.input)
        written = min(used.written, used.input - read)
        if not (used.input or used.output or used.reasoning):
            return None
        self._model = model_of(payload) or model_of(info) or self._model or _FALLBACK_MODEL
        return CodexCall(
            at=at,
            model=self._model,
            input=used.input - read - written,
            write_5m=written,
            read=read,
            output=used.output,
            reasoning=used.reasoning,
            tokens=used.total,
            fast=self._fast,
            index=self.count,
        )

    def _keep(self, call: CodexCall, after: int) -> None:
        self.count += 1
        self.times.append(call.at)
        self.prints.append(
            hash((call.input, call.write_5m, call.read, call.output, call.reasoning, call.tokens))
        )
        if self.replay is not None and self.replay.open:
            self.replay.calls += 1
        if call.at >= after:
            self.calls.append(call)


def _has_windows(limits: object) -> bool:
    """Whether `limits` are those of the plan; some models have their own, under another id."""
    if not isinstance(limits, dict) or limits.get("limit_id") not in (None, "codex"):
        return False
    return any(isinstance(limits.get(position), dict) for position in ("primary", "secondary"))


def _replay(line: CodexLine, payload: Payload) -> Replay:
    forked, spawned = text_of(payload.forked_from_id), _spawned_by(payload.source)
    parent = forked or spawned or text_of(payload.parent_thread_id)
    expected = bool(forked or spawned)
    return Replay(
        session=text_of(payload.id),
        parent=parent,
        expected=expected,
        open=expected,
        started=to_milliseconds(line.timestamp),
    )


def _spawned_by(source: object) -> str | None:
    for key in ("subagent", "thread_spawn"):
        source = source.get(key) if isinstance(source, dict) else None
    return text_of(source.get("parent_thread_id")) if isinstance(source, dict) else None
