"""The key that OpenCode keeps for its Go subscription, and what the usage endpoint says."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="opencode",
    file=".local/share/opencode/auth.json",
    everywhere=True,
    login={"opencode-go": {"type": "api", "key": ACCESS, **OWNER}, "owner": OWNER},
    answers={
        "GET https://opencode.ai/zen/go/v1/usage": {
            "usage": {
                "rolling": {
                    "status": "ok",
                    "percent": 23,
                    "resetsAt": "2026-11-24T13:30:00.662Z",
                    **OWNER,
                },
                "weekly": {"status": "ok", "percent": 9, "resetsAt": "2026-11-30T00:00:00.662Z"},
                "monthly": {"status": "rate-limited", "percent": 100, "resetsAt": None},
                **OWNER,
            },
            **OWNER,
        }
    },
    plan="Go",
)
