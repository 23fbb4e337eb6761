"""Claude Code's session logs: where they are and which of their calls count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, cast

from openusage.sessionlogs.calls import Call, ClaudeCall
from openusage.sessionlogs.clauderecords import ClaudeReader, is_better
from openusage.sessionlogs.prices import Terms
from openusage.sessionlogs.tool import LogFile, Tool
from openusage.sessionlogs.walk import Source, is_folder

__all__ = ["CLAUDE", "claude_roots"]

_PROJECTS = "projects"
_SANDBOXES = "local-agent-mode-sessions"


K = TypeVar("K")


class _Env(Protocol):
    def get(self, name: str) -> str | None: ...


def claude_roots(home: Path, env: _Env, platform: str) -> tuple[Path, ...]:
    """The folders to look for logs in, whether or not they exist.

    Each contains a folder `projects` or is one, but for the one of Claude's desktop app on macOS,
    below which every sandbox has a folder of its own.
    """
    configured = env.get("CLAUDE_CONFIG_DIR")
    if configured is not None and configured.strip():
        entries = [entry.strip() for entry in configured.split(",")]
        roots = [_expand(entry, home) for entry in entries if entry]
    else:
        base = env.get("XDG_CONFIG_HOME")
        config = _expand(base.strip(), home) if base and base.strip() else home / ".config"
        roots = [config / "claude", home / ".claude"]
    if platform == "darwin":
        roots.append(home / "Library" / "Application Support" / "Claude" / _SANDBOXES)
    return tuple(dict.fromkeys(roots))


def _expand(text: str, home: Path) -> Path:
    return home / text[2:] if text == "~" or text.startswith(("~/", "~\\")) else home / text


def _sources(roots: Sequence[Path]) -> list[Source]:
    found = []
    for root in roots:
        homes = _sandboxes(root) if root.name == _SANDBOXES else [root]
        for folder in homes:
            inside = folder / _PROJECTS
            if folder.name == _PROJECTS and not is_folder(inside):
                inside = folder
            found.append(Source(str(inside), str(folder)))
    return found


def _sandboxes(root: Path) -> list[Path]:
    patterns = ("*/*/local_*/.claude", "*/*/agent/local_*/.claude")
    return sorted({found for pattern in patterns for found in root.glob(pattern)})


def _merge(files: Sequence[LogFile], tiers: Mapping[str, bool]) -> Iterable[tuple[Call, bool]]:
    """Each call once, as the best of the records that tell of it has it.

    A call is known by its message and request. A side conversation repeats messages of the main one
    under request ids of its own: there the message alone tells.
    """
    loose: list[ClaudeCall] = []
    main: dict[tuple[str, str | None], ClaudeCall] = {}
    aside: dict[str, ClaudeCall] = {}
    for file in sorted(files, key=lambda file: file.path):
        for part in file.parts:
            for call in cast("ClaudeReader", part).calls:
                if call.id is None:
                    loose.append(call)
                elif call.side:
                    _offer(aside, call.id, call)
                else:
                    _offer(main, (call.id, call.request), call)
    told = {message for message, _ in main}
    calls = [*loose, *main.values(), *(aside[key] for key in aside if key not in told)]
    return [(call, bool(call.fast)) for call in calls]


def _offer(kept: dict[K, ClaudeCall], key: K, call: ClaudeCall) -> None:
    other = kept.get(key)
    if other is None or is_better(call, other):
        kept[key] = call


CLAUDE = Tool(
    id="claude",
    sources=_sources,
    reader=ClaudeReader,
    merge=_merge,
    terms=Terms(fast=1.0, unpublished_read=0.1),
)
