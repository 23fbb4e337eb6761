"""Accounts whose plan has no limit of its own, as lines: requests, or an organisation's spend.

Two answers of the website tell of them, and either may be missing. `/api/usage` counts requests
where an allowance of them was bought. `/api/usage-summary` has the shares and the dollars of the
person and of the team (seen 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from openusage.host.numbers import numeric
from openusage.host.values import object_at
from openusage.model import Count, Line, Progress
from openusage.providers.cursor.figures import Cycle, dollar_bar, percent_bar, spend_text
from openusage.providers.shape import Shape

__all__ = ["REQUESTS", "SUMMARY", "request_lines"]

_BUCKET: Mapping[str, Shape] = {"enabled": "any", "used": "any", "limit": "any", "remaining": "any"}
_SHARES: Mapping[str, Shape] = {
    "autoPercentUsed": "any",
    "apiPercentUsed": "any",
    "totalPercentUsed": "any",
}
REQUESTS: Mapping[str, Shape] = {
    "gpt-4": {"numRequests": "any", "numRequestsTotal": "any", "maxRequestUsage": "any"},
    "startOfMonth": "any",
}
SUMMARY: Mapping[str, Shape] = {
    "billingCycleStart": "any",
    "billingCycleEnd": "any",
    "membershipType": "any",
    "limitType": "any",
    "individualUsage": {"plan": _SHARES, "onDemand": _BUCKET, "overall": _BUCKET},
    "teamUsage": {"pooled": _BUCKET, "onDemand": _BUCKET},
}


def request_lines(requests: Mapping[str, Any], summary: Mapping[str, Any]) -> list[Line]:
    """The lines of such an account; none when neither answer tells anything."""
    month = Cycle.month_from(requests.get("startOfMonth"))
    cycle = Cycle.between(summary.get("billingCycleStart"), summary.get("billingCycleEnd"))
    counted = _requests(requests, month if month.resets_at else cycle)
    cycle = cycle if cycle.resets_at else month
    total = counted or _total(summary, cycle)
    shares = object_at(summary, "individualUsage", "plan")
    lines = (
        total,
        percent_bar("Auto usage", numeric(shares.get("autoPercentUsed")), cycle),
        percent_bar("API usage", numeric(shares.get("apiPercentUsed")), cycle),
        _on_demand(summary),
    )
    return [line for line in lines if line is not None]


def _requests(requests: Mapping[str, Any], cycle: Cycle) -> Progress | None:
    count = object_at(requests, "gpt-4")
    allowance = numeric(count.get("maxRequestUsage"))
    counts = (numeric(count.get(key)) for key in ("numRequests", "numRequestsTotal"))
    used = next((value for value in counts if value is not None), 0.0)
    if allowance is None or allowance <= 0 or used < 0:
        return None
    suffix = Count("requests")
    return Progress("Requests", used, allowance, suffix, cycle.resets_at, cycle.period_ms)


def _total(summary: Mapping[str, Any], cycle: Cycle) -> Line | None:
    return next((line for line in _totals(summary, cycle) if line is not None), None)


def _totals(summary: Mapping[str, Any], cycle: Cycle) -> Iterator[Line | None]:
    """What the whole usage may be, best first."""
    person, team = object_at(summary, "individualUsage"), object_at(summary, "teamUsage")
    if summary.get("limitType") == "team":
        yield _spend("Total usage", object_at(team, "pooled"), cycle)
    share = numeric(object_at(person, "plan").get("totalPercentUsed"))
    yield percent_bar("Total usage", share, cycle)
    yield _spend("Total usage", object_at(person, "overall"), cycle)
    yield _spend("Total usage", object_at(team, "pooled"), cycle)


def _on_demand(summary: Mapping[str, Any]) -> Line | None:
    for owner in ("individualUsage", "teamUsage"):
        bucket = object_at(summary, owner, "onDemand")
        line = None if bucket.get("enabled") is False else _spend("On-demand", bucket)
        if line is not None:
            return line
    return None


def _spend(label: str, bucket: Mapping[str, Any], cycle: Cycle | None = None) -> Line | None:
    """Dollars of a limit or, without one, what was spent."""
    limit, used = numeric(bucket.get("limit")) or 0.0, numeric(bucket.get("used"))
    remaining = numeric(bucket.get("remaining"))
    if limit > 0 and remaining is not None and (used is None or used <= 0):
        used = max(0.0, limit - remaining)
    if used is None:
        return None
    return dollar_bar(label, used, limit, cycle) if limit > 0 else spend_text(label, used)
