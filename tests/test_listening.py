"""Listening, and what a port that is not to be had costs."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock, RaisingMemoryReactor
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from openusage.api import ApiSite
from openusage.listening import Listening, private


def listening(reactor: Any) -> Listening:
    site = ApiSite(Resource(), MemoryReactorClock())
    endpoint = TCP4ServerEndpoint(reactor, 6736, interface="127.0.0.1")
    return Listening(endpoint, site, "tcp:6736:interface=127.0.0.1")


class ListeningTests(SynchronousTestCase):
    """`Listening`."""

    def test_listens(self) -> None:
        """It listens where it is told to, and on loopback only."""
        reactor = MemoryReactorClock()
        service = listening(reactor)

        service.startService()

        ((port, factory, _, interface),) = reactor.tcpServers
        self.assertEqual((port, factory, interface), (6736, service.site, "127.0.0.1"))

    def test_taken(self) -> None:
        """A taken port is one info line that names it: no traceback, no exit."""
        taken = CannotListenError("127.0.0.1", 6736, OSError(errno.EADDRINUSE, "Address in use"))
        service = listening(RaisingMemoryReactor(listenException=taken))

        with capturedLogs() as logs:
            service.startService()
            self.successResultOf(service.stopService())

        (event,) = logs
        self.assertEqual(event["log_level"], LogLevel.info)
        self.assertIn("off for this session: tcp:6736", formatEvent(event))
        self.assertIn("Address in use", formatEvent(event))

    def test_privileged(self) -> None:
        """A port that we may not have is treated like a taken one."""
        refused = PermissionError(errno.EACCES, "Permission denied")
        service = listening(RaisingMemoryReactor(listenException=refused))

        with capturedLogs() as logs:
            service.startService()

        self.assertEqual([event["log_level"] for event in logs], [LogLevel.info])

    def test_no_port(self) -> None:
        """A number that is no port is said like any other that is not to be had."""
        service = listening(RaisingMemoryReactor(listenException=OverflowError("0-65535")))

        with capturedLogs() as logs:
            service.startService()
            self.successResultOf(service.stopService())

        self.assertIn("0-65535", formatEvent(logs[0]))

    def test_again(self) -> None:
        """Stopping closes the port and starting listens again."""
        reactor = MemoryReactorClock()
        service = listening(reactor)
        service.startService()

        self.successResultOf(service.stopService())
        service.startService()

        self.assertEqual(len(reactor.tcpServers), 2)

    def test_stopped_while_waiting(self) -> None:
        """An endpoint that is not ready yet is given up."""

        class Slow:
            def listen(self, factory: object) -> Deferred[Any]:
                return Deferred()

        service = listening(MemoryReactorClock())
        service.endpoint = Slow()  # type: ignore[assignment]
        service.startService()

        self.successResultOf(service.stopService())


class PrivateTests(SynchronousTestCase):
    """`private`."""

    def test_socket(self) -> None:
        """A unix socket is for its owner alone unless a mode is given; others are left alone."""
        self.assertEqual(private("unix:/run/o"), "unix:/run/o:mode=600")
        self.assertEqual(private("unix:/run/o:mode=660"), "unix:/run/o:mode=660")
        self.assertEqual(private("tcp:6736"), "tcp:6736")
