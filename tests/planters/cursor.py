"""The login of Cursor's desktop application, in SQLite, and what Cursor's services say."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.planters.planter import ACCESS, EMAIL, EXPIRY, OWNER, REFRESH, Planter, millis

__all__ = ["PLANTER", "read_state", "write_state"]

_DASHBOARD = "https://api2.cursor.sh/aiserver.v1.DashboardService"
_TABLE = "CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)"


def write_state(path: Path, items: Mapping[str, Any]) -> None:
    """A state database with `items`; what is no text or number is there as JSON."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_TABLE)
        for key, value in items.items():
            plain = json.dumps(value) if isinstance(value, (dict, list)) else value
            connection.execute("INSERT INTO ItemTable VALUES (?, ?)", (key, plain))


def read_state(path: Path) -> dict[str, Any]:
    """What is in a state database, JSON as what it says."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT key, value FROM ItemTable").fetchall()
    return {key: _plain(value) for key, value in rows}


def _plain(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def _jwt(signature: str) -> str:
    claims = {"sub": "google-oauth2|user_ada", "exp": EXPIRY}
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({}, claims))
    return ".".join([*(part.decode().rstrip("=") for part in parts), signature])


PLANTER = Planter(
    id="cursor",
    file=".config/Cursor/User/globalStorage/state.vscdb",
    login={
        "cursorAuth/accessToken": _jwt(ACCESS),
        "cursorAuth/refreshToken": REFRESH,
        "cursorAuth/stripeMembershipType": "pro",
        "cursorAuth/cachedEmail": EMAIL,
        "owner": OWNER,
    },
    write=write_state,
    read=read_state,
    watched=False,
    requests=5,
    answers={
        f"POST {_DASHBOARD}/GetCurrentPeriodUsage": {
            "billingCycleStart": str(millis(-240)),
            "billingCycleEnd": str(millis(480)),
            "planUsage": {
                "totalSpend": 5230,
                "limit": 20000,
                "autoPercentUsed": 4.5,
                "apiPercentUsed": 31.25,
                "totalPercentUsed": 26.15,
                **OWNER,
            },
            "spendLimitUsage": {
                "individualLimit": 10000,
                "individualUsed": 1200,
                "individualRemaining": 8800,
                **OWNER,
            },
            **OWNER,
        },
        f"POST {_DASHBOARD}/GetPlanInfo": {"planInfo": {"planName": "pro", **OWNER}, **OWNER},
        f"POST {_DASHBOARD}/GetCreditGrantsBalance": {
            "hasCreditGrants": True,
            "totalCents": "10000",
            "usedCents": "2500",
            **OWNER,
        },
        "GET https://cursor.com/api/auth/stripe": {"customerBalance": 1500, **OWNER},
        "GET https://cursor.com/api/usage?user=user_ada": {
            "gpt-4": {"numRequests": 112, "maxRequestUsage": 500, **OWNER},
            "startOfMonth": "2026-11-01T06:12:57.000Z",
            **OWNER,
        },
        "GET https://cursor.com/api/usage-summary": {
            "membershipType": "pro",
            "individualUsage": {"plan": {"totalPercentUsed": 26.15, **OWNER}, **OWNER},
            **OWNER,
        },
        "GET https://cursor.com/api/dashboard/export-usage-events-csv?": {**OWNER},
    },
    plan="Pro",
    renewal="https://api2.cursor.sh/oauth/token",
    renewed={"access_token": _jwt(f"{ACCESS}-2"), "id_token": ACCESS, "shouldLogout": False},
)
