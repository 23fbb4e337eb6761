"""The login of the Kiro app, and what the service says of its plan."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, REFRESH, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="kiro",
    file=".aws/sso/cache/kiro-auth-token.json",
    everywhere=True,
    login={
        "accessToken": ACCESS,
        "refreshToken": REFRESH,
        "expiresAt": "2099-01-01T00:00:00.000Z",
        "provider": "Google",
        "authMethod": "social",
        "profileArn": "arn:aws:codewhisperer:us-east-1:PLANTED:profile/PLANTED",
        "owner": OWNER,
    },
    answers={
        "GET https://q.us-east-1.amazonaws.com/getUsageLimits?": {
            "nextDateReset": "2026-12-01T00:00:00.000Z",
            "overageConfiguration": {"overageStatus": "ENABLED", **OWNER},
            "subscriptionInfo": {"subscriptionTitle": "KIRO PRO", **OWNER},
            "usageBreakdownList": [
                {
                    "resourceType": "CREDIT",
                    "currentUsage": 12,
                    "currentUsageWithPrecision": 12.5,
                    "usageLimit": 1000,
                    "usageLimitWithPrecision": 1000,
                    "nextDateReset": "2026-12-01T00:00:00.000Z",
                    "freeTrialInfo": {
                        "currentUsageWithPrecision": 40.2,
                        "usageLimit": 300,
                        "freeTrialStatus": "ACTIVE",
                        "freeTrialExpiry": "2026-12-12T08:00:00.000Z",
                        **OWNER,
                    },
                    "bonuses": [],
                    **OWNER,
                }
            ],
            "userInfo": OWNER,
            **OWNER,
        }
    },
    plan="Kiro Pro",
    renewal="https://prod.us-east-1.auth.desktop.kiro.dev/refreshToken",
    renewed={
        "accessToken": f"{ACCESS}-2",
        "refreshToken": f"{REFRESH}-2",
        "expiresIn": 3600,
        "profileArn": "arn:aws:codewhisperer:us-east-1:PLANTED:profile/PLANTED",
    },
)
