"""Tests for `openusage.providers.googleclient`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from openusage.providers.googleclient import Client


class ClientTests(SynchronousTestCase):
    """`Client`."""

    def test_form(self) -> None:
        """The form asks for an access token in the name of the client."""
        form = Client("id", "planted").form("token")
        self.assertEqual(
            form,
            {
                "client_id": "id",
                "client_secret": "planted",
                "refresh_token": "token",
                "grant_type": "refresh_token",
            },
        )

    def test_mark(self) -> None:
        """The mark is the same for the same, another for another, and tells nothing."""
        marks = {
            Client("id", "planted").mark("token"),
            Client("other", "planted").mark("token"),
            Client("id", "other").mark("token"),
            Client("id", "planted").mark("other\ud800"),
        }
        self.assertEqual(len(marks), 4)
        self.assertIn(Client("id", "planted").mark("token"), marks)
        for mark in marks:
            self.assertRegex(mark, r"\A[0-9a-f]{16}\Z")

    def test_repr(self) -> None:
        """The secret is not shown."""
        self.assertNotIn("planted", repr(Client("id", "planted")))
