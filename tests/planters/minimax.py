"""The key of a MiniMax plan, and what the two services say of it."""

from __future__ import annotations

from typing import Any

from tests.planters.planter import ACCESS, OWNER, Planter, millis

__all__ = ["PLANTER"]

ANSWER: dict[str, Any] = {
    "base_resp": {"status_code": 0, "status_msg": "success", **OWNER},
    "current_subscribe_title": "MiniMax Coding Plan Plus",
    "model_remains": [
        {
            "model_name": "general",
            "current_interval_total_count": 0,
            "current_interval_usage_count": 0,
            "current_interval_remaining_percent": 64,
            "current_interval_status": 1,
            "start_time": millis(-2),
            "end_time": millis(3),
            "remains_time": 3 * 3_600_000,
            "current_weekly_remaining_percent": 80,
            "current_weekly_status": 1,
            "weekly_start_time": millis(-48),
            "weekly_end_time": millis(120),
            **OWNER,
        },
        {"model_name": "video", "current_interval_total_count": 3, **OWNER},
    ],
    **OWNER,
}

PLANTER = Planter(
    id="minimax",
    file=None,
    env={"MINIMAX_API_KEY": ACCESS},
    everywhere=True,
    login=OWNER,
    answers={
        "GET https://www.minimax.io/v1/token_plan/remains": ANSWER,
        "GET https://api.minimaxi.com/v1/token_plan/remains": ANSWER,
    },
    requests=2,
    plan="Plus (GLOBAL)",
)
