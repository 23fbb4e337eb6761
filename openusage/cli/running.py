"""The reactor, for a command that needs one, and the log lines that a person should see then."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogBeginner,
    globalLogPublisher,
    textFileLogObserver,
)
from twisted.python.failure import Failure
from zope.interface import provider

from openusage.cli.trouble import complain
from openusage.host.blocking import Threads
from openusage.log import logger
from openusage.stopping import stop_on

__all__ = ["log_to_stderr", "run", "stop_on_signals", "warnings_to_stderr"]

T = TypeVar("T")
Work: TypeAlias = Callable[[Any, Threads], Coroutine[Deferred[Any], Any, T]]

_INTERRUPTED = 130
"""The status of a process that Ctrl-C ended, as shells have it."""
_ENDINGS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
]
"""Windows alone has the last one, for Ctrl-Break and a closed window."""


def run(work: Work[T], reactor: Any = None) -> T:
    """What `work(reactor, threads)` returns or raises. A process can do this once.

    Ctrl-C cancels the work and ends the process.
    """
    if reactor is None:
        from twisted.internet import reactor  # noqa: PLC0415 - importing it chooses it
    outcome: list[T | Failure] = []
    interrupted: list[bool] = []

    def begin() -> None:
        working = Deferred.fromCoroutine(_with_threads(work, reactor))

        def interrupt() -> Deferred[None] | None:
            if outcome:
                return None
            interrupted.append(True)
            working.cancel()
            return over

        def finish(result: T | Failure) -> None:
            outcome.append(result)
            if not interrupted:
                reactor.stop()

        reactor.addSystemEventTrigger("before", "shutdown", interrupt)
        over = working.addBoth(finish)

    stop_on_signals(reactor)
    reactor.callWhenRunning(begin)
    reactor.run()
    if interrupted:
        raise SystemExit(_INTERRUPTED)
    result = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
    return result


def stop_on_signals(reactor: Any) -> None:
    """Have Ctrl-C and SIGTERM stop the reactor, once it runs."""
    reactor.callWhenRunning(stop_on, reactor, _ENDINGS, _say)


def _say(number: int) -> None:
    _log.info("stopping on {signal}", signal=signal.Signals(number).name)


@contextmanager
def warnings_to_stderr() -> Iterator[None]:
    """Show what is logged meanwhile and a person can mend; bugs Twisted shows by itself."""

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.warn, LogLevel.error):
            complain(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)


def log_to_stderr(*, verbose: bool) -> None:
    """Write the log to stderr as text from here on: info and above, or all of it if `verbose`."""
    level = LogLevel.debug if verbose else LogLevel.info
    observer = FilteringLogObserver(
        textFileLogObserver(sys.stderr), [LogLevelFilterPredicate(defaultLogLevel=level)]
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


async def _with_threads(work: Work[T], reactor: Any) -> T:
    threads = Threads(reactor)
    threads.start()
    try:
        return await work(reactor, threads)
    finally:
        await threads.stop()


_log = logger(__name__)
