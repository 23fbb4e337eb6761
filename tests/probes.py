"""`ProbeTestCase`: one provider, probed on a machine that a test makes up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host, Visit
from openusage.model import ProbeError, Snapshot
from openusage.providers import Provider
from openusage.testing import (
    NOW,
    FakeHttp,
    FakeKeychain,
    FakeLogs,
    FakeProcesses,
    MemoryState,
    clock_at,
    fake_host,
)

__all__ = ["ProbeTestCase"]


class ProbeTestCase(SynchronousTestCase):
    """A person's machine, empty at first. What is remembered lasts from one probe to the next.

    A case names its `provider`; what it has of its own goes over the attributes or into `host`.
    """

    provider: Provider

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        self.http = FakeHttp()
        self.clock = clock_at(NOW)
        self.state = MemoryState()
        self.keychain = FakeKeychain()
        self.logs = FakeLogs()
        self.processes = FakeProcesses()

    def write(self, name: str, content: object) -> Path:
        """Write a file below the home folder: bytes and text as they are, the rest as JSON."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def host(self, **more: Any) -> Host:
        """A host for one more visit to the machine; `more` is that of `fake_host`."""
        known = {
            "http": self.http,
            "clock": self.clock,
            "state": self.state,
            "keychain": self.keychain,
            "logs": self.logs,
            "processes": self.processes,
            "visit": Visit(),
        }
        return fake_host(
            self.home, **{"id": self.provider.id, "name": self.provider.name, **known, **more}
        )

    def start(self, host: Host | None = None, **more: Any) -> Deferred[Snapshot]:
        """A probe that may take its time."""
        return Deferred.fromCoroutine(self.provider.probe(host or self.host(**more)))

    def probe(self, host: Host | None = None, **more: Any) -> Snapshot:
        """The snapshot of a probe that must succeed."""
        return self.successResultOf(self.start(host, **more))

    def error(self, kind: type[ProbeError], host: Host | None = None, **more: Any) -> ProbeError:
        """The error of a probe that must fail in this way and no narrower one."""
        error: ProbeError = self.failureResultOf(self.start(host, **more), kind).value
        self.assertEqual(error.code, kind.code)
        return error

    def failure(self, kind: type[ProbeError], host: Host | None = None, **more: Any) -> str:
        """What a probe says that must fail in this way."""
        return str(self.error(kind, host, **more))

    def detected(self, host: Host | None = None, **more: Any) -> str | None:
        """Where the provider finds a login; nothing is asked for it."""
        asked = len(self.http.requests)
        work = Deferred.fromCoroutine(self.provider.detect(host or self.host(**more)))
        found = self.successResultOf(work)
        self.assertEqual(len(self.http.requests), asked)
        self.assertEqual(self.keychain.asked, [])
        return found
