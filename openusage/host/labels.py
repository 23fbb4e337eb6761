"""Plan names as they are shown."""

from __future__ import annotations

import re

__all__ = ["plan_label"]

_START = re.compile(r"(?:^|(?<=\s))[a-z]")


def plan_label(value: object) -> str | None:
    """A service's plan name with each word's first letter in upper case: `max 5x` is `Max 5x`.

    Nothing else is changed: `team_plan` is `Team_plan`. Blank text and anything but text is `None`.
    """
    if not isinstance(value, str):
        return None
    return _START.sub(lambda match: match[0].upper(), value.strip()) or None
