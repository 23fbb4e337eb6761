"""A key file of our own for OpenRouter, and what its endpoints for credits and key say."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="openrouter",
    file=".config/openusage/openrouter.json",
    everywhere=True,
    login={"apiKey": ACCESS, "owner": OWNER},
    answers={
        "GET https://openrouter.ai/api/v1/credits": {
            "data": {"total_credits": 50.0, "total_usage": 31.25, **OWNER},
            **OWNER,
        },
        "GET https://openrouter.ai/api/v1/key": {
            "data": {
                "label": ACCESS,
                "usage": 31.25,
                "usage_daily": 0.75,
                "usage_weekly": 4.1,
                "usage_monthly": 11.9,
                "limit": 20,
                "limit_remaining": 8.1,
                "limit_reset": "monthly",
                "is_free_tier": False,
                "rate_limit": {"requests": -1, "interval": "10s", **OWNER},
                "expires_at": None,
                **OWNER,
            },
            **OWNER,
        },
    },
    requests=2,
    plan="Pay as you go",
)
