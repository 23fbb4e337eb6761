"""The figures of an Amp account as metric lines, and what it lives on as its plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openusage.host.instants import from_epoch, parse_instant
from openusage.host.numbers import clamp, money, number, shortest
from openusage.host.values import object_at, objects_in, text_of
from openusage.model import Count, Dollars, Line, Progress, Text

__all__ = ["plan_of", "usage_lines"]

_DAY_MS = 86_400_000
# The daily share of the free tier starts anew at this hour of Amp's own day.
_ZONE, _TURN = "America/New_York", time(20)


def plan_of(body: Mapping[str, Any]) -> str:
    """What the account lives on: a subscription by its name, the free tier, a balance."""
    if name := text_of(object_at(body, "paid").get("name")):
        return name
    if object_at(body, "free") or object_at(body, "freeShare"):
        return "Free"
    if number(body.get("credits")) is None and any(objects_in(body.get("workspaces"))):
        return "Workspace"
    return "Credits"


def usage_lines(body: Mapping[str, Any], at: datetime) -> Iterator[Line]:
    """The lines of what was told at the instant `at`."""
    free = [
        *_free_lines(object_at(body, "free"), at),
        *_share_lines(object_at(body, "freeShare"), at),
    ]
    yield from free
    yield from _paid_lines(object_at(body, "paid"), at)
    bonus = object_at(body, "bonus")
    percent, days = number(bonus.get("percent")), number(bonus.get("days"))
    if object_at(body, "free") and percent and days:
        yield Text("Bonus", f"+{shortest(percent)}% for {shortest(days)}d")
    if body.get("disabled") is True:
        yield Text("Amp Free", "Disabled")
    balance = number(body.get("credits"))
    if balance is not None and (balance > 0 or not free):
        yield Text("Credits", money(balance))
    for workspace in objects_in(body.get("workspaces")):
        name, amount = text_of(workspace.get("name")), number(workspace.get("amount"))
        if name is not None and amount is not None:
            yield Text(f"Workspace {name}", money(amount))


def _free_lines(free: Mapping[str, Any], at: datetime) -> Iterator[Line]:
    remaining, total = number(free.get("remaining")), number(free.get("total"))
    if remaining is None or total is None or total <= 0:
        return
    used, rate = clamp(total - remaining, 0.0, total), number(free.get("rate")) or 0.0
    full_at = from_epoch(at.timestamp() + used / rate * 3600) if used > 0 and rate > 0 else None
    yield Progress("Free", used, total, Dollars(), full_at, _DAY_MS)


def _share_lines(share: Mapping[str, Any], at: datetime) -> Iterator[Line]:
    remaining = number(share.get("remaining"))
    if remaining is None:
        return
    daily = share.get("daily") is True
    resets_at = _next_turn(at) if daily else None
    yield Progress(
        "Amp Free",
        100 - clamp(remaining),
        100,
        resets_at=resets_at,
        period_ms=_DAY_MS if daily else None,
    )


def _paid_lines(paid: Mapping[str, Any], at: datetime) -> Iterator[Line]:
    start, end = (parse_instant(text_of(paid.get(key))) for key in ("start", "end"))
    resets_at = end or _renews_at(paid, at)
    period_ms = int((end - start) / timedelta(milliseconds=1)) if start and end else 0
    meters = (
        ("Agent usage", "agent", Dollars()),
        ("Other usage", "other", None),
        ("Orb usage", "orb", None),
        ("Orb usage", "orbHours", Count("hours")),
    )
    for label, key, unit in meters:
        left, total = number(paid.get(key)), 100.0
        if unit is not None:
            pool = object_at(paid, key)
            left, total = number(pool.get("remaining")), number(pool.get("total")) or 0.0
        if left is None or total <= 0:
            continue
        used = clamp(total - left, 0.0, total)
        period = period_ms if period_ms > 0 else None
        if unit is None:
            yield Progress(label, used, 100, resets_at=resets_at, period_ms=period)
        else:
            yield Progress(label, used, total, unit, resets_at, period)


def _renews_at(paid: Mapping[str, Any], at: datetime) -> datetime | None:
    days, months = number(paid.get("days")), number(paid.get("months"))
    if days is not None:
        return from_epoch(at.timestamp() + days * 86400)
    return None if months is None else _months_later(at, months)


def _months_later(at: datetime, months: float) -> datetime | None:
    """The same day so many months later, or the last one that the month has."""
    if not 0 <= months <= 1200:
        return None
    year, month = divmod(at.year * 12 + at.month - 1 + int(months), 12)
    for day in range(at.day, 27, -1):
        try:
            return at.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return at.replace(year=year, month=month + 1)


def _next_turn(at: datetime) -> datetime | None:
    try:
        zone = ZoneInfo(_ZONE)
    except ZoneInfoNotFoundError:  # a system without time zones
        return None
    here = at.astimezone(zone)
    turn = datetime.combine(here.date(), _TURN, zone)
    if turn <= here:
        turn = datetime.combine(here.date() + timedelta(days=1), _TURN, zone)
    return turn.astimezone(timezone.utc)
