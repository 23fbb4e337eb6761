"""The installed package: `twistd --help` lists it, it starts, answers and stops.

Run by the Python of the environment to check, from anywhere but the source tree.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BIN = Path(sys.executable).parent


def main() -> None:
    """Check one thing after the other; the first that fails ends it."""
    with tempfile.TemporaryDirectory() as home:
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE", "CODEX"))}
        environ.update(HOME=home, USERPROFILE=home, PYTHONPATH="")
        said = run(environ, home, "twistd", "--help")
        assert "openusage" in said, said
        assert "--listen" in run(environ, home, "twistd", "openusage", "--help")
        assert run(environ, home, "openusage", "--version").strip().startswith("openusage")
        start(environ, home)
    print("installed: listed, started, answered, stopped")


def run(environ: dict[str, str], folder: str, program: str, *arguments: str) -> str:
    """What the program prints."""
    command = [str(BIN / program), *arguments]
    done = subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def start(environ: dict[str, str], home: str) -> None:
    """Start the service on a free port, ask it, and stop it."""
    ready = Path(home) / "port"
    command = [str(BIN / "twistd"), "-n", "openusage", "--listen", "tcp:0:interface=127.0.0.1"]
    with ready.open("w") as log:
        service = subprocess.Popen(command, env=environ, cwd=home, stdout=log, stderr=log)
    try:
        port = wait_for_port(ready, service)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/usage", timeout=5) as answer:
            assert answer.read() == b"[]"
    finally:
        service.send_signal(signal.SIGTERM)
        code = service.wait(20)
    assert code == 0, (code, ready.read_text())


def wait_for_port(log: Path, service: subprocess.Popen[bytes]) -> int:
    """The port that the log names, once it does."""
    for _ in range(300):
        for line in log.read_text().splitlines():
            if "HTTP API on" in line:
                return int(line.rpartition(":")[2])
        assert service.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


if __name__ == "__main__":
    main()
