"""Tests for `openusage.host.processes`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import psutil
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.processes import Process, Processes, SystemProcesses
from openusage.testing import run_inline

_: type[Processes] = SystemProcesses


class Case(SynchronousTestCase):
    """The machine on which the tests run."""

    processes = SystemProcesses(run_inline)

    def running(self) -> list[Process]:
        return list(self.successResultOf(Deferred.fromCoroutine(self.processes.list())))

    def ports(self, pid: int) -> list[int]:
        return list(self.successResultOf(Deferred.fromCoroutine(self.processes.ports(pid))))


def running(pid: int, cmdline: list[str] | None) -> SimpleNamespace:
    """A process as `psutil.process_iter` gives it."""
    return SimpleNamespace(pid=pid, info={"cmdline": cmdline})


class ProcessTests(SynchronousTestCase):
    """`Process`."""

    def test_private(self) -> None:
        """The command line, which may hold a token, is not in its `repr`."""
        self.assertNotIn("PLANTED", repr(Process(7, ("server", "--token", "PLANTED"))))


class ListTests(Case):
    """`SystemProcesses.list`."""

    def test_real(self) -> None:
        """This very process is listed, with the command line it was started with."""
        (process,) = [each for each in self.running() if each.pid == os.getpid()]

        self.assertEqual(process.argv[1:], tuple(sys.orig_argv[1:]))

    def test_order(self) -> None:
        """They come by process id, once each."""
        pids = [process.pid for process in self.running()]

        self.assertEqual(pids, sorted(set(pids)))

    def test_closed(self) -> None:
        """A process whose command line we may not see, or that has none, is left out."""

        def process_iter(attrs: list[str]) -> Iterator[Any]:
            self.assertEqual(attrs, ["cmdline"])
            yield running(9, ["agy"])
            yield running(8, None)
            yield running(7, [])
            yield running(3, ["/usr/bin/agy", "--flag"])

        self.patch(psutil, "process_iter", process_iter)

        self.assertEqual(
            self.running(), [Process(3, ("/usr/bin/agy", "--flag")), Process(9, ("agy",))]
        )

    def test_trouble(self) -> None:
        """Where the system does not tell what runs, nothing does."""
        for error in (psutil.AccessDenied(1), PermissionError()):

            def process_iter(attrs: list[str], error: Exception = error) -> Iterator[Any]:
                yield running(3, ["agy"])
                raise error

            self.patch(psutil, "process_iter", process_iter)

            self.assertEqual(self.running(), [])


class PortsTests(Case):
    """`SystemProcesses.ports`."""

    def test_real(self) -> None:
        """The port of a socket on which this process listens is found, for as long as it does."""
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            port = listener.getsockname()[1]

            self.assertIn(port, self.ports(os.getpid()))
        self.assertNotIn(port, self.ports(os.getpid()))

    def test_connected(self) -> None:
        """The port of a connection that was made to somebody else is not one it listens on."""
        with (
            closing(socket.create_server(("127.0.0.1", 0))) as listener,
            closing(socket.create_connection(listener.getsockname())) as client,
        ):
            self.assertNotIn(client.getsockname()[1], self.ports(os.getpid()))

    def test_sorted(self) -> None:
        """Ports ascend, and one that is listened on at two addresses is there once."""
        listening = [
            ("127.0.0.1", 90, "LISTEN"),
            ("::1", 90, "LISTEN"),
            ("127.0.0.1", 70, "LISTEN"),
        ]
        listening.append(("127.0.0.1", 80, "ESTABLISHED"))
        connections = [
            SimpleNamespace(laddr=SimpleNamespace(ip=ip, port=port), status=status)
            for ip, port, status in listening
        ]

        def process(pid: int) -> SimpleNamespace:
            self.assertEqual(pid, 42)
            return SimpleNamespace(net_connections=lambda kind: connections)

        self.patch(psutil, "Process", process)

        self.assertEqual(self.ports(42), [70, 90])

    def test_trouble(self) -> None:
        """There are none of a process that is gone, or that is somebody else's."""
        for error in (
            psutil.NoSuchProcess(42),
            psutil.AccessDenied(42),
            psutil.ZombieProcess(42),
            PermissionError(),
        ):

            def process(pid: int, error: Exception = error) -> None:
                raise error

            self.patch(psutil, "Process", process)

            self.assertEqual(self.ports(42), [])
