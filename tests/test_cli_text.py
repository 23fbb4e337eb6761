"""Text for a terminal: harmless, and as wide as it says."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.text import cells, clean, columns, fit, pad, wrap

WILD = st.text(st.characters(codec=None), max_size=60) | st.text(
    "\x1b[]0;m\x07\x9bab c", max_size=30
)
WIDTHS = st.integers(2, 30)


class CleanTests(SynchronousTestCase):
    """`clean`"""

    def test_cases(self) -> None:
        """Escape sequences go with all their parts, white space becomes single spaces."""
        for text, shown in (
            ("Session", "Session"),
            ("\x1b[31;1mred\x1b[0m", "red"),
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x9b2Jgone", "gone"),
            ("\x1bPq#0\x1b\\sixel", "sixel"),
            ("\x1b]0;never ends", ""),
            ("a\r\n\tb", "a b"),
            ("  a  ", "a"),
            ("a\x00\x08b\x7f", "ab"),
            ("\u202egnp.exe", "gnp.exe"),
            ("zero\u200bwidth\ufeff", "zerowidth"),
            ("half \ud800", "half"),
            ("\u2028", ""),
            ("日本 é ·", "日本 é ·"),
        ):
            with self.subTest(text=text):
                self.assertEqual(clean(text), shown)

    @settings(deadline=None, max_examples=150)
    @given(WILD)
    def test_harmless(self, text: str) -> None:
        """No control, format or surrogate character is left, whatever came."""
        harmful = {c for c in clean(text) if unicodedata.category(c)[0] == "C"}

        self.assertEqual(harmful, set())


class CellsTests(SynchronousTestCase):
    """`cells`"""

    def test_cases(self) -> None:
        """East Asian letters take two cells and combining marks none."""
        for text, width in (
            ("", 0),
            ("abc", 3),
            ("日本", 4),
            ("e\u0301", 1),
            ("ｱ", 1),
            ("█░·…", 4),
        ):
            with self.subTest(text=text):
                self.assertEqual(cells(text), width)


class FitTests(SynchronousTestCase):
    """`fit`"""

    def test_cases(self) -> None:
        """What is too wide is cut and says so."""
        for text, width, shown in (
            ("Session", 7, "Session"),
            ("Session", 6, "Sessi…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("Session", 1, "…"),
            ("Session", 0, ""),
        ):
            with self.subTest(text=text, width=width):
                self.assertEqual(fit(text, width), shown)

    def test_plain(self) -> None:
        """The sign may be another one."""
        self.assertEqual(fit("Session", 5, ".."), "Ses..")

    @settings(deadline=None, max_examples=100)
    @given(WILD, st.integers(0, 30))
    def test_width(self, text: str, width: int) -> None:
        """Never wider than asked."""
        self.assertLessEqual(cells(fit(clean(text), width)), width)


class PadTests(SynchronousTestCase):
    """`pad`"""

    def test_wide(self) -> None:
        """Cells are counted, not characters; what is wider stays."""
        self.assertEqual([pad("日", 4), pad("ab", 4), pad("abcde", 4)], ["日  ", "ab  ", "abcde"])


class WrapTests(SynchronousTestCase):
    """`wrap`"""

    def test_cases(self) -> None:
        """Lines break at spaces, and in a word only where it is wider than a line."""
        for text, width, lines in (
            ("", 5, [""]),
            ("one two", None, ["one two"]),
            ("one two", 7, ["one two"]),
            ("one two three", 8, ["one two", "three"]),
            ("a abcdefgh b", 4, ["a", "abcd", "efgh", "b"]),
            ("日本語", 4, ["日本", "語"]),
        ):
            with self.subTest(text=text, width=width):
                self.assertEqual(wrap(text, width), lines)

    @settings(deadline=None, max_examples=150)
    @given(WILD, WIDTHS)
    def test_nothing_lost(self, text: str, width: int) -> None:
        """No line is wider than asked and no letter is lost."""
        shown = clean(text).strip()

        lines = wrap(shown, width)

        self.assertLessEqual(max(map(cells, lines)), width)
        self.assertEqual("".join("".join(lines).split()), "".join(shown.split()))


class ColumnsTests(SynchronousTestCase):
    """`columns`"""

    def test_aligned(self) -> None:
        """Columns begin below each other and no line ends in spaces."""
        self.assertEqual(
            columns([("ID", "NAME", "ON"), ("日本", "x", ""), ("claude", "Claude", "yes")]),
            ["ID      NAME    ON", "日本    x", "claude  Claude  yes"],
        )
