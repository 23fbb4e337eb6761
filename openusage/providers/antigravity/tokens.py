"""Logins that are stored on this machine. They are read, and never written.

First the keyring item of `agy`, which the app of today uses too; then the file in which `agy` keeps
the same where it finds no keyring or runs in an SSH session; last the state databases, in which
earlier versions of the IDE kept their token. A database may lie there long after the version that
wrote it is gone, so what is kept today goes first. (Seen 2026-11; the file is known from public
issue threads.)
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from openusage.host import Host
from openusage.host.appstate import read_items
from openusage.host.instants import from_epoch, parse_instant
from openusage.host.places import shown, state_database
from openusage.host.protobuf import Message, read_message
from openusage.host.secrets import credential_json, go_keyring, sendable
from openusage.host.values import first_text, text_of
from openusage.providers.stored import Missing, stored_text

__all__ = ["APPS", "Damaged", "Login", "Source", "file_sources", "sources", "token_file"]

APPS = ("Antigravity IDE", "Antigravity")
"""The applications, by the names of their folders."""

_ITEM = ("gemini", "antigravity")
_STATE_KEY = "antigravityUnifiedStateSync.oauthToken"
_SENTINEL = "oauthTokenInfoSentinelKey"
_ACCESS = (
    *("access_token", "accessToken", "token", "id_token", "idToken"),
    *("bearerToken", "auth_token", "authToken"),
)
_REFRESH = ("refresh_token", "refreshToken")
_EXPIRY = ("expiry", "expires_at", "expiresAt")
_INSIDE = ("token", "tokens", "oauth", "oauth2", "credentials", "auth")


@frozen
class Login:
    """A stored login, which has one of the two tokens at least; `shown` names its place."""

    access_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    shown: str

    @property
    def identity(self) -> str:
        """What stays the same for the login: Google keeps the refresh token as it is."""
        return self.refresh_token or self.access_token or ""


@frozen
class Damaged(Missing):
    """A login that is there and cannot be read."""


Source: TypeAlias = Callable[[], Awaitable["Login | Missing"]]


def sources(host: Host) -> list[Source]:
    """Where a login may be, best first."""
    return [partial(_keyring_login, host), *file_sources(host)]


def file_sources(host: Host) -> list[Source]:
    """The same without the keyring, which may ask the person for permission."""
    databases = [state_database(host, app) for app in APPS]
    return [
        partial(_file_login, host, token_file(host)),
        *(partial(_state_login, host, database) for database in databases),
    ]


def token_file(host: Host) -> Path:
    """The file of `agy`."""
    return host.path("~/.gemini/antigravity-cli/antigravity-oauth-token")


async def _keyring_login(host: Host) -> Login | Missing:
    place = f"the keyring item {' '.join(_ITEM)}"
    text = await host.keychain.get(*_ITEM, prompts=True)
    if text is None:
        return Missing(f"{place} was not found, or may not be read")
    secret = go_keyring(text)
    login = None if secret is None else _from_secret(secret, place)
    return login or Damaged(f"{place} holds no token")


async def _file_login(host: Host, path: Path) -> Login | Missing:
    text = await stored_text(host, path)
    if isinstance(text, Missing):
        return text
    document, place = credential_json(text), shown(host, path)
    login = None if document is None else _from_object(document, place)
    return login or Damaged(f"{place} holds no token")


async def _state_login(host: Host, database: Path) -> Login | Missing:
    place = shown(host, database)
    value = (await read_items(host, database, _STATE_KEY)).get(_STATE_KEY)
    login = None if value is None else _from_state(value, place)
    if login is None:
        # With a login in it there is no need to look again, and the IDE writes it all the time.
        host.watch(database)
        return Missing(f"{place} holds no token")
    return login


# --- what the keyring and the file hold -----------------------------------------------------------


def _from_secret(secret: str, place: str) -> Login | None:
    document = credential_json(secret)
    if document is not None:
        return _from_object(document, place)
    token = _bare_token(secret)
    return _login(token, None, None, place)


def _bare_token(secret: str) -> str | None:
    """The token that the secret is; `None` for JSON of another kind, whole or cut off."""
    if secret.startswith(("{", "[")):
        return None
    try:
        value = json.loads(secret)
    except (ValueError, RecursionError):
        return text_of(secret.removeprefix("Bearer "))
    return text_of(value)


def _from_object(document: Mapping[str, Any], place: str) -> Login | None:
    objects = list(_objects(document))
    expiries = (parse_instant(each.get(key)) for each in objects for key in _EXPIRY)
    return _login(
        next(filter(None, (first_text(each, *_ACCESS) for each in objects)), None),
        next(filter(None, (first_text(each, *_REFRESH) for each in objects)), None),
        next(filter(None, expiries), None),
        place,
    )


def _objects(document: Mapping[str, Any], depth: int = 8) -> Iterator[Mapping[str, Any]]:
    """The object and those inside it in which tokens may be, the outer ones first."""
    yield document
    for key in _INSIDE:
        inner = document.get(key)
        if isinstance(inner, Mapping) and depth:
            yield from _objects(inner, depth - 1)


def _login(
    access_token: str | None, refresh_token: str | None, expires_at: datetime | None, place: str
) -> Login | None:
    """The login, if there is a token in it that can be sent."""
    access_token, refresh_token = (
        token if token is not None and sendable(token) else None
        for token in (access_token, refresh_token)
    )
    if access_token is None and refresh_token is None:
        return None
    # Go writes the year 1, and a database 0, for a time that is not known.
    known = expires_at is not None and expires_at.timestamp() > 0
    return Login(access_token, refresh_token, expires_at if known else None, place)


# --- what a state database holds ------------------------------------------------------------------


def _from_state(value: str, place: str) -> Login | None:
    """The login in protobuf in base64 in protobuf in base64, beside others that are not looked at.

    Field numbers as seen 2026-11: entries of a map are in 1, their keys in 1 and values in 2, the
    text of a value in 1; of a token 1 is the access token, 3 the refresh token, 4 the expiry.
    """
    topic = _packed(value)
    for number, data in topic.fields if topic else ():
        entry = read_message(data) if number == 1 and isinstance(data, bytes) else None
        if entry is None or entry.text(1) != _SENTINEL:
            continue
        row = entry.message(2)
        token = _packed(row.text(1) or "") if row else None
        if token is not None:
            expiry = token.message(4)
            expires_at = from_epoch(expiry.integer(1)) if expiry else None
            return _login(text_of(token.text(1)), text_of(token.text(3)), expires_at, place)
    return None


def _packed(text: str) -> Message | None:
    """The message that `text` is in base64."""
    try:
        return read_message(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError):  # the second: it is not even ASCII
        return None
