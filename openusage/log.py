"""Loggers whose every event is redacted before an observer sees it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen
from twisted.logger import ILogObserver, LogEvent, Logger, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.python.reflect import safe_repr, safe_str
from zope.interface import implementer

from openusage.redact import SECRET_KEYS, mask, redact

__all__ = ["RedactingObserver", "logger"]

# What the log system itself puts there and no observer writes out as it is.
_OWN = frozenset({"log_format", "log_level", "log_logger", "log_source", "log_time", "log_trace"})
# An event tells a provider or a file by its name.
_SECRET_FIELDS = SECRET_KEYS - {"name"}
_DEPTH = 8


def logger(namespace: str | None = None) -> Logger:
    """A `Logger` whose events are redacted; its namespace is that of the caller or of its class.

    Use it as one uses `Logger()`: as a module's variable or as an attribute of a class.
    """
    if namespace is None:
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        namespace = caller.f_globals["__name__"] if caller is not None else __name__
    return Logger(namespace, observer=RedactingObserver(globalLogPublisher))


@implementer(ILogObserver)
@frozen
class RedactingObserver:
    """Hands on redacted copies of the events it sees.

    Values with nothing to hide are handed on as they are. A failure whose text has to change
    becomes one of the same type name and traceback around the redacted text.
    """

    observer: ILogObserver

    def __call__(self, event: LogEvent) -> None:
        """Observe `event`."""
        self.observer(_redacted(event))


def _redacted(event: LogEvent) -> LogEvent:
    shown = {
        key: value if key in _OWN else _of_key(key, value, _DEPTH) for key, value in event.items()
    }
    # Format and values may each be harmless and name an account together.
    text = formatEvent(shown)
    clean = redact(text)
    if clean != text:
        shown["log_format"] = clean.replace("{", "{{").replace("}", "}}")
    return shown


def _of_key(key: object, value: object, depth: int) -> object:
    if isinstance(value, str) and key in _SECRET_FIELDS:
        return mask(value)
    return _value(value, depth)


def _value(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Failure):
        return _failure(value)
    if depth > 0:
        if isinstance(value, Mapping):
            return {_value(key, 0): _of_key(key, each, depth - 1) for key, each in value.items()}
        if isinstance(value, list | tuple):
            plain = list if isinstance(value, list) else tuple
            return plain(_value(each, depth - 1) for each in value)
    return value if _is_clean(value) else _Shown(value)


def _is_clean(value: object) -> bool:
    return all(redact(text) == text for text in (safe_str(value), safe_repr(value)))


@frozen(repr=False, eq=False)
class _Shown:
    """Stands in for a value whose text has something to hide."""

    _original: Any = field()

    def __str__(self) -> str:
        return redact(safe_str(self._original))

    def __repr__(self) -> str:
        return redact(safe_repr(self._original))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __getattr__(self, name: str) -> object:
        """So that a format may say `{error.status}`."""
        return _of_key(name, getattr(self._original, name), _DEPTH)


def _failure(failure: Failure) -> Failure:
    """`failure` itself when its text, and that of what led to it, has nothing to hide."""
    if all(_is_clean(error) for error in _chain(failure.value)):
        return failure
    original = failure.type or type(failure.value)
    kind = type(
        original.__name__,
        (Exception,),
        {"__module__": original.__module__, "__qualname__": original.__qualname__},
    )
    shown = Failure(kind(redact(safe_str(failure.value))), kind, failure.getTracebackObject())
    shown.parents = failure.parents  # what `check`, and trial by it, knows a failure by
    return shown


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        waiting += [error.__cause__, error.__context__]
