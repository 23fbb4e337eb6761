"""A new access token for the login of the Gemini CLI.

Google lets one use a refresh token as often as one likes, so that nothing is lost by it: the new
token is held for as long as the probe runs, and written to the CLI's file only where the person
allowed that.
"""

from __future__ import annotations

from attrs import define, field

from openusage.host import Host, Response
from openusage.host.oauth import Tokens
from openusage.host.values import json_object
from openusage.log import logger
from openusage.model import NotAvailableError, ProbeError, TokenExpiredError
from openusage.providers.asking import post
from openusage.providers.gemini.client import find_client
from openusage.providers.gemini.credentials import Stored, login_in, with_tokens
from openusage.providers.gemini.words import NO_CLIENT, SHUT_DOWN, WORDS
from openusage.providers.googleclient import TOKEN_URL, Client
from openusage.providers.logins import JsonFile, Login, tokens_in

__all__ = ["Session", "refuse_shut_down"]

_REFUSED = (401, 403)
_PASSING = (408, 429)
_STATE_KEY = "refusedRefresh"
_LONGEST_REASON = 2**16

_log = logger(__name__)


@define(eq=False)
class Session:
    """The login in use, which is renewed once at most."""

    host: Host
    stored: Stored
    login: Login = field(init=False)
    _tried: bool = False

    def __attrs_post_init__(self) -> None:
        self.login = self.stored.login

    async def renew(self) -> bool:
        """Whether there is a newer token from now on. `host.identify` must have been called.

        Raises `TokenExpiredError` when Google says that the session is over, and
        `NotAvailableError` when it serves no such account any more.
        """
        refresh_token = self.login.refresh_token
        if self._tried or refresh_token is None:
            return False
        self._tried = True
        client = await find_client(self.host)
        if client is None:
            self.host.note(NO_CLIENT)
            return False
        tokens = await _buy(self.host, client, refresh_token)
        if tokens is None:
            return False
        document = with_tokens(self.login.document, tokens, self.host.clock.seconds())
        self.login = login_in(document) or self.login
        if self.host.refresh_credentials:
            await _write_back(self.host, self.stored, tokens)
        return True


def refuse_shut_down(response: Response) -> None:
    """Raises `NotAvailableError` where a failure is that Google serves no such account any more."""
    text = response.body[:_LONGEST_REASON].decode("utf-8", "replace").lower()
    if (
        "unsupported_client" in text
        or "ineligibletiererror" in text
        or all(words in text for words in ("no longer supported", "gemini code assist"))
        or all(words in text for words in ("migrate", "antigravity", "gemini"))
    ):
        raise NotAvailableError(SHUT_DOWN)


async def _buy(host: Host, client: Client, refresh_token: str) -> Tokens | None:
    """What the refresh token buys; what Google refused for good is not asked again."""
    mark = client.mark(refresh_token)
    refused = (await host.state.read()).get(_STATE_KEY)
    if isinstance(refused, dict) and refused.get("token") == mark:
        _require_session(refused.get("status"))
        return None
    try:
        response = await post(host, TOKEN_URL, form=client.form(refresh_token), timeout=15.0)
    except ProbeError as error:
        _log.warn("{id}: login not renewed: {code}", id=host.id, code=error.code)
        return None
    status, body = response.status, json_object(response)
    if status // 100 == 2:
        return tokens_in(body)
    _log.warn("{id}: login not renewed: HTTP {s}", id=host.id, s=status)
    refuse_shut_down(response)
    if status // 100 == 4 and status not in _PASSING and body is not None:
        refused = {"token": mark, "status": status}
        await host.state.write({**await host.state.read(), _STATE_KEY: refused})
    _require_session(status)
    return None


def _require_session(status: object) -> None:
    """Raises `TokenExpiredError` where Google refuses the session, not just what was sent."""
    if status in _REFUSED:
        raise TokenExpiredError(WORDS.refused)


async def _write_back(host: Host, stored: Stored, tokens: Tokens) -> None:
    """Put the new tokens into the file, unless it has a newer login by now."""
    file = JsonFile(host, stored.path)
    document = await file.read()
    found = None if document is None else login_in(document)
    if document is None or found is None or found.access_token != stored.login.access_token:
        _log.warn("{id}: stored login changed during refresh, left as it is", id=host.id)
        return
    try:
        await file.write(with_tokens(document, tokens, host.clock.seconds()))
    except OSError as error:
        kind = type(error).__name__
        _log.warn("{id}: renewed login could not be saved: {kind}", id=host.id, kind=kind)
