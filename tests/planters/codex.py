"""The login of the Codex CLI, and what ChatGPT's usage endpoint says."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, REFRESH, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="codex",
    file=".codex/auth.json",
    everywhere=True,
    login={
        "OPENAI_API_KEY": None,
        "tokens": {"access_token": ACCESS, "refresh_token": REFRESH, "account_id": "PLANTED"},
        "owner": OWNER,
    },
    answers={
        "GET https://chatgpt.com/backend-api/wham/": {
            "plan_type": "plus",
            "rate_limit": {
                "primary_window": {"used_percent": 22, "limit_window_seconds": 18000, **OWNER},
                **OWNER,
            },
            "credits": {"has_credits": True, "balance": "512.75", **OWNER},
            **OWNER,
        }
    },
    plan="Plus",
    renewal="https://auth.openai.com/oauth/token",
    renewed={"access_token": f"{ACCESS}-2", "refresh_token": f"{REFRESH}-2"},
)
