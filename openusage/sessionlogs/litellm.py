"""The price catalog of the LiteLLM project, reduced to the form of our own table.

It names dollars per token, for some models also above a prompt size, and is licensed for reuse
(seen 2026-11). Entries without a price for input and output, such as those of image models, are
left out.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from openusage.sessionlogs.calls import LONG_CONTEXT

__all__ = ["CATALOG_URL", "reduce_catalog"]

CATALOG_URL = (
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
)

_KEYS = (
    "input_cost_per_token",
    "cache_creation_input_token_cost",
    "cache_read_input_token_cost",
    "output_cost_per_token",
)
_MILLION = 1e6


def reduce_catalog(body: bytes) -> dict[str, Any]:
    """Entries as `read_price` takes them, by model name. Raises `ValueError` for anything else."""
    catalog = msgspec.json.decode(body)
    if not isinstance(catalog, dict):
        raise ValueError("the catalog is no JSON object")
    reduced = {name: _entry(model) for name, model in catalog.items() if isinstance(model, dict)}
    models = {name: entry for name, entry in reduced.items() if entry is not None}
    if not models:
        raise ValueError("the catalog has no prices")
    return models


def _entry(model: dict[str, Any]) -> dict[str, Any] | None:
    sent, written, read, got = (_per_million(model.get(key)) for key in _KEYS)
    if sent is None or got is None:
        return None
    entry: dict[str, Any] = {"rates": [sent, sent if written is None else written, read, got]}
    for size in LONG_CONTEXT:
        long = [_per_million(model.get(f"{key}_above_{size // 1000}k_tokens")) for key in _KEYS]
        if long != [None] * len(_KEYS):
            entry["long"] = [size, *long]
    specific = model.get("provider_specific_entry")
    fast = _number(specific.get("fast")) if isinstance(specific, dict) else None
    return entry if fast is None else {**entry, "fast": fast}


def _per_million(value: object) -> float | None:
    """Rounded, since a price per token, times a million, is off by a bit of binary noise."""
    number = _number(value)
    return None if number is None else round(number * _MILLION, 9)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None
