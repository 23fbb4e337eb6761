"""What `status` shows, wherever it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from attrs import frozen

from openusage.cli.blocks import INTERVAL

__all__ = ["Reading"]


@frozen
class Reading:
    """Snapshots as `/v1/usage` has them, and how the probes go.

    `report` is the health report of a service; `health` are the `providers` of that or, from the
    cache, what was last known. `written` is when the cache was. `interval` is in seconds.
    """

    source: Literal["service", "cache"]
    snapshots: Sequence[Mapping[str, Any]]
    report: Mapping[str, Any] | None = None
    health: Sequence[Mapping[str, Any]] = ()
    written: datetime | None = None
    interval: float = INTERVAL
