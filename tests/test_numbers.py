"""Tests for `openusage.host.numbers`."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.numbers import (
    clamp,
    dollars_in,
    fixed,
    money,
    number,
    numeric,
    rounded,
    shortest,
)

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.none()),
)


class NumberTests(SynchronousTestCase):
    """`number`."""

    def test_numbers(self) -> None:
        """JSON numbers become floats."""
        for value in (0, 12, -3.5):
            self.assertEqual(number(value), value)
        self.assertIsInstance(number(12), float)

    def test_others(self) -> None:
        """Booleans, text, lists and what is not finite are no numbers."""
        finite: tuple[object, ...] = (True, False, None, "12", [1], {})
        for value in (*finite, math.nan, math.inf, -math.inf, 10**400):
            self.assertIsNone(number(value), value)

    @given(ANYTHING)
    @settings(deadline=None, max_examples=200)
    def test_anything(self, value: object) -> None:
        """Whatever comes, the outcome is `None` or a finite float."""
        for found in (number(value), numeric(value)):
            self.assertTrue(found is None or math.isfinite(found))


class NumericTests(SynchronousTestCase):
    """`numeric`."""

    def test_numbers(self) -> None:
        """Numbers are taken as they are."""
        self.assertEqual(numeric(12.5), 12.5)
        self.assertIsNone(numeric(True))

    def test_text(self) -> None:
        """Decimal text is read, with white space around it, a sign or an exponent."""
        for text, value in (("12.5", 12.5), (" 7 ", 7), ("-1", -1), (".5", 0.5), ("1e3", 1000)):
            self.assertEqual(numeric(text), value)

    def test_other_text(self) -> None:
        """Text that only Python would take for a number is none."""
        for text in (
            "",
            " ",
            "nan",
            "inf",
            "1_000",
            "0x10",
            "1,5",
            "12 %",
            "\u0661\u0662",
            "1e999",
        ):
            self.assertIsNone(numeric(text), text)


class FixedTests(SynchronousTestCase):
    """`fixed`."""

    def test_exact_ties(self) -> None:
        """A tie that is exact in binary goes away from zero."""
        self.assertEqual(fixed(1.25, 1), "1.3")
        self.assertEqual(fixed(0.125, 2), "0.13")
        self.assertEqual(fixed(-1.25, 1), "-1.3")
        self.assertEqual(fixed(2.5, 0), "3")

    def test_apparent_ties(self) -> None:
        """A tie in decimal that binary puts below the middle goes down."""
        self.assertEqual(fixed(1.45, 1), "1.4")
        self.assertEqual(fixed(9.95, 1), "9.9")
        self.assertEqual(fixed(1.005, 2), "1.00")

    def test_abbreviated_counts(self) -> None:
        """Token counts, scaled to their unit, round as the original app shows them."""
        for count, unit, digits, text in (
            (1000, 1e3, 1, "1.0"),
            (1500, 1e3, 1, "1.5"),
            (9949, 1e3, 1, "9.9"),
            (9960, 1e3, 1, "10.0"),
            (10500, 1e3, 0, "11"),
            (12000, 1e3, 0, "12"),
            (999950, 1e3, 0, "1000"),
            (1250000, 1e6, 1, "1.3"),
            (9200000, 1e6, 1, "9.2"),
            (9950000, 1e6, 1, "9.9"),
            (26250000, 1e6, 0, "26"),
        ):
            self.assertEqual(fixed(count / unit, digits), text, count)

    def test_padding(self) -> None:
        """Decimals that are asked for are shown, zeros included, and integers will do."""
        self.assertEqual(fixed(5, 2), "5.00")
        self.assertEqual(fixed(-0.0, 2), "0.00")
        self.assertEqual(fixed(0.1, 20), "0.10000000000000000555")

    def test_extremes(self) -> None:
        """The largest and smallest floats and what is not finite have a text, too."""
        self.assertEqual(fixed(1.7976931348623157e308, 2), f"{int(1.7976931348623157e308)}.00")
        self.assertEqual(fixed(5e-324, 2), "0.00")
        self.assertEqual(fixed(math.nan, 2), "NaN")
        self.assertEqual(fixed(-math.inf, 2), "-Infinity")

    @given(st.floats(), st.integers(0, 20))
    @settings(deadline=None, max_examples=200)
    def test_any_float(self, value: float, digits: int) -> None:
        """No float raises, and the text is never further off than half a unit of its last digit."""
        text = fixed(value, digits)

        if math.isfinite(value) and abs(value) < 1e9:
            self.assertLessEqual(abs(float(text) - value), 0.5 * 10**-digits + 1e-6)


class ShortestTests(SynchronousTestCase):
    """`shortest`."""

    def test_plain(self) -> None:
        """Whole numbers have no `.0`, others no more digits than they need."""
        for value, text in (
            (2.5, "2.5"),
            (12.0, "12"),
            (12, "12"),
            (0.1, "0.1"),
            (0.0, "0"),
            (-0.0, "0"),
            (-1.0, "-1"),
            (99.5, "99.5"),
            (100.0, "100"),
            (1e-6, "0.000001"),
            (123456789012345680000.0, "123456789012345680000"),
        ):
            self.assertEqual(shortest(value), text)

    def test_exponent(self) -> None:
        """Very large and very small numbers have an exponent, as in JavaScript."""
        for value, text in (
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-7, "1e-7"),
            (-2.5e-10, "-2.5e-10"),
        ):
            self.assertEqual(shortest(value), text)

    def test_not_finite(self) -> None:
        """What is not finite is spelled out."""
        self.assertEqual(
            [shortest(value) for value in (math.nan, math.inf, -math.inf)],
            ["NaN", "Infinity", "-Infinity"],
        )

    @given(st.floats(allow_nan=False, allow_infinity=False))
    @settings(deadline=None, max_examples=200)
    def test_round_trip(self, value: float) -> None:
        """The text gives the same float back."""
        self.assertEqual(float(shortest(value)), value)


class DollarsInTests(SynchronousTestCase):
    """`dollars_in`."""

    def test_amounts(self) -> None:
        """Numbers are taken as they are, text without its sign and its commas."""
        for value, amount in ((8.4, 8.4), ("8.4", 8.4), ("$1,200.00", 1200.0), (" $5 ", 5.0)):
            self.assertEqual(dollars_in(value), amount)

    def test_none(self) -> None:
        """Anything else is no amount."""
        values: tuple[object, ...] = (None, True, "", "$", "five", "1e999", [], {})
        for value in values:
            self.assertIsNone(dollars_in(value), value)


class ClampTests(SynchronousTestCase):
    """`clamp`."""

    def test_bounds(self) -> None:
        """What is outside becomes the bound it passed; by default a percentage is meant."""
        self.assertEqual(
            [clamp(value) for value in (-1, 0, 41.5, 100, 1e300)], [0, 0, 41.5, 100, 100]
        )
        self.assertEqual(clamp(7, 1, 5), 5)


class RoundedTests(SynchronousTestCase):
    """`rounded`."""

    def test_halves(self) -> None:
        """Halves go up, whatever the sign."""
        for value, digits, result in (
            (2.5, 0, 3),
            (-2.5, 0, -2),
            (0.49, 0, 0),
            (6.666, 0, 7),
            (37.45, 1, 37.5),
            (37.44, 1, 37.4),
            (1234.5, -2, 1200),
        ):
            self.assertEqual(rounded(value, digits), result, value)

    def test_large(self) -> None:
        """Numbers without decimals, and those that are none, stay as they are."""
        for value in (1e300, -1e300, 2.0**60, math.inf):
            self.assertEqual(rounded(value, 4), value)
        self.assertTrue(math.isnan(rounded(math.nan)))

    @given(st.floats(-1e9, 1e9), st.integers(0, 4))
    @settings(deadline=None, max_examples=200)
    def test_near(self, value: float, digits: int) -> None:
        """The result is never further away than half of the last digit."""
        self.assertLessEqual(abs(rounded(value, digits) - value), 0.5000001 * 10.0**-digits)


class MoneyTests(SynchronousTestCase):
    """`money`."""

    def test_amounts(self) -> None:
        """Two decimals, the sign in front, none for what rounds to zero."""
        for dollars, text in (
            (0, "$0.00"),
            (5.5, "$5.50"),
            (-0.5, "-$0.50"),
            (-0.001, "$0.00"),
            (1234.5, "$1234.50"),
            (0.125, "$0.13"),
        ):
            self.assertEqual(money(dollars), text)

    def test_grouped(self) -> None:
        """Thousands are set apart where that is asked for."""
        self.assertEqual(money(1234567.891, grouped=True), "$1,234,567.89")
        self.assertEqual(money(-1000, grouped=True), "-$1,000.00")
        self.assertEqual(money(999.994, grouped=True), "$999.99")

    def test_no_number(self) -> None:
        """What is no amount does not fail."""
        self.assertEqual(money(math.inf, grouped=True), "$Infinity")
