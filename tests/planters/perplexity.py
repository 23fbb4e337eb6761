"""The cache of the Perplexity app on macOS, with the headers that it sent, and its service."""

from __future__ import annotations

import plistlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.planters.planter import ACCESS, OWNER, Planter

__all__ = ["CACHE", "PLANTER", "REQUEST", "TOKEN", "write_cache"]

CACHE = "Library/Containers/ai.perplexity.mac/Data/Library/Caches/ai.perplexity.mac/Cache.db"
REQUEST = "https://www.perplexity.ai/api/user"
TOKEN = f"eyPLANTED.{ACCESS}.end_PLANTED"

_SCHEMA = """
    CREATE TABLE cfurl_cache_response (
        entry_ID INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER, hash_value INTEGER,
        storage_policy INTEGER, request_key TEXT, time_stamp TEXT);
    CREATE TABLE cfurl_cache_blob_data (
        entry_ID INTEGER PRIMARY KEY, response_object BLOB, request_object, proto_props BLOB,
        user_info BLOB);
"""


def write_cache(path: Path, *rows: tuple[str, object]) -> None:
    """A cache as the system writes it, of requests by their addresses, the oldest first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(_SCHEMA)
        for entry, (url, sent) in enumerate(rows, 1):
            connection.execute(
                "INSERT INTO cfurl_cache_response (entry_ID, request_key) VALUES (?, ?)",
                (entry, url),
            )
            connection.execute(
                "INSERT INTO cfurl_cache_blob_data (entry_ID, request_object) VALUES (?, ?)",
                (entry, sent),
            )


def _write(path: Path, login: Any) -> None:
    sent = plistlib.dumps(login, fmt=plistlib.FMT_BINARY)
    write_cache(path, (REQUEST, sent))


_GROUPS = "GET https://www.perplexity.ai/rest/pplx-api/v2/groups"

PLANTER = Planter(
    id="perplexity",
    file=CACHE,
    platform="darwin",
    everywhere=True,
    watched=False,
    login={
        "Authorization": f"Bearer {TOKEN}",
        "User-Agent": "Ask/2.24.3/2302 (macOS) isiOSOnMac/false",
        "X-Device-ID": "macos:PLANTED-device",
        **OWNER,
    },
    write=_write,
    answers={
        "GET https://www.perplexity.ai/api/user": {"subscription_tier": "pro", **OWNER},
        _GROUPS: {"orgs": [{"api_org_id": "grp-77", "is_default_org": True, **OWNER}], **OWNER},
        f"{_GROUPS}/grp-77": {
            "customerInfo": {"is_pro": True, "is_max": False, "balance": 8.4, **OWNER},
            **OWNER,
        },
        f"{_GROUPS}/grp-77/usage-analytics": [
            {"id": "mtr_1", "meter_event_summaries": [{"usage": 3, "cost": 0.12, **OWNER}]}
        ],
        "GET https://www.perplexity.ai/rest/rate-limit/all": {
            "remaining_pro": 190,
            "remaining_research": 18,
            "remaining_labs": 25,
            "remaining_agentic_research": 4,
            **OWNER,
        },
    },
    requests=6,
    plan="Pro",
)
