"""Where logins are kept, in the order in which they are tried.

`$CODEX_HOME/auth.json` alone if that variable is set, else `~/.config/codex/auth.json` and
`~/.codex/auth.json`; then the CLI's keychain item; then, if there is nothing at all, the file in
which OpenCode keeps a ChatGPT login.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from openusage.host import Host
from openusage.host.oauth import file_obstacle, item_obstacle
from openusage.providers.codex.config import Config, codex_home
from openusage.providers.codex.login import Nothing, Stored, parse_login, parse_opencode

__all__ = [
    "AuthFile",
    "AuthItem",
    "OpenCodeFile",
    "Source",
    "auth_files",
    "auth_item",
    "opencode_files",
    "shown",
]

_SERVICE = "Codex Auth"


@frozen
class AuthFile:
    """The CLI's `auth.json`. `label` names it for people."""

    path: Path = field(repr=False)
    label: str

    async def read(self, host: Host) -> Stored:
        """What the file holds now."""
        text = await _read(host, self.path)
        return text if isinstance(text, Nothing) else parse_login(text)

    async def write(self, host: Host, document: Mapping[str, Any]) -> None:
        """Replace what the file holds. Raises `OSError`."""
        await host.files.write(self.path, json.dumps(document, indent=2).encode())

    async def obstacle(self, host: Host, document: Mapping[str, Any]) -> str | None:
        """Why it cannot be replaced, if that is known."""
        return await file_obstacle(host, self.path)

    @property
    def place(self) -> str:
        """Who shares it shares the login."""
        return str(self.path)


@frozen
class AuthItem:
    """The CLI's item in the keychain; on macOS it is looked up by service alone."""

    account: str | None = field(repr=False)
    label: str = "the keychain item Codex Auth"

    async def read(self, host: Host) -> Stored:
        """What the item holds now."""
        text = await host.keychain.get(_SERVICE, self.account, prompts=True)
        if text is None:
            return Nothing("was not found, or may not be read")
        return parse_login(text)

    async def write(self, host: Host, document: Mapping[str, Any]) -> None:
        """Replace what the item holds, on one line: another would come back as hex.

        Raises `KeychainError`.
        """
        await host.keychain.set(_SERVICE, self.account, _compact(document))

    async def obstacle(self, host: Host, document: Mapping[str, Any]) -> str | None:
        """Why such a document cannot be saved, if that is known."""
        return item_obstacle(host.platform, _compact(document))

    @property
    def place(self) -> str:
        """Who shares it shares the login."""
        return f"{_SERVICE}:{self.account}"


@frozen
class OpenCodeFile:
    """OpenCode's `auth.json`: read, never written."""

    path: Path = field(repr=False)
    label: str

    async def read(self, host: Host) -> Stored:
        """What the file holds now."""
        text = await _read(host, self.path)
        return text if isinstance(text, Nothing) else parse_opencode(text)

    async def write(self, host: Host, document: Mapping[str, Any]) -> None:
        """Refuse: the file is OpenCode's own. Raises `OSError`."""
        raise PermissionError("OpenCode's login is only read")

    async def obstacle(self, host: Host, document: Mapping[str, Any]) -> str | None:
        """Why it is never replaced."""
        return "it is OpenCode's own"

    @property
    def place(self) -> str:
        """Who shares it shares the login."""
        return str(self.path)


Source: TypeAlias = AuthFile | AuthItem | OpenCodeFile


def auth_files(host: Host) -> tuple[AuthFile, ...]:
    """The files that may hold the login, best first. With `CODEX_HOME` set only its own counts."""
    if host.env.get("CODEX_HOME"):
        path = codex_home(host) / "auth.json"
        return (AuthFile(path, shown(host, path, "$CODEX_HOME/auth.json")),)
    labels = ("~/.config/codex/auth.json", "~/.codex/auth.json")
    return tuple(AuthFile(host.path(label), label) for label in labels)


async def auth_item(host: Host, config: Config) -> AuthItem | None:
    """The keychain item: always looked for on macOS, elsewhere if the CLI is set up to use one."""
    if host.platform == "darwin":
        return AuthItem(None)
    if not config.in_keyring:
        return None
    home = await host.run(_canonical, codex_home(host))
    prefix = "\\\\?\\" if host.platform == "win32" else ""  # as Rust spells canonical paths there
    digest = hashlib.sha256(f"{prefix}{home}".encode("utf-8", "surrogateescape")).hexdigest()
    return AuthItem(f"cli|{digest[:16]}")


def opencode_files(host: Host) -> tuple[OpenCodeFile, ...]:
    """OpenCode's files, unless `CODEX_HOME` names the one login that is meant."""
    if host.env.get("CODEX_HOME"):
        return ()
    data = host.env.get("XDG_DATA_HOME")
    folders = [host.path(data)] if data else []
    folders += [host.path("~/.local/share"), host.path("~/.config")]
    paths = [folder / "opencode" / "auth.json" for folder in folders]
    return tuple(
        OpenCodeFile(path, shown(host, path, "$XDG_DATA_HOME/opencode/auth.json"))
        for path in dict.fromkeys(paths)
    )


def _canonical(path: Path) -> str:
    try:
        return str(path.resolve())
    except (OSError, RuntimeError):  # a loop of symbolic links
        return str(path)


def shown(host: Host, path: Path, otherwise: str) -> str:
    """`path` as it may be shown: below the home folder, or by the variable that names it."""
    if path.is_relative_to(host.home):
        return f"~/{path.relative_to(host.home).as_posix()}"
    return otherwise


async def _read(host: Host, path: Path) -> str | Nothing:
    try:
        return await host.files.read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return Nothing("was not found")
    except OSError as error:
        return Nothing(f"cannot be read ({error.strerror or type(error).__name__})")


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
