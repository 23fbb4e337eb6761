"""Tests for `openusage.sessionlogs.catalog` and the catalog it fetches."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import skipIf

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import UnreachableError
from openusage.sessionlogs.catalog import CatalogRefresh, load_catalog
from openusage.sessionlogs.litellm import CATALOG_URL, reduce_catalog
from openusage.sessionlogs.prices import PriceBook
from openusage.sessionlogs.rates import Buckets, read_price
from openusage.testing import run_inline
from tests.pieces import words

HALF_HOUR, DAY = 1800, 86_400
MODEL = {
    "input_cost_per_token": 1e-06,
    "output_cost_per_token": 4e-06,
    "cache_creation_input_token_cost": 1.25e-06,
    "cache_read_input_token_cost": 1e-07,
}


class ReduceCatalogTests(SynchronousTestCase):
    """Tests for `reduce_catalog`."""

    def of(self, **model: Any) -> Any:
        return reduce_catalog(json.dumps({"m": MODEL | model, "other": MODEL}).encode()).get("m")

    def test_rates(self) -> None:
        """Prices per token become prices per million."""
        self.assertEqual(self.of(mode="chat"), {"rates": [1, 1.25, 0.1, 4]})

    def test_missing(self) -> None:
        """Where nothing is said, writing to the cache costs as input; reading stays unknown."""
        bare = {"cache_creation_input_token_cost": None, "cache_read_input_token_cost": None}

        self.assertEqual(self.of(**bare), {"rates": [1, 1, None, 4]})

    def test_no_price(self) -> None:
        """An entry without a price for input or output is left out, and so is a senseless one."""
        values: tuple[object, ...] = (None, "1", -1, True, [])
        for value in values:
            self.assertIsNone(self.of(input_cost_per_token=value))
            self.assertIsNone(self.of(output_cost_per_token=value))

    def test_long(self) -> None:
        """Prices above a prompt size are taken, for the sizes that matter."""
        long = {f"{key}_above_200k_tokens": value * 2 for key, value in MODEL.items()}
        some = {"input_cost_per_token_above_272k_tokens": 3e-06}

        self.assertEqual(self.of(**long)["long"], [200_000, 2, 2.5, 0.2, 8])
        self.assertEqual(self.of(**some)["long"], [272_000, 3, None, None, None])
        self.assertNotIn("long", self.of(input_cost_per_token_above_128k_tokens=3e-06))

    def test_fast(self) -> None:
        """The factor of the fast tier is taken."""
        self.assertEqual(self.of(provider_specific_entry={"fast": 6.0, "us": 1.1})["fast"], 6)
        self.assertNotIn("fast", self.of(provider_specific_entry={"fast": "x"}))

    def test_readable(self) -> None:
        """What comes out is a price."""
        price = read_price(self.of(input_cost_per_token_above_200k_tokens=3e-06))

        assert price is not None
        self.assertEqual((price.rates(1).input, price.rates(2).input), (1, 3))
        self.assertEqual(price.rates(2).output, 4)

    def test_no_catalog(self) -> None:
        """Anything else is refused."""
        for body in (b"", b"<html>", b"[]", b"5", b"{}", b'{"m": {}}', b'{"m": 5}', b"\xff"):
            self.assertRaises(ValueError, reduce_catalog, body)


class FakeFetch:
    """Answers in turn; `asked` keeps URL and headers."""

    def __init__(self) -> None:
        self.answers: list[Deferred[Any]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, url: str, headers: Mapping[str, str]) -> Deferred[Any]:
        self.asked.append((url, dict(headers)))
        return self.answers.pop(0)

    def will(self, status: int = 200, etag: str | None = '"1"', body: bytes | None = None) -> None:
        catalog = json.dumps({"mystery": MODEL}).encode() if body is None else body
        self.answers.append(succeed((status, {"etag": etag} if etag else {}, catalog)))

    def will_fail(self, error: Exception) -> None:
        self.answers.append(fail(error))


class LoadCatalogTests(SynchronousTestCase):
    """Tests for `load_catalog`."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.book = PriceBook()

    def load(self) -> float | None:
        """What a million tokens of a model in the catalog cost afterwards."""
        loading = load_catalog(self.book, self.path, run_inline)
        self.successResultOf(Deferred.fromCoroutine(loading))
        return self.book.cost("mystery", Buckets(10**6))

    def test_stored(self) -> None:
        """Prices that a service stored are used, however old, and the file stays as it is."""
        models = {"mystery": {"rates": [3, 3, None, 3]}}
        text = json.dumps({"checked_at": 0, "etag": None, "models": models})
        self.path.write_text(text)

        self.assertEqual(self.load(), 3)
        self.assertEqual(self.path.read_text(), text)

    def test_nothing(self) -> None:
        """Without a file the bundled prices stay, without a word."""
        with capturedLogs() as events:
            self.assertIsNone(self.load())

        self.assertEqual((events, self.book.revision), ([], 0))

    def test_bad(self) -> None:
        """A file that holds no catalog is told, and the bundled prices stay."""
        self.path.write_text("x")
        with capturedLogs() as events:
            self.assertIsNone(self.load())

        self.assertIn("stored price catalog ignored", words(events)[0])
        self.assertEqual(self.book.revision, 0)


class CatalogRefreshTests(SynchronousTestCase):
    """Tests for `CatalogRefresh`."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "data" / "catalog.json"
        self.clock, self.fetch = Clock(), FakeFetch()
        self.clock.advance(1_000_000)
        self.begin()

    def begin(self) -> None:
        """A service as after a restart, not started."""
        self.book = PriceBook()
        self.service = CatalogRefresh(self.book, self.path, self.fetch, run_inline, self.clock)

    def start(self) -> None:
        self.service.startService()
        self.addCleanup(self.service.stopService)

    def restart(self) -> None:
        self.service.stopService()
        self.begin()
        self.start()

    def cost(self) -> float | None:
        return self.book.cost("mystery", Buckets(10**6))

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds // HALF_HOUR)):
            self.clock.advance(HALF_HOUR)
        self.clock.advance(seconds % HALF_HOUR)

    def test_first(self) -> None:
        """At the first start the catalog is asked for and used."""
        self.fetch.will()
        self.start()

        self.assertEqual(self.fetch.asked, [(CATALOG_URL, {})])
        self.assertEqual(self.cost(), 1)

    def test_daily(self) -> None:
        """It is asked for once a day, by its tag, and no answer but a new one changes anything."""
        self.fetch.will()
        self.start()
        revision = self.book.revision
        self.wait(DAY - 1)
        self.assertEqual(len(self.fetch.asked), 1)

        self.fetch.will(304, body=b"")
        self.wait(1)
        self.assertEqual(self.fetch.asked[1:], [(CATALOG_URL, {"if-none-match": '"1"'})])
        self.assertEqual((self.cost(), self.book.revision), (1, revision))

        dearer = json.dumps({"mystery": MODEL | {"input_cost_per_token": 2e-06}}).encode()
        self.fetch.will(200, '"2"', dearer)
        self.wait(DAY)
        self.assertEqual(self.cost(), 2)

    def test_no_tag(self) -> None:
        """Without a tag the whole is asked for again."""
        self.fetch.will(etag=None)
        self.start()
        self.fetch.will(etag=None)
        self.wait(DAY)

        self.assertEqual(self.fetch.asked[1], (CATALOG_URL, {}))

    def test_restart(self) -> None:
        """After a restart the stored catalog is used, and asked for when its day is over."""
        self.fetch.will()
        self.start()
        self.wait(DAY / 2)
        self.restart()
        self.assertEqual((self.cost(), len(self.fetch.asked)), (1, 1))

        self.fetch.will(304)
        self.wait(DAY / 2)
        self.assertEqual(self.fetch.asked[1], (CATALOG_URL, {"if-none-match": '"1"'}))
        self.restart()
        self.assertEqual((self.cost(), len(self.fetch.asked)), (1, 2))

    def test_clock_went_back(self) -> None:
        """A stored time in the future delays nothing beyond a day."""
        self.fetch.will()
        self.start()
        self.service.stopService()
        self.clock = Clock()
        self.begin()
        self.start()
        self.fetch.will(304)
        self.wait(DAY)

        self.assertEqual(len(self.fetch.asked), 2)

    @skipIf(sys.platform == "win32", "there are no such modes")
    def test_mode(self) -> None:
        """The file is its owner's, and nothing is left beside it."""
        self.fetch.will()
        self.start()

        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["catalog.json"])

    def test_failures(self) -> None:
        """After a failure it asks again half an hour later, once, and then the next day."""
        self.fetch.will_fail(UnreachableError("no answer"))
        with capturedLogs() as events:
            self.start()
        self.assertEqual(words(events), ["price catalog not refreshed: no answer"])

        self.fetch.will(503)
        self.wait(HALF_HOUR)
        self.assertEqual(len(self.fetch.asked), 2)
        self.wait(DAY - HALF_HOUR)
        self.assertEqual(len(self.fetch.asked), 2)
        self.fetch.will()
        self.wait(HALF_HOUR)

        self.assertEqual((self.cost(), len(self.fetch.asked)), (1, 3))

    def test_bad_answers(self) -> None:
        """What is no catalog does not take the place of one."""
        self.fetch.will()
        self.start()
        for status, body in ((200, b"<html>"), (200, b"{}"), (500, b""), (302, b"")):
            self.fetch.will(status, '"9"', body)
            self.wait(DAY)

        self.assertEqual((self.cost(), len(self.fetch.asked)), (1, 5))
        self.assertEqual(self.fetch.asked[-1][1], {"if-none-match": '"1"'})

    def test_bug(self) -> None:
        """An error nobody expects is logged as one, and the service goes on."""
        self.fetch.will_fail(ZeroDivisionError())
        self.start()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

        self.fetch.will()
        self.wait(HALF_HOUR)
        self.assertEqual(self.cost(), 1)

    def test_corrupt(self) -> None:
        """A stored file that is none is told and ignored, and replaced when a catalog comes."""
        for data in (
            b"",
            b"x",
            b"[]",
            b'{"checked_at": 5}',
            b'{"checked_at":5,"etag":5,"models":{}}',
        ):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(data)
            self.begin()
            self.fetch.will()
            with capturedLogs() as events:
                self.service.startService()
            self.service.stopService()

            self.assertEqual(len(events), 2, data)
            self.assertIn("stored price catalog ignored", words(events)[0])
            self.assertEqual(self.cost(), 1)

    def test_partly_corrupt(self) -> None:
        """Entries that are no prices are passed over."""
        self.path.parent.mkdir(parents=True)
        models = {"bad": {"rates": [1]}, "mystery": {"rates": [3, 3, None, 3]}}
        stored = {"checked_at": self.clock.seconds(), "etag": None, "models": models}
        self.path.write_text(json.dumps(stored))
        self.start()

        self.assertEqual((self.cost(), self.fetch.asked), (3, []))

    def test_unwritable(self) -> None:
        """A file that cannot be written costs no prices, only another fetch after a restart."""
        self.path.parent.parent.mkdir(parents=True)
        self.path.parent.write_text("in the way")
        self.fetch.will()
        with capturedLogs() as events:
            self.start()

        self.assertEqual(self.cost(), 1)
        self.assertTrue(any("price catalog not refreshed" in text for text in words(events)))
        self.wait(DAY - 1)
        self.assertEqual(len(self.fetch.asked), 1)

    def test_stop(self) -> None:
        """Stopping cancels the request that waits, without a word, and leaves no timer."""
        cancelled: list[object] = []
        self.fetch.answers.append(Deferred(cancelled.append))
        self.service.startService()

        with capturedLogs() as events:
            self.service.stopService()

        self.assertEqual(len(cancelled), 1)
        self.assertEqual((events, self.clock.getDelayedCalls()), ([], []))

    def test_slow(self) -> None:
        """While a request waits no other one is made."""
        self.fetch.answers.append(Deferred())
        self.start()
        self.wait(2 * DAY)

        self.assertEqual(len(self.fetch.asked), 1)
