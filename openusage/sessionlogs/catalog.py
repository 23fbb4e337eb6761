"""`CatalogRefresh`: prices of models that the bundled table does not know, fetched now and then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

import msgspec
from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from openusage.disk import replace_file
from openusage.log import logger
from openusage.model import ProbeError
from openusage.sessionlogs.litellm import CATALOG_URL, reduce_catalog
from openusage.sessionlogs.prices import PriceBook
from openusage.sessionlogs.rates import Price, read_price

__all__ = ["CatalogRefresh", "Fetch", "load_catalog"]

P = ParamSpec("P")
T = TypeVar("T")

Fetch: TypeAlias = Callable[
    [str, Mapping[str, str]], Awaitable["tuple[int, Mapping[str, str], bytes]"]
]
"""Asks for a URL with headers; status, headers (lower-case names) and body of the answer."""

_TICK = 30 * 60.0
_DAY = 24 * 60 * 60.0
_OK, _NOT_MODIFIED = 200, 304


class _Blocking(Protocol):
    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...


class _RefusedError(ValueError):
    """The catalog was not given, or is none."""


class _Stored(msgspec.Struct):
    """What is kept on disk: when the catalog was last known to be the newest, and its prices."""

    checked_at: float
    etag: str | None
    models: dict[str, Any]


async def load_catalog(prices: PriceBook, path: Path, run: _Blocking) -> _Stored | None:
    """Have `prices` take up the catalog in the file `path`, as it was stored; asks nobody.

    A missing file is no matter, a bad one is told in the log and as good as none: then `None`.
    """
    try:
        stored, catalog = await run(_read, path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warn("stored price catalog ignored: {kind}", kind=type(error).__name__)
        return None
    prices.use(catalog)
    return stored


@define(eq=False, slots=False)
class CatalogRefresh(Service):
    """Keeps a catalog beside the bundled prices while it runs, and in the file `path` in between.

    Asks at most once a day. After a failure it asks again once, half an hour later, then the next
    day. Histories never wait for it.
    """

    prices: PriceBook
    path: Path
    fetch: Fetch
    run: _Blocking
    clock: IReactorTime
    log = logger()
    _stored: _Stored | None = None
    _due: float | None = None
    _failures: int = 0
    _loop: LoopingCall | None = field(default=None, init=False)
    _asking: Deferred[None] | None = field(default=None, init=False)

    def startService(self) -> None:
        """Take up the stored catalog, and ask for a newer one if it is old."""
        super().startService()
        self._loop = LoopingCall(self._tick)
        self._loop.clock = self.clock
        self._loop.start(_TICK)

    def stopService(self) -> None:
        """Stop asking."""
        super().stopService()
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        if self._asking is not None:
            self._asking.cancel()

    def _tick(self) -> Deferred[None]:
        self._asking = Deferred.fromCoroutine(self._refresh())
        return self._asking.addErrback(self._failed)

    async def _refresh(self) -> None:
        if self._due is None:
            await self._load()
        now = self.clock.seconds()
        if self._due is not None and now < self._due:
            return
        # Set before asking, so that no failure, of whatever kind, makes it ask at once again.
        self._failures += 1
        self._due = now + (_TICK if self._failures == 1 else _DAY)
        self._stored = await self._ask(now)
        self._failures, self._due = 0, now + _DAY
        await self.run(replace_file, self.path, msgspec.json.encode(self._stored), mode=0o600)

    async def _load(self) -> None:
        """Take up the file, and ask at once without one."""
        self._due = self.clock.seconds()
        self._stored = await load_catalog(self.prices, self.path, self.run)
        if self._stored is not None:
            self._due = min(self._stored.checked_at, self._due) + _DAY

    async def _ask(self, now: float) -> _Stored:
        stored = self._stored
        headers = {"if-none-match": stored.etag} if stored is not None and stored.etag else {}
        status, answer, body = await self.fetch(CATALOG_URL, headers)
        if status == _NOT_MODIFIED and stored is not None:
            return _Stored(now, stored.etag, stored.models)
        if status != _OK:
            raise _RefusedError(f"HTTP {status}")
        models, prices = await self.run(_reduce, body)
        self.prices.use(prices)
        self.log.info("price catalog: {count} models", count=len(models))
        return _Stored(now, answer.get("etag"), models)

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if failure.check(ProbeError, OSError, ValueError):
            # Info: the bundled prices do, and it is tried again.
            self.log.info("price catalog not refreshed: {error}", error=failure.value)
        else:
            self.log.failure("price catalog not refreshed", failure)


def _reduce(body: bytes) -> tuple[dict[str, Any], dict[str, Price]]:
    models = reduce_catalog(body)
    return models, _prices(models)


def _read(path: Path) -> tuple[_Stored, dict[str, Price]]:
    stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
    return stored, _prices(stored.models)


def _prices(models: Mapping[str, Any]) -> dict[str, Price]:
    prices = {name: read_price(entry) for name, entry in models.items()}
    return {name: price for name, price in prices.items() if price is not None}


_log = logger(__name__)
