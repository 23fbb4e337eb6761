"""An application that adopts the service and follows its changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from twisted.application.service import IService, MultiService
from twisted.web.resource import IResource

from openusage.model import Badge, BarChart, Health, Line, Progress, Snapshot, Text
from openusage.service import Options, UsageService, build
from openusage.store import Change, HealthChanged, Listener, RosterChanged, SnapshotChanged
from openusage.wire import encode, from_json

if TYPE_CHECKING:
    from typing_extensions import assert_never, assert_type


def adopt(parent: MultiService, reactor: object) -> UsageService:
    """Make it a part of one's own service."""
    usage = build(reactor, Options.of(listen=["tcp:6736:interface=127.0.0.1"], interval=5))
    usage.setServiceParent(parent)
    assert_type(usage.resource(), IResource)
    return usage


def services(usage: UsageService) -> list[IService]:
    """It is a service like others."""
    return [usage]


def follow(usage: UsageService) -> Callable[[], None]:
    """Hear of every change until the result is called."""
    listener: Listener = tell
    return usage.store.subscribe(listener)


def tell(change: Change) -> None:
    """Tell the three kinds of change apart."""
    if isinstance(change, SnapshotChanged):
        assert_type(change.snapshot, Snapshot | None)
        assert_type(change.content, bool)
    elif isinstance(change, HealthChanged):
        assert_type(change.health, Health)
    elif isinstance(change, RosterChanged):
        assert_type(change.order, tuple[str, ...])
    else:
        assert_never(change)


def ask(usage: UsageService) -> bytes | None:
    """Look at what is known now."""
    entry = usage.store.entry("claude")
    assert_type(entry.snapshot, Snapshot | None)
    assert_type(entry.health.next_attempt, datetime | None)
    assert_type(usage.store.collection, bytes)
    return usage.store.body("claude")


def describe(line: Line) -> str:
    """Tell the four kinds of line apart."""
    if isinstance(line, Progress):
        assert_type(line.used, float)
        assert_type(line.resets_at, datetime | None)
        return f"{line.used} of {line.limit}"
    if isinstance(line, Text):
        return line.value
    if isinstance(line, Badge):
        return line.text
    if isinstance(line, BarChart):
        return " ".join(point.label for point in line.points)
    assert_never(line)


def copy(snapshot: Snapshot) -> Snapshot:
    """Write and read the wire format."""
    assert_type(encode(snapshot), bytes)
    return from_json({}, Snapshot)
