"""An answer of the usage endpoint as metric lines.

Seen 2026-11: windows in `rate_limit`, `code_review_rate_limit` and `additional_rate_limits`,
purchased credits in `credits`, a team's monthly pool in `individual_limit`. Percentages come in
headers too. The original app believes any header over the whole body, which hides a window whenever
only one header is sent; here the body wins, and a header only fills in for a percentage that the
body lacks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone, tzinfo
from typing import Any, Literal

from openusage.host.instants import from_epoch, parse_instant
from openusage.host.labels import plan_label
from openusage.host.numbers import numeric
from openusage.host.values import object_at, text_of
from openusage.model import Count, Line, Progress, Text
from openusage.providers.codex.answer import SHAPE, Answer
from openusage.providers.codex.windows import WEEKLY, Window, bar, window_lines
from openusage.providers.shape import fits

__all__ = ["is_usage", "plan_name", "usage_lines"]

_CENTS_PER_CREDIT = 4
_PLANS = {"prolite": "Pro 5x", "pro": "Pro 20x"}
_MODEL_PREFIX = re.compile(r"^GPT-[\d.]+-Codex-")


def plan_name(plan_type: object) -> str | None:
    """The plan as people know it: `pro` is `Pro 20x`, `free_workspace` is `Free Workspace`."""
    if not isinstance(plan_type, str):
        return None
    return _PLANS.get(plan_type.strip().lower()) or plan_label(plan_type.replace("_", " "))


def usage_lines(answer: Answer, zone: tzinfo) -> list[Line]:
    """The lines of `answer`, bars first; none when it tells nothing. `zone` is for dates."""
    lines: list[Line] = []
    lines += window_lines(_windows(answer))
    lines += _extra_limits(answer)
    lines += _reviews(answer)
    lines += _monthly_credits(answer)
    lines += _resets(answer, zone)
    lines += _credits(answer)
    return lines


def is_usage(answer: Answer, body: Mapping[str, Any]) -> bool:
    """Whether there are figures in `answer`, or its whole `body` looks like one without any."""
    return bool(usage_lines(answer, timezone.utc)) or fits(body, SHAPE)


def _windows(answer: Answer) -> Iterator[Window]:
    limits = object_at(answer.body, "rate_limit")
    for position in ("primary", "secondary"):
        header = answer.headers.get(f"x-codex-{position}-used-percent")
        yield from _window(limits, position, answer.at, header)


def _window(
    limits: Mapping[str, Any],
    position: Literal["primary", "secondary"],
    at: datetime,
    header: str | None = None,
) -> Iterator[Window]:
    window = object_at(limits, f"{position}_window")
    used = numeric(window.get("used_percent"))
    if used is None:
        used = numeric(header)
    if used is not None:
        seconds = numeric(window.get("limit_window_seconds"))
        yield Window(position, used, seconds, _resets_at(window, at))


def _resets_at(window: Mapping[str, Any], at: datetime) -> datetime | None:
    reset = parse_instant(window.get("reset_at"))
    if reset is not None and reset.timestamp() > 0:
        return reset
    after = numeric(window.get("reset_after_seconds"))
    return None if after is None else from_epoch(math.floor(at.timestamp()) + after)


def _extra_limits(answer: Answer) -> Iterator[Progress]:
    """`NAME` and `NAME Weekly` for every limit of single models; the first of Spark is `Spark`."""
    entries = answer.body.get("additional_rate_limits")
    spark = False
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("rate_limit"), dict):
            continue
        name = _limit_name(entry.get("limit_name"))
        if not spark and _is_spark(entry):
            name, spark = "Spark", True
        windows = [
            window
            for position in ("primary", "secondary")
            for window in _window(entry["rate_limit"], position, answer.at)
        ]
        yield from window_lines(windows, session=name, weekly=f"{name} Weekly")


def _limit_name(name: object) -> str:
    full = text_of(name) or "Model"
    return text_of(_MODEL_PREFIX.sub("", full)) or full


def _is_spark(entry: Mapping[str, Any]) -> bool:
    names = (entry.get("limit_name"), entry.get("metered_feature"))
    return any(isinstance(name, str) and "spark" in name.lower() for name in names)


def _reviews(answer: Answer) -> Iterator[Progress]:
    for window in _window(object_at(answer.body, "code_review_rate_limit"), "primary", answer.at):
        yield bar("Reviews", window, WEEKLY)


def _monthly_credits(answer: Answer) -> Iterator[Progress]:
    """The share of a team's or enterprise's credits that this member may use in a month."""
    pool = _pool(answer.body)
    limit, used = numeric(pool.get("limit")), numeric(pool.get("used"))
    if limit is None or limit <= 0:
        return
    if used is None:
        left = numeric(_first(pool, "remaining_percent", "remainingPercent"))
        if left is None:
            return
        used = limit * ((100 - min(max(left, 0), 100)) / 100)
    resets_at = parse_instant(_first(pool, "resets_at", "resetsAt", "reset_at"))
    yield Progress("Monthly credits", max(0.0, used), limit, Count("credits"), resets_at)


def _pool(body: Mapping[str, Any]) -> Mapping[str, Any]:
    for place in (body, object_at(body, "rate_limit"), object_at(body, "spend_control")):
        pool = _first(place, "individual_limit", "individualLimit")
        if isinstance(pool, dict):
            return pool
    return {}


def _resets(answer: Answer, zone: tzinfo) -> Iterator[Text]:
    """Resets that the person may ask for; how many, and when the first of them is lost."""
    count = answer.resets
    if count is None:
        count = numeric(object_at(answer.body, "rate_limit_reset_credits").get("available_count"))
    if count is None or count < 0:
        return
    expire = answer.resets_expire
    subtitle = f"next expires {_date(expire, zone)}" if expire else None
    yield Text("Rate Limit Resets", f"{math.floor(count)} available", subtitle=subtitle)


def _credits(answer: Answer) -> Iterator[Text]:
    credits_ = object_at(answer.body, "credits")
    balance = numeric(credits_.get("balance"))
    if balance is None and credits_.get("has_credits") is False:
        balance = 0.0
    if balance is None:
        balance = numeric(answer.headers.get("x-codex-credits-balance"))
    if balance is not None:
        count = max(0, math.floor(balance))
        dollars, cents = divmod(count * _CENTS_PER_CREDIT, 100)
        yield Text("Credits", f"${dollars}.{cents:02d} · {count} credits")


def _date(instant: datetime, zone: tzinfo) -> str:
    with suppress(OverflowError):  # services write the last second of the year 9999 for never
        instant = instant.astimezone(zone)
    return f"{instant:%Y-%m-%d}"


def _first(values: Mapping[str, Any], *keys: str) -> object:
    return next((values[key] for key in keys if values.get(key) is not None), None)
