"""The login of the Droid CLI, sealed as its newer releases do it, and what Factory answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from openusage.host.sealed import seal, unseal
from tests.planters.planter import ACCESS, OWNER, REFRESH, Planter, millis

__all__ = ["PLANTER"]

_KEY = base64.b64encode(bytes(range(32))).decode()


def write_sealed(path: Path, login: Any) -> None:
    """Put `login` into `path`, sealed, and the key beside it."""
    path.write_text(seal(json.dumps(login, indent=2), _KEY))
    path.with_name("auth.v2.key").write_text(f"{_KEY}\n")


def read_sealed(path: Path) -> Any:
    """What is sealed in `path`."""
    return json.loads(unseal(path.read_text(), _KEY) or "null")


_WINDOW = {"usedPercent": 12.5, "windowEnd": "2099-01-01T00:00:00Z", **OWNER}

PLANTER = Planter(
    id="factory",
    file=".factory/auth.v2.file",
    everywhere=True,
    login={
        "access_token": ACCESS,
        "refresh_token": REFRESH,
        "active_organization_id": "org_PLANTED",
        "region": "us",
        "owner": OWNER,
    },
    answers={
        "POST https://api.factory.ai/api/organization/subscription/usage": {
            "usage": {
                "startDate": millis(-240),
                "endDate": millis(480),
                "standard": {
                    "userTokens": 900_000,
                    "orgTotalTokensUsed": 1_250_000,
                    "totalAllowance": 20_000_000,
                    "usedRatio": 0.0625,
                    **OWNER,
                },
                "premium": {"orgTotalTokensUsed": 40_000, "totalAllowance": 2_000_000},
                **OWNER,
            },
            "source": "cache",
            **OWNER,
        },
        "GET https://api.factory.ai/api/billing/limits": {
            "usesTokenRateLimitsBilling": True,
            "limits": {
                "standard": {"fiveHour": _WINDOW, "weekly": _WINDOW, "monthly": _WINDOW, **OWNER},
                "core": {"fiveHour": _WINDOW, **OWNER},
                **OWNER,
            },
            "extraUsageBalanceCents": 1234,
            "extraUsageAllowed": True,
            **OWNER,
        },
    },
    write=write_sealed,
    read=read_sealed,
    requests=2,
    plan="Pro + Droid Core",
    renewal="https://api.workos.com/user_management/authenticate",
    renewed={"access_token": f"{ACCESS}-2", "refresh_token": f"{REFRESH}-2"},
)
