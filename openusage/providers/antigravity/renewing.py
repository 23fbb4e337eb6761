"""A new access token for a refresh token, which Google lets one use as often as one likes.

So nothing is lost by it, and neither Antigravity's stores nor a file of ours gets to know: the new
token is held for as long as the probe runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from openusage.host import Host
from openusage.host.oauth import RefusedError
from openusage.model import TokenExpiredError, UnreachableError
from openusage.providers.antigravity.client import find_client
from openusage.providers.antigravity.words import EXPIRED, UNAVAILABLE
from openusage.providers.googleclient import TOKEN_URL
from openusage.providers.logins import exchange, tokens_in

__all__ = ["renewed"]

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
    mark = client.mark(refresh_token)
    if (await host.state.read()).get(_STATE_KEY) == mark:
        raise TokenExpiredError(EXPIRED)
    try:
        body = await exchange(
            host, TOKEN_URL, EXPIRED, form=client.form(refresh_token), refusals=_REFUSALS
        )
    except RefusedError as error:
        if error.for_good:
            await host.state.write({**await host.state.read(), _STATE_KEY: mark})
        raise
    tokens = tokens_in(body)
    if tokens is None:
        raise UnreachableError(UNAVAILABLE)
    return tokens.access_token
