"""What the person is told when something goes wrong."""

from __future__ import annotations

from openusage.providers.asking import Words

__all__ = [
    "NOT_LOGGED_IN",
    "NO_CLIENT",
    "SHUT_DOWN",
    "WORDS",
    "unsupported",
]

NOT_LOGGED_IN = "Not logged in. Run `gemini` and complete the OAuth prompt."
NO_CLIENT = (
    "Could not renew the Gemini login: reinstall or update the Gemini CLI, "
    "or set GEMINI_OAUTH_CLIENT_ID and GEMINI_OAUTH_CLIENT_SECRET."
)
SHUT_DOWN = (
    "Google no longer supports Gemini CLI OAuth for this account type; "
    "use Antigravity (sign in there or run `agy`)."
)
WORDS = Words(
    "Gemini session expired. Run `gemini` and re-authenticate when prompted.",
    status="Gemini quota request failed (HTTP {status}). Try again later.",
    invalid="Gemini quota response invalid. Try again later.",
    rate_limited="Gemini quota request rate limited. It is asked again later.",
)


def unsupported(kind: str) -> str:
    """The CLI does not use a Google account, but this `kind` of authentication."""
    return f"Gemini auth type {kind} is not supported."
