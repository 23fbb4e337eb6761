"""`FileState`: what an instance keeps between probes, in one small file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from attrs import frozen

from openusage.host.files import Files
from openusage.host.host import State, Visit
from openusage.log import logger

__all__ = ["FileState"]

_log = logger()

VERSION = 1

MOST_CREDENTIALS = 4
"""How many logins of an instance are remembered; the one written longest ago is forgotten first."""

_NOBODY = "-"


@frozen
class FileState:
    """The `State` of one instance, in the JSON file `path`.

    What was kept for one login is not shown to another: `visit.credential` tells them apart
    whenever something is read or written. `seconds` gives the present Unix time.
    """

    path: Path
    files: Files
    visit: Visit
    seconds: Callable[[], float] = time.time

    async def read(self) -> dict[str, Any]:
        """See `State.read`. A file that is not ours is put aside as `….bad`."""
        entry = (await self._entries()).get(self._key)
        return {} if entry is None else dict(entry["value"])

    async def write(self, value: dict[str, Any]) -> None:
        """See `State.write`. Raises `TypeError` or `ValueError` when `value` is not JSON."""
        now = datetime.fromtimestamp(self.seconds(), timezone.utc)
        # Read again: another process may have written meanwhile.
        entries = await self._entries()
        entries[self._key] = {"at": now.isoformat(timespec="milliseconds"), "value": value}
        newest = sorted(entries, key=lambda key: str(entries[key]["at"]))[-MOST_CREDENTIALS:]
        kept = {key: entries[key] for key in newest}
        data = json.dumps({"version": VERSION, "credentials": kept}).encode()
        try:
            await self.files.write(self.path, data)
        except OSError as error:
            self._warn("not written", error)

    @property
    def _key(self) -> str:
        return self.visit.credential or _NOBODY

    async def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            return _parse(await self.files.read(self.path))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self._warn("not readable", error)
        except (ValueError, RecursionError):
            await self._put_aside()
        return {}

    async def _put_aside(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.bad")
        _log.warn("{file} is damaged and now {aside}", file=self.path.name, aside=aside.name)
        try:
            await self.files.run(self.path.replace, aside)
        except OSError as error:
            self._warn("not renamed", error)

    def _warn(self, trouble: str, error: OSError) -> None:
        _log.warn(
            "{file} {trouble}: {reason}",
            file=self.path.name,
            trouble=trouble,
            reason=error.strerror or type(error).__name__,
        )


def _parse(data: bytes) -> dict[str, dict[str, Any]]:
    document = json.loads(data)
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise ValueError("not a state file of this version")
    entries = document.get("credentials")
    if not isinstance(entries, dict) or not all(map(_is_entry, entries.values())):
        raise ValueError("not a state file")
    return entries


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("at"), str)
        and isinstance(entry.get("value"), dict)
    )


_: type[State] = FileState
