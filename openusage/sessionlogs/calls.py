"""A model call as the logs tell of it: when, which model, how many tokens of each kind."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

__all__ = ["LONG_CONTEXT", "Call", "ClaudeCall", "CodexCall", "tier_of"]

LONG_CONTEXT = (100_000, 200_000, 272_000)
"""Prompt sizes above which some models cost more."""


class Call(msgspec.Struct, gc=False, kw_only=True):
    """One call. `at` is in milliseconds since 1970 (UTC), `model` is empty when the log names none.

    The five kinds of tokens do not overlap; `tokens` is what the call counts for, which Codex logs
    on its own. `fast` is `None` when the log does not say. `cost` is in dollars, where the log has
    it.
    """

    at: int
    model: str
    input: int
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    output: int
    tokens: int
    fast: bool | None = None
    cost: float | None = None

    def prompt(self) -> int:
        """How many tokens were sent, cached or not."""
        return self.input + self.write_5m + self.write_1h + self.read


class ClaudeCall(Call, gc=False, kw_only=True):
    """A call of Claude Code; several lines, in several files, may tell of the same one."""

    id: str | None
    request: str | None
    side: bool
    has_speed: bool


class CodexCall(Call, gc=False, kw_only=True):
    """A call of Codex; `index` counts those of its file from 0, `reasoning` is part of `output`."""

    index: int
    reasoning: int


def tier_of(prompt: int) -> int:
    """How many of the `LONG_CONTEXT` sizes `prompt` exceeds."""
    return bisect_left(LONG_CONTEXT, prompt)
