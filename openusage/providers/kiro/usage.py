"""What Kiro's service tells of a plan, as the app keeps it and as it is answered, and as lines.

    {"usageBreakdownList": [{"resourceType": "CREDIT", "currentUsageWithPrecision": 12.5,
        "usageLimitWithPrecision": 1000, "nextDateReset": ISO or Unix seconds,
        "freeTrialInfo": {"currentUsage": 40, "usageLimit": 300, "freeTrialStatus": "ACTIVE",
            "freeTrialExpiry": ISO},
        "bonuses": [{"status": "ACTIVE", "currentUsage": 1, "usageLimit": 10, "expiresAt": ISO}]}],
     "subscriptionInfo": {"subscriptionTitle": "KIRO PRO"},
     "overageConfiguration": {"overageStatus": "ENABLED"}}

The app's database has the same with a few other names, and knows neither plan nor overage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, field, frozen

from openusage.host.instants import from_epoch, parse_instant
from openusage.host.numbers import number, numeric
from openusage.host.values import object_at, objects_in, text_of
from openusage.model import Badge, Count, Line, Progress
from openusage.providers.shape import Shape

__all__ = ["FIGURES", "Told", "figures", "merged", "usage_lines"]

_POOL: Mapping[str, Shape] = {"used": "any", "limit": "any", "endsAt": "any"}
FIGURES: Mapping[str, Shape] = {
    "credits": _POOL,
    "bonus": _POOL,
    "plan": "any",
    "overages": "any",
}
"""The shape of what `figures` gives."""

_CREDITS = Count("credits")


@frozen
class Told:
    """What one source tells: its figures, and the instant that they are of, where it says so."""

    body: Mapping[str, Any] = field(repr=False)
    at: datetime | None

    @property
    def has_credits(self) -> bool:
        """Whether it tells how much of the plan is used."""
        return next(usage_lines({"credits": self.body.get("credits")}), None) is not None

    def still_true(self, now: datetime) -> Told:
        """It without the pools that have ended or begun anew since."""
        pools = {key: object_at(self.body, key) for key in ("credits", "bonus")}
        ended = [key for key, pool in pools.items() if self._ended(pool, now)]
        return evolve(self, body={k: v for k, v in self.body.items() if k not in ended})

    def _ended(self, pool: Mapping[str, Any], now: datetime) -> bool:
        ends_at = from_epoch(pool.get("endsAt"))
        return ends_at is not None and ends_at <= now and (self.at is None or self.at < ends_at)


# --- reading --------------------------------------------------------------------------------------


def figures(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an answer, or what the app kept of one, tells; `None` when that is nothing."""
    found: dict[str, Any] = {}
    lists = (told.get(key) for key in ("usageBreakdownList", "usageBreakdowns"))
    entries = [*objects_in(next((each for each in lists if isinstance(each, list)), None))]
    pools = [(entry, _pool(entry, "nextDateReset", "resetDate")) for entry in entries]
    usable = [(entry, pool) for entry, pool in pools if pool is not None]
    usable.sort(key=lambda each: _kind(each[0]) != "CREDIT")
    if usable:
        entry, found["credits"] = usable[0]
        if (bonus := next(_bonuses(entry), None)) is not None:
            found["bonus"] = bonus
    if plan := text_of(object_at(told, "subscriptionInfo").get("subscriptionTitle")):
        found["plan"] = " ".join(word.capitalize() for word in plan[:200].split())
    overage = told.get("overageConfiguration")
    if isinstance(overage, dict):
        found["overages"] = overage.get("overageStatus") == "ENABLED"
    return found or None


def _kind(entry: Mapping[str, Any]) -> object:
    return text_of(entry.get("resourceType")) or entry.get("type")


def _pool(entry: Mapping[str, Any], *ends: str) -> dict[str, float] | None:
    """How much is used of how much, and until when; `None` when one of the two is not told."""
    used, limit = _amount(entry, "currentUsage"), _amount(entry, "usageLimit")
    if used is None or limit is None or used < 0 or limit <= 0:
        return None
    instants = (parse_instant(entry.get(name)) for name in ends)
    ends_at = next((instant for instant in instants if instant is not None), None)
    return {"used": used, "limit": limit, **({"endsAt": ends_at.timestamp()} if ends_at else {})}


def _bonuses(entry: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    """The pools beside the plan's own that may be used: the trial, then others."""
    trials = (entry.get(key) for key in ("freeTrialInfo", "freeTrialUsage"))
    trial = next((each for each in trials if isinstance(each, dict)), {})
    if trial.get("freeTrialStatus") in (None, "ACTIVE"):
        yield from _known(_pool(trial, "freeTrialExpiry", "expiryDate"))
    for bonus in objects_in(entry.get("bonuses")):
        if bonus.get("status") in (None, "ACTIVE", "EXHAUSTED"):
            yield from _known(_pool(bonus, "expiresAt", "expiryDate"))


def _known(pool: dict[str, float] | None) -> Iterator[dict[str, float]]:
    if pool is not None:
        yield pool


def _amount(entry: Mapping[str, Any], name: str) -> float | None:
    """The amount with its decimals, if it is told with them."""
    precise = numeric(entry.get(f"{name}WithPrecision"))
    return numeric(entry.get(name)) if precise is None else precise


# --- putting together -----------------------------------------------------------------------------


def merged(live: Told | None, app: Told | None, log: Told | None) -> Told | None:
    """The credits of the first that tells them, with the plan and overage of any.

    It is as old as the credits are. `None` when there are no credits.
    """
    sources = [told for told in (live, app, log) if told is not None]
    main = next((told for told in sources if told.has_credits), None)
    if main is None:
        return None
    known = {
        key: value
        for told in reversed(sources)
        for key, value in told.body.items()
        if key in ("plan", "overages") and value is not None
    }
    pools = {key: main.body[key] for key in ("credits", "bonus") if key in main.body}
    return Told({**pools, **known}, main.at)


# --- the lines ------------------------------------------------------------------------------------


def usage_lines(body: Mapping[str, Any]) -> Iterator[Line]:
    """The lines of these figures."""
    for label, key in (("Credits", "credits"), ("Bonus Credits", "bonus")):
        pool = object_at(body, key)
        used, limit = number(pool.get("used")), number(pool.get("limit"))
        if used is not None and limit is not None and used >= 0 and limit > 0:
            yield Progress(label, used, limit, _CREDITS, from_epoch(pool.get("endsAt")))
    if isinstance(body.get("overages"), bool):
        yield Badge("Overages", "Enabled" if body["overages"] else "Disabled")
