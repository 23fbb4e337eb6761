"""The daily quota of a Google account in the Gemini CLI: asking for it, and the lines it makes.

Source: Google's Cloud Code, which the CLI itself asks, seen 2026-11. Every model is in a bucket, of
which a fraction is left; models of one kind share a quota, so that the bucket with the least left
tells it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from openusage.host import Host, Response
from openusage.host.instants import parse_instant
from openusage.host.numbers import clamp, number, rounded
from openusage.host.values import first_text, json_object, object_at, objects_in, text_of
from openusage.model import (
    Line,
    NotLoggedInError,
    ProbeError,
    Progress,
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.asking import ask, request, retry_after
from openusage.providers.gemini.credentials import Stored, claims
from openusage.providers.gemini.renewing import Session, refuse_shut_down
from openusage.providers.gemini.words import NOT_LOGGED_IN, WORDS
from openusage.providers.shape import Shape
from openusage.providers.spacing import Answer, spaced

__all__ = ["fetch_quota", "plan_in", "quota_lines"]

_API = "https://cloudcode-pa.googleapis.com/v1internal"
_PROJECTS = "https://cloudresourcemanager.googleapis.com/v1/projects"
_PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT_ID")
_METADATA = {
    "ideType": "IDE_UNSPECIFIED",
    "platform": "PLATFORM_UNSPECIFIED",
    "pluginType": "GEMINI",
    "duetProject": "default",
}

_REFUSED = (401, 403)
_TOO_MANY = 429
_SOON = 300.0
_DAY_MS = 86_400_000
_MOST_PARTS = 10_000
"""Of an answer: nobody has so many models."""

_KINDS = (("Pro", "pro"), ("Flash", "flash"))
_SHAPE: Mapping[str, Shape] = {
    "plan": "any",
    **{label: {"left": "any", "reset": "any"} for label, _ in _KINDS},
}
_TIERS = {"standard-tier": "Paid", "legacy-tier": "Legacy", "free-tier": "Free"}
_TIER_KEYS = ("tier", "userTier", "subscriptionTier")
_SHARE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(?:%|/\s*(\d{1,9}(?:\.\d{1,9})?))\s*", re.ASCII)


async def fetch_quota(host: Host, stored: Stored) -> Answer:
    """What is left of the quotas, and the plan."""
    host.identify(stored.account)
    token = stored.login.access_token or stored.login.refresh_token or ""
    return await spaced(host, token, _SHAPE, lambda: _fetch(Session(host, stored)))


async def _fetch(session: Session) -> Mapping[str, Any]:
    login = session.login
    due = login.expires_at is not None and (
        login.expires_at.timestamp() <= session.host.clock.seconds() + _SOON
    )
    if due or login.access_token is None:
        await session.renew()
    if session.login.access_token is None:
        raise NotLoggedInError(NOT_LOGGED_IN)
    account = await _account(session)
    project = await _project(session, account)
    response = await _call(session, "retrieveUserQuota", {"project": project} if project else {})
    if response.status // 100 != 2:
        raise UnexpectedResponseError(WORDS.status.format(status=response.status), response.status)
    body = json_object(response)
    if body is None:
        raise UnexpectedResponseError(WORDS.invalid, response.status)
    return {"plan": _plan(account, session), **_least(body)}


# --- what is asked --------------------------------------------------------------------------------


async def _account(session: Session) -> Mapping[str, Any]:
    """What Google knows of the account; empty when it does not say, which costs only the plan."""
    response = await _call(session, "loadCodeAssist", {"metadata": _METADATA})
    return (json_object(response) if response.status // 100 == 2 else None) or {}


async def _project(session: Session, account: Mapping[str, Any]) -> str | None:
    """The project whose quota it is; without one Google has an idea of its own."""
    named = account.get("cloudaicompanionProject")
    if isinstance(named, Mapping):
        named = first_text(named, "id", "projectId")
    variables = (session.host.env.get(name) for name in _PROJECT_VARIABLES)
    known = text_of(named) or next(filter(None, variables), None)
    if known is not None:
        return known
    headers = {**_headers(session), "Accept": "application/json"}
    try:
        body = await ask(session.host, "GET", _PROJECTS, WORDS, headers=headers)
    except ProbeError:
        return None
    return next(_gemini_projects(body.get("projects")), None)


def _gemini_projects(projects: object) -> Iterator[str]:
    for project in objects_in(projects):
        name = text_of(project.get("projectId"))
        labelled = "generative-language" in object_at(project, "labels")
        if name is not None and (name.startswith("gen-lang-client") or labelled):
            yield name


async def _call(session: Session, method: str, body: Mapping[str, Any]) -> Response:
    """An answer to `method`, asked with a newer token when the first one is refused.

    Raises `TokenExpiredError` when it is refused all the same, `NotAvailableError` where Google
    serves no such account any more, and `RateLimitedError`.
    """
    response = await _send(session, method, body)
    if response.status in _REFUSED and await session.renew():
        response = await _send(session, method, body)
    if response.status in _REFUSED:
        raise TokenExpiredError(WORDS.refused)
    if response.status == _TOO_MANY:
        wait = retry_after(response.headers, session.host.now())
        raise RateLimitedError(WORDS.rate_limited, wait)
    return response


async def _send(session: Session, method: str, body: Mapping[str, Any]) -> Response:
    headers = _headers(session)
    response = await request(
        session.host, "POST", f"{_API}:{method}", WORDS, headers=headers, json=dict(body)
    )
    if response.status // 100 != 2:
        refuse_shut_down(response)
    return response


def _headers(session: Session) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {session.login.access_token}",
        "Accept": "application/json",
        "User-Agent": session.host.user_agent,
    }


# --- what is told ---------------------------------------------------------------------------------


def _parts(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects in a JSON value, on whatever level, those further out first."""
    queue, left = deque([value]), _MOST_PARTS
    while queue and left:
        left -= 1
        part = queue.popleft()
        if isinstance(part, Mapping):
            yield part
            queue.extend(inner for inner in part.values() if isinstance(inner, (dict, list)))
        elif isinstance(part, list):
            queue.extend(inner for inner in part if isinstance(inner, (dict, list)))


def _plan(account: Mapping[str, Any], session: Session) -> str | None:
    paid = first_text(object_at(account, "paidTier"), "name")
    if paid is not None:
        return paid
    older = (first_text(part, *_TIER_KEYS) for part in _parts(account))
    tier = first_text(object_at(account, "currentTier"), "id") or next(filter(None, older), None)
    plan = _TIERS.get((tier or "").lower())
    workspace = plan == "Free" and text_of(claims(session.login.document).get("hd"))
    return "Workspace" if workspace else plan


def _least(body: Mapping[str, Any]) -> dict[str, Any]:
    """The bucket of each kind with the least left. Raises where there can be no bucket."""
    buckets = [part for part in _parts(body) if _left(part) is not None]
    if not buckets and body and not any("bucket" in key.lower() for key in body):
        raise UnexpectedResponseError(WORDS.invalid, 200)
    found: dict[str, Any] = {}
    for bucket in buckets:
        name = (first_text(bucket, "modelId", "model_id") or "").lower()
        kind = next((label for label, word in _KINDS if "gemini" in name and word in name), None)
        left = _left(bucket)
        if kind is not None and (kind not in found or left < found[kind]["left"]):
            reset = bucket.get("resetTime", bucket.get("reset_time"))
            found[kind] = {"left": left, "reset": reset}
    return found


def _left(bucket: Mapping[str, Any]) -> float | None:
    """The fraction of a bucket that is left; for want of one the amount, where that is a share."""
    left = number(bucket.get("remainingFraction"))
    amount = bucket.get("remainingAmount")
    share = _SHARE.fullmatch(amount) if left is None and isinstance(amount, str) else None
    if share is None:
        return left
    whole = float(share[2]) if share[2] is not None else 100.0
    return float(share[1]) / whole if whole else None


def quota_lines(body: Mapping[str, Any]) -> list[Line]:
    """How much is used of each quota, in whole percent."""
    lines: list[Line] = []
    for label, _ in _KINDS:
        quota = object_at(body, label)
        left = number(quota.get("left"))
        if left is not None:
            used = rounded((1 - clamp(left, 0, 1)) * 100)
            resets_at = parse_instant(quota.get("reset"))
            lines.append(Progress(label, used, 100, resets_at=resets_at, period_ms=_DAY_MS))
    return lines


def plan_in(body: Mapping[str, Any]) -> str | None:
    """What the plan is called."""
    return text_of(body.get("plan"))
