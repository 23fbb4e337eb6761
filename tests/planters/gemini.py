"""The login of the Gemini CLI, and what Google's Cloud Code says.

The OAuth client is that of the environment, since no CLI is installed that one could be read from.
"""

from __future__ import annotations

from tests.planters.planter import ACCESS, EXPIRY, OWNER, REFRESH, Planter

__all__ = ["PLANTER"]

_RESET = "2026-11-25T08:00:00Z"

PLANTER = Planter(
    id="gemini",
    file=".gemini/oauth_creds.json",
    env={
        "GEMINI_OAUTH_CLIENT_ID": "PLANTED.apps.googleusercontent.com",
        "GEMINI_OAUTH_CLIENT_SECRET": "cs-PLANTED-0123456789",
    },
    everywhere=True,
    login={
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "id_token": f"{ACCESS}.e30.PLANTED",
        "token_type": "Bearer",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "expiry_date": EXPIRY * 1000,
        "owner": OWNER,
    },
    answers={
        "POST https://cloudcode-pa.googleapis.com/v1internal:loadCodeAssist": {
            "currentTier": {"id": "standard-tier", "name": "Standard", **OWNER},
            "paidTier": {"name": "Gemini Code Assist Standard", **OWNER},
            "allowedTiers": [{"id": "free-tier", **OWNER}],
            "cloudaicompanionProject": "PLANTED-project",
            **OWNER,
        },
        "GET https://cloudresourcemanager.googleapis.com/v1/projects": {
            "projects": [{"projectId": "gen-lang-client-PLANTED", **OWNER}],
            **OWNER,
        },
        "POST https://cloudcode-pa.googleapis.com/v1internal:retrieveUserQuota": {
            "buckets": [
                {
                    "modelId": "gemini-2.5-pro",
                    "tokenType": "REQUESTS",
                    "remainingFraction": 0.63,
                    "resetTime": _RESET,
                    **OWNER,
                },
                {"modelId": "gemini-2.5-flash", "remainingFraction": 0.9, "resetTime": _RESET},
            ],
            **OWNER,
        },
    },
    requests=3,
    plan="Gemini Code Assist Standard",
    renewal="https://oauth2.googleapis.com/token",
    renewed={"access_token": f"{ACCESS}-2", "expires_in": 3599},
    spends=False,
)
