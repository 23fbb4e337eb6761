"""The assembly, with real threads and real sockets on loopback and a provider that is a fake."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from twisted.application.service import IService, IServiceMaker, MultiService
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.plugin import getPlugins
from twisted.python.failure import Failure
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from openusage.model import NotLoggedInError
from openusage.service import Options, UsageService, build, makeService
from openusage.settings import SettingsError
from openusage.stopping import stop_on
from openusage.store import Change, SnapshotChanged
from openusage.testing import FakeHttp, FakeProvider
from tests.wire_client import Answer, split

reactor: Any = global_reactor


class OneRequest(Protocol):
    """Sends one request and hands over all that comes until the server closes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._received = b""
        self.answer: Deferred[Answer] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(f"GET {self._path} HTTP/1.0\r\n\r\n".encode())

    def dataReceived(self, data: bytes) -> None:
        self._received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.answer.callback(split(self._received)[0])


class UsageServiceTests(TestCase):
    """`UsageService`."""

    timeout = 60

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.provider = FakeProvider()
        self.http = FakeHttp()
        self.heard: list[Change] = []
        self.settings({"refreshPrices": False})

    def settings(self, value: object) -> None:
        path = self.folder / "config" / "settings.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))

    def make(self) -> UsageService:
        options = Options.of(
            listen=["tcp:0:interface=127.0.0.1"],
            config_dir=str(self.folder / "config"),
            data_dir=str(self.folder / "data"),
        )
        service = build(reactor, options, providers=[self.provider], environ={}, http=self.http)
        service.store.subscribe(self.heard.append)
        return service

    async def start(self, service: UsageService) -> int:
        """Start it; the port, once it listens."""
        with capturedLogs() as logs:
            service.startService()
            await self.until(lambda: any("HTTP API on" in (formatEvent(e)) for e in logs))
        (said,) = (formatEvent(e) for e in logs if "HTTP API on" in formatEvent(e))
        return int(said.rpartition(":")[2])

    async def until(self, ready: Any) -> None:
        """Give the reactor turns until it is so; the test's own timeout is the bound."""
        while not ready():
            turn: Deferred[None] = Deferred()
            reactor.callLater(0.005, turn.callback, None)
            await turn

    async def get(self, port: int, path: str) -> Answer:
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        protocol = await connectProtocol(endpoint, OneRequest(path))
        answer: Answer = await protocol.answer
        return answer

    def changed(self) -> bool:
        return any(isinstance(change, SnapshotChanged) for change in self.heard)

    async def test_serves_what_it_probed(self) -> None:
        """A probe at the start is kept, told to who listens, served, and on the disk at the end."""
        service = self.make()
        port = await self.start(service)
        await self.until(self.changed)

        answer = await self.get(port, "/v1/usage")
        await service.stopService()

        (snapshot,) = answer.json()
        self.assertEqual(snapshot["providerId"], "fake")
        cache = json.loads((self.folder / "data" / "snapshots.json").read_text())
        self.assertEqual(cache["providers"]["fake"]["snapshot"], snapshot)

    async def test_cache_before_probe(self) -> None:
        """After a restart the last good snapshot is served, whatever becomes of the first probe."""
        first = self.make()
        await self.start(first)
        await self.until(self.changed)
        await first.stopService()
        self.provider.error = NotLoggedInError("Not logged in.")

        second = self.make()
        port = await self.start(second)
        answer = await self.get(port, "/v1/usage/fake")
        await second.stopService()

        self.assertEqual(answer.status, 200)

    async def test_again(self) -> None:
        """A stopped service leaves its port, and can be started again."""
        service = self.make()
        first = await self.start(service)
        await service.stopService()
        with self.assertRaises(Exception):  # noqa: B017 - refused, in the words of the system
            await self.get(first, "/v1/usage")

        second = await self.start(service)
        answer = await self.get(second, "/v1/health")
        await service.stopService()

        self.assertEqual(answer.json()["providers"][0]["providerId"], "fake")

    async def test_stopped_at_once(self) -> None:
        """A stop before the start is over leaves nothing behind."""
        service = self.make()
        service.startService()

        await service.stopService()

        self.assertEqual(list(service), [])

    async def test_hanging_probe(self) -> None:
        """A stop does not wait for a probe that hangs."""
        self.provider.hanging = True
        service = self.make()
        await self.start(service)
        await self.until(lambda: self.provider.probes)

        await service.stopService()

        self.assertEqual(self.provider.cancelled, 1)

    async def test_prices(self) -> None:
        """Prices are looked up after the start where the settings allow it, and only there."""
        self.settings({"refreshPrices": True})
        catalog = {"new-model": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}
        self.http.reply("GET", "https://raw.githubusercontent.com/", body=catalog)
        service = self.make()
        await self.start(service)
        await self.until((self.folder / "data" / "prices.json").exists)
        self.settings({"refreshPrices": False})
        await self.until(lambda: service._catalog.parent is None)
        await service.stopService()

        self.assertEqual(len(self.http.requests), 1)

    async def test_adopted(self) -> None:
        """It is a service that another one starts and stops."""
        parent = MultiService()
        service = self.make()
        verifyObject(IService, service)
        service.setServiceParent(parent)

        parent.startService()
        await self.until(self.changed)
        await parent.stopService()

        self.assertFalse(service.running)


class BuildTests(SynchronousTestCase):
    """`build`."""

    def options(self, text: str | None = None, **more: Any) -> Options:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        if text is not None:
            (folder / "settings.json").write_text(text)
        return Options.of(config_dir=str(folder), data_dir=str(folder / "data"), **more)

    def test_bad_settings(self) -> None:
        """Settings that are not valid are refused, in words that name the key."""
        options = self.options('{"autoUpdateInterval": "often"}')

        error = self.assertRaises(SettingsError, build, MemoryReactorClock(), options)

        self.assertIn("autoUpdateInterval", str(error))

    def test_bad_endpoint(self) -> None:
        """So is an endpoint that is none."""
        options = self.options(listen=["carrier-pigeon:1"])

        self.assertRaises(UsageError, build, MemoryReactorClock(), options)

    def test_silent(self) -> None:
        """Without an endpoint nothing listens, and nothing is written before the start."""
        options = self.options()
        memory = MemoryReactorClock()

        build(memory, options, environ={}, http=FakeHttp())

        self.assertEqual((memory.tcpServers, memory.getDelayedCalls()), ([], []))
        self.assertFalse(options.folders().data.exists())


class PluginTests(SynchronousTestCase):
    """What twistd sees."""

    def test_plugin(self) -> None:
        """Twistd finds the plugin, with its options and its maker."""
        (maker,) = (m for m in getPlugins(IServiceMaker) if m.tapname == "openusage")

        self.assertIs(maker.options, Options)
        self.assertIs(maker.makeService, makeService)


class SignalTests(SynchronousTestCase):
    """How twistd ends."""

    def test_sigterm(self) -> None:
        """Being told to stop stops the reactor, from where it is safe to."""
        stopped: list[object] = []

        class Reactor:
            def callFromThread(self, function: Any, *arguments: object) -> None:
                function(*arguments)

            def stop(self) -> None:
                stopped.append(self)

        before = signal.getsignal(signal.SIGTERM)
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        stop_on(Reactor(), [signal.SIGTERM])

        signal.raise_signal(signal.SIGTERM)

        self.assertEqual(len(stopped), 1)
