"""A key file of our own for Z.ai, and what its endpoints for limits and plan say."""

from __future__ import annotations

from tests.planters.planter import ACCESS, OWNER, Planter, millis

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="zai",
    file=".config/openusage/zai.json",
    everywhere=True,
    login={"apiKey": ACCESS, "owner": OWNER},
    answers={
        "GET https://api.z.ai/api/monitor/usage/quota/limit": {
            "code": 200,
            "success": True,
            "data": {
                "level": "pro",
                "limits": [
                    {
                        "type": "TOKENS_LIMIT",
                        "unit": 3,
                        "number": 5,
                        "percentage": 12,
                        "nextResetTime": millis(3),
                        **OWNER,
                    },
                    {"type": "TOKENS_LIMIT", "unit": 6, "number": 1, "percentage": 31, **OWNER},
                    {
                        "type": "TIME_LIMIT",
                        "unit": 5,
                        "number": 1,
                        "usage": 1000,
                        "currentValue": 120,
                        "nextResetTime": millis(200),
                        "usageDetails": [{"modelCode": "search-prime", "usage": 90, **OWNER}],
                    },
                ],
                **OWNER,
            },
            **OWNER,
        },
        "GET https://api.z.ai/api/biz/subscription/list": {
            "code": 200,
            "success": True,
            "data": [{"id": ACCESS, "productName": "GLM Coding Pro", **OWNER}],
            **OWNER,
        },
    },
    requests=2,
    plan="GLM Coding Pro",
)
