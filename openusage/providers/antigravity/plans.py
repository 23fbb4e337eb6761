"""The name of the person's plan, as the different answers have it (seen 2026-11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openusage.host.values import first_text, object_at

__all__ = ["account_plan", "short_plan", "status_plan"]

_PREFIX = "Google AI "
_TIERS = ("Ultra", "Pro", "Free")


def status_plan(status: Mapping[str, Any]) -> str | None:
    """The plan in `userStatus` of the local server; `planName` is `Pro` for all that is paid."""
    tier = first_text(object_at(status, "userTier"), "name")
    return tier or first_text(object_at(status, "planStatus", "planInfo"), "planName")


def account_plan(body: Mapping[str, Any]) -> str | None:
    """The plan in Google's answer to `loadCodeAssist`."""
    tier = first_text(object_at(body, "paidTier"), "name")
    return tier or first_text(object_at(body, "currentTier"), "name")


def short_plan(name: str | None) -> str | None:
    """`Pro` for `Google AI Pro` and for whatever else has that word in it."""
    if name is None or name.startswith(_PREFIX):
        return name and name.removeprefix(_PREFIX)
    lower = name.lower()
    return next((tier for tier in _TIERS if tier.lower() in lower), name)
