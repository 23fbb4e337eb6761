"""The login of the Grok CLI, and what xAI's billing endpoint says."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, REFRESH, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="grok",
    file=".grok/auth.json",
    everywhere=True,
    login={
        "https://auth.x.ai::PLANTED": {
            "key": ACCESS,
            "refresh_token": REFRESH,
            "expires_at": "2098-01-01T00:00:00.000Z",
            "oidc_client_id": "PLANTED-client",
            "user_id": "PLANTED-user",
            "owner": OWNER,
        },
        "owner": OWNER,
    },
    answers={
        "GET https://cli-chat-proxy.grok.com/v1/billing": {
            "config": {
                "creditUsagePercent": 41.5,
                "currentPeriod": {
                    "type": "USAGE_PERIOD_TYPE_WEEKLY",
                    "start": "2099-07-13T05:10:11.120000+00:00",
                    "end": "2099-07-20T05:10:11.120000+00:00",
                    **OWNER,
                },
                "onDemandCap": {"val": 500, **OWNER},
                **OWNER,
            },
            **OWNER,
        },
        "GET https://cli-chat-proxy.grok.com/v1/settings": {
            "subscription_tier_display": "SuperGrok Heavy",
            **OWNER,
        },
    },
    requests=2,
    plan="SuperGrok Heavy",
    renewal="https://auth.x.ai/oauth2/token",
    renewed={
        "access_token": f"{ACCESS}-2",
        "refresh_token": f"{REFRESH}-2",
        "expires_in": 3600,
    },
)
