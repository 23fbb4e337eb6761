"""An answer of GitHub as metric lines.

Seen 2026-11. Buckets in `quota_snapshots` tell what is left of them in percent; a free account used
to have counts in `limited_user_quotas` and `monthly_quotas` instead. A bucket without limit, or of
which the plan has nothing at all, is no meter: shown as one it would be empty or full for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from openusage.host.instants import parse_instant
from openusage.host.numbers import clamp, money, number, rounded, shortest
from openusage.host.values import object_at
from openusage.model import Line, Progress, Text
from openusage.providers.shape import Shape

__all__ = ["SHAPE", "is_hidden", "is_seat", "plan_name", "usage_lines"]

_BUCKET: Shape = {
    "entitlement": "number",
    "remaining": "number",
    "percent_remaining": "number",
    "unlimited": "any",
    "overage_count": "number",
    "overage_permitted": "any",
    "credits_used": "number",
}
_COUNTS: Shape = {"chat": "any", "completions": "any"}

SHAPE: Mapping[str, Shape] = {
    "copilot_plan": "any",
    "quota_reset_date": "any",
    "limited_user_reset_date": "any",
    "token_based_billing": "any",
    "quota_snapshots": {"premium_interactions": _BUCKET, "chat": _BUCKET, "completions": _BUCKET},
    "limited_user_quotas": _COUNTS,
    "monthly_quotas": _COUNTS,
    "organization": {"credits": "number", "spend": "number"},
}
"""What is read of an answer; `organization` is of our own making."""

_PREMIUM = "premium_interactions"
_BUCKETS = (("Premium", _PREMIUM), ("Chat", "chat"), ("Completions", "completions"))
_LIMITED = (("Chat", "chat"), ("Completions", "completions"))
_MONTH_MS = 30 * 86_400_000
_UNLIMITED = -1
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def plan_name(value: object) -> str | None:
    """The plan in words: `individual_pro` is `Individual Pro`."""
    words = _BETWEEN_WORDS.split(value) if isinstance(value, str) else ()
    return " ".join(word.capitalize() for word in words if word) or None


def usage_lines(usage: Mapping[str, Any]) -> list[Line]:
    """The lines of an answer; none when it tells nothing that can be shown."""
    lines = _meters(usage)
    return lines or [*_seat(usage)] if is_seat(usage) else lines


def is_seat(usage: Mapping[str, Any]) -> bool:
    """Whether the account has no quota of its own, because an organization pays by use."""
    return usage.get("token_based_billing") is True and not _meters(usage)


def is_hidden(usage: Mapping[str, Any]) -> bool:
    """Whether a personal account has buckets, and none of them is a meter."""
    return bool(object_at(usage, "quota_snapshots")) and not (is_seat(usage) or _meters(usage))


def _meters(usage: Mapping[str, Any]) -> list[Line]:
    return [*_buckets(usage)] or [*_limited(usage)]


def _buckets(usage: Mapping[str, Any]) -> Iterator[Line]:
    resets_at = _resets_at(usage, "quota_reset_date", "limited_user_reset_date")
    for label, name in _BUCKETS:
        bucket = object_at(usage, "quota_snapshots", name)
        left = _left(bucket)
        if left is None:
            continue
        # To the digits that are there: 100 - 99.4 is 0.5999999999999943.
        yield _bar(label, rounded(100 - clamp(left), 6), resets_at)
        overage = number(bucket.get("overage_count"))
        permitted = name == _PREMIUM and bucket.get("overage_permitted") is True
        if permitted and overage is not None and overage >= 0:
            yield Text("Extra Usage", _count(overage))


def _left(bucket: Mapping[str, Any]) -> float | None:
    """What is left, in percent; `None` for what is no meter."""
    total, remaining = number(bucket.get("entitlement")), number(bucket.get("remaining"))
    if bucket.get("unlimited") is True or _UNLIMITED in (total, remaining) or total == 0:
        return None
    percent = number(bucket.get("percent_remaining"))
    if percent is None and total is not None and remaining is not None and total > 0:
        return remaining / total * 100
    return percent


def _limited(usage: Mapping[str, Any]) -> Iterator[Line]:
    resets_at = _resets_at(usage, "limited_user_reset_date", "quota_reset_date")
    for label, name in _LIMITED:
        total = number(object_at(usage, "monthly_quotas").get(name))
        remaining = number(object_at(usage, "limited_user_quotas").get(name))
        if total is not None and remaining is not None and total > 0:
            yield _bar(label, clamp(rounded((total - remaining) / total * 100)), resets_at)


def _seat(usage: Mapping[str, Any]) -> Iterator[Line]:
    used = number(object_at(usage, "quota_snapshots", _PREMIUM).get("credits_used"))
    if used is not None and used > 0:
        yield Text("Premium", f"{_count(used)} credits")
    organization = object_at(usage, "organization")
    credits_, spend = number(organization.get("credits")), number(organization.get("spend"))
    if credits_ is not None and credits_ >= 0:
        yield Text("Org Credits", f"{_count(credits_)} credits")
    if spend is not None and spend >= 0:
        yield Text("Org Spend", money(spend, grouped=True))


def _bar(label: str, used: float, resets_at: datetime | None) -> Progress:
    return Progress(label, used, 100, resets_at=resets_at, period_ms=_MONTH_MS)


def _resets_at(usage: Mapping[str, Any], *keys: str) -> datetime | None:
    return next(filter(None, (parse_instant(usage.get(key)) for key in keys)), None)


def _count(value: float) -> str:
    return shortest(rounded(value, 1))
