"""What providers say alike."""

from __future__ import annotations

from datetime import datetime

from openusage.model import Badge, TokenExpiredError

__all__ = ["NO_DATA", "age", "require_unexpired"]

NO_DATA = Badge("Status", "No usage data", "#a3a3a3")
"""The line of a service that answered and told of nothing that is used."""


def age(since: datetime, now: datetime) -> str:
    """How long ago `since` was: `12 min ago`, `3 h ago`, `5 d ago`."""
    minutes = int((now - since).total_seconds() // 60)
    if minutes < 1:
        return "moments ago"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} d ago"


def require_unexpired(expires_at: datetime | None, now: datetime, cure: str) -> None:
    """Raises `TokenExpiredError` when `expires_at` has passed, so that nothing is sent in vain.

    `cure` says what renews the login: "Run `codex` once to renew it."
    """
    if expires_at is not None and expires_at <= now:
        raise TokenExpiredError(f"Token expired {age(expires_at, now)}. {cure}")
