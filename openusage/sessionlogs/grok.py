"""The log of the Grok CLI: which of its lines tell of a call, and of which model (seen 2026-11).

All that the CLI does is logged in one file, by all of its processes. A line that tells of a call
does not name the model: that is the one which the process last said it would use, be that days ago.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
from attrs import define, evolve, field

from openusage.sessionlogs.calls import Call
from openusage.sessionlogs.decoding import MAX_COUNT, UNREADABLE, decode, whole_lines
from openusage.sessionlogs.prices import Terms
from openusage.sessionlogs.timestamps import to_milliseconds
from openusage.sessionlogs.tool import LogFile, Tool
from openusage.sessionlogs.walk import Source

__all__ = ["GROK", "GrokReader", "grok_home", "grok_log"]

_LOG = "unified.jsonl"
_CALL = "shell.turn.inference_done"
_MODEL_FIELDS = {
    "model changed": ("model",),
    "model catalog: notifying clients": ("current_model_id",),
    "backend_search: model switch": ("model", "current_model_id", "model_id"),
    "subagent model resolved": ("model_id", "model"),
}
_MARK = re.compile(b"|".join(re.escape(text.encode()) for text in (_CALL, *_MODEL_FIELDS)))


class _Env(Protocol):
    def get(self, name: str) -> str | None: ...


def grok_home(home: Path, env: _Env) -> Path:
    """The CLI's own folder, whether or not it exists: `GROK_HOME`, else `~/.grok`."""
    text = (env.get("GROK_HOME") or "").strip()
    text = text.rstrip("/\\") or text
    if text == "~" or text.startswith(("~/", "~\\")):
        return home / text[2:]
    return home / (text or ".grok")


def grok_log(folder: Path) -> Path:
    """The log in the CLI's own folder."""
    return folder / "logs" / _LOG


class _Context(msgspec.Struct, gc=False):
    model: Any = None
    model_id: Any = None
    current_model_id: Any = None
    prompt_tokens: Any = None
    cached_prompt_tokens: Any = 0
    completion_tokens: Any = 0
    reasoning_tokens: Any = 0


class _Line(msgspec.Struct, gc=False):
    ts: Any = None
    pid: Any = None
    msg: Any = None
    ctx: _Context | None = None


_LINE = msgspec.json.Decoder(_Line)


@define(eq=False)
class GrokReader:
    """The calls of the log, in the order of its lines, and the present model of each process."""

    calls: list[Call] = field(factory=list)
    unreadable: int = 0
    _models: dict[int, str] = field(factory=dict)

    def feed(self, piece: bytes, after: int) -> None:
        """Take in the calls of whole lines, at or after the instant `after`, and their models."""
        for start, end in whole_lines(piece):
            if start < 0:
                self.unreadable += 1
            elif _MARK.search(piece, start, end) is not None:
                try:
                    line = decode(piece[start:end], _LINE)
                except UNREADABLE:
                    self.unreadable += 1
                    continue
                if line is not None and line.ctx is not None and type(line.pid) is int:
                    self._take(line, line.pid, line.ctx, after)

    def fork(self) -> GrokReader:
        """A reader for lines that follow."""
        return evolve(self, calls=[], unreadable=0, models=dict(self._models))

    def forget(self, before: int) -> None:
        """Drop older calls."""
        self.calls = [call for call in self.calls if call.at >= before]

    def _take(self, line: _Line, pid: int, context: _Context, after: int) -> None:
        if line.msg == _CALL:
            at = to_milliseconds(line.ts) if isinstance(line.ts, str) else None
            if at is not None and at >= after and pid in self._models:
                self._call(at, self._models[pid], context)
        elif isinstance(line.msg, str):
            named = (getattr(context, name) for name in _MODEL_FIELDS.get(line.msg, ()))
            for model in named:
                if isinstance(model, str) and model.strip():
                    self._models[pid] = model.strip()
                    break

    def _call(self, at: int, model: str, context: _Context) -> None:
        prompt = _count(context.prompt_tokens)
        if prompt is None:
            return
        cached = min(_count(context.cached_prompt_tokens) or 0, prompt)
        output = (_count(context.completion_tokens) or 0) + (_count(context.reasoning_tokens) or 0)
        self.calls.append(
            Call(
                at=at,
                model=model,
                input=prompt - cached,
                read=cached,
                output=output,
                tokens=prompt + output,
            )
        )


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def _sources(homes: Sequence[Path]) -> list[Source]:
    return [Source(str(grok_log(home).parent), str(home), takes=_is_log) for home in homes]


def _is_log(path: str) -> bool:
    return path.lstrip("/\\") == _LOG


def _merge(files: Sequence[LogFile], tiers: Mapping[str, bool]) -> Iterable[tuple[Call, bool]]:
    for file in files:
        for part in file.parts:
            for call in cast("GrokReader", part).calls:
                yield call, False


GROK = Tool(
    id="grok",
    sources=_sources,
    reader=GrokReader,
    merge=_merge,
    terms=Terms(priced_only=True),
)
