"""The answers as metric lines.

A plan of the older kind allows a number of `Standard` tokens a month and, some of them, `Premium`
tokens. One of the newer kind has three windows with limits in percent, the same three again for
the models of Droid Core, and dollars to go on with. A window that nobody has used since it ended,
or ever, has no end: it is unused, whatever share it still tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from openusage.host.instants import from_epoch, parse_instant
from openusage.host.numbers import money, number, numeric
from openusage.host.values import object_at
from openusage.model import Badge, Count, Line, Progress, Text
from openusage.providers.shape import Shape

__all__ = ["BILLING", "SHAPE", "has_rate_limits", "limit_lines", "plan_name", "usage_lines"]

_ALLOWANCE: Shape = {"orgTotalTokensUsed": "any", "totalAllowance": "any"}
_WINDOW: Shape = {"usedPercent": "any", "windowEnd": "any", "secondsRemaining": "any"}
_WINDOWS: Mapping[str, Shape] = {"fiveHour": _WINDOW, "weekly": _WINDOW, "monthly": _WINDOW}

BILLING: Mapping[str, Shape] = {
    "usesTokenRateLimitsBilling": "any",
    "limits": {"standard": _WINDOWS, "core": {"enabled": "any", **_WINDOWS}},
    "extraUsageBalanceCents": "any",
    "extraUsageAllowed": "any",
}
SHAPE: Mapping[str, Shape] = {
    "usage": {
        "startDate": "any",
        "endDate": "any",
        "standard": _ALLOWANCE,
        "premium": _ALLOWANCE,
    },
    "billing": BILLING,
}

_TIERS = ((200_000_000, "Max"), (20_000_000, "Pro"))
_CORE = "Droid Core"
_ORANGE = "#f97316"


@frozen
class _Period:
    """One of the three windows: its key, how long it is, what its lines are called."""

    key: str
    length_ms: int
    label: str
    core_label: str


_PERIODS = (
    _Period("fiveHour", 18_000_000, "5-hour usage", "Core 5-hour usage"),
    _Period("weekly", 604_800_000, "Weekly usage", "Core weekly usage"),
    _Period("monthly", 2_592_000_000, "Monthly usage", "Core monthly usage"),
)


def usage_lines(body: Mapping[str, Any], at: datetime) -> list[Line]:
    """The lines of what both answers told at the instant `at`."""
    return [*limit_lines(object_at(body, "billing"), at), *_allowances(object_at(body, "usage"))]


def plan_name(body: Mapping[str, Any]) -> str | None:
    """`Pro` or the like, as the standard allowance tells, and whether Droid Core belongs to it."""
    tier = _tier(number(object_at(body, "usage", "standard").get("totalAllowance")))
    if not _has_core(object_at(body, "billing")):
        return tier
    return f"{tier} + {_CORE}" if tier else _CORE


def _tier(allowance: float | None) -> str | None:
    if allowance is None or allowance <= 0:
        return None
    return next((name for least, name in _TIERS if allowance >= least), "Basic")


# --- the older plans ------------------------------------------------------------------------------


def _allowances(usage: Mapping[str, Any]) -> Iterator[Progress]:
    start, end = number(usage.get("startDate")), number(usage.get("endDate"))
    resets_at = None if end is None else from_epoch(end / 1000)
    length = 0 if start is None or end is None else end - start
    period = int(length) if 1 <= length <= Progress.LONGEST_MS else None
    for label, key in (("Standard", "standard"), ("Premium", "premium")):
        tokens = object_at(usage, key)
        limit = number(tokens.get("totalAllowance"))
        used = _used(tokens.get("orgTotalTokensUsed"))
        if limit is not None and limit > 0 and used is not None and used >= 0:
            yield Progress(label, used, limit, Count("tokens"), resets_at, period)


def _used(value: object) -> float | None:
    """The tokens used, of which the service says nothing when there are none."""
    return 0.0 if value is None else number(value)


# --- the newer plans ------------------------------------------------------------------------------


def has_rate_limits(billing: Mapping[str, Any]) -> bool:
    """Whether the plan is of the newer kind."""
    return billing.get("usesTokenRateLimitsBilling") is True


def limit_lines(billing: Mapping[str, Any], at: datetime) -> list[Line]:
    """The lines of a plan of the newer kind, as it was at the instant `at`."""
    standard = object_at(billing, "limits", "standard")
    lines: list[Line] = [*_extra_usage(billing)]
    for period in _PERIODS:
        lines += _window(period.label, object_at(standard, period.key), period.length_ms, at)
    if _has_core(billing):
        lines.append(Badge(_CORE, "Enabled", _ORANGE))
        lines += _core_windows(object_at(billing, "limits", "core"), at)
    return lines


def _extra_usage(billing: Mapping[str, Any]) -> Iterator[Text]:
    """The dollars left, unless there are none and none can be had."""
    cents = numeric(billing.get("extraUsageBalanceCents"))
    if cents is not None and (cents or billing.get("extraUsageAllowed") is True):
        yield Text("Extra Usage", f"{money(cents / 100)} remaining")


def _has_core(billing: Mapping[str, Any]) -> bool:
    core = object_at(billing, "limits", "core")
    if isinstance(core.get("enabled"), bool):
        return core["enabled"] is True
    return any(object_at(core, period.key) for period in _PERIODS)


def _core_windows(core: Mapping[str, Any], at: datetime) -> Iterator[Progress]:
    """Those that are running: most people never touch them."""
    for period in _PERIODS:
        window = object_at(core, period.key)
        if _running(window, at):
            yield from _window(period.core_label, window, period.length_ms, at)


def _window(
    label: str, window: Mapping[str, Any], length_ms: int, at: datetime
) -> Iterator[Progress]:
    used = numeric(window.get("usedPercent"))
    if used is None or used < 0:
        return
    if _running(window, at):
        yield Progress(label, used, 100, resets_at=_end(window, at), period_ms=length_ms)
    else:
        yield Progress(label, 0, 100, period_ms=length_ms)


def _running(window: Mapping[str, Any], at: datetime) -> bool:
    """Whether the window has an end that is still to come, or none that could be read."""
    if _seconds_left(window) is None and not window.get("windowEnd"):
        return False
    end = _end(window, at)
    return end is None or end > at


def _end(window: Mapping[str, Any], at: datetime) -> datetime | None:
    seconds = _seconds_left(window)
    if seconds is None:
        return parse_instant(window.get("windowEnd"))
    return from_epoch(at.timestamp() + seconds)


def _seconds_left(window: Mapping[str, Any]) -> float | None:
    seconds = numeric(window.get("secondsRemaining"))
    return seconds if seconds is not None and seconds > 0 else None
