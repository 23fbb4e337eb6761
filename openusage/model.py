"""The values everything else speaks of: metric lines, snapshots, health and the error family.

Values are frozen and check themselves: what exists is valid. Percent is 0 to 100, money is dollars,
instants are aware UTC, unknown is `None` and never 0. Nothing here knows Twisted, I/O or JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, TypeAlias

from attrs import Attribute, field, frozen
from attrs.converters import optional
from attrs.validators import optional as _maybe

__all__ = [
    "Badge",
    "BarChart",
    "BarPoint",
    "Count",
    "Dollars",
    "Format",
    "Health",
    "Line",
    "MalformedError",
    "NotAvailableError",
    "NotLoggedInError",
    "Percent",
    "ProbeError",
    "ProbeTimeoutError",
    "Progress",
    "ProviderCrashedError",
    "RateLimitedError",
    "Snapshot",
    "Text",
    "TokenExpiredError",
    "UnexpectedResponseError",
    "UnreachableError",
]

# --- the error family -----------------------------------------------------------------------------


@frozen
class ProbeError(Exception):
    """A probe that failed, worded for the person who reads it; never holds a secret or a path.

    `code` is the stable name of the class of failure, as health and scripts see it.
    """

    message: str = field(converter=str)
    code: ClassVar[str] = "failed"

    def __str__(self) -> str:
        return self.message


@frozen
class NotLoggedInError(ProbeError):
    """No usable credentials were found."""

    code: ClassVar[str] = "not_logged_in"


@frozen
class TokenExpiredError(ProbeError):
    """The service, or the token's own expiry, says that the login is no longer good."""

    code: ClassVar[str] = "token_expired"


@frozen
class NotAvailableError(ProbeError):
    """The credentials are fine, yet this kind of login has no usage to show."""

    code: ClassVar[str] = "not_available"


@frozen
class RateLimitedError(ProbeError):
    """The service asks to be left alone for `retry_after` seconds (`None`: it did not say)."""

    retry_after: float | None = None
    code: ClassVar[str] = "rate_limited"


@frozen
class UnreachableError(ProbeError):
    """No answer: refused, reset, unknown host, no route, proxy or TLS trouble."""

    code: ClassVar[str] = "unreachable"


@frozen
class ProbeTimeoutError(UnreachableError):
    """No answer in time."""

    code: ClassVar[str] = "timeout"


@frozen
class UnexpectedResponseError(ProbeError):
    """An answer that is not what the service is known to say; `status` is its HTTP status."""

    status: int | None = None
    code: ClassVar[str] = "unexpected_response"


@frozen
class MalformedError(ProbeError):
    """A provider made a metric line or snapshot that breaks the rules: a bug in the provider."""

    code: ClassVar[str] = "malformed"


@frozen
class ProviderCrashedError(ProbeError):
    """A provider raised something that is no `ProbeError`: a bug in the provider."""

    code: ClassVar[str] = "crashed"


# --- rules shared by the values -------------------------------------------------------------------


def _text(value: str) -> str:
    """Lone surrogates, which no UTF-8 answer could carry, become `?`; non-text is left to `_is`."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _refuse(instance: object, reason: str) -> MalformedError:
    kind = type(instance).__name__
    label = getattr(instance, "label", None)
    return MalformedError(f"{kind} line {label!r:.80}: {reason}" if label else f"{kind}: {reason}")


def _is(kind: type | tuple[type, ...], *, empty: bool = True, none: bool = False) -> Any:
    """A validator: a `kind`, text non-blank unless `empty`, or `None` if `none`."""

    def validate(instance: object, attribute: Attribute[Any], value: object) -> None:
        if value is None and none:
            return
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise _refuse(instance, f"invalid {attribute.name} (got {type(value).__name__})")
        if not empty and isinstance(value, str) and not value.strip():
            raise _refuse(instance, f"empty {attribute.name}")

    return validate


def _float(value: float) -> float:
    """Integers become floats, as the wire has them; non-numbers are left to `_number`."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return value


def _number(*, positive: bool = False) -> Any:
    """A validator: a finite float, not negative, or above 0 when `positive`."""

    def validate(instance: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, float):
            raise _refuse(instance, f"invalid {attribute.name} (expected number)")
        if not math.isfinite(value) or value < 0 or (positive and value == 0):
            raise _refuse(instance, f"invalid {attribute.name}: {value:g}")

    return validate


def _utc(value: datetime, step: timedelta) -> datetime:
    """Aware instants become UTC, cut to `step`; anything else is left to `_aware`."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(timezone.utc)
        return value - (value - datetime.min.replace(tzinfo=timezone.utc)) % step
    return value


def to_milliseconds(value: datetime) -> datetime:
    """An instant cut to milliseconds, the precision of `resets_at` on the wire."""
    return _utc(value, timedelta(milliseconds=1))


def to_seconds(value: datetime) -> datetime:
    """An instant cut to whole seconds, the precision of `fetched_at` on the wire."""
    return _utc(value, timedelta(seconds=1))


def _aware(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, datetime):
        raise _refuse(instance, f"invalid {attribute.name} (got {type(value).__name__})")
    if value.tzinfo is None:
        raise _refuse(instance, f"{attribute.name} has no time zone")


# The type checker wants converters that are not generic. What is no iterable is left to `_tuple`.
def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _points(values: Iterable[BarPoint]) -> tuple[BarPoint, ...]:
    return tuple(values) if isinstance(values, Iterable) else values


def _as_lines(values: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(values) if isinstance(values, Iterable) else values


def _tuple(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple):
        raise _refuse(instance, f"invalid {attribute.name} (got {type(value).__name__})")


_MAYBE_TEXT = _is(str, none=True)


# --- metric lines ---------------------------------------------------------------------------------


@frozen
class Percent:
    """`used` is a share of 100."""

    kind: ClassVar[str] = "percent"


@frozen
class Dollars:
    """`used` and `limit` are US dollars."""

    kind: ClassVar[str] = "dollars"


@frozen
class Count:
    """`used` and `limit` count things named by `suffix`, such as `requests`."""

    suffix: str = field(converter=_text, validator=_is(str, empty=False))
    kind: ClassVar[str] = "count"


Format: TypeAlias = Percent | Dollars | Count


@frozen
class Progress:
    """A bounded meter; `used` may pass `limit`, since some plans allow overage."""

    label: str = field(converter=_text, validator=_is(str, empty=False))
    used: float = field(converter=_float, validator=_number())
    limit: float = field(converter=_float, validator=_number(positive=True))
    format: Format = field(factory=Percent, validator=_is((Percent, Dollars, Count)))
    resets_at: datetime | None = field(
        default=None, converter=optional(to_milliseconds), validator=_maybe(_aware)
    )
    period_ms: int | None = field(default=None, validator=_is(int, none=True))
    color: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)

    LONGEST_MS: ClassVar[int] = 2**53 - 1  # what every reader of JSON has exactly

    def __attrs_post_init__(self) -> None:
        if isinstance(self.format, Percent) and self.limit != 100:
            raise _refuse(self, f"percent format requires limit=100 (got {self.limit:g})")
        if self.period_ms is not None and not 0 < self.period_ms <= self.LONGEST_MS:
            raise _refuse(self, f"period_ms must be 1 to {self.LONGEST_MS}")


@frozen
class Text:
    """A labelled text, such as `Today`: `$5.17 · 9.2M tokens`."""

    label: str = field(converter=_text, validator=_is(str, empty=False))
    value: str = field(converter=_text, validator=_is(str))
    color: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)
    subtitle: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)


@frozen
class Badge:
    """A short state, such as `Status`: `No usage data`."""

    label: str = field(converter=_text, validator=_is(str, empty=False))
    text: str = field(converter=_text, validator=_is(str))
    color: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)
    subtitle: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)


@frozen
class BarPoint:
    """One bar: `value` is what its height shows, `value_label` how it reads."""

    label: str = field(converter=_text, validator=_is(str, empty=False))
    value: float = field(converter=_float, validator=_number())
    value_label: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)


@frozen
class BarChart:
    """Bars from left to right, at most `MAX_POINTS` of them."""

    label: str = field(converter=_text, validator=_is(str, empty=False))
    points: tuple[BarPoint, ...] = field(converter=_points, validator=_tuple)
    note: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)
    color: str | None = field(default=None, converter=optional(_text), validator=_MAYBE_TEXT)

    MAX_POINTS: ClassVar[int] = 366

    @points.validator
    def _check(self, attribute: Attribute[Any], value: tuple[object, ...]) -> None:
        if not all(isinstance(point, BarPoint) for point in value):
            raise _refuse(self, "points must be BarPoint values")
        if not 0 < len(value) <= self.MAX_POINTS:
            raise _refuse(self, f"needs 1 to {self.MAX_POINTS} points (got {len(value)})")


Line: TypeAlias = Progress | Text | Badge | BarChart
_LINES = (Progress, Text, Badge, BarChart)


# --- snapshot and health --------------------------------------------------------------------------


@frozen
class Snapshot:
    """What one successful probe of a provider instance found, as the API serves it."""

    provider_id: str = field(converter=_text, validator=_is(str, empty=False))
    display_name: str = field(converter=_text, validator=_is(str, empty=False))
    plan: str | None = field(converter=optional(_text), validator=_MAYBE_TEXT)
    lines: tuple[Line, ...] = field(converter=_as_lines, validator=_tuple)
    fetched_at: datetime = field(converter=to_seconds, validator=_aware)

    @lines.validator
    def _check(self, attribute: Attribute[Any], value: tuple[object, ...]) -> None:
        if not value:
            raise _refuse(self, f"{self.provider_id}: no lines")
        for index, line in enumerate(value):
            if not isinstance(line, _LINES):
                reason = f"line {index} is no metric line (got {type(line).__name__})"
                raise _refuse(self, f"{self.provider_id}: {reason}")


@frozen
class Health:
    """How the probes of one provider instance go.

    `failures` counts failures in a row; `error` (the class) and `message` tell of the last one and
    are `None` after a success. `waiting` says why `next_attempt` is when it is. `notes` are what
    the last probe has to remark, such as unknown models or unreadable log lines.
    """

    last_attempt: datetime | None = field(
        default=None, converter=optional(to_milliseconds), validator=_maybe(_aware)
    )
    last_success: datetime | None = field(
        default=None, converter=optional(to_milliseconds), validator=_maybe(_aware)
    )
    error: str | None = None
    message: str | None = None
    failures: int = 0
    next_attempt: datetime | None = field(
        default=None, converter=optional(to_milliseconds), validator=_maybe(_aware)
    )
    waiting: str | None = None
    notes: tuple[str, ...] = field(default=(), converter=_texts)
