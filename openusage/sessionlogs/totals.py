"""Calls summed per day, model and price, so that a history at other prices is a matter of sums."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from attrs import define, field

from openusage.sessionlogs.calls import Call, tier_of
from openusage.sessionlogs.history import Day, History, LogRateLimits
from openusage.sessionlogs.prices import PriceBook, Terms
from openusage.sessionlogs.rates import Buckets
from openusage.sessionlogs.walk import Flag, check

__all__ = ["Totals", "day_finder"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_DAY = _EPOCH.toordinal()
_DAY_MS = 86_400_000
_BATCH = 1000
_LONGEST_NAME = 200
_MOST_NAMED = 8
_MOST_DOLLARS = 1e9
"""No call costs more; a cost that can be none is not taken over, and the call is priced instead."""


class _Group(NamedTuple):
    """Calls that cost the same per token: `day` is the person's, `priced_on` the one in UTC."""

    day: date
    priced_on: date
    model: str
    fast: bool
    tier: int


@define(eq=False)
class Totals:
    """The calls of a window of days, without the calls.

    `carried` are the costs that the logs themselves have. Of the other calls `groups` has the sums:
    the five kinds of tokens that have a price, then what the calls count for.
    """

    tokens: Counter[date] = field(factory=Counter)
    models: Counter[str] = field(factory=Counter)
    carried: dict[date, list[float]] = field(factory=lambda: defaultdict(list))
    groups: dict[_Group, list[int]] = field(factory=dict)

    @classmethod
    def of(
        cls, calls: Iterable[tuple[Call, bool]], first: date, zone: tzinfo, stop: Flag
    ) -> Totals:
        """The sums of `calls` on the day `first` and later. Raises `StoppedError`."""
        totals, day_of = cls(), day_finder(zone)
        for number, (call, fast) in enumerate(calls):
            if number % _BATCH == 0:
                check(stop)
            day = day_of(call.at)
            if day >= first:
                totals._add(call, fast, day)
        return totals

    def _add(self, call: Call, fast: bool, day: date) -> None:
        self.tokens[day] += call.tokens
        model = call.model[:_LONGEST_NAME]
        if model.strip():
            self.models[model] += call.tokens
        if call.cost is not None and 0 <= call.cost <= _MOST_DOLLARS:
            self.carried[day].append(call.cost)
            return
        on = date.fromordinal(_EPOCH_DAY + call.at // _DAY_MS)
        group = _Group(day, on, model, fast, tier_of(call.prompt()))
        sums = self.groups.setdefault(group, [0, 0, 0, 0, 0, 0])
        for place, count in enumerate(
            (call.input, call.write_5m, call.write_1h, call.read, call.output, call.tokens)
        ):
            sums[place] += count

    def history(
        self, prices: PriceBook, terms: Terms, notes: Iterable[str], limits: LogRateLimits | None
    ) -> History:
        """The history at `prices`; its notes name the models that have none."""
        costs = {day: list(carried) for day, carried in self.carried.items()}
        used, models = self.tokens.copy(), self.models.copy()
        unknown: set[str] = set()
        for group, (*sums, tokens) in self.groups.items():
            cost = _cost(group, Buckets(*sums), prices, terms)
            if cost is not None:
                costs.setdefault(group.day, []).append(cost)
                continue
            if group.model.strip() and any(sums):
                unknown.add(group.model)
            if terms.priced_only:
                used[group.day] -= tokens
                models[group.model] -= tokens
        days = (
            Day(day, used[day], math.fsum(costs[day]) if day in costs else None)
            for day in sorted(used)
        )
        return History(
            days=[day for day in days if day.tokens or day.cost],
            models={model: tokens for model, tokens in models.items() if tokens > 0},
            notes=[*notes, *_unknown(sorted(unknown))],
            rate_limits=limits,
        )


def _cost(group: _Group, sums: Buckets, prices: PriceBook, terms: Terms) -> float | None:
    if not group.model.strip():
        return None
    tier = group.tier if terms.long_context else 0
    return prices.cost(group.model, sums, group.fast, group.priced_on, tier=tier, terms=terms)


def _unknown(models: Sequence[str]) -> Iterator[str]:
    for model in models[:_MOST_NAMED]:
        yield f"unknown model: {model}"
    if len(models) > _MOST_NAMED:
        yield f"unknown models: {len(models) - _MOST_NAMED} more"


def day_finder(zone: tzinfo) -> Callable[[int], date]:
    """A function from an instant, in milliseconds, to its calendar day in `zone`.

    It remembers the day of each minute; no zone changes its offset within one.
    """
    days: dict[int, date] = {}

    def day_of(at: int) -> date:
        minute = at // 60_000
        day = days.get(minute)
        if day is None:
            day = days[minute] = (_EPOCH + timedelta(minutes=minute)).astimezone(zone).date()
        return day

    return day_of
