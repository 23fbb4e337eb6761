"""`Amp`: where its key is, and what its service is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen
from zope.interface import implementer

from openusage.host import Host, Response
from openusage.host.places import app_folder, data_home, shown
from openusage.host.values import json_object, object_at, text_of
from openusage.model import (
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.amp.lines import plan_of, usage_lines
from openusage.providers.amp.text import FIGURES, figures
from openusage.providers.asking import Words, ask, said
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import usable
from openusage.providers.spacing import spaced
from openusage.providers.stored import Missing, not_logged_in, stored_object
from openusage.providers.words import NO_DATA

__all__ = ["Amp"]

_ORIGIN = "https://ampcode.com"
_VARIABLE = "AMP_API_KEY"
_PREFIX = "apiKey@"
_QUESTION = {"method": "userDisplayBalanceInfo", "params": {}}

_NOT_INSTALLED = "Amp not installed. Install Amp Code to get started."
_WORDS = Words(
    "Session expired. Re-authenticate in Amp Code.",
    unreachable="Request failed. Check your connection.",
    status="Request failed (HTTP {status}). Try again later.",
    invalid="Could not parse usage data.",
)


@implementer(IProvider)
@frozen
class Amp:
    """The free allowance, subscription and credits of an Amp account."""

    id: str = "amp"
    name: str = "Amp"
    brand_color: str = "#F34E3F"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Free", "progress", "overview", "free", primary=1),
        DeclaredLine("Amp Free", "progress", "overview", "ampFree", primary=2),
        DeclaredLine("Agent usage", "progress", "overview", "agentUsage", primary=3),
        DeclaredLine("Other usage", "progress", "overview", "otherUsage", primary=4),
        DeclaredLine("Orb usage", "progress", resource="orbUsage"),
        DeclaredLine("Bonus", "text"),
        DeclaredLine("Credits", "text", "overview", "credits"),
    )
    links: Sequence[Link] = (Link("Settings and usage", "https://ampcode.com/settings"),)

    async def detect(self, host: Host) -> str | None:
        """The variable with a key, else the file with one."""
        found = await _find(host)
        return found.shown if isinstance(found, _Key) else None

    async def probe(self, host: Host) -> Snapshot:
        """What the service says of the account whose key is found first."""
        host.watch(*_files(host))
        key = await _find(host)
        if not isinstance(key, _Key):
            raise not_logged_in(_NOT_INSTALLED, *key)
        host.identify(key.value)
        answer = await spaced(host, key.value, FIGURES, lambda: _fetch(host, key))
        lines = [*usage_lines(answer.body, answer.at)]
        return host.snapshot(lines or [NO_DATA], plan_of(answer.body), answer.at)


# --- credentials ----------------------------------------------------------------------------------


@frozen
class _Key:
    """A key, the origin that it is for, and where it was found."""

    value: str = field(repr=False)
    origin: str
    shown: str


def _files(host: Host) -> list[Path]:
    """Where the CLI keeps its key: on every system in the same place, unless it was told another.

    Some builds take the folder that macOS and Windows have for an application's data.
    """
    folders = [data_home(host) / "amp", host.path("~/.local/share/amp")]
    if host.platform in ("darwin", "win32"):
        folders.append(app_folder(host, "amp"))
    return [folder / "secrets.json" for folder in dict.fromkeys(folders)]


async def _find(host: Host) -> _Key | list[Missing]:
    """The key in the environment, as the CLI has it, else one that is stored; else what is wrong.

    A key for another origin is used where there is none for Amp's own.
    """
    if key := usable(host, host.env.get(_VARIABLE), _VARIABLE):
        return _Key(key.value, _ORIGIN, key.shown)
    own: list[_Key] = []
    others: list[_Key] = []
    missing: list[Missing] = []
    for path in _files(host):
        found = await stored_object(host, path)
        if isinstance(found, Missing):
            missing.append(found)
            continue
        keys = [*_keys_in(host, found, shown(host, path))]
        own.extend(key for key in keys if key.origin == _ORIGIN)
        others.extend(key for key in keys if key.origin != _ORIGIN)
        if not keys:
            missing.append(Missing(f"{shown(host, path)} has no {_PREFIX}{_ORIGIN}/"))
    return next(iter([*own, *others]), missing)


def _keys_in(host: Host, stored: Mapping[str, Any], place: str) -> Iterator[_Key]:
    exact = f"{_PREFIX}{_ORIGIN}/"
    for name in sorted(stored, key=lambda name: name != exact):
        if name.startswith(_PREFIX) and (key := usable(host, text_of(stored[name]), place)):
            yield _Key(key.value, _origin(name.removeprefix(_PREFIX)), place)


def _origin(text: str) -> str:
    """Whom a key is for, who is the only one to get it; Amp itself where the name does not say."""
    match = re.fullmatch(r"(https://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)/?", text)
    return match[1].lower() if match else _ORIGIN


# --- the request ----------------------------------------------------------------------------------


async def _fetch(host: Host, key: _Key) -> Mapping[str, Any]:
    """The figures in the text that the service answers with; the text itself names the person."""
    body = await ask(
        host,
        "POST",
        f"{key.origin}/api/internal",
        _WORDS,
        headers={
            "Authorization": f"Bearer {key.value}",
            "Accept": "application/json",
            "User-Agent": host.user_agent,
        },
        json=_QUESTION,
        timeout=15,
        explain=_explain,
    )
    if not body.get("ok"):
        if object_at(body, "error").get("code") == "auth-required":
            raise TokenExpiredError(_WORDS.refused)
        raise UnexpectedResponseError(_WORDS.invalid)
    text = text_of(object_at(body, "result").get("displayText"))
    found = figures(text) if text is not None else None
    if found is None:
        raise UnexpectedResponseError(_WORDS.invalid)
    return found


def _explain(response: Response) -> str | None:
    return said(object_at(json_object(response) or {}, "error").get("message"))
