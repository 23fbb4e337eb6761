"""Real processes for the end-to-end tests: started, listened to, asked, and always ended."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

__all__ = ["TWISTD", "Running", "environment", "eventually", "openusage", "running"]

T = TypeVar("T")

TWISTD = (
    "-c",
    "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()",
    "-n",
    "--pidfile=",
)
"""`twistd` in the foreground, by the Python that runs the tests."""

PATIENCE = 60.0
"""Seconds until a test gives up; generous, since it is only used up when something is broken."""
ROOT = Path(__file__).resolve().parents[1]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a person whose home is `home` and who has set nothing up."""
    home.mkdir(parents=True, exist_ok=True)
    keep = ("PATH", "SYSTEMROOT", "LANG", "VIRTUAL_ENV")
    environ = {name: os.environ[name] for name in keep if name in os.environ}
    return {
        **environ,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "LOCALAPPDATA": str(home / "AppData"),
        "PYTHONPATH": str(ROOT),
        "TZ": "UTC",
        # Nobody listens there: whatever a test does, it reaches no network.
        "HTTPS_PROXY": "http://127.0.0.1:1",
        **more,
    }


def openusage(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The `openusage` command, run to its end."""
    command = [sys.executable, "-m", "openusage", *arguments]
    return subprocess.run(
        command,
        env=dict(environ),
        cwd=environ["HOME"],
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


def eventually(look: Callable[[], T], ready: Callable[[T], object]) -> T:
    """What `look` finds, as soon as `ready` is true of it: other processes cannot be waited on."""
    deadline = time.monotonic() + PATIENCE
    while not ready(value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it stayed {value!r}")
        time.sleep(0.05)
    return value


@define
class Running:
    """A process and the lines it has printed so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(factory=list)
    _arriving: queue.Queue[str | None] = field(factory=queue.Queue)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The match of the first line, from the beginning on, that holds `pattern`."""
        for line in self.lines:
            if match := re.search(pattern, line):
                return match
        deadline = time.monotonic() + PATIENCE
        while True:
            arrived = self._arriving.get(timeout=max(0.0, deadline - time.monotonic()))
            if arrived is None:
                raise AssertionError(f"ended without {pattern!r}: {self.output}")
            self.lines.append(arrived)
            if match := re.search(pattern, arrived):
                return match

    @property
    def output(self) -> str:
        """All that was read so far."""
        return "".join(self.lines)

    def address(self) -> tuple[str, int]:
        """Where it serves, as it says itself."""
        match = self.wait_for(r"HTTP API on ([\d.]+):(\d+)")
        return match[1], int(match[2])

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON (`None` without a body) of one request."""
        connection = http.client.HTTPConnection(*self.address(), timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if body else None
        finally:
            connection.close()

    def get_when(self, path: str, ready: Any) -> Any:
        """The JSON of `path`, as soon as `ready(json)` is true of it."""
        return eventually(lambda: self.get(path)[1], ready)

    def end(self, sign: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code. What was printed is in `output` then."""
        self.process.send_signal(sign)
        code = self.process.wait(PATIENCE)
        while (line := self._arriving.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return code

    def listen(self) -> None:
        """Take in the lines in a thread of their own, so that waiting for one can time out."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._arriving.put(line)
        self._arriving.put(None)


@contextmanager
def running(environ: Mapping[str, str], *command: str) -> Iterator[Running]:
    """A process of Python modules (`twisted.scripts…` style: `-m` and so on), killed at the end."""
    process = subprocess.Popen(
        [sys.executable, *command],
        env=dict(environ),
        cwd=environ["HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    service = Running(process)
    listener = threading.Thread(target=service.listen, daemon=True)
    listener.start()
    try:
        yield service
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)
        listener.join(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()
