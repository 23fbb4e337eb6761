"""Tests for `openusage.providers.words`."""

from __future__ import annotations

from datetime import timedelta

from twisted.trial.unittest import SynchronousTestCase

from openusage.model import TokenExpiredError
from openusage.providers.words import age, require_unexpired
from openusage.testing import NOW


class AgeTests(SynchronousTestCase):
    """`age`."""

    def test_units(self) -> None:
        """The largest unit that says enough is used, and it is never rounded up."""
        for seconds, text in (
            (0, "moments ago"),
            (59, "moments ago"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (3600, "1 h ago"),
            (48 * 3600 - 1, "47 h ago"),
            (48 * 3600, "2 d ago"),
            (-5, "moments ago"),
        ):
            self.assertEqual(age(NOW - timedelta(seconds=seconds), NOW), text)


class RequireUnexpiredTests(SynchronousTestCase):
    """`require_unexpired`."""

    def test_expired(self) -> None:
        """From the very instant on the error says how long ago that was, and what helps."""
        for ago, text in ((0, "moments ago"), (7200, "2 h ago")):
            with self.assertRaises(TokenExpiredError) as caught:
                require_unexpired(NOW - timedelta(seconds=ago), NOW, "Run `x` once to renew it.")
            message = f"Token expired {text}. Run `x` once to renew it."
            self.assertEqual(str(caught.exception), message)

    def test_good(self) -> None:
        """A login that expires later, or nobody knows when, is let through."""
        require_unexpired(NOW + timedelta(seconds=1), NOW, "")
        require_unexpired(None, NOW, "")
