"""Tests for `openusage.log`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import cast

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    capturedLogs,
    eventAsJSON,
    eventAsText,
    formatEvent,
    globalLogPublisher,
    textFileLogObserver,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from openusage.log import RedactingObserver, logger
from openusage.model import ProbeError, UnreachableError

SECRET = "sk-abcdefghijklmnop"  # a made-up key
MASKED = "sk-a...mnop"

module_log = logger()


class Something:
    """Has a logger as Twisted's classes have theirs."""

    log = logger()


@frozen
class Login:
    """A value that shows its secret."""

    token: str
    status: int = 200


class BrokenError(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError(SECRET)


def written(events: Sequence[LogEvent]) -> str:
    """All that observers would write of the events."""
    file = io.StringIO()
    observer = textFileLogObserver(file)
    for event in events:
        observer(event)
    return file.getvalue() + "".join(eventAsJSON(event) + repr(event) for event in events)


class LoggerTests(SynchronousTestCase):
    """Tests for `logger`."""

    def test_namespace(self) -> None:
        """A module's logger bears the module's name."""
        self.assertEqual(module_log.namespace, __name__)

    def test_named(self) -> None:
        """A namespace may be given."""
        self.assertEqual(logger("some.where").namespace, "some.where")

    def test_attribute(self) -> None:
        """As an attribute it bears the class's name, knows the instance and still redacts."""
        something = Something()

        with capturedLogs() as events:
            something.log.info("{key}", key=SECRET)

        [event] = events
        self.assertEqual(event["log_namespace"], f"{__name__}.Something")
        self.assertIs(event["log_source"], something)
        self.assertEqual(formatEvent(event), MASKED)

    def test_publisher(self) -> None:
        """Events go where all events go."""
        seen: list[LogEvent] = []
        observer = cast(ILogObserver, seen.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

        module_log.debug("hello {name}", name="claude")

        [event] = seen
        self.assertEqual(formatEvent(event), "hello claude")
        self.assertIs(event["log_level"], LogLevel.debug)


class RedactingObserverTests(SynchronousTestCase):
    """Tests for `RedactingObserver`."""

    def test_fields(self) -> None:
        """Text is masked wherever it stands in an event; all else is as it was."""
        with capturedLogs() as events:
            module_log.info(
                "{text} {number}",
                text=f"a {SECRET}",
                number=3,
                nothing=None,
                nested={"list": [f"b {SECRET}", ("/home/alice/x", 1.5)], f"{SECRET}": True},
            )

        [event] = events
        self.assertEqual(event["text"], f"a {MASKED}")
        self.assertEqual((event["number"], event["nothing"]), (3, None))
        self.assertEqual(event["nested"], {"list": [f"b {MASKED}", ("[PATH]", 1.5)], MASKED: True})

    def test_secret_fields(self) -> None:
        """A field that is named as a secret is masked, whatever its text; a name is no secret."""
        with capturedLogs() as events:
            module_log.info("", token="abc", name="claude", more={"password": "x", "n": "y"})

        [event] = events
        self.assertEqual((event["token"], event["name"]), ("[REDACTED]", "claude"))
        self.assertEqual(event["more"], {"password": "[REDACTED]", "n": "y"})

    def test_format(self) -> None:
        """A secret that only format and value make together is masked, and braces survive it."""
        with capturedLogs() as events:
            module_log.info("account={who} {{}} {missing_not}", who="bob", missing_not="{x}")

        self.assertEqual(formatEvent(events[0]), "account=[REDACTED] {} {x}")

    def test_unformattable(self) -> None:
        """An event whose format is wrong is reported, masked too."""
        with capturedLogs() as events:
            module_log.info("{missing}", key=SECRET)

        text = formatEvent(events[0])
        self.assertIn("Unable to format", text)
        self.assertNotIn(SECRET, text)

    def test_objects(self) -> None:
        """An object that would show a secret is replaced by one that does not."""
        with capturedLogs() as events:
            module_log.info(
                "{login} {login!r} {login.status} {login.token} {path:>8}",
                login=Login(SECRET),
                path=PurePosixPath("/home/alice/x"),
            )

        self.assertIn(f"200 {MASKED}   [PATH]", formatEvent(events[0]))
        self.assertNotIn(SECRET, written(events))

    def test_harmless_objects(self) -> None:
        """An object that shows nothing secret stays itself."""
        error = UnreachableError("connection refused")

        with capturedLogs() as events:
            module_log.warn("{error}", error=error)

        self.assertIs(events[0]["error"], error)

    def test_exceptions(self) -> None:
        """An error's words are masked."""
        with capturedLogs() as events:
            module_log.error("{error}", error=OSError(2, "missing", "/home/alice/x"))

        self.assertEqual(formatEvent(events[0]), "[Errno 2] missing: '[PATH]'")
        self.assertNotIn("alice", written(events))

    def test_deep(self) -> None:
        """Nesting without end is cut, and still masked."""
        nest: list[object] = [SECRET]
        for _ in range(50):
            nest = [nest]
        nest.append(nest)

        with capturedLogs() as events:
            module_log.info("", nest=nest)

        self.assertNotIn(SECRET, written(events))

    def test_original(self) -> None:
        """The caller's own values are not touched."""
        mine = {"key": [SECRET]}

        module_log.info("", mine=mine)

        self.assertEqual(mine, {"key": [SECRET]})

    @settings(deadline=None, max_examples=50)
    @given(
        st.recursive(
            st.one_of(st.text(), st.binary(), st.integers(), st.none(), st.just(SECRET)),
            lambda inner: st.one_of(
                st.lists(inner), st.dictionaries(st.text(), inner), st.frozensets(st.text())
            ),
        )
    )
    def test_any_value(self, value: object) -> None:
        """No value makes logging fail or lets a key through."""
        seen: list[LogEvent] = []

        RedactingObserver(cast(ILogObserver, seen.append))(
            {"log_format": "{value}", "value": value}
        )

        self.assertNotIn(SECRET, formatEvent(seen[0]) + repr(seen[0]["value"]))


class FailureTests(SynchronousTestCase):
    """Tests for failures in the events of `RedactingObserver`."""

    def failure(self, error: Exception, cause: Exception | None = None) -> Failure:
        try:
            raise error from cause
        except type(error):
            return Failure()

    def test_harmless(self) -> None:
        """A failure with nothing to hide is handed on as it is, for trial to flush."""
        failure = self.failure(ValueError("plain"))

        with capturedLogs() as events:
            module_log.failure("oops", failure)

        self.assertIs(events[0]["log_failure"], failure)
        self.assertEqual(self.flushLoggedErrors(ValueError), [failure])

    def test_secret(self) -> None:
        """One with a secret keeps its type's name and traceback, and can still be flushed."""
        with capturedLogs() as events:
            module_log.failure("oops", self.failure(UnreachableError(f"a {SECRET} b")))

        text = eventAsText(events[0])
        self.assertIn(f"openusage.model.UnreachableError: a {MASKED} b", text)
        self.assertIn(", in failure", text)
        self.assertNotIn(SECRET, written(events))
        self.assertEqual(len(self.flushLoggedErrors(ProbeError)), 1)

    def test_cause(self) -> None:
        """A secret in what led to the failure counts too."""
        failure = self.failure(ValueError("plain"), KeyError(SECRET))

        with capturedLogs() as events:
            module_log.failure("oops", failure)

        self.assertIsNone(events[0]["log_failure"].value.__cause__)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_circle(self) -> None:
        """Causes that go round in a circle are gone through once."""
        first, second = ValueError("a"), ValueError(SECRET)
        first.__context__, second.__context__ = second, first

        with capturedLogs() as events:
            module_log.failure("oops", Failure(first))

        self.assertNotIn(SECRET, written(events))
        self.flushLoggedErrors(ValueError)

    def test_unspeakable(self) -> None:
        """An error that fails to say what it is does not get through."""
        with capturedLogs() as events:
            module_log.failure("oops", self.failure(BrokenError()))

        self.assertNotIn(SECRET, written(events))
        self.flushLoggedErrors(BrokenError)
