"""Tests for `openusage.tomltext`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.tomltext import toml_table


class TomlTableTests(SynchronousTestCase):
    """`toml_table`."""

    def test_values(self) -> None:
        """Keys, quotes, comments and tables are read as TOML has them."""
        text = """
            key = "a # b"  # a comment
            literal = 'C:\\Users'
            escaped = "a \\"b\\" \\u00fc"
            number = 7
            [table."dotted.name"]
            on = true
        """

        self.assertEqual(
            toml_table(text),
            {
                "key": "a # b",
                "literal": "C:\\Users",
                "escaped": 'a "b" ü',
                "number": 7,
                "table": {"dotted.name": {"on": True}},
            },
        )

    def test_nothing(self) -> None:
        """An empty text is an empty table."""
        for text in ("", "\n", "# nothing"):
            with self.subTest(text=text):
                self.assertEqual(toml_table(text), {})

    def test_line_ends(self) -> None:
        """Lines may end as they do on Windows."""
        self.assertEqual(toml_table('a = "1"\r\n[t]\r\nb = 2\r\n'), {"a": "1", "t": {"b": 2}})

    def test_no_toml(self) -> None:
        """Whatever is wrong with a text, it is a `ValueError`."""
        for text in (
            "a",
            "a =",
            "a = unquoted",
            'a = "open',
            'a = "1"\na = "2"',
            "[t]\n[t]",
            '{"a": "json"}',
            "a = 2026-13-45",
            "a = 99999-01-01",
            "a = 1e",
            f"a = {'9' * 5000}",
            "a = " + "[" * 20_000,
            "a" + ".a" * 5_000,
            "a = \x00",
            'a = "\\ud800"',
            "\ufeffa = 1",
        ):
            with self.subTest(text=text[:20]):
                self.assertRaises(ValueError, toml_table, text)

    @settings(deadline=None, max_examples=200)
    @given(st.text("ab=\"'[]{}#.,\\\n 019-:T+eu", max_size=30))
    def test_any_text(self, text: str) -> None:
        """Any text is a table or a `ValueError`."""
        try:
            self.assertIsInstance(toml_table(text), dict)
        except ValueError:
            return
