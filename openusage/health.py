"""The health report: how the service and the probes of each instance go, as values for the wire."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from openusage._version import __version__
from openusage.store import Store

__all__ = ["HealthReport", "InstanceHealth", "LastError", "report"]


@frozen
class LastError:
    """Why the last attempt failed: the class of failure, and words for the person."""

    code: str
    message: str


@frozen
class InstanceHealth:
    """How the probes of one instance go; `waiting` says why the next attempt is when it is."""

    provider_id: str
    display_name: str
    enabled: bool
    last_attempt: datetime | None
    last_success: datetime | None
    last_error: LastError | None
    failures: int
    next_attempt: datetime | None
    waiting: str | None
    notes: tuple[str, ...]


@frozen
class HealthReport:
    """The service as a whole; `problems` are words on what in the settings needs mending."""

    version: str
    uptime_seconds: int
    problems: tuple[str, ...]
    providers: tuple[InstanceHealth, ...]


def report(store: Store, uptime: float, problems: tuple[str, ...] = ()) -> HealthReport:
    """The report on every instance of the roster, in order; `uptime` is in seconds."""
    return HealthReport(
        __version__,
        int(uptime),
        problems,
        tuple(_instance(store, i.id, i.name) for i in store.roster.instances),
    )


def _instance(store: Store, instance_id: str, name: str) -> InstanceHealth:
    health = store.entry(instance_id).health
    error = None if health.error is None else LastError(health.error, health.message or "")
    enabled = instance_id in store.roster.enabled
    return InstanceHealth(
        provider_id=instance_id,
        display_name=name,
        enabled=enabled,
        last_attempt=health.last_attempt,
        last_success=health.last_success,
        last_error=error,
        failures=health.failures,
        next_attempt=health.next_attempt if enabled else None,
        waiting=health.waiting if enabled else None,
        notes=health.notes,
    )
