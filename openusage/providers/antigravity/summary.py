"""The quota summary: what is left of the five hours and of the week, for each of two pools.

Seen 2026-11, from the local server as `{"response": {"groups": […]}}`, from Google without the
`response`. A bucket that has no fraction tells nothing: it is neither full nor empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openusage.host.numbers import numeric
from openusage.host.values import object_at, objects_in
from openusage.providers.antigravity.windows import window

__all__ = ["summary_windows"]

_LABELS = {
    "gemini-5h": "Session",
    "gemini-weekly": "Weekly",
    "3p-5h": "Claude",
    "3p-weekly": "Claude Weekly",
}


def summary_windows(body: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The windows in the answer; `None` when it is no summary, as of a server that has none."""
    for place in (object_at(body, "response"), body):
        if isinstance(place.get("groups"), list):
            return _windows(place["groups"])
    return None


def _windows(groups: list[Any]) -> list[dict[str, Any]]:
    buckets: dict[str, Mapping[str, Any]] = {}
    for group in objects_in(groups):
        for bucket in objects_in(group.get("buckets")):
            name = bucket.get("bucketId")
            if isinstance(name, str) and name in _LABELS:
                buckets.setdefault(name, bucket)
    return [
        window(label, remaining, buckets[name].get("resetTime"))
        for name, label in _LABELS.items()
        if name in buckets and (remaining := _remaining(buckets[name])) is not None
    ]


def _remaining(bucket: Mapping[str, Any]) -> float | None:
    """The fraction that is left, in any of the three forms that are known."""
    nested = object_at(bucket, "remaining")
    value = nested.get("value") if nested.get("case") == "remainingFraction" else None
    forms = (bucket.get("remainingFraction"), nested.get("remainingFraction"), value)
    return next((found for form in forms if (found := numeric(form)) is not None), None)
