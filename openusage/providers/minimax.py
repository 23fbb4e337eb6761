"""MiniMax: the rolling five hours and the week of a Coding Plan or Token Plan.

Source, seen 2026-11: the endpoint that MiniMax documents for its plans, once for the world and once
for mainland China, each with keys of its own. The key is in the environment.

    {"base_resp": {"status_code": 0}, "current_subscribe_title": "Plus", "model_remains": [
        {"model_name": "general", "current_interval_total_count": 300,
         "current_interval_usage_count": 210, "current_interval_remaining_percent": 70,
         "start_time": ms, "end_time": ms, "remains_time": ms, "current_interval_status": 1,
         "current_weekly_remaining_percent": 80, "weekly_start_time": ms, "weekly_end_time": ms,
         "current_weekly_status": 1}]}

Plans count prompts (in China calls of the model, 15 to a prompt) or, newer, tell shares. What is
called `current_interval_usage_count` is what is left; in some answers it is what is used, which the
share beside it tells. A status is 1 for a window in use, 2 for one that is spent and 3 for one that
the plan has not, or does not limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.instants import from_epoch, parse_instant
from openusage.host.numbers import clamp, number, numeric, rounded, shortest
from openusage.host.values import first_text, object_at, objects_in, text_of
from openusage.model import (
    Count,
    Line,
    ProbeError,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, ask, said
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import Key, env_key, no_key
from openusage.providers.shape import Shape
from openusage.providers.spacing import spaced
from openusage.providers.words import NO_DATA
from openusage.redact import redact

__all__ = ["MiniMax"]

_CHINA_KEY = "MINIMAX_CN_API_KEY"
# The first is what several tools call the key of a plan, to tell it from a key that pays per use.
_KEYS = ("MINIMAX_CODING_API_KEY", "MINIMAX_API_KEY", "MINIMAX_API_TOKEN")

_NO_KEY = "MiniMax API key missing. Set MINIMAX_API_KEY or MINIMAX_CN_API_KEY."
_WORDS = Words(
    "Session expired. Check your MiniMax API key.",
    unreachable="Request failed. Check your connection.",
    status="Request failed (HTTP {status}). Try again later.",
    invalid="Could not parse usage data.",
)

_WINDOW: Mapping[str, Shape] = {
    "used": "any",
    "limit": "any",
    "counted": "any",
    "startsAt": "any",
    "endsAt": "any",
    "endsIn": "any",
}
_SHAPE: Mapping[str, Shape] = {"plan": "any", "session": _WINDOW, "weekly": _WINDOW}


@frozen
class _Region:
    """One of the two services: its address, the keys it takes, and what it counts.

    `calls` of the model are one prompt. `plans` tells a plan by the size of its window.
    """

    name: str
    url: str
    variables: Sequence[str]
    calls: int
    plans: Mapping[float, str]

    def prompts(self, count: float) -> float:
        """A count as prompts, whole ones."""
        return rounded(count / self.calls)


_SIZES = {100.0: "Starter", 300.0: "Plus", 1000.0: "Max", 2000.0: "Ultra"}
_GLOBAL = _Region(
    "GLOBAL",
    "https://www.minimax.io/v1/token_plan/remains",
    _KEYS,
    1,
    {**_SIZES, **{15 * size: name for size, name in _SIZES.items()}},
)
_CHINA = _Region(
    "CN",
    "https://api.minimaxi.com/v1/token_plan/remains",
    (_CHINA_KEY, *_KEYS),
    15,
    {600.0: "Starter", 1500.0: "Plus", 4500.0: "Max"},
)


@implementer(IProvider)
@frozen
class MiniMax:
    """The limits of a MiniMax plan."""

    id: str = "minimax"
    name: str = "MiniMax"
    brand_color: str = "#F5433C"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Status", "badge", "overview"),
        DeclaredLine("Session", "progress", "overview", "session", primary=1),
        DeclaredLine("Weekly", "progress", "overview", "weekly", primary=2, weekly=True),
    )
    links: Sequence[Link] = (
        Link("Plan", "https://platform.minimax.io/user-center/payment/coding-plan"),
    )

    async def detect(self, host: Host) -> str | None:
        """The variable with a key."""
        return next((key.shown for _, key in _keys(host)), None)

    async def probe(self, host: Host) -> Snapshot:
        """What the first service says that takes the key."""
        keys = _keys(host)
        if not keys:
            raise no_key(_NO_KEY, (_CHINA_KEY, *_KEYS))
        account = " ".join(dict.fromkeys(key.value for _, key in keys))
        host.identify(account)
        answer = await spaced(host, account, _SHAPE, lambda: _fetch(host, keys))
        lines = [*_lines(answer.body, answer.at)]
        return host.snapshot(lines or [NO_DATA], text_of(answer.body.get("plan")), answer.at)


def _keys(host: Host) -> list[tuple[_Region, Key]]:
    """The services in the order in which they are asked, each with its key."""
    in_china = env_key(host, _CHINA_KEY) is not None
    regions = (_CHINA, _GLOBAL) if in_china else (_GLOBAL, _CHINA)
    found = ((region, env_key(host, *region.variables)) for region in regions)
    return [(region, key) for region, key in found if key is not None]


# --- the requests ---------------------------------------------------------------------------------


async def _fetch(host: Host, keys: Sequence[tuple[_Region, Key]]) -> Mapping[str, Any]:
    """The plan as the first service that has it tells; raises what the first one had to say.

    A service that asks to be left alone is heard all the same.
    """
    errors: list[ProbeError] = []
    for region, key in keys:
        try:
            return await _ask(host, region, key)
        except ProbeError as error:
            errors.append(error)
    raise next((error for error in errors if isinstance(error, RateLimitedError)), errors[0])


async def _ask(host: Host, region: _Region, key: Key) -> Mapping[str, Any]:
    headers = {
        "Authorization": f"Bearer {key.value}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    body = await ask(host, "GET", region.url, _WORDS, headers=headers, timeout=15)
    inner = body["data"] if isinstance(body.get("data"), dict) else body
    _refuse_error(inner if isinstance(inner.get("base_resp"), dict) else body)
    lists = (part.get(key) for key in ("model_remains", "modelRemains") for part in (inner, body))
    rows = [*objects_in(next((found for found in lists if isinstance(found, list)), None))]
    found = _session(region, rows)
    if found is None:
        raise UnexpectedResponseError(_WORDS.invalid)
    row, session = found
    name = _plan_name(inner, body) or _plan_by_size(region, row, session)
    plan = None if name is None else f"{name} ({region.name})"
    weekly = _weekly(row)
    return {"plan": plan, "session": session, **({} if weekly is None else {"weekly": weekly})}


def _refuse_error(body: Mapping[str, Any]) -> None:
    """Raises the error that the service tells in an answer of status 200."""
    status = object_at(body, "base_resp")
    code, message = numeric(status.get("status_code")), text_of(status.get("status_msg"))
    if code is None or code == 0:
        return
    if code == 1004 or (message and re.search(r"cookie|log ?in", message, re.IGNORECASE)):
        raise TokenExpiredError(_WORDS.refused)
    reason = said(message)
    if reason is None:
        raise UnexpectedResponseError(f"MiniMax API error (status {shortest(code)}).")
    raise UnexpectedResponseError(f"MiniMax API error: {reason}")


# --- windows --------------------------------------------------------------------------------------

_TOTAL = "current_interval_total_count"
_LEFT = (
    "current_interval_remaining_count",
    "current_interval_remains_count",
    "current_interval_remain_count",
    "remaining_count",
    "remains_count",
    "remaining",
    "remains",
    "left_count",
)
_COUNT = "current_interval_usage_count"  # what is left, mostly
_USED = ("current_interval_used_count", "used_count", "used")
_SHARE = "current_interval_remaining_percent"

_RUNS, _SPENT, _NOT_IN_PLAN = 1, 2, 3

# Begin, end and rest of a window, and how long that may be in seconds: its length, and a little.
_FIVE_HOURS = ("start_time", "end_time", "remains_time", 18_600.0)
_WEEK = ("weekly_start_time", "weekly_end_time", "weekly_remains_time", 605_400.0)


def _session(
    region: _Region, rows: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], dict[str, Any]] | None:
    """The row that tells of the rolling five hours, and what it tells; `None`: nothing is known."""
    in_plan = [row for row in rows if _number(row, "current_interval_status") != _NOT_IN_PLAN]
    rows = in_plan or rows
    counted = [row for row in rows if region.prompts(_number(row, _TOTAL) or 0.0) > 0]
    shared = [row for row in rows if _share(row, _SHARE) is not None]
    shared.sort(key=lambda row: not _is_general(row))
    if counted and not _is_token_plan(counted, shared):
        used = _used(counted[0])
        total = _number(counted[0], _TOTAL) or 0.0
        if used is None:
            return None
        limit = region.prompts(total)
        window = {"used": region.prompts(clamp(used, 0.0, total)), "limit": limit, "counted": True}
        return counted[0], {**window, **_times(counted[0], *_FIVE_HOURS)}
    if not shared:
        return None
    left = _share(shared[0], _SHARE) or 0.0
    window = {"used": rounded(100 - left), "limit": 100, "counted": False}
    return shared[0], {**window, **_times(shared[0], *_FIVE_HOURS)}


def _is_token_plan(
    counted: Sequence[Mapping[str, Any]], shared: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether the window in use is the general one, told in shares, whatever else is counted."""
    general = shared[0] if shared else {}
    return (
        _is_general(general)
        and _number(general, "current_interval_status") in (_RUNS, _SPENT)
        and not any(row is general for row in counted)
    )


def _is_general(row: Mapping[str, Any]) -> bool:
    return "general" in (row.get("model_name"), row.get("modelName"))


def _weekly(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The week of the same row, if the service says that the plan limits it."""
    left = _share(row, "current_weekly_remaining_percent")
    if left is None or _number(row, "current_weekly_status") not in (_RUNS, _SPENT):
        return None
    window = {"used": rounded(100 - left), "limit": 100, "counted": False}
    return {**window, **_times(row, *_WEEK)}


def _used(row: Mapping[str, Any]) -> float | None:
    """How much of the window in `row` is used, before it is brought into its bounds."""
    used = _number(row, *_USED)
    if used is not None:
        return used
    total, left = _number(row, _TOTAL) or 0.0, _number(row, *_LEFT)
    if left is not None:
        return total - left
    count, share = _number(row, _COUNT), _share(row, _SHARE)
    if count is None:
        return None
    says_used = share is not None and not _fits(count, total, share)
    return count if says_used and _fits(total - count, total, share) else total - count


def _fits(left: float, total: float, share: float | None) -> bool:
    """Whether `left` of `total` is that share, which is a whole number of percent."""
    return share is not None and abs(100 * left / total - share) <= 1


def _times(
    row: Mapping[str, Any], start: str, end: str, rest: str, longest: float
) -> dict[str, float]:
    """When the window in `row` begins and ends, in Unix seconds; else in how many it ends.

    A rest is in seconds, unless it would then be longer than the window: that one is in
    milliseconds.
    """
    found: dict[str, float] = {}
    for key, name in (("startsAt", start), ("endsAt", end)):
        value = _number(row, name)
        instant = parse_instant(value) if value is not None and value > 0 else None
        if instant is not None:
            found[key] = instant.timestamp()
    left = _number(row, rest)
    if "endsAt" not in found and left is not None and left > 0:
        found["endsIn"] = left if left <= longest else left / 1000
    return found


def _share(row: Mapping[str, Any], name: str) -> float | None:
    share = _number(row, name)
    return share if share is not None and 0 <= share <= 100 else None


def _number(row: Mapping[str, Any], *names: str) -> float | None:
    """The first number in `row` at one of `names`, each in snake case or else in camel case."""
    for name in names:
        value = row.get(name)
        found = numeric(row.get(_camel(name)) if value is None else value)
        if found is not None:
            return found
    return None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# --- the plan -------------------------------------------------------------------------------------

_PLAN_KEYS = ("current_subscribe_title", "plan_name", "plan")
_INNER_PLAN_KEYS = (*_PLAN_KEYS, "current_plan_title", "combo_title")
_PREFIX = re.compile(r"minimax coding plan ?[:-]? ?", re.IGNORECASE)


def _plan_name(inner: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    title = first_text(inner, *_INNER_PLAN_KEYS) or first_text(body, *_PLAN_KEYS)
    if title is None:
        return None
    name = redact(" ".join(title[:200].split()))
    return _PREFIX.sub("", name, count=1) or "Coding Plan" if _PREFIX.match(name) else name


def _plan_by_size(
    region: _Region, row: Mapping[str, Any], session: Mapping[str, Any]
) -> str | None:
    if not session["counted"]:
        return None
    return region.plans.get(rounded(_number(row, _TOTAL) or 0.0))


# --- the lines ------------------------------------------------------------------------------------


def _lines(body: Mapping[str, Any], at: datetime) -> Iterator[Line]:
    """The lines of what was told at the instant `at`."""
    for label, key in (("Session", "session"), ("Weekly", "weekly")):
        window = object_at(body, key)
        used, limit = number(window.get("used")), number(window.get("limit"))
        if used is None or limit is None or used < 0 or limit <= 0:
            continue
        starts_at, ends_at = from_epoch(window.get("startsAt")), from_epoch(window.get("endsAt"))
        period = ends_at - starts_at if starts_at and ends_at else timedelta()
        period_ms = period // timedelta(milliseconds=1) if period > timedelta() else None
        ends_in = number(window.get("endsIn"))
        if ends_at is None and ends_in is not None:
            ends_at = from_epoch(at.timestamp() + ends_in)
        if window.get("counted") is True:
            yield Progress(label, used, limit, Count("prompts"), ends_at, period_ms)
        else:
            yield Progress(label, min(used, 100), 100, resets_at=ends_at, period_ms=period_ms)
