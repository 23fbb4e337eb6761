"""Tests for `openusage.providers.remembered`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from openusage.host.oauth import RefusedError
from openusage.model import (
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.remembered import dump_error, load_error


class RememberedTests(SynchronousTestCase):
    """`dump_error` and `load_error`."""

    def test_there_and_back(self) -> None:
        """An error survives JSON in its kind, its words and its status."""
        for error in (
            UnreachableError("a"),
            ProbeTimeoutError("b"),
            TokenExpiredError("c"),
            NotAvailableError("g"),
            NotLoggedInError("h"),
            UnexpectedResponseError("d", 500),
            UnexpectedResponseError("e"),
            ProbeError("f"),
        ):
            with self.subTest(error=error):
                loaded = load_error(json.loads(json.dumps(dump_error(error))))
                self.assertEqual(repr(loaded), repr(error))

    def test_kind(self) -> None:
        """An error of a narrower kind comes back as the one that everybody knows."""
        loaded = load_error(dump_error(RefusedError("a")))
        self.assertEqual(repr(loaded), repr(TokenExpiredError("a")))

    def test_foreign(self) -> None:
        """What is no dumped error is none; a senseless part does no harm."""
        values: tuple[object, ...] = (None, 5, "x", [], {}, {"message": 5}, {"code": "timeout"})
        for value in values:
            with self.subTest(value=value):
                self.assertIsNone(load_error(value))
        odd = {"code": "unexpected_response", "message": "a", "status": "x"}
        self.assertEqual(repr(load_error(odd)), repr(UnexpectedResponseError("a")))
        self.assertEqual(repr(load_error({"code": [], "message": "a"})), repr(ProbeError("a")))
