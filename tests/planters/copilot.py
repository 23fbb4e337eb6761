"""The login of an editor's Copilot plugin, and what GitHub says of the account's quotas."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="copilot",
    file=".config/github-copilot/apps.json",
    login={
        "github.com:Iv1.0123456789abcdef": {
            "user": "ada",
            "oauth_token": ACCESS,
            "githubAppId": "Iv1.0123456789abcdef",
            **OWNER,
        },
        "owner": OWNER,
    },
    answers={
        "GET https://api.github.com/copilot_internal/user": {
            "login": "ada-PLANTED",
            "copilot_plan": "individual_pro",
            "quota_reset_date": "2026-12-01T00:00:00Z",
            "token_based_billing": False,
            "quota_snapshots": {
                "premium_interactions": {
                    "entitlement": 300,
                    "remaining": 213,
                    "percent_remaining": 71.0,
                    "unlimited": False,
                    "overage_count": 3,
                    "overage_permitted": True,
                    **OWNER,
                },
                "chat": {"entitlement": 500, "percent_remaining": 82.5, **OWNER},
                **OWNER,
            },
            **OWNER,
        }
    },
    plan="Individual Pro",
)
