"""The person's time zone."""

from __future__ import annotations

from datetime import timezone, tzinfo
from functools import cache
from typing import ClassVar

import tzlocal
from attrs import define
from twisted.internet.interfaces import IReactorTime

from openusage.log import logger

__all__ = ["LocalZone", "local_zone"]

_log = logger(__name__)


def local_zone() -> tzinfo:
    """The zone the machine is set to now; UTC, with a warning, when that is none we know."""
    try:
        return tzlocal.reload_localzone()
    except (KeyError, ValueError, OSError) as error:
        _warn(type(error).__name__)
        return timezone.utc


@define
class LocalZone:
    """`local_zone`, looked up once for all that is asked within `FRESH` seconds.

    A look-up reads several files, and a start asks for every instance at once.
    """

    FRESH: ClassVar[float] = 30.0

    clock: IReactorTime
    _zone: tzinfo | None = None
    _looked_up: float = 0.0

    def __call__(self) -> tzinfo:
        """The zone the machine is set to, or was a moment ago."""
        now = self.clock.seconds()
        if self._zone is None or not 0 <= now - self._looked_up < self.FRESH:
            self._zone, self._looked_up = local_zone(), now
        return self._zone


@cache  # once, not at every probe
def _warn(kind: str) -> None:
    _log.warn(
        "the time zone of this machine is not known ({kind}); days are counted in UTC."
        ' Set "timeZone" in settings.json.',
        kind=kind,
    )
