"""What the person is told when something goes wrong."""

from __future__ import annotations

__all__ = [
    "AFTER_REFRESH",
    "API_KEY",
    "CONFLICT",
    "INVALID",
    "NOT_LOGGED_IN",
    "NO_CONNECTION",
    "RATE_LIMITED",
    "REVOKED",
    "SESSION_EXPIRED",
    "http_error",
    "invalid",
    "token_expired",
]

NOT_LOGGED_IN = "Not logged in. Run `codex` to authenticate."
API_KEY = "Usage not available for API key."
SESSION_EXPIRED = "Session expired. Run `codex` to log in again."
CONFLICT = "Token conflict. Run `codex` to log in again."
REVOKED = "Token revoked. Run `codex` to log in again."
NO_CONNECTION = "Usage request failed. Check your connection."
AFTER_REFRESH = "Usage request failed after refresh. Try again."
INVALID = "Usage response invalid. Try again later."
RATE_LIMITED = "Usage request rate limited. It is asked again later."


def token_expired(tool: str = "codex") -> str:
    """The login is no longer good; `tool` is the command that makes a new one."""
    return f"Token expired. Run `{tool}` to log in again."


def http_error(status: int) -> str:
    """The service answered with a status that it is not known to use."""
    return f"Usage request failed (HTTP {status}). Try again later."


def invalid(reason: str) -> str:
    """The service gave an answer that could not even be read, for this `reason`."""
    return f"Usage response invalid: {reason}. Try again later."
