"""Answers of servers that have no summary: each model's quota, of which pools are made.

The models of a pool share one quota, so the one with the least left tells it. A server leaves a
zero out, as protobuf does: no fraction means that nothing is left (seen 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from openusage.host.numbers import numeric
from openusage.host.values import first_text, object_at, objects_in, text_of
from openusage.providers.antigravity.windows import window

__all__ = ["Model", "available_models", "bucket_models", "config_models", "pool_windows"]

_POOLS = ("Gemini Pro", "Gemini Flash", "Claude")
# Models that are listed though nobody can choose them, whose quota is not the person's.
_IGNORED = frozenset(
    {
        "MODEL_CHAT_20706",
        "MODEL_CHAT_23310",
        "MODEL_GOOGLE_GEMINI_2_5_FLASH",
        "MODEL_GOOGLE_GEMINI_2_5_FLASH_LITE",
        "MODEL_GOOGLE_GEMINI_2_5_FLASH_THINKING",
        "MODEL_GOOGLE_GEMINI_2_5_PRO",
        "MODEL_PLACEHOLDER_M12",
        "MODEL_PLACEHOLDER_M19",
        "MODEL_PLACEHOLDER_M9",
    }
)
_PARENTHESIS = re.compile(r"\([^()]*\)\s*\Z")


@frozen
class Model:
    """A model, the fraction of its quota that is left, and when that is full again."""

    label: str
    remaining: float
    reset_time: object


def config_models(configs: object) -> list[Model]:
    """The models in `clientModelConfigs` of the local server."""
    return list(_config_models(configs))


def available_models(body: Mapping[str, Any]) -> list[Model]:
    """The models in Google's answer to `fetchAvailableModels`."""
    return list(_available_models(object_at(body, "models")))


def bucket_models(body: Mapping[str, Any]) -> list[Model]:
    """The models in Google's answer to `retrieveUserQuota`, which are known by their ids alone."""
    return list(_bucket_models(body.get("buckets")))


def pool_windows(models: Iterable[Model]) -> list[dict[str, Any]]:
    """One window for each pool that has a model."""
    least: dict[str, Model] = {}
    for model in models:
        pool = _pool(model.label)
        if pool not in least or model.remaining < least[pool].remaining:
            least[pool] = model
    return [
        window(pool, least[pool].remaining, least[pool].reset_time)
        for pool in _POOLS
        if pool in least
    ]


def _config_models(configs: object) -> Iterator[Model]:
    for entry in objects_in(configs):
        if text_of(object_at(entry, "modelOrAlias").get("model")) not in _IGNORED:
            yield from _model(text_of(entry.get("label")), object_at(entry, "quotaInfo"))


def _available_models(models: Mapping[str, Any]) -> Iterator[Model]:
    for key, entry in models.items():
        if not isinstance(entry, Mapping) or entry.get("isInternal") is True:
            continue
        if (text_of(entry.get("model")) or key) not in _IGNORED:
            label = first_text(entry, "displayName", "label")
            yield from _model(label, object_at(entry, "quotaInfo"))


def _bucket_models(buckets: object) -> Iterator[Model]:
    for bucket in objects_in(buckets):
        yield from _model(text_of(bucket.get("modelId")), bucket)


def _model(label: str | None, quota: Mapping[str, Any]) -> Iterator[Model]:
    """The model, if it has a name and its fraction can be read."""
    fraction = quota.get("remainingFraction")
    remaining = 0.0 if fraction is None else numeric(fraction)
    if label is not None and remaining is not None:
        yield Model(label, remaining, quota.get("resetTime"))


def _pool(label: str) -> str:
    name = _PARENTHESIS.sub("", label).lower()
    if "gemini" in name and "pro" in name:
        return "Gemini Pro"
    return "Gemini Flash" if "gemini" in name and "flash" in name else "Claude"
