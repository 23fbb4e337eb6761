"""Meters and sparklines."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.graphs import meter, sparkline


class MeterTests(SynchronousTestCase):
    """`meter`"""

    def test_cases(self) -> None:
        """Empty only at 0 and full only at the limit or past it."""
        for share, bar in (
            (0.0, "░░░░░░░░░░"),
            (0.001, "█░░░░░░░░░"),
            (0.42, "████░░░░░░"),
            (0.999, "█████████░"),
            (1.0, "██████████"),
            (1.7, "██████████"),
        ):
            with self.subTest(share=share):
                self.assertEqual(meter(share, 10, unicode=True), bar)

    def test_plain(self) -> None:
        """Without Unicode it is ASCII."""
        self.assertEqual(meter(0.5, 4, unicode=False), "##..")

    @settings(deadline=None, max_examples=50)
    @given(st.floats(0, allow_infinity=False), st.integers(2, 40), st.booleans())
    def test_width(self, share: float, width: int, unicode: bool) -> None:
        """Always as wide as asked."""
        self.assertEqual(len(meter(share, width, unicode=unicode)), width)


class SparklineTests(SynchronousTestCase):
    """`sparkline`"""

    def test_cases(self) -> None:
        """The highest value is the highest bar and the lowest bar is for 0."""
        for values, width, bars in (
            ((0, 1, 4, 8), None, "▁▂▅█"),
            ((0, 0), None, "▁▁"),
            ((0.001, 100), None, "▂█"),
            ((), None, ""),
            ((9, 1, 2), 2, "▅█"),
            ((1, 2), 0, ""),
        ):
            with self.subTest(values=values, width=width):
                self.assertEqual(sparkline(values, width, unicode=True), bars)

    def test_plain(self) -> None:
        """Without Unicode it is ASCII."""
        self.assertEqual(sparkline((0, 4, 8), None, unicode=False), "_=#")
