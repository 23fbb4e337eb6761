"""What a service left in its cache, for `status` when none is running. Only read, never changed."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

from openusage.cache import parse_entries
from openusage.cli.known import Known
from openusage.cli.reading import Reading
from openusage.health import report
from openusage.roster import make_roster
from openusage.store import Store
from openusage.wire import to_json

__all__ = ["CacheError", "read_cache"]


class CacheError(Exception):
    """A cache that cannot be read, in words."""


def read_cache(path: Path, known: Known) -> Reading | None:
    """What `/v1/usage` would have after a start; `None` when nothing is cached.

    Whatever is in the cache counts as found on the machine. An entry that cannot be read is left
    out. Raises `CacheError`.
    """
    try:
        written = path.stat().st_mtime
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError(f"{path.name}: cannot be read ({error.strerror})") from error
    try:
        entries = parse_entries(data).entries
    except ValueError as error:
        raise CacheError(f"{path.name}: {error}") from error
    store = Store()
    store.load(entries)
    store.set_roster(make_roster(known.instances, known.settings, entries.keys()))
    snapshots = json.loads(store.collection)
    if not snapshots:
        return None
    return Reading(
        "cache",
        snapshots,
        health=list(to_json(report(store, 0.0).providers)),
        written=datetime.fromtimestamp(written, timezone.utc),
        interval=60.0 * known.settings.auto_update_interval,
    )
