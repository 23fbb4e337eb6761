"""Rate-limit windows, whoever told of them, as Session and Weekly lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from attrs import frozen

from openusage.model import Progress

__all__ = ["SESSION", "WEEKLY", "Window", "bar", "window_lines"]

SESSION = 18_000.0
WEEKLY = 604_800.0
_LONGEST = 366 * 86_400.0
# CLI 0.4x logs windows of 299 and 10079 minutes (2025-10).
_TOLERANCE = 0.01


@frozen
class Window:
    """How much of one window is used.

    `used` is 0 to 100 or a little more, `seconds` the window's length, `position` where the service
    put it.
    """

    position: Literal["primary", "secondary"]
    used: float
    seconds: float | None = None
    resets_at: datetime | None = None

    @property
    def length(self) -> float | None:
        """`seconds` as the service means it; `None` when no window can be that long."""
        if self.seconds is None or not 1 <= self.seconds <= _LONGEST:
            return None
        for usual in (SESSION, WEEKLY):
            if abs(self.seconds - usual) <= usual * _TOLERANCE:
                return usual
        return self.seconds


def window_lines(
    windows: Iterable[Window], *, session: str = "Session", weekly: str = "Weekly"
) -> list[Progress]:
    """At most one line called `session` and one called `weekly`, in this order.

    A window of five hours is the session and one of a week is weekly, wherever the service put it:
    some plans have only a weekly window, and it comes first. Any other length goes by position, if
    the line is still free.
    """
    found: dict[float, Window] = {}
    for window in sorted(windows, key=lambda window: window.length not in (SESSION, WEEKLY)):
        by_position = WEEKLY if window.position == "secondary" else SESSION
        kind = window.length if window.length in (SESSION, WEEKLY) else by_position
        found.setdefault(kind, window)
    return [
        bar(label, found[kind], kind)
        for label, kind in ((session, SESSION), (weekly, WEEKLY))
        if kind in found
    ]


def bar(label: str, window: Window, usual: float) -> Progress:
    """The line of one window, which is `usual` seconds long unless it says otherwise."""
    return Progress(
        label,
        max(0.0, window.used),
        100,
        resets_at=window.resets_at,
        period_ms=int((window.length or usual) * 1000),
    )
