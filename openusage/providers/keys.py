"""API keys: in the environment, in a file of their own, or among those that OpenCode keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from openusage.host import Host
from openusage.host.places import shown
from openusage.host.secrets import credential_json, sendable
from openusage.host.values import first_text, object_at, text_of
from openusage.model import NotLoggedInError
from openusage.providers.opencodedata import FOLDER, auth_files
from openusage.providers.stored import Missing, not_logged_in, stored_object, stored_text

__all__ = ["Key", "env_key", "file_key", "json_file", "no_key", "opencode_key", "usable"]

_FIELDS = ("apiKey", "api_key", "key")
# What no key has tells a file with the key alone from JSON and from prose.
_ALONE = re.compile(r"[^\s\[\]{}\"',<>]{1,1000}")
_LITERALS = frozenset({"null", "true", "false"})


@frozen
class Key:
    """An API key; `shown` names where it was found."""

    value: str = field(repr=False)
    shown: str


def env_key(host: Host, *variables: str) -> Key | None:
    """The key in the first of `variables` that holds one."""
    found = (usable(host, host.env.get(variable), variable) for variable in variables)
    return next(filter(None, found), None)


async def file_key(host: Host, *paths: Path) -> Key | None:
    """The key in the first of the files that holds one.

    A file has the key alone, or a JSON object with `apiKey`, `api_key` or `key`.
    """
    for path in paths:
        text = await stored_text(host, path)
        if isinstance(text, Missing):
            await _remark(host, path, text)
        elif key := usable(host, _key_in(text), shown(host, path)):
            return key
    return None


async def opencode_key(
    host: Host, *services: str, fields: Iterable[str] = ("key",), kind: str | None = None
) -> Key | None:
    """The key that OpenCode keeps for the first of `services` that it has one for.

    `kind` is the `type` that its entry must have: `api` is that of a key, `oauth` of a login.
    """
    for path in auth_files(host):
        entries = await json_file(host, path)
        for service in services:
            entry = object_at(entries, service)
            value = first_text(entry, *fields) if kind in (None, entry.get("type")) else None
            if key := usable(host, value, shown(host, path, FOLDER)):
                return key
    return None


async def json_file(host: Host, path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one when it has none, which is remarked."""
    found = await stored_object(host, path)
    if isinstance(found, Missing):
        await _remark(host, path, found)
        return {}
    return found


def usable(host: Host, value: str | None, place: str) -> Key | None:
    """`value` as a key, found at `place`; one that cannot be sent is none, which is remarked."""
    if value is None:
        return None
    if not sendable(value):
        host.note(f"The key in {place} has a character that no key has and was ignored.")
        return None
    return Key(value, place)


def no_key(message: str, places: Sequence[str]) -> NotLoggedInError:
    """The error that says `message`, and which `places` were looked at in vain."""
    return not_logged_in(message, Missing(f"No key in {', '.join(dict.fromkeys(places))}"))


def _key_in(text: str) -> str | None:
    value = text_of(text)
    if value is None:
        return None
    if value.startswith("{"):
        return first_text(credential_json(value) or {}, *_FIELDS)
    return value if _ALONE.fullmatch(value) and value not in _LITERALS else None


async def _remark(host: Host, path: Path, missing: Missing) -> None:
    """Remark that a file gives nothing, unless it is simply not there."""
    if await host.files.exists(path):
        host.note(f"{missing.reason}.")
