"""The OAuth client under which Antigravity's tokens can be renewed.

Its id is public; the secret of an installed application, which Google does not treat as one, ships
inside Antigravity. So it is looked for there: in the script of the app, else in the programs of the
language server and of `agy`. Folders are those of the installers, seen 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from openusage.disk import open_regular
from openusage.host import Host
from openusage.host.places import local_app_folder
from openusage.host.secrets import sendable
from openusage.providers.antigravity.tokens import APPS
from openusage.providers.googleclient import Client

__all__ = ["find_client"]

CLIENT_ID = "1071006060591-tmhssin2h21lcre235vtolojh4g403ep.apps.googleusercontent.com"
SYSTEM = Path("/")
"""Above the folders that belong to everybody."""

_MARKER = b"vs/platform/cloudCode/common/oauthClient.js"
_ID_END = b".apps.googleusercontent.com"
_ID = re.compile(rb"[0-9]{1,32}-[A-Za-z0-9_-]{1,64}\.apps\.googleusercontent\.com\Z")
_SECRET = re.compile(rb"GOCSPX-[A-Za-z0-9_-]{28}")
_LONGEST_HIT = 128

_LONGEST_SCRIPT = 64 * 2**20
_LONGEST_PROGRAMS = 512 * 2**20
"""Bytes that are read of all programs together."""
_CHUNK = 2**20


async def find_client(host: Host, programs: Iterable[Path] = ()) -> Client | None:
    """The client that the environment names, else the one in the installed Antigravity.

    `programs` are those that run, in case they lie where nobody looks.
    """
    secret = host.env.get("ANTIGRAVITY_OAUTH_CLIENT_SECRET")
    if secret is not None and sendable(secret):
        name = host.env.get("ANTIGRAVITY_OAUTH_CLIENT_ID")
        return Client(name if name is not None and sendable(name) else CLIENT_ID, secret)
    resources = list(_resources(host))
    return await host.run(_installed, resources, [*programs, *_tools(host)])


def _resources(host: Host) -> Iterator[Path]:
    """Where the parts of an installed app may be."""
    if host.platform == "darwin":
        for folder in (SYSTEM / "Applications", host.path("~/Applications")):
            yield from (folder / f"{app}.app" / "Contents" / "Resources" for app in APPS)
    elif host.platform == "win32":
        yield from (local_app_folder(host, "Programs") / app / "resources" for app in APPS)
    else:
        names = [*APPS, *(app.lower().replace(" ", "-") for app in APPS)]
        for folder in (SYSTEM / "usr" / "share", SYSTEM / "opt", SYSTEM / "usr" / "lib"):
            yield from (folder / name / "resources" for name in names)


def _tools(host: Host) -> Iterator[Path]:
    """Where `agy` may be."""
    if host.platform == "win32":
        yield local_app_folder(host, "agy") / "bin" / "agy.exe"
    else:
        yield host.path("~/.local/bin/agy")
        yield SYSTEM / "usr" / "local" / "bin" / "agy"


# --- looking into files, which blocks -------------------------------------------------------------


def _installed(resources: Sequence[Path], programs: Sequence[Path]) -> Client | None:
    scripts = (folder / "app" / "out" / "main.js" for folder in resources)
    for script in scripts:
        if client := _in_script(script):
            return client
    left = _LONGEST_PROGRAMS
    for program in dict.fromkeys([*_servers(resources), *programs]):
        ids, secrets, size = _hits(program, left)
        left -= size
        if client := _paired(ids, secrets):
            return client
    return None


def _in_script(path: Path) -> Client | None:
    """The client whose id and secret follow the name of the module that has them."""
    data = _content(path)
    start = data.find(_MARKER)
    secret = _SECRET.search(data, start) if start >= 0 else None
    if secret is None:
        return None
    name = next(_ids(data, start), CLIENT_ID)
    return Client(name, secret[0].decode())


def _content(path: Path) -> bytes:
    try:
        with BufferedReader(open_regular(path)) as file:
            return file.read(_LONGEST_SCRIPT)
    except OSError:
        return b""


def _servers(resources: Sequence[Path]) -> Iterator[Path]:
    for folder in resources:
        for below in (folder / "app" / "extensions" / "antigravity" / "bin", folder / "bin"):
            yield from sorted(below.glob("language_server*"))


def _hits(path: Path, limit: int) -> tuple[list[str], list[str], int]:
    """The ids and secrets in a program, each once, and how many bytes of it were read."""
    ids: dict[str, None] = {}
    secrets: dict[str, None] = {}
    size, tail = 0, b""
    try:
        with BufferedReader(open_regular(path)) as file:
            while chunk := file.read(min(_CHUNK, limit - size)):
                size += len(chunk)
                data = tail + chunk
                ids.update(dict.fromkeys(_ids(data, len(tail))))
                secrets.update(dict.fromkeys(_secrets(data, len(tail))))
                tail = data[-2 * _LONGEST_HIT :]
    except OSError:
        return [], [], size
    return list(ids), list(secrets), size


def _ids(data: bytes, seen: int) -> Iterator[str]:
    """The ids that end behind `seen`: those before it were found with what is in front of them."""
    end = 0
    while (at := data.find(_ID_END, end)) >= 0:
        end = at + len(_ID_END)
        # A search from the start would look at every digit of the program.
        found = _ID.search(data, max(0, at - _LONGEST_HIT), end)
        if found is not None and end > seen:
            yield found[0].decode()


def _secrets(data: bytes, seen: int) -> Iterator[str]:
    for found in _SECRET.finditer(data):
        if found.end() > seen:
            yield found[0].decode()


def _paired(ids: Sequence[str], secrets: Sequence[str]) -> Client | None:
    """The id and the secret that belong together: which ones do is told by how many there are."""
    if len(secrets) == 1:
        return Client(ids[-1] if ids else CLIENT_ID, secrets[0])
    if secrets and len(ids) == len(secrets):
        return Client(ids[0], secrets[-1])
    return None
