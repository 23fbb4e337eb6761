"""Finding the price of a model by the name a log has for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from attrs import field, frozen

from openusage.sessionlogs.rates import Price

__all__ = ["Match", "Names"]

_FAST = "-fast"
_DATE = re.compile(r"-(?:\d{4}-\d\d-\d\d|\d{8})$", re.ASCII)
_DATED_END = re.compile(r"(?:-(?:\d{4}-\d\d-\d\d|\d{8}))?", re.ASCII)
_ROUTER = re.compile(r"(.+?) \(auto\b.*\)", re.IGNORECASE)


class Match(NamedTuple):
    """A price; `fast` if the name itself asks for the fast tier of it."""

    price: Price
    fast: bool


@frozen
class Names:
    """Our own table `own`, checked by hand, before the `catalog`; both by model name.

    `aliases` are patterns of whole names with what they stand for, `labels` what routers print, in
    lower case, as in `Opus 5 (Auto)`.
    """

    own: Mapping[str, Price]
    catalog: Mapping[str, Price] = field(factory=dict)
    aliases: Sequence[tuple[re.Pattern[str], str]] = ()
    labels: Mapping[str, str] = field(factory=dict)

    def find(self, name: str) -> Match | None:
        """The price of `name`: of what it is an alias for, else of the name as it is."""
        if not name.strip():
            return None
        for candidate in dict.fromkeys((self._alias(name), name)):
            match = self._resolve(candidate)
            if match is not None:
                return match
        return None

    def _alias(self, name: str) -> str:
        router = _ROUTER.fullmatch(name)
        if router is not None and router[1].lower() in self.labels:
            return self.labels[router[1].lower()]
        for pattern, target in self.aliases:
            alias = pattern.fullmatch(name)
            if alias is not None:
                return alias.expand(target)
        return name

    def _resolve(self, name: str) -> Match | None:
        price = self._exact(name)
        if price is not None:
            return Match(price, fast=False)
        if name.endswith(_FAST):
            # Never the price of the plain model: it may well cost six times as much.
            base = name[: -len(_FAST)]
            price = self._exact(base) or self._similar(base)
            return None if price is None else Match(price, fast=True)
        price = self._similar(name)
        return None if price is None else Match(price, fast=False)

    def _exact(self, name: str) -> Price | None:
        undated = _DATE.sub("", name)
        return self.own.get(name) or self.own.get(undated) or self.catalog.get(name)

    def _similar(self, name: str) -> Price | None:
        """The price of the longest name that is part of `name` or has it as its essence."""
        found = [key for key in self._keys() if _is_part(key, name) or _is_essence(name, key)]
        if not found:
            return None
        best = min(found, key=lambda key: (-len(key), key))
        return self.own.get(best) or self.catalog[best]

    def _keys(self) -> Iterator[str]:
        yield from (key for key, price in self.own.items() if not price.exact)
        yield from (key for key in self.catalog if key not in self.own)


def _is_part(key: str, name: str) -> bool:
    """Whether `key` is in `name` between borders, as `claude-opus-4-5` in `eu.claude-opus-4-5-v1`.

    A number must not go on: `gpt-5` is no part of `gpt-5.4`, unless what follows is a date.
    """
    return _contains(name, key) or _contains(_plain(name), _plain(key))


def _contains(name: str, key: str) -> bool:
    if key not in name:
        return False
    ahead = r"(?![A-Za-z0-9])"
    if key[-1:].isdigit():
        ahead += r"(?:(?![-.]\d)|(?=[-.](?:\d{8}|\d{4}-\d\d-\d\d)(?![A-Za-z0-9])))"
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(key)}{ahead}", name, re.ASCII) is not None


def _is_essence(name: str, key: str) -> bool:
    """Whether `key` is `name` with a vendor before it or a date behind it: `xai/grok-4.3`."""
    for short, long in ((name, key), (_plain(name), _plain(key))):
        before, found, after = long.rpartition(short)
        if found and (not before or before[-1] in "/:.") and _DATED_END.fullmatch(after):
            return True
    return False


def _plain(name: str) -> str:
    return name.replace(".", "-").replace("@", "-")
