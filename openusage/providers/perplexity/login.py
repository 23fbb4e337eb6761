"""The login of the macOS app, from the cache that the system keeps of its requests.

The app keeps no token of its own where others may read it, but macOS keeps the requests that it
made (SQLite, seen 2026-11), and with them the headers that were sent: a binary property list in
`cfurl_cache_blob_data.request_object`, in the row that `entry_ID` joins with the address in
`cfurl_cache_response.request_key`. On other systems there is nothing like it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen

from openusage.host import Host
from openusage.host.places import shown
from openusage.host.secrets import jwt_payload
from openusage.host.sqlite import SqliteError
from openusage.host.values import text_of
from openusage.providers.stored import Missing

__all__ = ["Login", "caches", "find"]

_CACHES = (
    "~/Library/Containers/ai.perplexity.mac/Data/Library/Caches/ai.perplexity.mac/Cache.db",
    "~/Library/Caches/ai.perplexity.mac/Cache.db",
)
_REQUEST = "https://www.perplexity.ai/api/user"
_QUERY = """
    SELECT request_object FROM cfurl_cache_response
    JOIN cfurl_cache_blob_data USING (entry_ID)
    WHERE request_key = ? ORDER BY entry_ID DESC LIMIT 1
"""
# A text in a property list has its length before it, behind an underscore (`_LENGTH`), which is no
# part of the text before (`_NEXT`).
_LENGTH = re.compile(rb"_(?:\x10(.)|\x11(..))\Z", re.DOTALL)
_NEXT = rb"(?!_[\x10-\x14])"
_BEARER = re.compile(rb"Bearer (?:" + _NEXT + rb"[0-9A-Za-z._-])+")
_AGENT = re.compile(rb"Ask/(?:" + _NEXT + rb"[ -~]){0,216}")
_DEVICE = re.compile(rb"macos:(?:" + _NEXT + rb"[ -~]){0,214}")
_NO_AGENT = "Ask/0 (macOS) isiOSOnMac/false"


@frozen
class Login:
    """What the app sent; `shown` names the cache where it was found."""

    token: str = field(repr=False)
    shown: str
    user_agent: str | None = None
    device: str | None = field(default=None, repr=False)

    @property
    def identity(self) -> str:
        """The person, if the token says who it is."""
        return text_of((jwt_payload(self.token) or {}).get("sub")) or self.token

    def headers(self, host: Host) -> dict[str, str]:
        """What the app sends, with our name in it."""
        agent = self.user_agent or _NO_AGENT
        version = (self.user_agent or "").removeprefix("Ask/").partition("/")[0].strip()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "*/*",
            "User-Agent": host.agent(agent),
            "X-Client-Name": "Perplexity-Mac",
            "X-App-ApiVersion": "2.17",
            "X-App-ApiClient": "macos",
            "X-Client-Env": "production",
            "X-App-Version": version,
            "X-Device-ID": self.device or "",
        }
        return {name: value for name, value in headers.items() if value}


def caches(host: Host) -> list[Path]:
    """Where the login may be, the likelier place first."""
    return [host.path(text) for text in _CACHES]


async def find(host: Host) -> Login | list[Missing]:
    """The login in the first cache that has one, else what is wrong with each."""
    missing: list[Missing] = []
    for path in caches(host):
        found = await _login_at(host, path)
        if isinstance(found, Login):
            return found
        missing.append(found)
    return missing


async def _login_at(host: Host, path: Path) -> Login | Missing:
    place = shown(host, path)
    try:
        rows = await host.sqlite.query(path, _QUERY, (_REQUEST,))
    except SqliteError as error:
        absent = isinstance(error.__cause__, FileNotFoundError)
        return Missing(f"{place} {'was not found' if absent else f'cannot be read ({error})'}")
    sent = rows[0]["request_object"] if rows else None
    login = _login_in(sent, place) if isinstance(sent, bytes) else None
    return login or Missing(f"{place} has no login")


def _login_in(sent: bytes, place: str) -> Login | None:
    """The login in a property list, by the look of its texts: the format need not be known."""
    bearers = (text.removeprefix("Bearer ") for text in _texts(_BEARER, sent))
    token = next((bearer for bearer in bearers if bearer.count(".") >= 2), None)
    if token is None:
        return None
    agent, device = next(_texts(_AGENT, sent), None), next(_texts(_DEVICE, sent), None)
    return Login(token, place, agent, device)


def _texts(pattern: re.Pattern[bytes], sent: bytes) -> Iterator[str]:
    """What looks like `pattern`, and ends where the list says that it does, if it says so."""
    for match in pattern.finditer(sent):
        length = _LENGTH.search(sent[max(0, match.start() - 4) : match.start()])
        whole = int.from_bytes(length[1] or length[2], "big") if length else None
        yield match[0][:whole].decode().strip()
