"""What Cursor's answers tell of an account, as lines, and which answers are needed for that.

The usage of the billing period comes first, with the name of the plan (seen 2026-11). Where the
plan has a limit, or a share of it is told, these two say it all but for credits. Where it has none,
the account may be one that counts requests or one of an organisation, of which other answers tell.

Cursor changed how it tells of such accounts. Where both ways fit, labels and formats are the older
ones: `Credits` is a bar, requests are `Requests` alone. The newer one adds what the older lacks. An
answer without plan name is the one case in which they contradict each other: it once meant nothing,
and later that the account may count requests. So these are asked for, and where there are none what
is wrong is told as before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from openusage.host.labels import plan_label
from openusage.host.numbers import numeric, shortest
from openusage.host.values import object_at, text_of
from openusage.model import (
    Line,
    NotAvailableError,
    ProbeError,
    Progress,
    Text,
    UnexpectedResponseError,
)
from openusage.providers.cursor.figures import (
    Cycle,
    dollar_bar,
    dollars,
    percent_bar,
    spend_text,
)
from openusage.providers.cursor.summary import REQUESTS, SUMMARY, request_lines
from openusage.providers.shape import Shape

__all__ = ["SHAPE", "USAGE", "Route", "plan_of", "route_of", "usage_lines"]

USAGE: Mapping[str, Shape] = {
    "billingCycleStart": "any",
    "billingCycleEnd": "any",
    "enabled": "any",
    "planUsage": {
        "totalSpend": "any",
        "bonusSpend": "any",
        "remaining": "any",
        "limit": "any",
        "autoPercentUsed": "any",
        "apiPercentUsed": "any",
        "totalPercentUsed": "any",
    },
    "spendLimitUsage": {
        "totalSpend": "any",
        "limitType": "any",
        "individualLimit": "any",
        "individualUsed": "any",
        "individualRemaining": "any",
        "pooledLimit": "any",
        "pooledUsed": "any",
        "pooledRemaining": "any",
    },
}
SHAPE: Mapping[str, Shape] = {
    "usage": USAGE,
    "plan": {"planName": "any"},
    "requests": REQUESTS,
    "summary": SUMMARY,
    "grants": {"hasCreditGrants": "any", "totalCents": "any", "usedCents": "any"},
    "stripe": {"customerBalance": "any"},
}
"""The answers by what they tell of; one that was not asked for, or not given, is missing."""

_INACTIVE = "No active Cursor subscription."
_NO_LIMIT = "Total usage limit missing from API response."
_ORGANISATIONS = {
    "enterprise": "Enterprise usage data unavailable. Try again later.",
    "team": "Team request-based usage data unavailable. Try again later.",
}
_UNAVAILABLE = "Cursor request-based usage data unavailable. Try again later."


# --- which answers tell of an account -------------------------------------------------------------


@frozen
class Route:
    """What else to ask for.

    With `requests`, how many requests were made, with `summary` the organisation's as well; where
    neither tells anything, `otherwise` is what is wrong. It is wrong at once where nothing is to be
    asked for. Without it the account has a plan with figures, and may have credits.
    """

    otherwise: ProbeError | None = None
    requests: bool = False
    summary: bool = False


@frozen
class _Account:
    """An account as the first two answers tell of it."""

    usage: Mapping[str, Any]
    plan: Mapping[str, Any] | None

    @property
    def planned(self) -> Mapping[str, Any]:
        """The use of the plan."""
        return object_at(self.usage, "planUsage")

    @property
    def extra(self) -> Mapping[str, Any]:
        """The use beyond the plan."""
        return object_at(self.usage, "spendLimitUsage")

    @property
    def name(self) -> str:
        """The plan's name in lower case; empty when it has none."""
        return (text_of((self.plan or {}).get("planName")) or "").lower()

    @property
    def limit(self) -> float | None:
        """How much of the plan may be used, in cents."""
        return numeric(self.planned.get("limit"))

    @property
    def share(self) -> float | None:
        """How much of the plan is used, in percent."""
        return numeric(self.planned.get("totalPercentUsed"))

    @property
    def is_team(self) -> bool:
        """Whether the plan is one that several people share."""
        pooled = numeric(self.extra.get("pooledLimit"))
        by_limit = self.extra.get("limitType") == "team" or (pooled is not None and pooled > 0)
        return self.name == "team" or by_limit

    @property
    def cycle(self) -> Cycle:
        """The billing period."""
        return Cycle.between(self.usage.get("billingCycleStart"), self.usage.get("billingCycleEnd"))


def route_of(body: Mapping[str, Any]) -> Route:
    """What must be known beside `usage` and `plan` in `body`."""
    account = _account(body)
    enabled = account.usage.get("enabled") is not False
    planned = isinstance(account.usage.get("planUsage"), Mapping)
    nothing_known = account.limit is None and account.share is None
    if enabled and account.limit is None and account.name in _ORGANISATIONS:
        return Route(UnexpectedResponseError(_ORGANISATIONS[account.name]), True, True)
    if enabled and nothing_known and account.plan is None:
        return Route(UnexpectedResponseError(_UNAVAILABLE), True, account.is_team)
    trouble: ProbeError | None = None
    if not (enabled and planned):
        trouble = NotAvailableError(_INACTIVE)
    elif nothing_known:
        trouble = UnexpectedResponseError(_NO_LIMIT)
    if enabled and nothing_known and (planned or not account.name):
        return Route(trouble, True, account.is_team)
    if trouble is None and account.is_team and account.limit is None:
        return Route(UnexpectedResponseError(_UNAVAILABLE), True, True)
    return Route(trouble)


def plan_of(body: Mapping[str, Any]) -> str | None:
    """The plan's name as it is shown."""
    name = plan_label(object_at(body, "plan").get("planName"))
    return name or plan_label(object_at(body, "summary").get("membershipType"))


def usage_lines(body: Mapping[str, Any]) -> list[Line]:
    """The lines that the answers in `body` make. Raises `ProbeError` when they do not tell."""
    route = route_of(body)
    if route.requests:
        lines = request_lines(object_at(body, "requests"), object_at(body, "summary"))
        if lines:
            return lines
    if route.otherwise is not None:
        raise route.otherwise
    return [line for line in _plan_lines(_account(body), body) if line is not None]


def _account(body: Mapping[str, Any]) -> _Account:
    plan = body.get("plan")
    return _Account(object_at(body, "usage"), plan if isinstance(plan, Mapping) else None)


# --- a plan with figures --------------------------------------------------------------------------


def _plan_lines(account: _Account, body: Mapping[str, Any]) -> Iterator[Line | None]:
    yield _credits(object_at(body, "grants"), object_at(body, "stripe"))
    if account.is_team:
        yield dollar_bar("Total usage", _used(account), account.limit or 0, account.cycle)
        yield _bonus(account)
    else:
        yield percent_bar("Total usage", _percent(account), account.cycle)
    for label, key in (("Auto usage", "autoPercentUsed"), ("API usage", "apiPercentUsed")):
        yield percent_bar(label, numeric(account.planned.get(key)), account.cycle)
    yield _on_demand(account.extra)


def _credits(grants: Mapping[str, Any], stripe: Mapping[str, Any]) -> Progress | None:
    """Credits that were granted, and money that is the customer's: a negative balance."""
    balance = max(0.0, -(numeric(stripe.get("customerBalance")) or 0))
    total, used = numeric(grants.get("totalCents")), numeric(grants.get("usedCents"))
    granted = grants.get("hasCreditGrants") is True
    if not granted or total is None or used is None or total <= 0:
        total = used = 0
    return dollar_bar("Credits", math.trunc(used), math.trunc(total) + balance)


def _used(account: _Account) -> float:
    used = numeric(account.planned.get("totalSpend"))
    if used is not None:
        return used
    return (account.limit or 0) - (numeric(account.planned.get("remaining")) or 0)


def _percent(account: _Account) -> float:
    if account.share is not None:
        return account.share
    limit = account.limit or 0
    return _used(account) / limit * 100 if limit > 0 else 0.0


def _bonus(account: _Account) -> Text | None:
    bonus = numeric(account.planned.get("bonusSpend"))
    if bonus is None or bonus <= 0:
        return None
    return Text("Bonus spend", f"${shortest(dollars(bonus))}")


def _on_demand(extra: Mapping[str, Any]) -> Line | None:
    """What is spent beyond the plan, of the person's own limit or else of the pooled one."""
    owner = "individual" if numeric(extra.get("individualLimit")) is not None else "pooled"
    limit = numeric(extra.get(f"{owner}Limit")) or 0.0
    remaining = numeric(extra.get(f"{owner}Remaining"))
    if limit > 0 and remaining is not None:
        return dollar_bar("On-demand", max(0.0, limit - remaining), limit)
    amounts = [numeric(extra.get(key)) for key in ("individualUsed", "pooledUsed", "totalSpend")]
    known = [amount for amount in amounts if amount is not None]
    spent = next((amount for amount in known if amount > 0), 0.0 if known else limit)
    return dollar_bar("On-demand", spent, limit) if limit > 0 else spend_text("On-demand", spent)
