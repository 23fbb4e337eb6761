"""`PriceBook`: what calls cost, by model and day.

The bundled table is our own: the libraries that have such tables take a third of a second and tens
of megabytes to import, and their figures need overrides all the same. It holds the prices that the
services publish (seen 2026-11), checked by hand; a catalog that `CatalogRefresh` fetches adds other
models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

from openusage.sessionlogs.calls import tier_of
from openusage.sessionlogs.names import Match, Names
from openusage.sessionlogs.rates import Buckets, Price, read_price

__all__ = ["PriceBook", "Terms"]

_TABLE = Path(__file__).with_name("prices.json")


@frozen
class Terms:
    """What a tool's calls cost where no table says.

    `fast` is how many times more a call at the fast tier costs, `fast_name` the same for a model
    whose name says that it is fast (`None`: unknown), `unpublished_read` the share of the input
    price that cached tokens cost. Without `long_context` no call costs more for a long prompt, as
    where one stands for several calls. With `priced_only` the calls of a model that has no price
    count for nothing; else their tokens do.
    """

    fast: float = 1.0
    fast_name: float | None = None
    unpublished_read: float = 0.1
    long_context: bool = True
    priced_only: bool = False


_TERMS = Terms()


@frozen
class _Table:
    names: Names
    stands_for: Mapping[str, tuple[tuple[date, str], ...]]


@lru_cache(maxsize=1)
def _bundled() -> _Table:
    table: dict[str, Any] = json.loads(_TABLE.read_bytes())
    models = {name: read_price(entry) for name, entry in table["models"].items()}
    names = Names(
        own={name: price for name, price in models.items() if price is not None},
        aliases=[(re.compile(pattern), target) for pattern, target in table["aliases"]],
        labels=table["labels"],
    )
    stands_for = {
        name: tuple((date.fromisoformat(since), model) for since, model in changes)
        for name, changes in table["stands_for"].items()
    }
    return _Table(names, stands_for)


@define(eq=False)
class PriceBook:
    """The bundled prices and those of a catalog.

    `revision` changes whenever prices do.
    """

    revision: int = 0
    _table: _Table = field(factory=_bundled)
    _memo: dict[str, Match | None] = field(factory=dict)

    def use(self, catalog: Mapping[str, Price]) -> None:
        """Take the prices of models that the bundled table does not know from `catalog`."""
        self._table = evolve(self._table, names=evolve(self._table.names, catalog=dict(catalog)))
        self._memo = {}
        self.revision += 1

    def cost(
        self,
        model: str,
        buckets: Buckets,
        fast: bool = False,
        day: date | None = None,
        *,
        tier: int | None = None,
        terms: Terms = _TERMS,
    ) -> float | None:
        """Dollars for `buckets`, at the prices of `day` (`None`: today's); `None`: unknown model.

        `tier` says how many of the sizes in `LONG_CONTEXT` each request summed in `buckets`
        exceeds, 0 where that is not known; without it `buckets` are one request.
        """
        match = self._find(model, day)
        if match is None:
            return None
        price = match.price.on(day)
        if match.fast:
            times = terms.fast_name if price.fast is None else price.fast
        elif fast and not model.endswith("-fast"):
            times = terms.fast if price.fast is None else price.fast
        else:
            times = 1.0
        if times is None:
            return None
        if tier is None:
            tier = tier_of(sum(buckets) - buckets.output)
        return price.rates(tier).cost(buckets, terms.unpublished_read) * times

    def _find(self, model: str, day: date | None) -> Match | None:
        """The price of `model`, or of the one it was another name for on `day`."""
        for since, name in self._table.stands_for.get(model, ()):
            if day is None or day >= since:
                model = name
                break
        if model not in self._memo:
            self._memo[model] = self._table.names.find(model)
        return self._memo[model]
