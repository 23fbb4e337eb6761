"""Lines of session logs in the shape that Claude Code and Codex write, and a home for them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from openusage.sessionlogs import History, LocalSessionLogs, Tool
from openusage.sessionlogs.claude import CLAUDE
from openusage.sessionlogs.codex import CODEX
from openusage.testing import run_inline

AT = datetime(2026, 11, 20, 10, tzinfo=timezone.utc)
TODAY = date(2026, 11, 22)
PARENT = "11111111-1111-4111-a111-111111111111"
CHILD = "22222222-2222-4222-a222-222222222222"

Json: TypeAlias = "dict[str, Any]"


def stamp(seconds: float = 0) -> str:
    """The instant so long after `AT`, as both tools write it."""
    return (AT + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def line(record: object) -> bytes:
    """`record` as one line; bytes stay what they are."""
    data = (
        record if isinstance(record, bytes) else json.dumps(record, separators=(",", ":")).encode()
    )
    return data + b"\n"


# --- Claude Code ----------------------------------------------------------------------------------


def answer(
    seconds: float = 0,
    *,
    id: str | None = "msg_1",  # noqa: A002 (the field's own name)
    request: str | None = "req_1",
    model: str | None = "claude-sonnet-4-6",
    side: bool = False,
    usage: Json | None = None,
    **more: Any,
) -> Json:
    """A record of 15 tokens or of `usage`; `None` leaves a field out, `more` adds some."""
    message: Json = {"id": id, "role": "assistant", "model": model}
    message["usage"] = {"input_tokens": 10, "output_tokens": 5} if usage is None else usage
    record: Json = {
        "type": "assistant",
        "timestamp": stamp(seconds),
        "sessionId": "s",
        "requestId": request,
        "version": "2.1.150",
        "isSidechain": side,
        "message": {key: value for key, value in message.items() if value is not None},
    }
    return {key: value for key, value in record.items() if value is not None} | more


def progress(inner: Json) -> Json:
    """The record that a conversation has of an answer given to its sub-agent."""
    kept = ("timestamp", "requestId", "isSidechain", "costUSD", "message")
    message = {key: inner[key] for key in kept if key in inner}
    return {
        "type": "progress",
        "timestamp": stamp(9),
        "sessionId": "s",
        "version": "2.1.150",
        "data": {"type": "agent_progress", "message": message},
    }


# --- Codex ----------------------------------------------------------------------------------------


def counts(sent: int, got: int = 0, cached: int = 0, reasoning: int = 0, **more: Any) -> Json:
    """A usage as Codex writes it."""
    return {
        "input_tokens": sent,
        "cached_input_tokens": cached,
        "output_tokens": got,
        "reasoning_output_tokens": reasoning,
        "total_tokens": sent + got,
    } | more


def meta(seconds: float = 0, id: str = PARENT, **more: Any) -> Json:  # noqa: A002
    """The first line of a session."""
    payload = {"id": id, "timestamp": stamp(seconds), "source": "cli"} | more
    return {"timestamp": stamp(seconds), "type": "session_meta", "payload": payload}


def turn(seconds: float = 0, model: str = "gpt-5.5", **more: Any) -> Json:
    """The context that a turn begins with."""
    payload = {"model": model} | more
    return {"timestamp": stamp(seconds), "type": "turn_context", "payload": payload}


def event(seconds: float, kind: str, **more: Any) -> Json:
    """An event of any kind."""
    return {"timestamp": stamp(seconds), "type": "event_msg", "payload": {"type": kind} | more}


def used(seconds: float, last: Json | None, total: Json | None = None, **more: Any) -> Json:
    """The event that tells of a call."""
    info = {"total_token_usage": total, "last_token_usage": last}
    known = {key: value for key, value in info.items() if value is not None}
    return event(seconds, "token_count", info=known or None, **more)


def started(seconds: float) -> Json:
    """The event that a live turn begins with."""
    return event(seconds, "task_started", started_at=int(AT.timestamp() + seconds))


def settings(seconds: float, tier: object) -> Json:
    """The event that tells the tier of the calls that follow."""
    return event(seconds, "thread_settings_applied", thread_settings={"service_tier": tier})


def calls(sizes: Sequence[int], seconds: float, gap: float) -> list[Json]:
    """Calls of so many thousand tokens, at such a distance."""
    total, made = 0, []
    for number, size in enumerate(sizes):
        total += size
        made.append(used(seconds + gap * number, counts(size * 1000), counts(total * 1000)))
    return made


# --- the folder -----------------------------------------------------------------------------------


@define
class LogHome:
    """A home folder of logs and the reader of them. Each write gets a new, known time."""

    root: Path
    logs: LocalSessionLogs = field(init=False)
    clock: Clock = field(factory=Clock)
    _ticks: int = 0

    def __attrs_post_init__(self) -> None:
        self.clock.advance((AT + timedelta(days=1)).timestamp())
        self.forget()

    def forget(self) -> None:
        """Begin anew, as after a restart."""
        self.logs = LocalSessionLogs(run_inline, clock=self.clock)

    def claude(self, *records: object, name: str = "-p/a.jsonl") -> Path:
        """Write a log of Claude Code."""
        return self.write(f".claude/projects/{name}", *records)

    def codex(self, *records: object, name: str = f"sessions/2026/11/20/r-{PARENT}.jsonl") -> Path:
        """Write a log of Codex."""
        return self.write(f".codex/{name}", *records)

    def write(self, name: str, *records: object) -> Path:
        """Put `records` in the place of what is in the file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(map(line, records)))
        return self.touch(path)

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes to a file."""
        with path.open("ab") as stream:
            stream.write(data)
        self.touch(path)

    def touch(self, path: Path, at: datetime | None = None) -> Path:
        """Give a file the time `at`, or a new one."""
        self._ticks += 1
        when = int((at or AT).timestamp() * 1e9) + self._ticks * 1_000_000
        os.utime(path, ns=(when, when))
        return path

    def history(
        self,
        tool: Tool,
        *,
        today: date = TODAY,
        zone: tzinfo = timezone.utc,
        days: int = 31,
        roots: Sequence[Path] | None = None,
    ) -> History | None:
        """What the logs of the home say."""
        folder = {CLAUDE: ".claude", CODEX: ".codex"}[tool]
        reading = self.logs.history(
            tool, roots or [self.root / folder], today=today, zone=zone, days=days
        )
        results: list[History | None] = []
        Deferred.fromCoroutine(reading).addCallback(results.append)
        (found,) = results
        return found


class LogTestCase(SynchronousTestCase):
    """A test of what logs in a home folder come to."""

    def setUp(self) -> None:
        self.home = LogHome(Path(self.mktemp()).absolute())

    def found(self, tool: Tool, **options: Any) -> History:
        """The history, which there is."""
        history = self.home.history(tool, **options)
        self.assertIsNotNone(history)
        assert history is not None
        return history

    def tokens(self, tool: Tool, **options: Any) -> dict[str, int]:
        """The tokens of each day."""
        return {f"{day.date}": day.tokens for day in self.found(tool, **options).days}

    def total(self, tool: Tool, **options: Any) -> int:
        """The tokens of all days."""
        return sum(self.tokens(tool, **options).values())
