"""Where the Droid CLI keeps its login, and where an API key may be.

All files are in `~/.factory`, or in `.factory` below `FACTORY_HOME_OVERRIDE`. Seen 2026-11:

    auth.v2.file            sealed, its key beside it in `auth.v2.key`
    auth.v2.loginkeychain   sealed, its key in the macOS keychain
    auth.v2.keyring         sealed, its key in the system's keyring, on any system
    auth.encrypted          plain, whatever its name says
    auth.json               plain
    .env                    may have a line `FACTORY_API_KEY=fk-…`

Older releases kept the whole login in the macOS keychain. The CLI's keyring library, keytar, calls
the account `account` in the Secret Service, where others say `username`, so that there a key is
also looked up by service alone; on Windows its items are called `SERVICE/ACCOUNT`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from openusage.host import Host
from openusage.host.keychain import KeychainError
from openusage.host.places import folder_from, shown
from openusage.host.sealed import seal, unseal
from openusage.host.secrets import credential_json
from openusage.host.values import text_of
from openusage.providers.keys import Key, env_key, usable
from openusage.providers.logins import JsonFile, KeychainItem
from openusage.providers.stored import Missing, stored_text

__all__ = [
    "Item",
    "PlainFile",
    "SealedFile",
    "Store",
    "api_key",
    "document_in",
    "env_file",
    "files",
    "login_files",
    "stores",
]

_KEY_VARIABLE = "FACTORY_API_KEY"

_HOME = "FACTORY_HOME_OVERRIDE"
_NO_KEYRING = "FACTORY_DISABLE_KEYRING"
_SERVICE = "Factory CLI"
_KEYRING_ACCOUNT = "auth-encryption-key"
_KEYCHAIN_ACCOUNT = "auth-encryption-key-security-cli"
_OLD_SERVICES = ("Factory Token", "Factory token", "Factory Auth", "Droid Auth")

_JWT = re.compile(r'("?)([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2})\1')
_ENVELOPE = re.compile(r"[A-Za-z0-9+/]+={0,2}(?::[A-Za-z0-9+/]+={0,2}){2}")
_ASSIGNMENT = re.compile(rf"^\s*(?:export\s+)?{_KEY_VARIABLE}\s*=(.*)$", re.MULTILINE)


# --- what is stored -------------------------------------------------------------------------------


def document_in(text: str) -> dict[str, Any] | None:
    """The login that `text` is: a JSON object, plain or in hex, or a JWT, bare or as JSON."""
    document = credential_json(text)
    if document is not None:
        return document
    token = _JWT.fullmatch(text.strip())
    return {"access_token": token[2]} if token else None


@frozen
class PlainFile(JsonFile):
    """A file with a login in it as it is."""

    @property
    def shown(self) -> str:
        """Names it for people."""
        return shown(self.host, self.path, _HOME)

    async def text(self) -> str | Missing:
        """What is in the file."""
        return await stored_text(self.host, self.path, _HOME)

    async def read(self) -> dict[str, Any] | None:
        """The login that is in it now."""
        text = await self.text()
        return None if isinstance(text, Missing) else document_in(text)


@frozen
class SealedFile(PlainFile):
    """A file with a login sealed in it; `key` finds the key, which `key_place` names.

    `in_keyring`: to find the key a keyring is asked.
    """

    key: Callable[[], Awaitable[str | None]] = field(kw_only=True)
    key_place: str = field(kw_only=True)
    in_keyring: bool = field(kw_only=True, default=False)

    async def looks_sealed(self) -> bool:
        """Whether something is sealed in the file, as far as can be told without the key."""
        envelope = await stored_text(self.host, self.path, _HOME)
        return isinstance(envelope, str) and bool(_ENVELOPE.fullmatch(envelope.strip()))

    async def text(self) -> str | Missing:
        """What is sealed in the file."""
        envelope = await stored_text(self.host, self.path, _HOME)
        if isinstance(envelope, Missing):
            return envelope
        key = await self.key()
        if key is None:
            return Missing(f"{self.shown} cannot be opened without {self.key_place}")
        text = unseal(envelope, key)
        if text is None:
            return Missing(f"{self.shown} cannot be opened with {self.key_place}")
        return text

    async def write(self, document: Mapping[str, Any]) -> None:
        """Put another login in its place, sealed with the same key."""
        key = await self.key()
        if key is None:
            raise KeychainError("the key is gone")
        text = seal(json.dumps(document, indent=self.indent), key)
        await self.host.files.write(self.path, text.encode())


@frozen
class Item(KeychainItem):
    """An item of the keychain with a login in it."""

    @property
    def shown(self) -> str:
        """Names it for people."""
        return f"the keychain item {self.service}"

    async def text(self) -> str | Missing:
        """What is in the item."""
        text = await self.host.keychain.get(self.service, self.account, prompts=True)
        return Missing(f"{self.shown} was not found, or may not be read") if text is None else text

    async def read(self) -> dict[str, Any] | None:
        """The login that is in it now."""
        text = await self.text()
        return None if isinstance(text, Missing) else document_in(text)


Store: TypeAlias = PlainFile | Item


# --- where ----------------------------------------------------------------------------------------


def stores(host: Host) -> Iterator[Store]:
    """Every place where a login may be, in the order in which they are read."""
    yield from files(host)
    if host.platform == "darwin" and not host.env.flag(_NO_KEYRING):
        for service in _OLD_SERVICES:
            yield Item(host, service)


def login_files(host: Host) -> list[Path]:
    """The files whose change means another login."""
    return [*(file.path for file in files(host)), _folder(host) / "auth.v2.key"]


def env_file(host: Host) -> Path:
    """The file in which the CLI looks for variables that are not set."""
    return _folder(host) / ".env"


async def api_key(host: Host) -> Key | Missing:
    """The API key in the environment, else that in the CLI's own file of variables."""
    if key := env_key(host, _KEY_VARIABLE):
        return key
    path = env_file(host)
    text = await stored_text(host, path, _HOME)
    for assigned in [] if isinstance(text, Missing) else _ASSIGNMENT.findall(text):
        if key := usable(host, _unquoted(assigned), shown(host, path, _HOME)):
            return key
    return Missing(f"{_KEY_VARIABLE} is not set")


def files(host: Host) -> Iterator[PlainFile]:
    """Every file where a login may be, in the order in which they are read."""
    folder = _folder(host)
    key_file = folder / "auth.v2.key"
    yield SealedFile(
        host,
        folder / "auth.v2.file",
        key=partial(_key_in_file, host, key_file),
        key_place=shown(host, key_file, _HOME),
    )
    if not host.env.flag(_NO_KEYRING):
        accounts = [("auth.v2.keyring", _KEYRING_ACCOUNT)]
        if host.platform == "darwin":
            accounts.insert(0, ("auth.v2.loginkeychain", _KEYCHAIN_ACCOUNT))
        for name, account in accounts:
            yield SealedFile(
                host,
                folder / name,
                key=partial(_key_in_keyring, host, account),
                key_place=f"the keyring's item {_SERVICE}",
                in_keyring=True,
            )
    yield PlainFile(host, folder / "auth.encrypted")
    yield PlainFile(host, folder / "auth.json")


def _folder(host: Host) -> Path:
    return folder_from(host, _HOME, "~") / ".factory"


async def _key_in_file(host: Host, path: Path) -> str | None:
    text = await stored_text(host, path)
    return None if isinstance(text, Missing) else text


async def _key_in_keyring(host: Host, account: str) -> str | None:
    items: list[tuple[str, str | None]] = [(_SERVICE, account)]
    if host.platform == "win32":
        items.append((f"{_SERVICE}/{account}", None))
    elif host.platform != "darwin":
        items.append((_SERVICE, None))
    for service, name in items:
        if key := await host.keychain.get(service, name, prompts=True):
            return key
    return None


def _unquoted(assigned: str) -> str | None:
    text = assigned.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return text_of(text)
