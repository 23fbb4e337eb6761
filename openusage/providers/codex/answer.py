"""`Answer`: what the usage endpoint said, cut to what the lines need and what a disk may keep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, field, frozen

from openusage.host.instants import from_epoch
from openusage.host.numbers import number
from openusage.providers.shape import Shape, cut

__all__ = ["SHAPE", "Answer"]

_WINDOW: Shape = {
    "used_percent": "number",
    "limit_window_seconds": "any",
    "reset_at": "any",
    "reset_after_seconds": "any",
}
_WINDOWS: Mapping[str, Shape] = {"primary_window": _WINDOW, "secondary_window": _WINDOW}
_POOL: Shape = {
    "limit": "number",
    "used": "number",
    "remaining_percent": "number",
    "remainingPercent": "number",
    "resets_at": "any",
    "resetsAt": "any",
    "reset_at": "any",
}
_POOLS: Mapping[str, Shape] = {"individual_limit": _POOL, "individualLimit": _POOL}

# The whole body also holds an e-mail address and account ids, which are nobody's business.
SHAPE: Mapping[str, Shape] = {
    "plan_type": "any",
    "rate_limit": {**_WINDOWS, **_POOLS},
    "code_review_rate_limit": _WINDOWS,
    "additional_rate_limits": [
        {"limit_name": "any", "metered_feature": "any", "rate_limit": _WINDOWS}
    ],
    "credits": {"has_credits": "any", "balance": "any"},
    "rate_limit_reset_credits": {"available_count": "any"},
    "spend_control": _POOLS,
    **_POOLS,
}
_HEADERS = (
    "x-codex-primary-used-percent",
    "x-codex-secondary-used-percent",
    "x-codex-credits-balance",
)


def _body(values: Mapping[str, Any]) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = cut(values, SHAPE)
    return kept


def _headers(values: Mapping[str, str]) -> Mapping[str, str]:
    return {name: values[name] for name in _HEADERS if name in values}


@frozen
class Answer:
    """One answer of the usage endpoint, given at `at`.

    `resets` is the number of resets that the person may still ask for and `resets_expire` when the
    first of them is lost, if the endpoint for just that was asked and answered.
    """

    at: datetime
    body: Mapping[str, Any] = field(converter=_body)
    headers: Mapping[str, str] = field(factory=dict, converter=_headers)
    resets: float | None = None
    resets_expire: datetime | None = None

    def with_resets(self, count: float, expire: datetime | None) -> Answer:
        """This answer with what the reset endpoint said."""
        return evolve(self, resets=count, resets_expire=expire)

    def dump(self) -> dict[str, Any]:
        """The answer as JSON values."""
        expire = self.resets_expire
        return {
            "at": self.at.timestamp(),
            "body": dict(self.body),
            "headers": dict(self.headers),
            "resets": self.resets,
            "resets_expire": expire.timestamp() if expire else None,
        }

    @classmethod
    def load(cls, value: object) -> Answer | None:
        """The answer that `dump` made into `value`; `None` for anything else."""
        if not isinstance(value, dict):
            return None
        at, body, headers = from_epoch(value.get("at")), value.get("body"), value.get("headers")
        if at is None or not isinstance(body, dict) or not isinstance(headers, dict):
            return None
        resets, expire = number(value.get("resets")), from_epoch(value.get("resets_expire"))
        return cls(at, body, headers, resets, expire)
