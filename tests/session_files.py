"""Session logs of our own making, in the shape that Claude Code and Codex write."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["CLAUDE_TOKENS", "CODEX_TOKENS", "write_claude_log", "write_codex_log"]

CLAUDE_TOKENS = 1000 + 200 + 3000 + 400 + 100
CODEX_TOKENS = 12000 + 900


def write_claude_log(home: Path, at: datetime) -> None:
    """One answer of `CLAUDE_TOKENS` tokens, on two lines as Claude Code writes it."""
    usage = {
        "input_tokens": 1000,
        "output_tokens": 200,
        "cache_read_input_tokens": 3000,
        "cache_creation_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 100},
    }
    record = {
        "type": "assistant",
        "timestamp": _stamp(at),
        "sessionId": "5f0c7a52-0000-4000-8000-000000000001",
        "requestId": "req_01",
        "version": "2.1.150",
        "isSidechain": False,
        "message": {
            "id": "msg_01",
            "role": "assistant",
            "model": "claude-sonnet-5",
            "usage": usage,
        },
    }
    _write(home / ".claude/projects/-p/session.jsonl", [record, record])


def write_codex_log(home: Path, at: datetime, used_percent: float = 18.0) -> None:
    """One answer of `CODEX_TOKENS` tokens, with the rate limits that came with it."""
    usage = {
        "input_tokens": 12000,
        "cached_input_tokens": 8000,
        "output_tokens": 900,
        "reasoning_output_tokens": 300,
        "total_tokens": 12900,
    }
    epoch = int(at.timestamp())
    limits = {
        "primary": {"used_percent": used_percent, "window_minutes": 300, "resets_at": epoch + 3600},
        "secondary": {"used_percent": 5.0, "window_minutes": 10080, "resets_at": epoch + 86400},
        "plan_type": "plus",
    }
    session = {"id": "9c4e0000-0000-4000-8000-000000000001", "timestamp": _stamp(at)}
    payload = {
        "type": "token_count",
        "info": {"total_token_usage": usage, "last_token_usage": usage},
        "rate_limits": limits,
    }
    records = [
        {"timestamp": _stamp(at), "type": "session_meta", "payload": session},
        {"timestamp": _stamp(at), "type": "turn_context", "payload": {"model": "gpt-5.4"}},
        {"timestamp": _stamp(at), "type": "event_msg", "payload": payload},
    ]
    folder = home / ".codex/sessions" / at.strftime("%Y/%m/%d")
    _write(folder / "rollout-2026-11-24T12-00-00-9c4e.jsonl", records)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + "250Z"


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")
