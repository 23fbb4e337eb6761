"""`openusage serve`, and running on the reactor."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from threading import Timer
from typing import IO, Any
from unittest import skipIf

from click.testing import Result
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.running import stop_on_signals, warnings_to_stderr
from openusage.cli.serve import run_service
from tests.test_cli import child_env, folders, run

ENDINGS = (signal.SIGINT, signal.SIGTERM)
SIGNALS = sys.platform != "win32"
_PATIENCE = 60.0
_log = Logger()


def start(test: SynchronousTestCase, base: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Python with `arguments`, for a person all of whose files are below `base`.

    It is killed when `test` is over, or when it runs so long that the test would hang.
    """
    child = subprocess.Popen(
        [sys.executable, *arguments],
        env=child_env(base),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    timer = Timer(_PATIENCE, child.kill)
    timer.start()
    test.addCleanup(child.kill)
    test.addCleanup(timer.cancel)
    return child


def keep_handlers(test: SynchronousTestCase) -> None:
    """Give the signals their handlers of now back when `test` is over."""
    for number in ENDINGS:
        test.addCleanup(signal.signal, number, signal.getsignal(number))


class ServeTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        self.base = Path(self.mktemp()).absolute()
        (self.base / "home").mkdir(parents=True)

    def refused(self, *arguments: str) -> str:
        result: Result = run("serve", *arguments, env=folders(self.base))
        self.assertEqual((result.exit_code, result.stdout), (2, ""))
        self.assertEqual(result.stderr.count("\n"), 1)
        return result.stderr

    def test_bad_options(self) -> None:
        """Options are refused in the words in which twistd refuses them."""
        self.assertIn("--interval must be a whole number", self.refused("--interval", "0"))
        self.assertIn("--listen 'nonsense:1'", self.refused("--listen", "nonsense:1"))
        self.assertIn("--interval", self.refused("-i", "0"))
        self.assertIn("--listen 'nonsense:1'", self.refused("-l", "nonsense:1"))

    def test_bad_settings(self) -> None:
        """Settings that are not valid are named by line."""
        (self.base / "settings.json").write_text("{\n!")

        words = self.refused("--config-dir", str(self.base))

        self.assertRegex(words, r"^openusage: settings.json, line 2")

    @skipIf(not SIGNALS, "needs signals")
    def test_signals(self) -> None:
        """It serves until SIGINT or SIGTERM, then ends with 0 and its cache on the disk."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                cache = self.base / number.name / "snapshots.json"
                child = start(
                    self,
                    self.base,
                    *("-m", "openusage", "serve", "--listen", "tcp:0:interface=127.0.0.1"),
                    *("--data-dir", str(cache.parent), "--interval", "60"),
                )
                assert child.stderr is not None

                self.assertTrue(_seen(child.stderr, b"claude: "), "the probe did not end")
                child.send_signal(number)

                stdout, stderr = child.communicate(timeout=_PATIENCE)
                self.assertEqual((child.returncode, stdout), (0, b""))
                self.assertNotIn(b"Traceback", stderr)
                self.assertIn(b'"claude"', cache.read_bytes())


class RunServiceTests(SynchronousTestCase):
    """`run_service`"""

    def setUp(self) -> None:
        keep_handlers(self)

    def test_stop_is_awaited(self) -> None:
        """The service starts with the reactor, and the reactor waits until it has stopped."""
        reactor = MemoryReactorClock()
        service = _Service()

        run_service(reactor, service)

        self.assertTrue(reactor.hasRun)
        self.assertTrue(service.running)
        (stop, _, _) = reactor.triggers["before"]["shutdown"][0]
        self.assertIs(stop(), service.stopping)


class StopOnSignalsTests(SynchronousTestCase):
    """`stop_on_signals`"""

    def setUp(self) -> None:
        keep_handlers(self)

    def test_twice(self) -> None:
        """Each signal stops the reactor; one that comes while it stops changes nothing."""
        reactor = _Reactor()
        stop_on_signals(reactor)
        reactor.run()
        reactor.stops = 0  # this reactor's run ends by itself

        for number in ENDINGS:
            handler = signal.getsignal(number)
            assert callable(handler)
            handler(number, None)

        self.assertEqual(reactor.stops, len(ENDINGS))

    def test_not_before(self) -> None:
        """Before the reactor runs, signals do what they did."""
        before = [signal.getsignal(number) for number in ENDINGS]

        stop_on_signals(_Reactor())

        self.assertEqual([signal.getsignal(number) for number in ENDINGS], before)


class RunTests(SynchronousTestCase):
    """`run`"""

    @skipIf(not SIGNALS, "needs signals")
    def test_interrupted(self) -> None:
        """Ctrl-C cancels the work and ends the process as shells expect, without a traceback."""
        script = (
            "from twisted.internet.defer import Deferred\n"
            "from openusage.cli.running import run\n"
            "async def work(reactor, threads):\n"
            "    print('ready', flush=True)\n"
            "    try:\n"
            "        await Deferred()\n"
            "    finally:\n"
            "        print('cancelled', flush=True)\n"
            "run(work)\n"
        )
        base = Path(self.mktemp()).absolute()
        base.mkdir()
        child = start(self, base, "-c", script)
        assert child.stdout is not None

        self.assertTrue(_seen(child.stdout, b"ready"))
        child.send_signal(signal.SIGINT)

        stdout, stderr = child.communicate(timeout=_PATIENCE)
        self.assertEqual((child.returncode, stdout.split(), stderr), (130, [b"cancelled"], b""))


class WarningsToStderrTests(SynchronousTestCase):
    """`warnings_to_stderr`"""

    def test_levels(self) -> None:
        """Warnings and errors are shown on one line each, what is routine is not."""
        said = io.StringIO()
        with redirect_stderr(said):
            with warnings_to_stderr():
                _log.warn("{id}: odd\n{more}", id="x", more="thing")
                _log.info("routine")
            _log.warn("after")

        self.assertEqual(said.getvalue(), "openusage: x: odd thing\n")


class _Reactor(MemoryReactorClock):
    """A reactor that takes being told to stop again for a bug, as real ones do."""

    stops = 0

    def callFromThread(self, function: Any, *args: object, **kwargs: object) -> None:
        function(*args, **kwargs)

    def stop(self) -> None:
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning


class _Service(Service):
    """A service whose stop takes its time."""

    def __init__(self) -> None:
        self.stopping: Deferred[None] = Deferred()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return self.stopping


def _seen(stream: IO[bytes], text: bytes) -> bool:
    """Read lines until one holds `text`; `False` when the stream ends before."""
    return any(text in line for line in stream)
