"""Tests for `openusage.providers.shape`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from openusage.providers.shape import Shape, cut, fits

SHAPE: Mapping[str, Shape] = {
    "window": {"used": "number", "at": "any"},
    "entries": [{"name": "any", "window": {"used": "number"}}],
}


class CutTests(SynchronousTestCase):
    """`cut`."""

    def test_other_keys(self) -> None:
        """What the shape does not name is left out, on every level."""
        owner: dict[str, Any] = {"email": "ada@example.com"}
        entry = {"name": "x", "window": {"used": 1, **owner}, **owner}
        body = {"window": {"used": 5, "at": "now", **owner}, "entries": [entry], **owner}

        self.assertEqual(
            cut(body, SHAPE),
            {
                "window": {"used": 5, "at": "now"},
                "entries": [{"name": "x", "window": {"used": 1}}],
            },
        )

    def test_missing(self) -> None:
        """What is missing stays missing, and null stays null."""
        self.assertEqual(cut({}, SHAPE), {})
        self.assertEqual(cut({"window": None}, SHAPE), {"window": None})

    def test_other_kind(self) -> None:
        """Where there is something of another kind, nothing of it is left."""
        mail: Any = ["ada@example.com"]
        self.assertEqual(
            cut({"window": {"used": mail, "at": {"x": mail}}, "entries": mail}, SHAPE),
            {"window": {"used": None, "at": None}, "entries": [None]},
        )
        self.assertEqual(
            cut({"window": "x", "entries": {"x": mail}}, SHAPE), {"window": None, "entries": None}
        )

    def test_single_values(self) -> None:
        """Numbers, texts and truth values are kept as they are."""
        for value in (0, 1.5, True, "x", None):
            self.assertIs(cut({"at": value}, {"at": "any"})["at"], value)

    def test_bounds(self) -> None:
        """Neither a long text nor a long list is kept whole."""
        body = {"entries": [{"name": "x" * 10**6}] * 1000}
        kept = cut(body, SHAPE)["entries"]
        self.assertEqual((len(kept), len(kept[0]["name"])), (64, 200))


class FitsTests(SynchronousTestCase):
    """`fits`."""

    def test_fits(self) -> None:
        """Parts may be null or missing, numbers may be text, entries may be anything."""
        bodies: tuple[dict[str, Any], ...] = (
            {},
            {"window": None, "more": 5},
            {"window": {}},
            {"window": {"used": "12.5", "at": [1]}},
            {"window": {"used": None}},
            {"entries": []},
            {"entries": [None, 5, {"window": "x"}]},
        )
        for body in bodies:
            with self.subTest(body=body):
                self.assertTrue(fits(body, SHAPE))

    def test_does_not(self) -> None:
        """Other keys alone, or a part of another kind, are another shape."""
        bodies: tuple[dict[str, Any], ...] = (
            {"error": "x"},
            {"window": "x"},
            {"window": [{"used": 5}]},
            {"window": {"used": "much"}},
            {"window": {"used": True}},
            {"window": {"used": float("nan")}},
            {"entries": {}},
            {"window": {}, "entries": 5},
        )
        for body in bodies:
            with self.subTest(body=body):
                self.assertFalse(fits(body, SHAPE))
