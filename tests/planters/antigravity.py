"""The login that `agy` keeps in a file, and what Google's Cloud Code says.

No refresh token: renewing needs the secret that comes with an installed Antigravity.
"""

from __future__ import annotations

from typing import Any

from tests.planters.planter import ACCESS, OWNER, Planter

__all__ = ["PLANTER"]

_BASES = ("https://daily-cloudcode-pa.googleapis.com", "https://cloudcode-pa.googleapis.com")
_RESET = "2026-11-24T15:00:00Z"
_METHODS: dict[str, Any] = {
    "retrieveUserQuotaSummary": {
        "groups": [
            {
                "displayName": "Gemini Models",
                "buckets": [
                    {
                        "bucketId": "gemini-5h",
                        "remainingFraction": 0.64,
                        "resetTime": _RESET,
                        **OWNER,
                    },
                    {"bucketId": "gemini-weekly", "remainingFraction": 0.9, **OWNER},
                ],
                **OWNER,
            },
            {
                "displayName": "Claude and GPT models",
                "buckets": [
                    {"bucketId": "3p-5h", "remainingFraction": 0.4, "resetTime": _RESET},
                    {"bucketId": "3p-weekly", "remainingFraction": 0.75},
                ],
            },
        ],
        **OWNER,
    },
    "fetchAvailableModels": {
        "models": {
            "gemini-3-pro": {
                "displayName": "Gemini 3 Pro (High)",
                "quotaInfo": {"remainingFraction": 0.64, "resetTime": _RESET, **OWNER},
                **OWNER,
            },
            "claude-opus": {
                "displayName": "Claude Opus 4.6 (Thinking)",
                "quotaInfo": {"remainingFraction": 0.4, "resetTime": _RESET},
            },
        },
        **OWNER,
    },
    "loadCodeAssist": {
        "paidTier": {"name": "Google AI Pro", **OWNER},
        "currentTier": {"name": "Free"},
        "cloudaicompanionProject": "a-project",
        **OWNER,
    },
    "retrieveUserQuota": {
        "buckets": [
            {"modelId": "gemini-3-pro", "remainingFraction": 0.64, "resetTime": _RESET, **OWNER},
            {"modelId": "claude-opus", "remainingFraction": 0.4, "resetTime": _RESET},
        ],
        **OWNER,
    },
}

PLANTER = Planter(
    id="antigravity",
    file=".gemini/antigravity-cli/antigravity-oauth-token",
    everywhere=True,
    login={
        "auth_method": "consumer",
        "token": {
            "access_token": ACCESS,
            "token_type": "Bearer",
            "expiry": "2099-01-01T00:00:00Z",
            "owner": OWNER,
        },
        "owner": OWNER,
    },
    answers={
        f"POST {base}/v1internal:{method}": body
        for base in _BASES
        for method, body in _METHODS.items()
    },
    requests=6,
    plan="Pro",
)
