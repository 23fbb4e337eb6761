"""The OAuth client of a Google tool, under which its login can be renewed.

Google lets one use a refresh token as often as one likes, so that nothing is lost by it.
"""

from __future__ import annotations

import hashlib

from attrs import field, frozen

__all__ = ["TOKEN_URL", "Client"]

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)


@frozen
class Client:
    """An OAuth client."""

    id: str
    secret: str = field(repr=False)

    def form(self, refresh_token: str) -> dict[str, str]:
        """What is sent to have an access token for `refresh_token`."""
        return {
            "client_id": self.id,
            "client_secret": self.secret,
            "refresh_token": refresh_token,
            "grant_type": "refresh_token",
        }

    def mark(self, refresh_token: str) -> str:
        """A digest that tells this refresh token, sent by this client, from others."""
        text = f"{self.id} {self.secret} {refresh_token}"
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
