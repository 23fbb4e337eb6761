"""Renewing a login, which happens only if the person allowed it: the request and the place to save.

When it is done, and that no token is ever spent twice, is the business of `openusage.host.oauth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from openusage.host import Host
from openusage.host.oauth import Tokens
from openusage.host.values import object_at, text_of
from openusage.model import TokenExpiredError
from openusage.providers.codex.credentials import Source
from openusage.providers.codex.login import Login, Nothing
from openusage.providers.codex.words import CONFLICT, REVOKED, SESSION_EXPIRED, token_expired
from openusage.providers.logins import exchange, tokens_in

__all__ = ["LoginPlace"]

_URL = "https://auth.openai.com/oauth/token"
_CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
_REFUSALS = {
    "refresh_token_expired": SESSION_EXPIRED,
    "refresh_token_reused": CONFLICT,
    "refresh_token_invalidated": REVOKED,
}


@define
class LoginPlace:
    """A `LoginStore`: `source`, where `first` was read. `spent`: a new token was bought.

    It sends no refresh token twice: without an answer one may have been spent all the same, and
    the service ends the session of a token that is used again.
    """

    host: Host
    source: Source
    first: Login
    spent: bool = False
    _sent: set[str] = field(factory=set, init=False, repr=False)

    @property
    def place(self) -> str:
        """Names the source."""
        return self.source.place

    async def reload(self) -> Login | None:
        """The login that is stored now; `None` when there is none that can be read.

        Raises `TokenExpiredError` when it is another account's by now, or an API key.
        """
        stored = await self.source.read(self.host)
        if isinstance(stored, Nothing):
            if stored.api_key:
                raise TokenExpiredError(CONFLICT)
            return None
        if self.first.account_id and stored.account_id != self.first.account_id:
            raise TokenExpiredError(CONFLICT)
        return stored

    def tokens(self, login: Login) -> Tokens:
        """The tokens of `login`."""
        return Tokens(login.access_token, login.refresh_token)

    def due(self, login: Login) -> bool:
        """Whether `login` expires soon or, if it does not say when, is more than a week old."""
        return login.due(self.host.now())

    async def obstacle(self, login: Login) -> str | None:
        """Why `login` could not be saved, if that is known."""
        return await self.source.obstacle(self.host, login.document)

    async def exchange(self, login: Login) -> Tokens | None:
        """The tokens that the refresh token buys; `None` when the service gives none this time.

        Raises `RefusedError` when it is no good.
        """
        refresh_token = login.refresh_token or ""
        if refresh_token in self._sent:
            return None
        self._sent.add(refresh_token)
        form = {
            "grant_type": "refresh_token",
            "client_id": _CLIENT_ID,
            "refresh_token": refresh_token,
        }
        headers = {"Accept": "application/json", "User-Agent": self.host.user_agent}
        tokens = tokens_in(await exchange(self.host, _URL, _refusal, form=form, headers=headers))
        self.spent = tokens is not None
        return tokens

    def renewed(self, login: Login, tokens: Tokens) -> Login:
        """`login` with `tokens` in it."""
        return login.renewed(tokens, self.host.now())

    async def save(self, login: Login) -> None:
        """Write `login` to where it came from. Raises `OSError` or `KeychainError`."""
        await self.source.write(self.host, login.document)


def _refusal(body: Mapping[str, Any]) -> str:
    return _REFUSALS.get(_code(body) or "", token_expired())


def _code(body: Mapping[str, Any]) -> str | None:
    return (
        text_of(object_at(body, "error").get("code"))
        or text_of(body.get("error"))
        or text_of(body.get("code"))
    )
