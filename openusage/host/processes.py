"""The programs that run on this machine, and the ports on which they listen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen

from openusage.host.blocking import Blocking

__all__ = ["Process", "Processes", "SystemProcesses"]


@frozen
class Process:
    """A running program and its command line, which may hold secrets."""

    pid: int
    argv: tuple[str, ...] = field(repr=False)


class Processes(Protocol):
    """What runs."""

    async def list(self) -> Sequence[Process]:
        """The programs whose command line we may see, by process id; none if that is not told."""

    async def ports(self, pid: int) -> Sequence[int]:
        """The TCP ports on which a process listens, ascending; empty when we may not look."""


@frozen
class SystemProcesses:
    """The `Processes` of this machine, as `psutil` knows them."""

    run: Blocking

    async def list(self) -> Sequence[Process]:
        """See `Processes.list`."""
        return await self.run(_list)

    async def ports(self, pid: int) -> Sequence[int]:
        """See `Processes.ports`."""
        return await self.run(_ports, pid)


# psutil is imported where it is used: it takes longer than all else that a start needs of us, and
# most machines run nothing that is looked for.


def _list() -> list[Process]:
    import psutil  # noqa: PLC0415

    try:
        found = [
            Process(process.pid, tuple(process.info["cmdline"] or ()))
            for process in psutil.process_iter(["cmdline"])
        ]
    except (psutil.Error, OSError):
        return []
    return sorted((process for process in found if process.argv), key=lambda each: each.pid)


def _ports(pid: int) -> list[int]:
    import psutil  # noqa: PLC0415

    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return []
    listening = (each for each in connections if each.status == psutil.CONN_LISTEN)
    return sorted({each.laddr.port for each in listening})
