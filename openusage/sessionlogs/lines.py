"""The metric lines of a history: Today, Yesterday, Last 30 Days, Usage Trend and one per model.

There are two forms of them. The older one always has Today and Yesterday, and a bar only for days
with usage. The newer one leaves out what was not used, and has a bar for every day.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from openusage.model import BarChart, BarPoint, Line, Text
from openusage.sessionlogs.history import Day, History

__all__ = ["format_tokens", "history_lines"]

_SEPARATOR = " \N{MIDDLE DOT} "
_UNITS = ((10**9, "B"), (10**6, "M"), (10**3, "K"))
_TREND_DAYS = 31
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_MODELS = 100
_NANO = 10**9
_CENT = Decimal("0.01")


def history_lines(
    history: History, *, today: date, note: str, color: str | None = None, idle: bool = True
) -> list[Line]:
    """The lines of `history`, in the order in which they are shown.

    `note` says where the figures of the trend come from, `color` is that of its bars. With `idle`
    they have the older form, which shows idle days; else the newer one, which has no line per model
    and, without usage, no line at all.
    """
    if not idle:
        return list(_newer(history, today, note, color))
    days = {day.date: day for day in history.days}
    lines: list[Line] = [
        Text("Today", _day(days.get(today))),
        Text("Yesterday", _day(days.get(today - timedelta(days=1)))),
    ]
    tokens = sum(day.tokens for day in history.days)
    if tokens > 0:
        lines.append(Text("Last 30 Days", _usage(tokens, _total(history.days))))
    points = [_point(day) for day in history.days[-_TREND_DAYS:]]
    if points:
        lines.append(BarChart("Usage Trend", tuple(points), note=note, color=color))
    lines += _models(history.models)
    return lines


def _newer(history: History, today: date, note: str, color: str | None) -> Iterator[Line]:
    found = {day.date: day for day in history.days}
    trend = [today - timedelta(days=ago) for ago in reversed(range(_TREND_DAYS))]
    days = [found.get(day) or Day(day, 0, None) for day in trend]
    used = [day for day in days if day.tokens > 0 or day.cost]
    if not used:
        return
    for label, period in (("Today", days[-1:]), ("Yesterday", days[-2:-1]), ("Last 30 Days", used)):
        tokens, cost = sum(day.tokens for day in period), _total(period)
        if tokens > 0 or cost:
            dollars = [] if cost is None else [f"${_grouped(cost)}"]
            yield Text(label, _SEPARATOR.join([*dollars, f"{_compact(tokens)} tokens"]))
    points = (
        BarPoint(_label(day.date), max(0, day.tokens), f"{_compact(day.tokens)} tokens")
        for day in days
    )
    yield BarChart("Usage Trend", tuple(points), note=note, color=color)


def _label(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.day}"


def _grouped(dollars: float) -> str:
    return f"{Decimal(dollars).quantize(_CENT, ROUND_HALF_UP):,}"


def _compact(count: int) -> str:
    """`count` with at most one decimal: `999`, `12.9K`, `58.6M`; what rounds to `1000K` is `1M`."""
    text = str(count)
    for size, unit in _UNITS[::-1] if count >= 1000 else ():
        tenths = (count * 20 + size) // (size * 2)
        text = f"{tenths // 10}.{tenths % 10}".removesuffix(".0") + unit
        if tenths < 10_000:
            break
    return text


def format_tokens(count: int) -> str:
    """`count` in short: `999`, `1.5K`, `12M`; the unit is chosen first, so `1000K` occurs."""
    for size, unit in _UNITS:
        if count >= size:
            scaled = count / size
            text = str(math.floor(scaled + 0.5)) if scaled >= 10 else _fixed(scaled, 1)
            return text.removesuffix(".0") + unit
    return str(count)


def _day(day: Day | None) -> str:
    if day is None or day.tokens <= 0:
        return f"$0.00{_SEPARATOR}0 tokens"
    return _usage(day.tokens, day.cost)


def _usage(tokens: int, cost: float | None) -> str:
    parts = [] if cost is None else [f"${_fixed(cost, 2)}"]
    return _SEPARATOR.join([*parts, f"{format_tokens(tokens)} tokens"])


def _total(days: Iterable[Day]) -> float | None:
    """The dollars of all days; each is rounded to a billionth, which makes the sum exact."""
    costs = [round(day.cost * _NANO) for day in days if day.cost is not None]
    return sum(costs) / _NANO if costs else None


def _point(day: Day) -> BarPoint:
    label = f"{day.date.month}/{day.date.day}"
    return BarPoint(label, day.tokens, f"{format_tokens(day.tokens)} tokens")


def _models(models: Mapping[str, int]) -> Iterator[Text]:
    """One line per model with its share of all tokens, the largest first."""
    used = {model: tokens for model, tokens in models.items() if model.strip() and tokens > 0}
    total = sum(used.values())
    largest = sorted(used.items(), key=lambda item: (-item[1], item[0]))
    for model, tokens in largest[:_MOST_MODELS]:  # nobody has so many, but a log may
        yield Text(model, _share(tokens / total * 100))


def _share(percent: float) -> str:
    return "<0.1%" if percent < 0.1 else f"{_fixed(percent, 1).removesuffix('.0')}%"


def _fixed(value: float, digits: int) -> str:
    """With so many decimals; a tie of the exact binary value goes away from zero."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
