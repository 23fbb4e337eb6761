"""The person's time zone."""

from __future__ import annotations

from datetime import timezone, tzinfo
from functools import cache

import tzlocal

from openusage.log import logger

__all__ = ["local_zone"]

_log = logger(__name__)


def local_zone() -> tzinfo:
    """The zone the machine is set to now; UTC, with a warning, when that is none we know."""
    try:
        return tzlocal.reload_localzone()
    except (KeyError, ValueError, OSError) as error:
        _warn(type(error).__name__)
        return timezone.utc


@cache  # once, not at every probe
def _warn(kind: str) -> None:
    _log.warn(
        "the time zone of this machine is not known ({kind}); days are counted in UTC."
        ' Set "timeZone" in settings.json.',
        kind=kind,
    )
