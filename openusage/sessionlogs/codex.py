"""Codex's session logs: where they are and which of their calls count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Protocol, TypeAlias, cast

from openusage.disk import open_regular
from openusage.sessionlogs.calls import Call, CodexCall
from openusage.sessionlogs.codexlimits import newest_limits
from openusage.sessionlogs.codexrecords import FAST_TIERS, CodexReader, Replay
from openusage.sessionlogs.prices import Terms
from openusage.sessionlogs.tool import LogFile, Tool
from openusage.sessionlogs.walk import Source, is_folder
from openusage.tomltext import toml_table

__all__ = ["CODEX", "codex_homes"]

_LIVE, _ARCHIVED = "sessions", "archived_sessions"
_LONGEST_CONFIG = 2**20


_Kept: TypeAlias = "dict[tuple[object, ...], tuple[CodexCall, str]]"


class _Env(Protocol):
    def get(self, name: str) -> str | None: ...


def codex_homes(home: Path, env: _Env) -> tuple[Path, ...]:
    """Codex's own folders, whether or not they exist: those of `CODEX_HOME`, else `~/.codex`."""
    configured = (env.get("CODEX_HOME") or "").split(",")
    entries = [entry.strip() for entry in configured if entry.strip()]
    if not entries:
        return (home / ".codex",)
    return tuple(dict.fromkeys(_expand(entry, home) for entry in entries))


def _expand(text: str, home: Path) -> Path:
    return home / text[2:] if text == "~" or text.startswith(("~/", "~\\")) else home / text


def _sources(homes: Sequence[Path]) -> list[Source]:
    found = []
    for home in homes:
        folders = [home / name for name in (_LIVE, _ARCHIVED) if is_folder(home / name)]
        found += [Source(str(folder), str(home)) for folder in folders or [home]]
    return found


def _is_fast(home: str) -> bool:
    """Whether Codex's settings in `home`, or the profile they choose, ask for the fast tier."""
    try:
        with open_regular(Path(home) / "config.toml") as file:
            text = file.read(_LONGEST_CONFIG).decode("utf-8-sig")
        settings = toml_table(text)
    except (OSError, ValueError):
        return False
    tiers = [_profile(settings).get("service_tier"), settings.get("service_tier")]
    return next((tier.strip() for tier in tiers if isinstance(tier, str)), "") in FAST_TIERS


def _profile(settings: dict[str, Any]) -> dict[str, Any]:
    profiles, chosen = settings.get("profiles"), settings.get("profile")
    if not isinstance(profiles, dict) or not isinstance(chosen, str):
        return {}
    profile = profiles.get(chosen)
    return profile if isinstance(profile, dict) else {}


class _Session:
    """A log file as one session: the calls of all its parts, and how it begins."""

    def __init__(self, file: LogFile) -> None:
        parts = [cast("CodexReader", part) for part in file.parts]
        self.file = file
        self.calls: list[CodexCall] = [call for part in parts for call in part.calls]
        self.prints = [each for part in parts for each in part.prints]
        self.times = [each for part in parts for each in part.times]
        self.replay: Replay | None = parts[-1].replay

    def names(self) -> list[str]:
        """What another session may know this one by."""
        own = self.replay.session if self.replay is not None else None
        return [name for name in (own, _id_in(self.file.path)) if name]


def _id_in(path: str) -> str:
    """The session id that a file name of Codex ends with, `rollout-TIME-ID.jsonl`."""
    return PurePath(path).stem[-36:]


def _merge(files: Sequence[LogFile], tiers: Mapping[str, bool]) -> Iterable[tuple[Call, bool]]:
    """Each call once: without the replays of forked sessions and the copies in archived ones."""
    sessions = [_Session(file) for file in sorted(files, key=lambda file: (file.place, file.path))]
    known: dict[str, _Session] = {}
    for session in sessions:
        for name in session.names():
            known.setdefault(name, session)
    kept: _Kept = {}
    for session in sessions:
        if session.file.counts:
            replayed = _replayed(session, known)
            for call in session.calls:
                if call.index >= replayed:
                    _offer(kept, call, session.file.home)
    return [
        (call, tiers.get(home, False) if call.fast is None else call.fast)
        for call, home in kept.values()
    ]


def _replayed(session: _Session, known: Mapping[str, _Session]) -> int:
    """How many calls at the beginning of `session` are those of the one it was forked from."""
    replay = session.replay
    if replay is None or replay.parent is None:
        return 0
    parent = known.get(replay.parent)
    if parent is not None and parent is not session:
        same = _common(session, parent)
        if same:
            return same
    return replay.length()


def _common(session: _Session, parent: _Session) -> int:
    """How many calls both begin with; what `parent` did later than `session` is its own."""
    same = 0
    ours = zip(session.prints, session.times, strict=True)
    theirs = zip(parent.prints, parent.times, strict=True)
    for (mine, at), (other, then) in zip(ours, theirs, strict=False):
        if mine != other or then > at:
            break
        same += 1
    return same


def _offer(kept: _Kept, call: CodexCall, home: str) -> None:
    """Keep `call` unless a copy of it is; of copies, one that says its tier."""
    key = (
        call.at,
        call.model,
        call.input,
        call.write_5m,
        call.read,
        call.output,
        call.reasoning,
        call.tokens,
    )
    other = kept.get(key)
    if other is None or (other[0].fast is None and call.fast is not None):
        kept[key] = call, home


def _missing_parents(files: Sequence[LogFile]) -> set[str]:
    """The sessions that some of `files` were forked from and that are not among them."""
    sessions = [_Session(file) for file in files]
    known = {name for session in sessions for name in session.names()}
    parents = {session.replay.parent for session in sessions if session.replay is not None}
    return {parent for parent in parents - known if parent is not None}


CODEX = Tool(
    id="codex",
    sources=_sources,
    reader=CodexReader,
    merge=_merge,
    terms=Terms(fast=2.0, fast_name=2.0, unpublished_read=1.0),
    tier=_is_fast,
    missing=_missing_parents,
    name_of=_id_in,
    rate_limits=newest_limits,
)
