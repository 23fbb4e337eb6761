"""From the body of a usage answer to metric lines: pure functions, nothing is asked or read here.

The body, of which every part may be null or absent (seen 2026-11):

    {"five_hour": {"utilization": 31.5, "resets_at": ISO},
     "seven_day": {…}, "seven_day_sonnet": {…}, "seven_day_opus": {…}, "seven_day_omelette": {…},
     "extra_usage": {"is_enabled": bool, "used_credits": cents, "monthly_limit": cents},
     "limits": [{"kind": "session" | "weekly_all" | "weekly_scoped", "percent": 31.5,
                 "resets_at": ISO, "scope": {"model": {"id": str, "display_name": "Fable"}}}]}

The service moves windows from the flat keys, which then are null, to `limits` (since 2026-07, see
github.com/steipete/CodexBar/pull/1851), so both are read and the flat key goes first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from openusage.host.instants import parse_instant
from openusage.host.labels import plan_label
from openusage.host.numbers import number, numeric, shortest
from openusage.model import Badge, Dollars, Line, Progress, Text
from openusage.providers.shape import Shape, cut, fits

__all__ = [
    "essence",
    "is_usage",
    "plan_name",
    "rate_limit_badge",
    "rate_limit_note",
    "usage_lines",
]

FIVE_HOURS = 18_000_000
WEEK = 604_800_000
AMBER = "#f59e0b"

_WINDOW: Shape = {"utilization": "number", "resets_at": "any"}
_SHAPE: Mapping[str, Shape] = {
    "five_hour": _WINDOW,
    "seven_day": _WINDOW,
    "seven_day_sonnet": _WINDOW,
    "seven_day_opus": _WINDOW,
    "seven_day_omelette": _WINDOW,
    "extra_usage": {"is_enabled": "any", "used_credits": "number", "monthly_limit": "number"},
    "limits": [
        {
            "kind": "any",
            "percent": "number",
            "resets_at": "any",
            "scope": {"model": {"id": "any", "display_name": "any"}},
        }
    ],
}
_MULTIPLE = re.compile(r"[0-9]+x")


def usage_lines(body: Mapping[str, Any]) -> list[Line]:
    """The windows and the extra usage in `body`, in the order in which they are shown."""
    limits = body.get("limits")
    entries = [e for e in limits if isinstance(e, dict)] if isinstance(limits, list) else []
    scoped = _scoped(entries)
    sonnet, opus = scoped.pop("sonnet", None), scoped.pop("opus", None)
    windows = [
        _flat("Session", body.get("five_hour"), FIVE_HOURS)
        or _unscoped("Session", entries, "session", FIVE_HOURS),
        _flat("Weekly", body.get("seven_day")) or _unscoped("Weekly", entries, "weekly_all"),
        _flat("Sonnet", body.get("seven_day_sonnet")) or sonnet,
        _flat("Opus", body.get("seven_day_opus")) or opus,
        _design(body.get("seven_day_omelette")) or scoped.pop("claude design", None),
    ]
    shown: list[Line] = [window for window in windows if window is not None]
    extra = [line for line in [_extra_usage(body.get("extra_usage"))] if line is not None]
    taken = {line.label.casefold() for line in shown + extra}
    others = [line for name, line in scoped.items() if name not in taken]
    return [*shown, *others, *extra]


def is_usage(body: Mapping[str, Any]) -> bool:
    """Whether there are figures in `body`, or it looks like an answer that happens to have none."""
    return bool(usage_lines(body)) or fits(body, _SHAPE)


def essence(body: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `body` that `usage_lines` reads, to be kept for later."""
    kept: dict[str, Any] = cut(body, _SHAPE)
    return kept


def plan_name(subscription: object, tier: object) -> str | None:
    """The plan: `max` with the tier `default_claude_max_20x` is `Max 20x`."""
    name = plan_label(subscription)
    multiple = _MULTIPLE.search(tier) if isinstance(tier, str) else None
    return f"{name} {multiple[0]}" if name and multiple else name


def rate_limit_badge(seconds: float | None) -> Badge:
    """What says that the service wants no request for `seconds` (`None`: it did not say)."""
    when = "try again later" if seconds is None else f"retry in ~{_minutes(seconds)}"
    return Badge("Status", f"Rate limited, {when}", color=AMBER)


def rate_limit_note(seconds: float | None) -> Text:
    """The same, for the end of the lines."""
    when = "data may be stale" if seconds is None else f"retry in ~{_minutes(seconds)}"
    return Text("Note", f"Live usage rate limited — {when}")


def _minutes(seconds: float) -> str:
    return "now" if seconds <= 0 else f"{math.ceil(seconds / 60)}m"


# --- windows --------------------------------------------------------------------------------------


def _flat(label: str, window: object, period: int = WEEK) -> Progress | None:
    if not isinstance(window, dict):
        return None
    return _progress(label, numeric(window.get("utilization")), window.get("resets_at"), period)


def _design(window: object) -> Progress | None:
    """Claude Design, for which text is no figure: the original app shows no line then."""
    if not isinstance(window, dict) or number(window.get("utilization")) is None:
        return None
    return _flat("Claude Design", window)


def _unscoped(
    label: str, entries: list[dict[str, Any]], kind: str, period: int = WEEK
) -> Progress | None:
    for entry in entries:
        if entry.get("kind") == kind:
            return _listed(label, entry, period)
    return None


def _scoped(entries: list[dict[str, Any]]) -> dict[str, Progress]:
    """The weekly windows of single models by lower-case name; of a repeated name the first."""
    found: dict[str, Progress] = {}
    for entry in entries:
        name = _model_name(entry)
        line = _listed(name, entry) if name else None
        if line is not None:
            found.setdefault(line.label.casefold(), line)
    return found


def _model_name(entry: dict[str, Any]) -> str | None:
    scope = entry.get("scope")
    model = scope.get("model") if isinstance(scope, dict) else None
    if entry.get("kind") != "weekly_scoped" or not isinstance(model, dict):
        return None
    names = [_words(model.get("display_name")), _words(model.get("id"))]
    return None if "all models" in map(str.casefold, names) else names[0] or None


def _words(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _listed(label: str, entry: dict[str, Any], period: int = WEEK) -> Progress | None:
    return _progress(label, numeric(entry.get("percent")), entry.get("resets_at"), period)


def _progress(label: str, used: float | None, resets_at: object, period: int) -> Progress | None:
    if used is None:
        return None
    instant = parse_instant(resets_at)
    return Progress(label, max(used, 0.0), 100, resets_at=instant, period_ms=period)


# --- extra usage ----------------------------------------------------------------------------------


def _extra_usage(extra: object) -> Line | None:
    """Spending beyond the plan: a meter where there is a cap, else the sum if any."""
    if not isinstance(extra, dict) or extra.get("is_enabled") is not True:
        return None
    used, cap = _dollars(extra.get("used_credits")), _dollars(extra.get("monthly_limit"))
    if used is not None and cap:
        return Progress("Extra usage spent", used, cap, Dollars())
    return Text("Extra usage spent", f"${shortest(used)}") if used else None


def _dollars(cents: object) -> float | None:
    """Cents as dollars, a half cent going up; less than nothing is nothing."""
    value = numeric(cents)
    return None if value is None else max(math.floor(value + 0.5), 0) / 100
