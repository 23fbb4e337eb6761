"""Blocks on a screen."""

from __future__ import annotations

import io
from typing import TextIO

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.cli.blocks import Block, Chart, Meter, Note
from openusage.cli.draw import draw
from openusage.cli.screen import Screen, screen_of
from openusage.cli.text import cells, clean

CLAUDE = Block(
    "Claude",
    ("Max 20x", "2 min ago"),
    rows=(
        Meter("Session", 0.42, "42 %", "resets in 2h 10m"),
        Meter("Extra usage", 0.93, "$12.50 of $50.00", "reset due"),
        Meter("Calls", 0.5, "2,500 of 5,000 requests"),
        Note("Today", "$5.17 · 9.2M tokens", "estimated"),
        Chart("Usage Trend", (1, 4, 8), "8M tokens"),
    ),
)
CODEX = Block("Codex", ("Plus", "14 min ago"), stale=True, trouble="Token expired.")
WIDE = Screen()
WORDS = st.text(max_size=40).map(clean)
ROWS = (
    st.builds(Meter, WORDS, st.floats(0, 2), WORDS, WORDS)
    | st.builds(Note, WORDS, WORDS, WORDS)
    | st.builds(Chart, WORDS, st.lists(st.floats(0, 9), max_size=40).map(tuple), WORDS)
)
BLOCKS = st.lists(
    st.builds(
        Block,
        WORDS,
        st.tuples(WORDS),
        st.booleans(),
        WORDS,
        st.lists(ROWS).map(tuple),
        st.lists(WORDS, max_size=2).map(tuple),
    ),
    max_size=3,
)


def drawn(*blocks: Block, screen: Screen = WIDE, meters: int = 20) -> list[str]:
    return list(draw(blocks, screen, meters))


class DrawTests(SynchronousTestCase):
    """`draw`"""

    def test_wide(self) -> None:
        """Everything is aligned; an empty line stands between two blocks."""
        self.assertEqual(
            drawn(CLAUDE, CODEX, screen=Screen(80)),
            [
                "Claude · Max 20x · 2 min ago",
                "  Session      ████████░░░░░░░░░░░░  42 %              resets in 2h 10m",
                "  Extra usage  ███████████████████░  $12.50 of $50.00  reset due",
                "  Calls        ██████████░░░░░░░░░░  2,500 of 5,000 requests",
                "  Today        $5.17 · 9.2M tokens  estimated",
                "  Usage Trend  ▂▅█  peak 8M tokens",
                "",
                "Codex · Plus · 14 min ago · stale",
                "  Token expired.",
            ],
        )

    def test_narrow(self) -> None:
        """Meters shrink, then go; what does not fit behind an amount stands below it."""
        shrunk = drawn(CLAUDE, screen=Screen(62))
        bare = drawn(CLAUDE, screen=Screen(36))

        self.assertEqual(shrunk[2], "  Extra usage  █████████░  $12.50 of $50.00  reset due")
        self.assertEqual(
            bare[1:5],
            [
                "  Session      42 %",
                "               resets in 2h 10m",
                "  Extra usage  $12.50 of $50.00",
                "               reset due",
            ],
        )

    def test_plain(self) -> None:
        """Where blocks cannot be shown all is ASCII but what a service wrote."""
        lines = drawn(CLAUDE, CODEX, screen=Screen(80, unicode=False))

        self.assertEqual(lines[0], "Claude - Max 20x - 2 min ago")
        self.assertEqual(lines[2][:37], "  Extra usage  ###################.  ")
        self.assertTrue("".join(lines).replace("·", "").isascii())

    def test_no_meters(self) -> None:
        """Without meters the amount follows the label."""
        lines = drawn(CLAUDE, meters=0)

        self.assertEqual(lines[1], "  Session      42 %              resets in 2h 10m")

    def test_color(self) -> None:
        """Colour changes nothing but the colour, and tells how much is used."""
        lines = drawn(CLAUDE, CODEX, screen=Screen(80, color=True))

        self.assertEqual([clean(x) for x in lines], [clean(x) for x in drawn(CLAUDE, CODEX)])
        self.assertIn("\x1b[32m████████░", lines[1])
        self.assertIn("\x1b[31m█", lines[2])
        self.assertIn("\x1b[33mstale\x1b[0m", lines[7])

    def test_wide_characters(self) -> None:
        """Labels of wide characters are aligned by the cells they take."""
        block = Block("日本", rows=(Note("日本語", "a"), Note("Today", "b")))

        self.assertEqual(drawn(block)[1:], ["  日本語  a", "  Today   b"])

    def test_notes(self) -> None:
        """Notes stand below the rows, wrapped, and dim where there is colour."""
        block = Block("X", rows=(Note("Today", "9.2M tokens"),), notes=("unknown model: y", "z"))

        self.assertEqual(
            drawn(block, screen=Screen(20)),
            ["X", "  Today  9.2M tokens", "  unknown model: y", "  z"],
        )
        self.assertEqual(drawn(block, screen=Screen(80, color=True))[3], "  \x1b[2mz\x1b[0m")

    def test_long_title(self) -> None:
        """Of a title that is too long its longest part is cut: age and staleness stay."""
        block = Block("Codex", ("A plan with far too many words", "2 h ago"), stale=True)

        for width, title in (
            (60, "Codex · A plan with far too many words · 2 h ago · stale"),
            (40, "Codex · A plan with f… · 2 h ago · stale"),
            (30, "Codex · A plan… · 2 h ago · s…"),
        ):
            self.assertEqual(drawn(block, screen=Screen(width)), [title])
        self.assertIn("\x1b[33mstale", drawn(block, screen=Screen(40, color=True))[0])

    def test_long_label(self) -> None:
        """A long label of a text is shown in full where its line has room, and piped always."""
        name = "some-vendor/a-model-with-a-very-long-name-2026"
        block = Block("X", rows=(Meter("Session", 0.42, "42 %"), Note(name, "80%")))

        self.assertEqual(drawn(block, screen=Screen(60))[2], f"  {name}  80%")
        self.assertEqual(drawn(block, screen=Screen(48))[2], "  some-vendor/a-mod…  80%")
        self.assertEqual(
            drawn(block)[1:], [f"  {'Session':32}  {'█' * 8}{'░' * 12}  42 %", f"  {name}  80%"]
        )

    def test_labels_without_meters(self) -> None:
        """Where no meter needs the room, labels have it."""
        names = ("claude-sonnet-4-5-20250929", "gpt-5.4")
        block = Block("X", rows=tuple(Note(name, "50%") for name in names))

        self.assertEqual(drawn(block, screen=Screen(40))[2], f"  {names[1]:26}  50%")

    def test_long_words(self) -> None:
        """What is too long is wrapped, a label and a title are cut."""
        long = "a label that is far too long to be shown"
        block = Block("Name " * 10, trouble="one two three four", rows=(Note(long, "v " * 20),))

        lines = drawn(block, screen=Screen(24))

        self.assertEqual(lines[0], "Name Name Name Name Nam…")
        self.assertEqual(lines[1:3], ["  one two three four", "  a label…  v v v v v v"])

    @settings(deadline=None, max_examples=150)
    @given(BLOCKS, st.integers(20, 100), st.booleans())
    def test_width(self, blocks: list[Block], width: int, unicode: bool) -> None:
        """No line is ever wider than the screen."""
        lines = drawn(*blocks, screen=Screen(width, unicode=unicode))

        self.assertLessEqual(max(map(cells, lines), default=0), width)


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class ScreenOfTests(SynchronousTestCase):
    """`screen_of`"""

    def of(self, stream: TextIO | None = None, color: bool | None = None, **environ: str) -> Screen:
        return screen_of(stream or _Terminal(), environ, color)

    def test_color(self) -> None:
        """Colour on a terminal, unless it is not wanted; the option wins over all."""
        piped = io.TextIOWrapper(io.BytesIO(), "utf-8")
        for stream, option, environ, color in (
            (None, None, {}, True),
            (None, None, {"NO_COLOR": "1"}, False),
            (None, None, {"NO_COLOR": ""}, True),
            (None, None, {"TERM": "dumb"}, False),
            (None, True, {"NO_COLOR": "1"}, True),
            (None, False, {}, False),
            (piped, None, {}, False),
            (piped, True, {}, True),
        ):
            with self.subTest(option=option, environ=environ):
                self.assertEqual(self.of(stream, option, **environ).color, color)

    def test_width(self) -> None:
        """As wide as `COLUMNS` or the terminal says, never less than 20; a pipe has no width."""
        self.assertEqual(self.of(COLUMNS="33").width, 33)
        self.assertEqual(self.of(COLUMNS="3").width, 20)
        self.assertEqual(self.of(COLUMNS="0").width, self.of(COLUMNS="x").width)
        self.assertIsNone(self.of(io.TextIOWrapper(io.BytesIO(), "utf-8")).width)

    def test_encoding(self) -> None:
        """Blocks are shown where the encoding has them and the terminal is not a dumb one."""
        ascii_only = io.TextIOWrapper(io.BytesIO(), "ascii")
        self.assertEqual(
            [
                self.of().unicode,
                self.of(TERM="dumb").unicode,
                self.of(ascii_only).unicode,
                self.of(io.TextIOWrapper(io.BytesIO(), "cp1252")).unicode,
            ],
            [True, False, False, False],
        )
