"""The key that Pi keeps for synthetic.new, and what the quota endpoint says."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="synthetic",
    file=".pi/agent/auth.json",
    everywhere=True,
    login={"synthetic": {"type": "api_key", "key": ACCESS, **OWNER}, "owner": OWNER},
    answers={
        "GET https://api.synthetic.new/v2/quotas": {
            "rollingFiveHourLimit": {"max": 600, "remaining": 380, "limited": False, **OWNER},
            "weeklyTokenLimit": {"percentRemaining": 63.2, "maxCredits": "$12.00", **OWNER},
            "subscription": {"limit": 135, "requests": 41, "renewsAt": "2026-12-02T10:00:00.000Z"},
            "search": {
                "hourly": {"limit": 250, "requests": 12, "renewsAt": "2026-11-24T13:00:00.000Z"},
                **OWNER,
            },
            **OWNER,
        }
    },
)
