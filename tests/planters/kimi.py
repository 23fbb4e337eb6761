"""The login of the Kimi CLI, and what Kimi's usage endpoint says."""

from __future__ import annotations

from tests.planters.planter import ACCESS, EXPIRY, OWNER, REFRESH, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="kimi",
    file=".kimi/credentials/kimi-code.json",
    everywhere=True,
    login={
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "expires_at": EXPIRY + 0.25,
        "scope": "kimi-code",
        "token_type": "Bearer",
        "owner": OWNER,
    },
    answers={
        "GET https://api.kimi.com/coding/v1/usages": {
            "usage": {
                "limit": "200",
                "used": "30",
                "remaining": "170",
                "resetTime": "2099-02-11T17:32:50.123456789Z",
                **OWNER,
            },
            "limits": [
                {
                    "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE", **OWNER},
                    "detail": {
                        "limit": "80",
                        "remaining": "60",
                        "resetTime": "2099-02-07T12:00:00.123456Z",
                        **OWNER,
                    },
                    **OWNER,
                }
            ],
            "user": {"membership": {"level": "LEVEL_INTERMEDIATE", **OWNER}, **OWNER},
            **OWNER,
        }
    },
    plan="Intermediate",
    renewal="https://auth.kimi.com/api/oauth/token",
    renewed={
        "access_token": f"{ACCESS}-2",
        "refresh_token": f"{REFRESH}-2",
        "expires_in": 900,
        "scope": "kimi-code",
        "token_type": "Bearer",
    },
)
