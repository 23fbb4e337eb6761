"""Tests for `openusage.sessionlogs.prices` and how it finds a model by its name."""

from __future__ import annotations

from datetime import date

from twisted.trial.unittest import SynchronousTestCase

from openusage.sessionlogs.calls import tier_of
from openusage.sessionlogs.prices import PriceBook, Terms
from openusage.sessionlogs.rates import Buckets, Price, Rates, read_price

MILLION = Buckets(10**6, 10**6, 10**6, 10**6, 10**6)
DAY = date(2026, 11, 20)
CODEX = Terms(fast=2.0, fast_name=2.0, unpublished_read=1.0)

# Input, cache write, cache read, output, in dollars per million tokens.
TABLE = """
claude-opus-5 5 6.25 0.5 25
claude-opus-4-8 5 6.25 0.5 25
claude-opus-4-7 5 6.25 0.5 25
claude-opus-4-6 5 6.25 0.5 25
claude-opus-4-5 5 6.25 0.5 25
claude-opus-4-1 15 18.75 1.5 75
claude-opus-4-20250514 15 18.75 1.5 75
claude-3-opus-20240229 15 18.75 1.5 75
claude-fable-5 10 12.5 1 50
claude-opus-5-5 4 5 0.2 20
claude-fable-5-1 10 12.5 0.25 50
claude-fable-5-2 8 10 0.2 40
claude-sonnet-5-5 2 2.5 0.1 10
claude-sonnet-5 2 2.5 0.2 10
claude-haiku-5-5 0.1 0.125 0.01 0.5
claude-sonnet-4-6 3 3.75 0.3 15
claude-3-7-sonnet-20250219 3 3.75 0.3 15
claude-sonnet-4-5 3 3.75 0.3 15
claude-sonnet-4-20250514 3 3.75 0.3 15
claude-4-sonnet-1m 6 7.5 0.6 22.5
claude-haiku-4-5 1 1.25 0.1 5
claude-3-haiku-20240307 0.25 0.3 0.03 1.25
gpt-5 1.25 1.25 0.125 10
gpt-5-codex 1.25 1.25 0.125 10
gpt-5.1 1.25 1.25 0.125 10
gpt-5.1-codex 1.25 1.25 0.125 10
gpt-5.1-codex-max 1.25 1.25 0.125 10
gpt-5-mini 0.25 0.25 0.025 2
gpt-5.1-codex-mini 0.25 0.25 0.025 2
gpt-5-nano 0.05 0.05 0.005 0.4
gpt-5.2 1.75 1.75 0.175 14
gpt-5.2-codex 1.75 1.75 0.175 14
gpt-5.3-codex 1.75 1.75 0.175 14
gpt-5.3-codex-spark 1.75 1.75 0.175 14
gpt-5.4 2.5 2.5 0.25 15
gpt-5.4-mini 0.75 0.75 0.075 4.5
gpt-5.4-nano 0.2 0.2 0.02 1.25
gpt-5.5 5 5 0.5 30
gpt-6-astra 10 12.5 1 50
gpt-6-sol 2 2.5 0.2 10
gpt-6.1-sol 2 2.5 0.1 10
gpt-6.1-terra 1 1.25 0.05 5
gpt-6-luna 0.1 0.125 0.01 0.5
gpt-5.3 1.75 1.75 0.175 14
gpt-5.6-sol 4 5 0.4 20
gpt-5.6-terra 2 2.5 0.2 12
gpt-5.6-luna 0.2 0.25 0.02 1.2
codex-mini-latest 1.5 1.5 0.375 6
o3 2 2 0.5 8
o4-mini 1.1 1.1 0.275 4.4
gpt-4.1 2 2 0.5 8
gpt-4o 2.5 2.5 1.25 10
gemini-2.5-pro 1.25 1.25 0.125 10
gemini-3-pro-preview 2 2 0.2 12
gemini-3.1-pro-preview 2 2 0.2 12
gemini-2.5-flash 0.3 0.3 0.03 2.5
gemini-2.5-flash-lite 0.1 0.1 0.01 0.4
gemini-3-flash-preview 0.5 0.5 0.05 3
gemini-3.5-flash 1.5 1.5 0.15 9
gemini-3.6-flash 1.5 1.5 0.15 7.5
gemini-3.7-flash 0.75 0.75 0.075 3.75
auto 1.25 1.25 0.25 6
composer-1 1.25 1.25 0.125 10
composer-1.5 3.5 3.5 0.35 17.5
composer-2 0.5 0.5 0.2 2.5
composer-2.5 0.5 0.5 0.2 2.5
composer-2-fast 1.5 1.5 0.35 7.5
composer-2.5-fast 3 3 0.5 15
github_bugbot 5 5 0.5 30
grok-4.5 2 2 0.5 6
grok-4.6 2 2 0.5 6
grok-4.5-fast 4 4 1 12
grok-4.6-fast 4 4 1 12
xai/grok-4.3 1.25 1.25 0.2 2.5
xai/grok-4.20-0309-reasoning 2 2 0.2 6
grok-build-0.1 1 1 0.2 2
kimi-k2.7-code 0.95 0.95 0.19 4
kimi-k3 3 3 0.3 15
moonshot/kimi-k2.5 0.6 0.6 0.1 3
glm-5.2 1.1268 1.1268 0.2817 3.9438
claude-opus-4-7-fast 30 37.5 3 150
claude-opus-4-8-fast 10 12.5 1 50
claude-opus-5-fast 10 12.5 1 50
"""

# Seen name, and the one it is priced as.
ALIASES = """
default = auto
composer = composer-2.5
agent_review = gpt-5.4
grok-4-6 = grok-4.6
cursor-grok-4.5-xhigh = grok-4.5
cursor-grok-4.6-high-fast = grok-4.6-fast
grok-4.5-fast-low = grok-4.5-fast
kimi-k2p7 = kimi-k2.7-code
kimi-k2.7 = kimi-k2.7-code
kimi-k3-code-max = kimi-k3
kimi-k2p5 = moonshot/kimi-k2.5
claude-4.5-haiku-thinking = claude-haiku-4-5
claude-4.5-opus-high-thinking = claude-opus-4-5
claude-4-sonnet-1m-thinking = claude-4-sonnet-1m
claude-4-sonnet = claude-sonnet-4-20250514
claude-4.5-sonnet-thinking = claude-sonnet-4-5
claude-4.6-sonnet-max-thinking = claude-sonnet-4-6
claude-4.7-opus-low = claude-opus-4-7
claude-opus-4-8-thinking-high = claude-opus-4-8
claude-opus-5[1m]-thinking-max = claude-opus-5
claude-fable-5-thinking-low = claude-fable-5
claude-sonnet-5-high = claude-sonnet-5
gemini-2.5-flash-high = gemini-2.5-flash
gemini-3-flash = gemini-3-flash-preview
gemini-3.6-flash-preview-low = gemini-3.6-flash
gemini-3.1-pro = gemini-3.1-pro-preview
gpt-5.1-high = gpt-5
gpt-5.1-codex-max-xhigh = gpt-5.1-codex-max
gpt-5.1-codex-low = gpt-5.1-codex
gpt-5.3-codex-xhigh = gpt-5.3-codex
gpt-5.3-codex-spark-preview-high = gpt-5.3-codex-spark
gpt-5.3-spark = gpt-5.3-codex-spark
gpt-5.4-medium = gpt-5.4
gpt-5.4-mini-high = gpt-5.4-mini
gpt-5.5-extra-high = gpt-5.5
gpt-5.6-terra-none = gpt-5.6-terra
daybreak-blue-latest = gpt-5.6-sol
grok-4-20-thinking = xai/grok-4.20-0309-reasoning
grok-4.3 = xai/grok-4.3
grok-code-fast-1 = grok-build-0.1
grok-composer-2.5-fast = composer-2.5-fast
glm-5.2-max = glm-5.2
Premium (gpt-5.3-codex) = gpt-5.3-codex
Premium (Codex 5.3) = gpt-5.3-codex
Composer 2.5 Fast (Auto Balanced) = composer-2.5-fast
claude opus 5 (AUTO) = claude-opus-5
Sonnet 5 (Auto) = claude-sonnet-5
Cursor Grok 4.6 Fast (Auto) = grok-4.6-fast
GPT-5.6 Luna (auto cost) = gpt-5.6-luna
Gemini 3.1 Pro (Auto) = gemini-3.1-pro-preview
Kimi K3 (Auto) = kimi-k3
"""

# Names that are no key of the table but hold one, and that key.
SIMILAR = """
claude-haiku-4-5-20251001 = claude-haiku-4-5
claude-opus-4-5-20251101 = claude-opus-4-5
claude-sonnet-4-5@20250929 = claude-sonnet-4-5
anthropic/claude-sonnet-4-6 = claude-sonnet-4-6
us.anthropic.claude-sonnet-4-5-20250929-v1:0 = claude-sonnet-4-5
claude-sonnet-4 = claude-sonnet-4-20250514
gpt-5.5-2026-04-23 = gpt-5.5
openai/gpt-5.5-2026-04-23 = gpt-5.5
gpt-5-4-mini = gpt-5.4-mini
openrouter/openai/gpt-5.2-codex:free = gpt-5.2-codex
gpt-5-turbo = gpt-5
"""

UNKNOWN = (
    "",
    "mystery",
    "gpt-5.9",
    "gpt-6",
    "gpt-6-nova",
    "claude-opus-6",
    "claude-opus-5-1",
    "claude-sonnet-4-7",
    "claude",
    "claude-sonnet",
    "gpt",
    "my-auto",
    "composer-9",
    "xgpt-5",
    "gpt-5x",
    "gpt-5-20261",
)


def pairs(text: str) -> list[list[str]]:
    return [line.split(" = ") for line in text.strip().splitlines()]


class CostTests(SynchronousTestCase):
    """Tests for `PriceBook.cost`."""

    def setUp(self) -> None:
        self.book = PriceBook()

    def rate(self, model: str, **bucket: int) -> float | None:
        """The cost of a million tokens, summed from small requests."""
        return self.book.cost(model, Buckets(**bucket), day=DAY, tier=0)

    def test_table(self) -> None:
        """Each model of the table costs what is published."""
        for row in TABLE.strip().splitlines():
            model, *rates = row.split()
            kinds = ("input", "write_5m", "read", "output")
            for kind, rate in zip(kinds, rates, strict=True):
                cost = self.rate(model, **{kind: 10**6})
                self.assertAlmostEqual(cost or 0, float(rate), 9, f"{model} {kind}")

    def test_all_buckets(self) -> None:
        """A million tokens of each kind: 3 + 3.75 + 2 x 3 + 0.3 + 15."""
        cost = self.book.cost("claude-sonnet-4-6", MILLION, day=DAY)

        self.assertAlmostEqual(cost or 0, 28.05)

    def test_hour(self) -> None:
        """What is cached for an hour costs twice the input."""
        self.assertAlmostEqual(self.rate("claude-opus-5", write_1h=10**6) or 0, 10)

    def test_sums(self) -> None:
        """What requests cost together is what they cost one by one."""
        # (100 x 1000 + 50 x 3000) / 1e6, then (600 x 1000 + 400 x 100) / 1e6
        self.book.use({"m": Price(Rates(1000, 1000, 100, 3000))})

        self.assertAlmostEqual(self.book.cost("m", Buckets(100, output=50)) or 0, 0.25)
        self.assertAlmostEqual(self.book.cost("m", Buckets(600, read=400)) or 0, 0.64)

    def test_unpublished_read(self) -> None:
        """Where cached tokens have no price, the terms say which share of others they cost."""
        buckets = Buckets(read=10**6)

        self.assertAlmostEqual(self.book.cost("gpt-5-pro", buckets, tier=0) or 0, 1.5)
        self.assertAlmostEqual(self.book.cost("gpt-5-pro", buckets, tier=0, terms=CODEX) or 0, 15)

    def test_unknown(self) -> None:
        """An unknown model has no cost, not even for nothing."""
        for model in UNKNOWN:
            self.assertIsNone(self.book.cost(model, MILLION, day=DAY), model)
        self.assertIsNone(self.book.cost("mystery", Buckets()))


class LongContextTests(SynchronousTestCase):
    """Prompts above which some models cost more."""

    def setUp(self) -> None:
        self.book = PriceBook()

    def test_tiers(self) -> None:
        """A prompt of just the size is below it."""
        sizes = (0, 100_000, 100_001, 200_000, 200_001, 272_000, 272_001)

        self.assertEqual([tier_of(size) for size in sizes], [0, 0, 1, 1, 2, 2, 3])

    def test_above_100k(self) -> None:
        """The first size matters to one model, as the others do to others."""
        below = self.book.cost("claude-haiku-5-5", Buckets(100_000, output=10_000))
        above = self.book.cost("claude-haiku-5-5", Buckets(100_001, output=10_000))

        # (100000 x 0.1 + 10000 x 0.5) / 1e6, then (100001 x 0.5 + 10000 x 2.5) / 1e6
        self.assertAlmostEqual(below or 0, 0.015)
        self.assertAlmostEqual(above or 0, 0.0750005)

    def test_above_200k(self) -> None:
        """Everything that was sent makes the prompt; what was got does not."""
        below = Buckets(50_000, 50_000, 50_000, 50_000, 500_000)
        above = below._replace(read=50_001)

        # (50000 x 3 + 50000 x 3.75 + 50000 x 6 + 50000 x 0.3 + 500000 x 15) / 1e6
        self.assertAlmostEqual(self.book.cost("claude-sonnet-4-5", below) or 0, 8.1525)
        # (50000 x 6 + 50000 x 7.5 + 50000 x 12 + 50001 x 0.6 + 500000 x 22.5) / 1e6
        self.assertAlmostEqual(self.book.cost("claude-sonnet-4-5", above) or 0, 12.5550006)

    def test_above_272k(self) -> None:
        """Other models begin to cost more later."""
        for model, cost in (
            ("gpt-5.5", 2.55),
            ("gpt-5.4", 1.275),
            ("gpt-5.4-pro", 20.7),
            ("gpt-5.5-pro", 20.7),
            ("gpt-5.6-terra", 1.02),
            ("gpt-5.6-luna", 0.102),
        ):
            buckets = Buckets(200_000, read=100_000, output=10_000)
            found = self.book.cost(model, buckets, day=DAY, terms=CODEX)
            self.assertAlmostEqual(found or 0, cost, msg=model)
        at = Buckets(200_000, read=72_000, output=1000)
        self.assertAlmostEqual(self.book.cost("gpt-5.5", at, day=DAY) or 0, 1.066)

    def test_none(self) -> None:
        """Most models cost the same whatever the prompt."""
        self.assertAlmostEqual(self.book.cost("claude-opus-5", Buckets(10**6)) or 0, 5)

    def test_partly(self) -> None:
        """A kind of tokens without a long rate keeps its own: 300,000 at 2.5, 100,000 at 1.25."""
        buckets = Buckets(300_000, write_5m=100_000)

        self.assertAlmostEqual(self.book.cost("xai/grok-4.3", buckets) or 0, 0.875)

    def test_given(self) -> None:
        """Of a sum of requests the caller says how large they were."""
        cost = self.book.cost("claude-sonnet-4-5", Buckets(10**6), tier=0)

        self.assertAlmostEqual(cost or 0, 3)


class FastTests(SynchronousTestCase):
    """The fast tier, asked for by the request or by the model's name."""

    def setUp(self) -> None:
        self.book = PriceBook()

    def times(self, model: str, fast: bool, terms: Terms = CODEX) -> float | None:
        """How many times the price of input."""
        cost = self.book.cost(model, Buckets(10**6), fast, DAY, tier=0, terms=terms)
        base = self.book.cost(model.removesuffix("-fast"), Buckets(10**6), False, DAY, tier=0)
        return None if cost is None or base is None else round(cost / base, 9)

    def test_known(self) -> None:
        """Models have their own factors."""
        for model, factor in (
            ("claude-opus-5", 2),
            ("claude-opus-4-8", 2),
            ("claude-opus-4-7", 6),
            ("claude-opus-4-6", 6),
            ("gpt-5", 2),
            ("gpt-5.1-codex-max", 2),
            ("gpt-5.3-codex", 2),
            ("gpt-5.4", 2),
            ("gpt-5.4-pro", 2),
            ("gpt-5.5", 2.5),
            ("gpt-5.5-pro", 2.5),
            ("gpt-5.6-luna", 2),
        ):
            self.assertEqual(self.times(model, fast=True), factor, model)
            self.assertEqual(self.times(model, fast=False), 1, model)

    def test_unknown_factor(self) -> None:
        """Where no factor is known, the tool's terms say it."""
        self.assertEqual(self.times("gpt-5.4-mini", fast=True), 2)
        self.assertEqual(self.times("claude-fable-5", fast=True, terms=Terms()), 1)

    def test_name(self) -> None:
        """A name that ends so is the fast tier of the rest, once, whatever the request says."""
        for fast in (True, False):
            self.assertEqual(self.times("gpt-5.5-fast", fast), 2.5)
            self.assertEqual(self.times("claude-opus-4-6-fast", fast, Terms()), 6)
            self.assertEqual(self.times("claude-opus-4-7-fast", fast, Terms()), 6)
            self.assertEqual(self.times("grok-4.5-fast", fast, Terms()), 2)

    def test_name_unknown_factor(self) -> None:
        """A fast name is never the price of the plain model."""
        self.assertIsNone(self.times("claude-fable-5-fast", fast=False, terms=Terms()))
        self.assertEqual(self.times("gpt-5.4-mini-fast", fast=False), 2)

    def test_alias(self) -> None:
        """An alias keeps it; so does a long prompt."""
        day = date(2026, 8, 20)
        base = Buckets(100_000, output=10_000)
        long = Buckets(200_000, read=100_000, output=10_000)

        self.assertAlmostEqual(
            self.book.cost("gpt-5.6-sol-high-fast", base, day=day, terms=CODEX) or 0, 1.6
        )
        self.assertAlmostEqual(
            self.book.cost("gpt-5.6-sol-high-fast", long, day=day, terms=CODEX) or 0, 5.1
        )


class DatedTests(SynchronousTestCase):
    """Prices of the day of use."""

    def setUp(self) -> None:
        self.book = PriceBook()

    def at(self, model: str, day: date | None) -> float | None:
        return self.book.cost(model, Buckets(10**6), day=day, tier=0)

    def test_changes(self) -> None:
        """A price holds until the day of the next."""
        for model, day, old, new in (
            ("gpt-5.6-sol", date(2026, 8, 21), 5, 4),
            ("gpt-5.6-terra", date(2026, 7, 30), 2.5, 2),
            ("gpt-5.6-luna", date(2026, 7, 30), 1, 0.2),
        ):
            self.assertEqual(self.at(model, day.replace(day=day.day - 1)), old, model)
            self.assertEqual(self.at(model, day), new, model)
            self.assertEqual(self.at(model, None), new, model)

    def test_cheaper_cache(self) -> None:
        """Any of the rates may change."""
        cached = Buckets(read=10**6)
        days = (date(2026, 10, 6), date(2026, 10, 7))

        costs = [self.book.cost("claude-sonnet-5-5", cached, day=day, tier=0) for day in days]

        self.assertEqual(costs, [0.2, 0.1])

    def test_long_context_ended(self) -> None:
        """A model may lose its long-context price."""
        long = Buckets(300_000)

        old = self.book.cost("claude-opus-4-6", long, day=date(2026, 3, 12))
        new = self.book.cost("claude-opus-4-6", long, day=date(2026, 3, 13))

        self.assertEqual((old, new), (3.0, 1.5))

    def test_review(self) -> None:
        """The reviewer's model is another from time to time."""
        for day, cost in (
            (date(2026, 11, 1), 0.2),
            (date(2026, 7, 9), 1),  # gpt-5.6-luna before it became cheaper
            (date(2026, 7, 8), 5),
            (date(2026, 4, 23), 5),
            (date(2026, 4, 22), 2.5),
            (date(2026, 3, 4), 1.75),
            (date(2025, 12, 11), 1.75),
            (date(2025, 12, 10), 1.25),
            (date(2020, 1, 1), 1.25),
        ):
            self.assertEqual(self.at("codex-auto-review", day), cost, day)
        self.assertEqual(self.at("codex-auto-review", None), 0.2)


class NameTests(SynchronousTestCase):
    """How a model is found by its name."""

    def setUp(self) -> None:
        self.book = PriceBook()

    def assert_priced_as(self, name: str, model: str) -> None:
        for buckets in (Buckets(10**6), Buckets(output=10**6)):
            want = self.book.cost(model, buckets, day=DAY, tier=0)
            self.assertIsNotNone(want, model)
            self.assertEqual(self.book.cost(name, buckets, day=DAY, tier=0), want, name)

    def test_aliases(self) -> None:
        """The names that routers, editors and lists use."""
        for name, model in pairs(ALIASES):
            self.assert_priced_as(name, model)

    def test_similar(self) -> None:
        """Vendors, regions, dates and versions around a name."""
        for name, model in pairs(SIMILAR):
            self.assert_priced_as(name, model)

    def test_case(self) -> None:
        """Only what routers print is the same in any case."""
        self.assertIsNone(self.book.cost("AUTO", Buckets(1)))
        self.assertIsNone(self.book.cost("Composer", Buckets(1)))

    def test_longest(self) -> None:
        """Of several names inside one the longest counts, of equals the first."""
        rates = {"ab": 1, "ab-cd": 2, "xx-cd": 3, "yy-cd": 4}
        self.book.use({name: Price(Rates(rate, 0, 0, 0)) for name, rate in rates.items()})

        self.assertEqual(self.book.cost("v/ab-cd-e", Buckets(10**6)), 2)
        self.assertEqual(self.book.cost("yy-cd/xx-cd", Buckets(10**6)), 3)

    def test_numbers(self) -> None:
        """A number that goes on makes another model, a date of eight digits does not."""
        self.book.use({"gpt-7": Price(Rates(1, 1, 1, 1))})

        for name in ("gpt-7.1", "gpt-7-1", "gpt-71", "v/gpt-7-2026", "gpt-7-202601011"):
            self.assertIsNone(self.book.cost(name, Buckets(1)), name)
        for name in ("gpt-7-20260101", "v/gpt-7", "gpt-7:free", "gpt-7-pro", "v/gpt-7-20260101-x"):
            self.assertIsNotNone(self.book.cost(name, Buckets(1)), name)


class CatalogTests(SynchronousTestCase):
    """Tests for `PriceBook.use`."""

    def setUp(self) -> None:
        self.book = PriceBook()

    def test_adds(self) -> None:
        """A catalog has the prices of models that the table does not know."""
        self.assertIsNone(self.book.cost("gpt-9", Buckets(10**6)))
        revision = self.book.revision

        self.book.use({"gpt-9": Price(Rates(7, 7, 7, 7))})

        self.assertEqual(self.book.cost("gpt-9", Buckets(10**6)), 7)
        self.assertNotEqual(self.book.revision, revision)

    def test_table_first(self) -> None:
        """What the table knows stays, under the name alone and with a date."""
        wrong = Price(Rates(99, 99, 99, 99))
        self.book.use({"claude-haiku-4-5": wrong, "claude-haiku-4-5-20251001": wrong})

        for name in ("claude-haiku-4-5", "claude-haiku-4-5-20251001", "x/claude-haiku-4-5"):
            self.assertEqual(self.book.cost(name, Buckets(10**6), tier=0), 1, name)

    def test_replaces(self) -> None:
        """A catalog takes the place of the one before."""
        self.book.use({"gpt-9": Price(Rates(7, 7, 7, 7))})
        self.book.use({})

        self.assertIsNone(self.book.cost("gpt-9", Buckets(1)))

    def test_books_apart(self) -> None:
        """Another book knows nothing of it."""
        self.book.use({"gpt-9": Price(Rates(7, 7, 7, 7))})

        self.assertIsNone(PriceBook().cost("gpt-9", Buckets(1)))


class ReadPriceTests(SynchronousTestCase):
    """Tests for `read_price`."""

    def test_bad(self) -> None:
        """What is not in the form is no price."""
        entries: tuple[object, ...] = (
            None,
            [],
            {},
            {"rates": 5},
            {"rates": [1, 2, 3]},
            {"rates": [1, 2, 3, None]},
            {"rates": ["1", 2, 3, 4]},
            {"rates": [1, 2, -3, 4]},
            {"rates": [1, True, 3, 4]},
            {"rates": [1, float("inf"), 3, 4]},
        )
        for entry in entries:
            self.assertIsNone(read_price(entry), entry)

    def test_bad_parts(self) -> None:
        """Parts that are not in the form are left out."""
        base = {"rates": [1, 2, 3, 4]}

        for more in (
            {"long": [5, 1, 1, 1, 1]},
            {"long": 5},
            {"long": [200_000]},
            {"fast": "2"},
            {"since": "x"},
        ):
            self.assertEqual(read_price(base | more), read_price(base))
