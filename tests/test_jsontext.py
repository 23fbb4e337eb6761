"""Tests for `openusage.jsontext`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.jsontext import line_of, object_in

TEXT = """
{
  "plugins" : {"order": ["accounts",
                         "claude"]},
  "accounts": [
    {"id": "a", "env": {}},
    {
      "id": "b",
      "name": "}]\\"{"
    }
  ],
  "empty": [],
  "twice": 1,
  "twice": 2
}
"""

documents = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


class LineOfTests(SynchronousTestCase):
    """Tests for `line_of`."""

    def test_paths(self) -> None:
        """A path leads to the line its value begins on."""
        for path, line in (
            ((), 2),
            (("plugins",), 3),
            (("plugins", "order", 0), 3),
            (("plugins", "order", 1), 4),
            (("accounts",), 5),
            (("accounts", 0, "env"), 6),
            (("accounts", 1), 7),
            (("accounts", 1, "id"), 8),
            (("accounts", 1, "name"), 9),
        ):
            self.assertEqual(line_of(TEXT, path), line, path)

    def test_missing(self) -> None:
        """A path that leads on into nothing ends at the last value on the way."""
        for path, line in (
            (("accounts", 1, "provider"), 7),
            (("accounts", 5), 5),
            (("empty", 0), 12),
            (("plugins", "order", 1, "x"), 4),
            (("nothing", "there"), 2),
        ):
            self.assertEqual(line_of(TEXT, path), line, path)

    def test_twice(self) -> None:
        """Of a key that is there twice the one that counts is meant, the last."""
        self.assertEqual(line_of(TEXT, ("twice",)), 14)

    def test_kinds(self) -> None:
        """An index is no key and a key no index."""
        self.assertEqual(line_of('{\n"0": 1}', (0,)), 1)
        self.assertEqual(line_of("[\n1]", ("0",)), 1)

    @settings(deadline=None, max_examples=150)
    @given(documents, st.data())
    def test_every_place(self, document: Any, data: st.DataObject) -> None:
        """Wherever in a document a marker is, it is found on its line."""
        root: list[Any] = [document, "marker"]
        path: list[str | int] = [data.draw(st.sampled_from([0, 1]))]
        place: Any = root
        while isinstance(inner := place[path[-1]], (dict, list)) and inner:
            place = inner
            path.append(
                data.draw(
                    st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
                )
            )
        place[path[-1]] = "\0marker"
        text = json.dumps(root, indent=1)

        line = text.splitlines()[line_of(text, tuple(path)) - 1]

        self.assertIn("\\u0000marker", line)


class ObjectInTests(SynchronousTestCase):
    """`object_in`."""

    def test_object(self) -> None:
        """An object is read, with white space around it."""
        self.assertEqual(object_in(' {"a": [1]}\n'), {"a": [1]})

    def test_none(self) -> None:
        """Any other value, damaged text and one nested without end hold none."""
        for text in ("", "null", "5", "[{}]", '"a"', '{"a"', "{a: 1}", "[" * 100_000):
            self.assertIsNone(object_in(text), text[:10])
