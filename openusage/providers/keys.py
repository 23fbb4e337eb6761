"""API keys: in the environment, in a file of their own, or among those that OpenCode keeps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import field, frozen

from openusage.host import Host
from openusage.host.places import shown
from openusage.host.secrets import credential_json, sendable
from openusage.host.values import first_text, object_at, text_of
from openusage.providers.opencodedata import auth_files
from openusage.providers.stored import Missing, stored_object, stored_text

__all__ = ["Key", "env_key", "file_key", "json_file", "opencode_key", "usable"]

_FIELDS = ("apiKey", "api_key", "key")


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
            continue
        value = text_of(text)
        if value is not None and value.startswith("{"):
            value = first_text(credential_json(value) or {}, *_FIELDS)
        if key := usable(host, value, shown(host, path)):
            return key
    return None


async def opencode_key(host: Host, *services: str, fields: Iterable[str] = ("key",)) -> Key | None:
    """The key that OpenCode keeps for the first of `services` that it has one for."""
    for path in auth_files(host):
        entries = await json_file(host, path)
        for service in services:
            value = first_text(object_at(entries, service), *fields)
            if key := usable(host, value, shown(host, path)):
                return key
    return None


async def json_file(host: Host, path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one when it has none or cannot be read."""
    found = await stored_object(host, path)
    return {} if isinstance(found, Missing) else found


def usable(host: Host, value: str | None, place: str) -> Key | None:
    """`value` as a key, found at `place`; one that cannot be sent is none, which is remarked."""
    if value is None:
        return None
    if not sendable(value):
        host.note(f"The key in {place} has a character that no key has and was ignored.")
        return None
    return Key(value, place)
