"""Every provider through the real command and the real service, behind a real HTTPS proxy."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.threads import deferToThreadPool
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.threadpool import ThreadPool

from openusage.providers.registry import builtin_providers
from tests.loopback import Authority, ConnectProxy, LoopbackTestCase, Peer, reactor
from tests.planters import planters
from tests.planters.planter import ACCESS, EMAIL, REFRESH
from tests.processes import TWISTD, environment, eventually, running

AT_ONCE = 2
"""Commands run at the same time: starting Python is the work, and processors are few."""
SECRETS = (ACCESS, REFRESH, EMAIL)

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Services(ConnectProxy):
    """A proxy that leads each name to the port of the one who plays it."""

    def __init__(self, ports: Mapping[bytes, int]) -> None:
        super().__init__(0)
        self._ports = ports

    def talk(self) -> None:
        """Connect to who was asked for; nobody plays the others."""
        if self._buffer.startswith(b"CONNECT "):
            name = self._buffer.split()[1].partition(b":")[0]
            self._port = self._ports.get(name, 1)
        super().talk()


class Player(Peer):
    """Plays the services of one name, one request after the other."""

    def __init__(self, answer: Callable[[str], tuple[int, Any]], name: str) -> None:
        super().__init__()
        self._answer = answer
        self._name = name
        self._buffer = b""

    def dataReceived(self, data: bytes) -> None:
        """Answer each request that is in as a whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[: end + 2]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            method, path = head.split()[:2]
            self._reply(f"{method.decode()} https://{self._name}{path.decode()}")

    def _reply(self, request: str) -> None:
        status, body = self._answer(request)
        data = json.dumps(body).encode()
        head = b"HTTP/1.1 %d Fine\r\nContent-Type: application/json\r\n" % status
        self.wire.write(head + b"Content-Length: %d\r\n\r\n%b" % (len(data), data))


class AllProvidersTests(LoopbackTestCase):
    """A machine with a login of every provider, and every service played on loopback."""

    timeout = 300.0

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[str] = []
        self.home = Path(self.mktemp()).absolute()
        environ = environment(self.home)
        self.ids = [provider.id for provider in builtin_providers()]
        self.answers: dict[str, Any] = {}
        # Backwards: of the two that share OpenCode's folder, `opencode` has the key.
        for name in reversed(self.ids):
            planter = planters()[name]
            planter.plant(self.home)
            environ |= planter.env
            self.answers |= planter.answers
        authority = Authority()
        names = {str(urlsplit(request.split()[1]).hostname) for request in self.answers}
        ports = {name.encode(): self.play(name, authority) for name in names}
        proxy = self.listen(lambda: Services(ports))
        trusted = self.home / "ca.pem"
        trusted.write_bytes(authority.pem)
        self.environ = {
            **environ,
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy}",
            "SSL_CERT_FILE": str(trusted),
            "OPENUSAGE_CONFIG_DIR": str(self.home / "config"),
            "OPENUSAGE_DATA_DIR": str(self.home / "data"),
        }

    def play(self, name: str, authority: Authority) -> int:
        return self.listen(lambda: Player(self.answer, name), authority.server(name))

    def answer(self, request: str) -> tuple[int, Any]:
        """The answer whose beginning fits best."""
        self.asked.append(request)
        fitting = [known for known in self.answers if request.startswith(known)]
        return (200, self.answers[max(fitting, key=len)]) if fitting else (404, {})

    def probed(self, name: str) -> Deferred[dict[str, Any]]:
        return Deferred.fromCoroutine(self.probe(name))

    async def probe(self, name: str) -> dict[str, Any]:
        """What the command prints for one provider."""
        snapshot: dict[str, Any] = await self.told("probe", name, "--json")
        return snapshot

    async def told(self, *arguments: str) -> Any:
        """The JSON that the command prints."""
        command = ["-m", "openusage", *arguments]
        out, err, code = await getProcessOutputAndValue(
            sys.executable, command, self.environ, str(self.home)
        )
        self.assertEqual(code, 0, (arguments, err))
        for planted in (*SECRETS, str(self.home)):
            self.assertNotIn(planted.encode(), out + err, arguments)
        return json.loads(out)

    async def test_command(self) -> None:
        """`openusage providers` finds every login, and `openusage probe` shows its figures."""
        listed = await self.told("providers", "--json")
        found = {row["id"]: row["detected"] for row in listed}
        self.assertEqual([name for name in self.ids if not found[name]], [])

        turn = DeferredSemaphore(AT_ONCE)
        snapshots = await gatherResults([turn.run(self.probed, name) for name in self.ids])

        for name, snapshot in zip(self.ids, snapshots, strict=True):
            self.assertEqual(snapshot["providerId"], name)
            kinds = {line["type"] for line in snapshot["lines"]}
            self.assertLessEqual({"progress"}, kinds, (name, snapshot))
        self.assert_nothing_kept()

    async def test_service(self) -> None:
        """The service has the snapshots of all of them, in the order of the settings."""
        order = random.Random(1).sample(self.ids, len(self.ids))
        self.configure({"plugins": {"order": order, "disabled": []}, "refreshPrices": False})

        # Threads of its own, which are gone when other tests fork.
        pool = ThreadPool(0, 1)
        pool.start()
        self.addCleanup(pool.stop)
        usage = await deferToThreadPool(reactor, pool, self.served, len(order))

        self.assertEqual([snapshot["providerId"] for snapshot in usage], order)
        text = json.dumps(usage)
        for planted in (*SECRETS, str(self.home)):
            self.assertNotIn(planted, text)
        self.assert_nothing_kept()

    def configure(self, settings: object) -> None:
        folder = Path(self.environ["OPENUSAGE_CONFIG_DIR"])
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps(settings))

    def served(self, count: int) -> list[dict[str, Any]]:
        """What a service serves once it has so many snapshots."""
        command = (*TWISTD, "openusage", "--listen", "tcp:0:interface=127.0.0.1")
        with running(self.environ, *command) as service:
            usage: list[dict[str, Any]] = eventually(
                lambda: service.get("/v1/usage")[1], lambda usage: len(usage) == count
            )
            self.assertEqual(service.end(), 0, service.output)
            for planted in SECRETS:
                self.assertNotIn(planted, service.output)
        return usage

    def assert_nothing_kept(self) -> None:
        """No login and no address got into a file of ours."""
        files = [
            path for path in Path(self.environ["OPENUSAGE_DATA_DIR"]).rglob("*") if path.is_file()
        ]
        self.assertTrue(files)
        for path in files:
            for planted in SECRETS:
                self.assertNotIn(planted.encode(), path.read_bytes(), path.name)
