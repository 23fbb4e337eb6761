"""The login of Claude Code, and what Anthropic's usage endpoint says."""

from __future__ import annotations

from tests.planters.planter import ACCESS, EXPIRY, OWNER, REFRESH, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="claude",
    file=".claude/.credentials.json",
    everywhere=True,
    login={
        "claudeAiOauth": {
            "accessToken": ACCESS,
            "refreshToken": REFRESH,
            "expiresAt": EXPIRY * 1000,
            "scopes": ["user:profile"],
            "subscriptionType": "max",
        },
        "owner": OWNER,
    },
    answers={
        "GET https://api.anthropic.com/api/oauth/": {
            "five_hour": {"utilization": 31.5, "resets_at": "2099-01-01T00:00:00Z", **OWNER},
            "seven_day": {"utilization": 12, "resets_at": None},
            "extra_usage": {"is_enabled": True, "used_credits": 1240, "monthly_limit": 5000},
            **OWNER,
        }
    },
    plan="Max",
    renewal="https://platform.claude.com/v1/oauth/token",
    renewed={
        "access_token": f"{ACCESS}-2",
        "refresh_token": f"{REFRESH}-2",
        "expires_in": 28800,
    },
)
