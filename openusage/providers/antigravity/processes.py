"""Which running program is Antigravity's, and how it is spoken to.

The app and the IDE run a server named `language_server`, `language_server_macos_arm`,
`language_server_linux_x64`, `language_server_windows_x64.exe` or the like. Other editors run
programs of the same name, so its flags or its path must say whose it is. The command line tool
`agy` has the same server in it and asks for no token (seen 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import field, frozen

from openusage.host import Host
from openusage.host.processes import Process
from openusage.host.secrets import sendable

__all__ = ["Server", "find_servers"]

_LANGUAGE_SERVER = "language_server"
_AGY = "agy"
_MARKERS = ("antigravity", "antigravity-ide")
_OWNER_FLAGS = ("ide_name", "app_data_dir", "override_ide_name")
_MOST_PORTS = 8

Running: TypeAlias = Sequence[tuple[Process, tuple[str, ...]]]
Ranking: TypeAlias = Callable[[tuple[str, ...]], "int | None"]

_WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|(\S+)")


@frozen
class Server:
    """A running program: its listening ports, the token that it wants, and the program itself.

    `fallback_port` is one on which it answers without TLS, though it does not listen there itself.
    """

    ports: tuple[int, ...]
    token: str = field(repr=False)
    fallback_port: int | None = None
    program: Path | None = field(default=None, repr=False)

    @property
    def bases(self) -> Iterator[str]:
        """The addresses on which it may answer, all of them on this machine."""
        for port in self.ports:
            yield f"https://127.0.0.1:{port}"
            yield f"http://127.0.0.1:{port}"
        if self.fallback_port is not None:
            yield f"http://127.0.0.1:{self.fallback_port}"


async def find_servers(host: Host) -> list[Server]:
    """The server of the app or the IDE, then that of `agy`; each the first one that has a port."""
    running = [(process, _arguments(process)) for process in await host.processes.list()]
    running = [(process, arguments) for process, arguments in running if arguments]
    servers = (
        await _first(host, _ranked(running, _language_server_rank), needs_token=True),
        await _first(host, _ranked(running, _agy_rank), needs_token=False),
    )
    return [server for server in servers if server is not None]


async def _first(host: Host, candidates: Running, *, needs_token: bool) -> Server | None:
    for process, arguments in candidates:
        token, fallback = "", None
        if needs_token:
            token = next(_values(arguments, "csrf_token"), "")
            if not token or not sendable(token):
                continue
            fallback = _port(next(_values(arguments, "extension_server_port"), ""))
        ports = sorted(set(await host.processes.ports(process.pid)))[:_MOST_PORTS]
        if ports or fallback is not None:
            program = Path(arguments[0])
            return Server(tuple(ports), token, fallback, program if program.is_absolute() else None)
    return None


def _ranked(running: Running, rank: Ranking) -> Running:
    """Those that `rank` knows, best first; among equals the order stays."""
    found = [(rank(arguments), process, arguments) for process, arguments in running]
    known = [
        (place, process, arguments) for place, process, arguments in found if place is not None
    ]
    return [(process, arguments) for _, process, arguments in sorted(known, key=lambda it: it[0])]


# --- one command line -----------------------------------------------------------------------------


def _arguments(process: Process) -> tuple[str, ...]:
    """The command line in parts, also where a program has put all of it into its title."""
    if len(process.argv) != 1:
        return process.argv
    return tuple("".join(parts) for parts in _WORD.findall(process.argv[0]))


def _language_server_rank(arguments: tuple[str, ...]) -> int | None:
    """0 for one whose flags say that it is Antigravity's, 1 for one whose path does."""
    command = " ".join(arguments).lower().replace("\\", "/")
    executable = _executable(arguments).replace("-", "_")
    if _LANGUAGE_SERVER not in command and not executable.startswith(_LANGUAGE_SERVER):
        return None
    owners = [value.lower() for flag in _OWNER_FLAGS for value in _values(arguments, flag)]
    if owners:
        return 0 if any(owner in _MARKERS for owner in owners) else None
    return 1 if any(f"/{marker}/" in command for marker in _MARKERS) else None


def _agy_rank(arguments: tuple[str, ...]) -> int | None:
    """0 for the program itself, 1 where another one runs it."""
    if _executable(arguments).removesuffix(".exe") == _AGY:
        return 0
    return 1 if any(argument.lower().endswith(f"/{_AGY}") for argument in arguments) else None


def _executable(arguments: tuple[str, ...]) -> str:
    return re.split(r"[/\\]", arguments[0].lower())[-1]


def _values(arguments: tuple[str, ...], flag: str) -> Iterator[str]:
    """The values of `flag`, spelled `--flag value`, `--flag=value` or with a single dash."""
    for argument, following in zip(arguments, (*arguments[1:], ""), strict=True):
        name, equals, value = argument.partition("=")
        if not name.startswith("-") or name.lstrip("-").replace("-", "_") != flag:
            continue
        value = value if equals else "" if following.startswith("-") else following
        if value:
            yield value


def _port(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    return number if 0 < number < 2**16 else None
