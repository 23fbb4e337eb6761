"""What a model costs, as values; dollars per million tokens."""

from __future__ import annotations

import math
from datetime import date
from typing import Any, NamedTuple

from attrs import frozen

from openusage.sessionlogs.calls import LONG_CONTEXT

__all__ = ["Buckets", "Price", "Rates", "read_price"]


_FIELDS = ("input", "write", "read", "output")


class Buckets(NamedTuple):
    """Token counts by what they cost; no token is in two of them."""

    input: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    output: int = 0


@frozen
class Rates:
    """`read` is `None` where no price for cached tokens was published."""

    input: float
    write: float
    read: float | None
    output: float

    def cost(self, buckets: Buckets, unpublished_read: float) -> float:
        """In dollars; without a price of their own, cached tokens cost that share of others.

        Tokens written to the cache for an hour cost twice as much as others, whatever the model.
        """
        read = self.input * unpublished_read if self.read is None else self.read
        return (
            buckets.input * self.input
            + buckets.write_5m * self.write
            + buckets.write_1h * self.input * 2
            + buckets.read * read
            + buckets.output * self.output
        ) / 1e6


@frozen
class Price:
    """What a model costs from the day `since` on, and what it did `before`.

    A request whose prompt is of more than `LONG_CONTEXT[long_at]` tokens costs the `long` rates as
    a whole. `fast` is how many times more a request at the fast tier costs, where that is known.
    The name of an `exact` model means nothing as part of another name.
    """

    base: Rates
    long: Rates | None = None
    long_at: int = 0
    fast: float | None = None
    exact: bool = False
    since: date | None = None
    before: Price | None = None

    def on(self, day: date | None) -> Price:
        """The price of `day`, or of today."""
        if day is None or self.since is None or self.before is None or day >= self.since:
            return self
        return self.before.on(day)

    def rates(self, tier: int) -> Rates:
        """The rates for a prompt that exceeds `tier` of the `LONG_CONTEXT` sizes."""
        return self.long if self.long is not None and tier > self.long_at else self.base


def read_price(entry: Any) -> Price | None:
    """A price from its JSON; `None` if that is not in the form.

    `rates` are for input, writing to the cache, reading from it and output; `long` is the same with
    the size it begins at in front. A long rate that is null is the same as the base one.
    """
    if not isinstance(entry, dict):
        return None
    base = _rates(entry.get("rates"), None)
    if base is None:
        return None
    fast = entry.get("fast")
    long, long_at = _long(entry.get("long"), base)
    return Price(
        base,
        long,
        long_at,
        fast=fast if _is_rate(fast) else None,
        exact=entry.get("exact") is True,
        since=_day(entry.get("since")),
        before=read_price(entry.get("before")),
    )


def _long(values: object, base: Rates) -> tuple[Rates | None, int]:
    if not isinstance(values, list) or not values or values[0] not in LONG_CONTEXT:
        return None, 0
    rates = _rates(values[1:], base)
    return rates, 0 if rates is None else LONG_CONTEXT.index(values[0])


def _rates(values: object, base: Rates | None) -> Rates | None:
    if not isinstance(values, list) or len(values) != len(_FIELDS):
        return None
    rates: dict[str, Any] = {
        name: getattr(base, name, None) if value is None else value
        for name, value in zip(_FIELDS, values, strict=True)
    }
    if not all(_is_rate(rate) or (name == "read" and rate is None) for name, rate in rates.items()):
        return None
    return Rates(**rates)


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_rate(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0
