"""A new access token for a refresh token, which Google lets one use as often as one likes.

So nothing is lost by it, and neither Antigravity's stores nor a file of ours gets to know: the new
token is held for as long as the probe runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from openusage.host import Host
from openusage.host.oauth import RefusedError
from openusage.model import TokenExpiredError, UnreachableError
from openusage.providers.antigravity.client import Client, find_client
from openusage.providers.antigravity.words import EXPIRED, UNAVAILABLE
from openusage.providers.logins import exchange, tokens_in

__all__ = ["renewed"]

_URL = "https://oauth2.googleapis.com/token"
_REFUSALS = tuple(status for status in range(400, 500) if status not in (408, 429))
_STATE_KEY = "refusedRefresh"


async def renewed(host: Host, refresh_token: str, programs: Iterable[Path]) -> str:
    """An access token. `host.identify` must have been called.

    Raises `TokenExpiredError` when there is none to be had for this refresh token, without asking
    once more where Google said so before, and `UnreachableError` when there is none right now.
    """
    client = await find_client(host, programs)
    if client is None:
        raise TokenExpiredError(EXPIRED)
    mark = _mark(client, refresh_token)
    if (await host.state.read()).get(_STATE_KEY) == mark:
        raise TokenExpiredError(EXPIRED)
    form = {
        "client_id": client.id,
        "client_secret": client.secret,
        "refresh_token": refresh_token,
        "grant_type": "refresh_token",
    }
    try:
        body = await exchange(host, _URL, EXPIRED, form=form, refusals=_REFUSALS)
    except RefusedError as error:
        if error.for_good:
            await host.state.write({**await host.state.read(), _STATE_KEY: mark})
        raise
    tokens = tokens_in(body)
    if tokens is None:
        raise UnreachableError(UNAVAILABLE)
    return tokens.access_token


def _mark(client: Client, refresh_token: str) -> str:
    """Tells this refresh token, sent by this client, from others."""
    text = f"{client.id} {client.secret} {refresh_token}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
