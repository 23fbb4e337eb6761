"""What the answers mean: figures, and the lines that they become.

Names and nesting differ between accounts, so a balance is looked for wherever one may be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from openusage.host.numbers import dollars_in, number, numeric, rounded
from openusage.host.values import object_at, objects_in, text_of
from openusage.model import Dollars, Line, Progress, Text
from openusage.providers.shape import Shape

__all__ = ["KEPT", "figure_lines", "figures_of", "group_id_in"]

_COUNTS = {
    "remaining_pro": "Queries",
    "remaining_research": "Deep Research",
    "remaining_labs": "Labs",
    "remaining_agentic_research": "Agentic Research",
}
KEPT: Mapping[str, Shape] = {
    "plan": "any",
    "balance": "number",
    "usage": "number",
    "limits": dict.fromkeys(_COUNTS, "number"),
}
"""The figures as they are remembered."""

_IDS = ("api_org_id", "apiOrgId", "org_id", "orgId", "id", "group_id", "groupId")
_LISTS = ("orgs", "groups", "results", "items", "data")
_LONGEST_ID = 200

_WRAPPERS = (
    *("apiOrganization", "api_organization", "group", "org", "organization"),
    *("data", "result", "item"),
)
_BALANCES = ("balance_usd", "balanceUsd", "balance", "pending_balance", "pendingBalance")
_PURSES = ("customerInfo", "wallet", "billing", "usage", "account", "balances")
_TELLING = re.compile("balance|credit|wallet|prepaid|available", re.IGNORECASE)
_CENTS = ("cents", "amount_cents", "amountCents", "value_cents", "valueCents")
_DOLLARS = (
    *("usd", "amount_usd", "amountUsd", "value_usd", "valueUsd"),
    *("amount", "value", "balance", "remaining", "available"),
)
_DEEPEST = 16


def figures_of(user: object, group: object, analytics: object, limits: object) -> dict[str, Any]:
    """What the answers tell, each of which may be anything, as `KEPT` has it."""
    counts = limits if isinstance(limits, dict) else {}
    return {
        "plan": _plan(user, group),
        "balance": _balance(group),
        "usage": _usage(analytics),
        "limits": {key: numeric(counts.get(key)) for key in _COUNTS},
    }


def figure_lines(figures: Mapping[str, Any]) -> list[Line]:
    """The lines of the figures that are known."""
    lines: list[Line] = []
    balance, usage = number(figures.get("balance")), number(figures.get("usage"))
    limit = rounded(balance or 0, 2)
    if limit > 0 and usage is not None:
        lines.append(Progress("API credits", max(0.0, rounded(usage, 2)), limit, Dollars()))
    for key, label in _COUNTS.items():
        left = numeric(object_at(figures, "limits").get(key))
        if left is not None:
            lines.append(Text(label, f"{max(0, math.floor(left))} remaining"))
    return lines


def group_id_in(body: object) -> str | None:
    """The id of the person's organization, as text: the default one of several, else the first."""
    if isinstance(body, dict):
        ids = (_id(body.get(key)) for key in _IDS)
        lists = (body[key] for key in _LISTS if isinstance(body.get(key), list))
        return next(filter(None, ids), None) or next(filter(None, map(group_id_in, lists)), None)
    groups = [*objects_in(body)]
    default = (
        group
        for group in groups
        if group.get("is_default_org") is True or group.get("isDefaultOrg") is True
    )
    ids = (_id(group.get(key)) for group in (*default, *groups) for key in _IDS)
    return next(filter(None, ids), None)


def _id(value: object) -> str | None:
    count = number(value)
    text = text_of(value) if count is None else str(math.floor(count))
    return text if text is not None and len(text) <= _LONGEST_ID else None


def _plan(user: object, group: object) -> str | None:
    customer = object_at(group, "customerInfo") if isinstance(group, dict) else {}
    tier = user.get("subscription_tier") if isinstance(user, dict) else None
    if customer.get("is_max") is True or customer.get("subscription_tier") == "max":
        return "Max"
    if customer.get("is_pro") is True:
        return "Pro"
    return {"max": "Max", "pro": "Pro"}.get(tier) if isinstance(tier, str) else None


def _balance(body: object) -> float | None:
    """Dollars that were paid in advance and are left, as the first place says that has them."""
    return next(_balances(body, 0), None)


def _balances(value: object, depth: int) -> Iterator[float]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for entry in value:
            yield from _balances(entry, depth + 1)
    elif isinstance(value, dict):
        for key in _WRAPPERS:
            yield from _balances(value.get(key), depth + 1)
        yield from _known(numeric(value.get(key)) for key in _BALANCES)
        yield from _known(_money(value.get(key)) for key in _BALANCES)
        for key in _PURSES:
            yield from _balances(value.get(key), depth + 1)
        yield from _known(_money(value[key]) for key in value if _TELLING.search(key))


def _known(values: Iterator[float | None]) -> Iterator[float]:
    return (value for value in values if value is not None)


def _money(value: object) -> float | None:
    """Dollars, given as a number, as text such as `$1,234.50`, or as an object with either."""
    if not isinstance(value, dict):
        return dollars_in(value)
    cents = (dollars_in(value.get(key)) for key in _CENTS)
    dollars = (dollars_in(value.get(key)) for key in _DOLLARS)
    hundredths = (amount / 100 for amount in _known(cents))
    return next(chain(hundredths, _known(dollars)), None)


def _usage(body: object) -> float | None:
    """Dollars used, the costs of all meters together; nothing used is 0, nothing told is `None`."""
    if not isinstance(body, list):
        return None
    meters = [*objects_in(body)]
    lists = [
        meter[key]
        for meter in meters
        for key in ("meter_event_summaries", "meterEventSummaries")
        if isinstance(meter.get(key), list)
    ]
    events = (event for events in lists for event in objects_in(events))
    costs = [*_known(numeric(event.get("cost")) for event in events)]
    if costs:
        return number(sum(costs))
    return None if body and all(lists) else 0.0
