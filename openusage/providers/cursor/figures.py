"""Amounts as Cursor tells them, cents and percent of a cycle, as metric lines.

A line that would tell nothing, such as one of a limit of 0, is not made.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from attrs import frozen

from openusage.host.instants import parse_instant
from openusage.host.numbers import money, number, rounded
from openusage.model import Dollars, Progress, Text

__all__ = ["Cycle", "dollar_bar", "dollars", "percent_bar", "spend_text"]

_MONTH = timedelta(days=30)


@frozen
class Cycle:
    """When a figure begins anew, if that is known, and how long it runs until then."""

    resets_at: datetime | None = None
    period: timedelta = _MONTH

    @classmethod
    def between(cls, start: object, end: object) -> Cycle:
        """The cycle from `start` to `end`, instants in any spelling."""
        begins, ends = parse_instant(start), parse_instant(end)
        if begins is None or ends is None or ends <= begins:
            return cls(ends)
        return cls(ends, ends - begins)

    @classmethod
    def month_from(cls, start: object) -> Cycle:
        """The thirty days from `start`, an instant in any spelling."""
        begins = parse_instant(start)
        with suppress(OverflowError):  # the last month that there is
            return cls(None if begins is None else begins + _MONTH)
        return cls()

    @property
    def period_ms(self) -> int:
        """`period` in milliseconds."""
        return self.period // timedelta(milliseconds=1)


def dollars(cents: float) -> float:
    """Whole cents, in dollars."""
    return rounded(cents / 100, 2)


def percent_bar(label: str, used: float | None, cycle: Cycle) -> Progress | None:
    """A share of 100; `None` when it is unknown or can be none."""
    if used is None or number(used) is None or used < 0:
        return None
    return Progress(label, used, 100, resets_at=cycle.resets_at, period_ms=cycle.period_ms)


def dollar_bar(
    label: str, used: float, limit: float, cycle: Cycle | None = None
) -> Progress | None:
    """Dollars of dollars, both given in cents; `None` when there is no such amount or limit."""
    spent, most = number(dollars(used)), number(dollars(limit))
    if spent is None or most is None or spent < 0 or most <= 0:
        return None
    if cycle is None:
        return Progress(label, spent, most, Dollars())
    return Progress(label, spent, most, Dollars(), cycle.resets_at, cycle.period_ms)


def spend_text(label: str, used: float) -> Text | None:
    """What was spent where there is no limit; `None` when that is nothing."""
    return Text(label, money(dollars(used))) if number(used) is not None and used > 0 else None
