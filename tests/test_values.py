"""Tests for `openusage.host.values`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Response
from openusage.host.values import (
    first_text,
    json_object,
    json_value,
    object_at,
    objects_in,
    text_of,
)

ODD: tuple[Any, ...] = (None, True, 5, 1.5, "text", "", [], [1])


def answer(body: bytes) -> Response:
    return Response(200, {}, body)


class JsonTests(SynchronousTestCase):
    """`json_value` and `json_object`."""

    def test_read(self) -> None:
        """The body is read as JSON; only an object is one."""
        self.assertEqual(json_value(answer(b"[1]")), [1])
        self.assertEqual(json_object(answer(b'{"a": 1}')), {"a": 1})
        for body in (b"[1]", b"null", b"5", b'"a"'):
            self.assertIsNone(json_object(answer(body)), body)

    def test_damaged(self) -> None:
        """What is no JSON, or nested without end, is nothing."""
        for body in (b"", b"{", b"\xff", b"<html>", b"[" * 100_000):
            self.assertIsNone(json_value(answer(body)), body[:10])
            self.assertIsNone(json_object(answer(body)), body[:10])


class ObjectAtTests(SynchronousTestCase):
    """`object_at`."""

    def test_found(self) -> None:
        """Keys are followed inwards; without keys it is the object itself."""
        values = {"a": {"b": {"c": 1}}}
        self.assertEqual(object_at(values, "a", "b"), {"c": 1})
        self.assertEqual(object_at(values), values)

    def test_missing(self) -> None:
        """Where the way ends, or something else stands in it, the object is empty."""
        for odd in ODD:
            self.assertEqual(object_at({"a": odd}, "a"), {}, odd)
            self.assertEqual(object_at({"a": odd}, "a", "b"), {}, odd)
        self.assertEqual(object_at({}, "a"), {})


class ObjectsInTests(SynchronousTestCase):
    """`objects_in`."""

    def test_list(self) -> None:
        """The objects of a list, in order, without what else is in it."""
        self.assertEqual(list(objects_in([1, {"a": 1}, None, [], {}])), [{"a": 1}, {}])

    def test_no_list(self) -> None:
        """Anything else has none."""
        odds: tuple[object, ...] = (None, {}, {"a": {}}, "text", 5)
        for odd in odds:
            self.assertEqual(list(objects_in(odd)), [])


class TextTests(SynchronousTestCase):
    """`text_of` and `first_text`."""

    def test_trimmed(self) -> None:
        """Text is trimmed; blank text and anything else is none."""
        self.assertEqual(text_of(" a b\n"), "a b")
        for odd in ("", " \t", None, 5, True, ["a"], {"a": "b"}):
            self.assertIsNone(text_of(odd), odd)

    def test_first(self) -> None:
        """Of several keys the first that holds text counts."""
        values = {"a": " ", "b": 5, "c": " x ", "d": "y"}
        self.assertEqual(first_text(values, "none", "a", "b", "c", "d"), "x")
        self.assertIsNone(first_text(values, "a", "b"))
