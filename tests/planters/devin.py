"""The login of the Devin CLI, and what its server says of the quota."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.planters.planter import ACCESS, OWNER, Planter

__all__ = ["PLANTER"]


def write_toml(path: Path, login: Any) -> None:
    """Put `login` into `path` as TOML. Raises `TypeError` for what TOML cannot hold."""
    if not isinstance(login, dict):
        raise TypeError("TOML is a table")
    path.write_text("".join(f"{json.dumps(key)} = {_toml(login[key])}\n" for key in login))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_toml(value[key])}' for key in value)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_toml(inner) for inner in value if inner is not None)}]"
    if value is None:
        raise TypeError("TOML has no null")
    return json.dumps(value)


PLANTER = Planter(
    id="devin",
    file=".local/share/devin/credentials.toml",
    login={
        "windsurf_api_key": f"devin-session-token${ACCESS}",
        "api_server_url": "https://server.codeium.com/",
        "devin_api_url": "https://api.devin.ai",
        "owner": OWNER,
    },
    answers={
        "POST https://server.codeium.com/exa.seat_management_pb.SeatManagementService/": {
            "userStatus": {
                "email": "ada.lovelace@planted.example",
                "planStatus": {
                    "planInfo": {"planName": "Max", "hideDailyQuota": False, **OWNER},
                    "dailyQuotaRemainingPercent": 82,
                    "weeklyQuotaRemainingPercent": 35.5,
                    "dailyQuotaResetAtUnix": "1795600000",
                    "weeklyQuotaResetAtUnix": "1796000000",
                    "overageBalanceMicros": "12340000",
                    **OWNER,
                },
                **OWNER,
            },
            **OWNER,
        }
    },
    plan="Max",
    write=write_toml,
)
