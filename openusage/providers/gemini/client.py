"""The OAuth client of the Gemini CLI, under which its tokens can be renewed.

The secret of an installed application, which Google does not treat as one, is published in the
CLI's own source. It is read from the CLI that is installed, wherever that is: older versions have
it in a module of their core package, newer ones somewhere in their bundle. Folders are those of the
package managers, seen 2026-11. How much is read is bounded.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import TypeAlias

from attrs import define, field

from openusage.disk import open_regular
from openusage.host import Host
from openusage.host.places import app_folder, local_app_folder
from openusage.host.secrets import sendable
from openusage.providers.googleclient import Client

__all__ = ["find_client"]

SYSTEM = Path("/")
"""Above the folders that belong to everybody."""

_PACKAGE = "@google/gemini-cli"
_MODULE = "dist/src/code_assist/oauth2.js"
_CORE = f"@google/gemini-cli-core/{_MODULE}"
_NESTED = f"{_PACKAGE}/node_modules/{_CORE}"
_BELOW = ("node_modules", "lib/node_modules", "libexec/lib/node_modules")

_Folder: TypeAlias = "tuple[Path, str]"

_ID = re.compile(rb"OAUTH_CLIENT_ID\s*=\s*(['\"])([\w.-]{1,200})\1", re.ASCII)
_SECRET = re.compile(rb"OAUTH_CLIENT_SECRET\s*=\s*(['\"])([\w.-]{1,200})\1", re.ASCII)
_IMPORT = re.compile(rb"['\"]\./((?:[\w-]+[./])+js)['\"]", re.ASCII)

_MOST_FILES = 400
_MOST_BYTES = 256 * 2**20
_LONGEST_FILE = 64 * 2**20
_MOST_VERSIONS = 50
_MOST_ABOVE = 8


async def find_client(host: Host) -> Client | None:
    """The client that the environment names, else the one in the installed CLI."""
    name = host.env.get("GEMINI_OAUTH_CLIENT_ID")
    secret = host.env.get("GEMINI_OAUTH_CLIENT_SECRET")
    if name is not None and secret is not None and sendable(name) and sendable(secret):
        return Client(name, secret)
    module = host.env.get("GEMINI_OAUTH2_JS_PATH")
    modules = [] if module is None else [host.path(module)]
    return await host.run(_Search().find, modules, list(_programs(host)), list(_folders(host)))


def _programs(host: Host) -> Iterator[Path]:
    """Where the command may be."""
    names = ("gemini",) if host.platform != "win32" else ("gemini", "gemini.cmd", "gemini.exe")
    separator = ";" if host.platform == "win32" else ":"
    for folder in (host.env.get("PATH") or "").split(separator):
        if folder.strip():
            yield from (host.path(folder.strip()) / name for name in names)


def _folders(host: Host) -> Iterator[_Folder]:
    """Folders of packages, each as the one that exists and a pattern below it."""
    home = host.home
    if host.platform == "win32":
        yield app_folder(host, "npm"), "node_modules"
        yield app_folder(host, "nvm"), "*/node_modules"
        yield app_folder(host, "fnm"), "node-versions/*/installation/node_modules"
        yield local_app_folder(host, "pnpm"), "global/5/node_modules"
        yield local_app_folder(host, "Volta"), f"tools/image/packages/{_PACKAGE}/node_modules"
        yield home, ".bun/install/global/node_modules"
        return
    yield home, ".bun/install/global/node_modules"
    yield home, ".npm-global/lib/node_modules"
    for folder in ("usr/local", "usr", "opt/homebrew"):
        yield SYSTEM / folder, "lib/node_modules"
    for folder in ("Library", ".local/share"):
        yield home / folder, "pnpm/global/5/node_modules"
    yield home, ".nvm/versions/node/*/lib/node_modules"
    for folder in ("Library/Application Support", ".local/share"):
        yield home / folder, "fnm/node-versions/*/installation/lib/node_modules"
    yield home, f".volta/tools/image/packages/{_PACKAGE}/lib/node_modules"
    for folder in ("opt/homebrew", "usr/local"):
        yield SYSTEM / folder, "opt/gemini-cli/libexec/lib/node_modules"
        yield SYSTEM / folder, "Cellar/gemini-cli/*/libexec/lib/node_modules"


# --- looking into files, which blocks -------------------------------------------------------------


@define
class _Search:
    """A search that reads no file twice, and no more than so much of all."""

    files_left: int = _MOST_FILES
    bytes_left: int = _MOST_BYTES
    _seen: set[Path] = field(factory=set)

    def find(
        self, modules: Sequence[Path], programs: Sequence[Path], folders: Sequence[_Folder]
    ) -> Client | None:
        """The client in the first file that has both its id and its secret."""
        for data in self._contents(modules, programs, folders):
            name, secret = _ID.search(data), _SECRET.search(data)
            if name is not None and secret is not None:
                return Client(name[2].decode(), secret[2].decode())
        return None

    def _contents(
        self, modules: Sequence[Path], programs: Sequence[Path], folders: Sequence[_Folder]
    ) -> Iterator[bytes]:
        yield from map(self._content, modules)
        for program in programs:
            if os.path.isfile(program):  # noqa: PTH113 (`Path.is_file` raises where it may not look)
                yield from self._around(Path(os.path.realpath(program)).parent)
        for folder, pattern in folders:
            for found in sorted(folder.glob(pattern), reverse=True)[:_MOST_VERSIONS]:
                yield self._content(found / _CORE)
                yield from self._in_package(found / _PACKAGE)

    def _around(self, folder: Path) -> Iterator[bytes]:
        """Files of the CLI whose command is in `folder`."""
        base = folder.parent
        for below in ("libexec/lib", "lib"):
            yield self._content(base / below / "node_modules" / _NESTED)
        yield self._content(base / "share/gemini-cli/node_modules" / _CORE)
        yield self._content(base.parent / "gemini-cli-core" / _MODULE)
        yield self._content(base / "node_modules" / _CORE)
        for above in (folder, *folder.parents)[:_MOST_ABOVE]:
            below_it = (above / below / _PACKAGE for below in _BELOW)
            for package in (above, *below_it):
                if self._is_cli(package):
                    yield from self._in_package(package)

    def _is_cli(self, package: Path) -> bool:
        try:
            manifest = json.loads(self._content(package / "package.json"))
        except (ValueError, RecursionError):
            return False
        return isinstance(manifest, dict) and manifest.get("name") == _PACKAGE

    def _in_package(self, package: Path) -> Iterator[bytes]:
        yield self._content(package / _MODULE)
        yield self._content(package / "node_modules" / _CORE)
        bundle = package / "bundle"
        files = [bundle / "gemini.js"]
        for path in files:  # which grows by what each of them imports
            data = self._content(path)
            yield data
            files += [path.parent / name.decode() for name in _IMPORT.findall(data)]
        yield from map(self._content, sorted(bundle.glob("*.js")))

    def _content(self, path: Path) -> bytes:
        """What is in a file; nothing when it was read before, or enough was read altogether."""
        if path in self._seen or self.files_left <= 0 or self.bytes_left <= 0:
            return b""
        self._seen.add(path)
        try:
            with BufferedReader(open_regular(path)) as file:
                data = file.read(min(_LONGEST_FILE, self.bytes_left))
        except OSError:
            return b""
        self.files_left -= 1
        self.bytes_left -= len(data)
        return data
