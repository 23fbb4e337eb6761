"""Renewing the login of Claude Code where that was allowed, as `openusage.host.oauth` rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from openusage.host import Host
from openusage.host.oauth import (
    Tokens,
    file_obstacle,
    item_obstacle,
    renew,
)
from openusage.providers.claude.credentials import (
    CredentialsFile,
    KeychainItem,
    Login,
    login_at,
)
from openusage.providers.claude.service import OAuthService
from openusage.providers.logins import exchange, tokens_in

__all__ = ["LOG_IN_AGAIN", "Renewal", "due"]

EARLY = 300.0
"""Seconds before its expiry from which on an access token is renewed."""
LOG_IN_AGAIN = "Token expired. Run `claude` to log in again."

_SCOPE = "user:profile user:inference user:sessions:claude_code user:mcp_servers user:file_upload"


def due(login: Login, now: float) -> bool:
    """Whether the access token expires within `EARLY`; one that does not say is used as it is."""
    return login.expires_at is not None and now + EARLY >= login.expires_at


@define
class Renewal:
    """Renews logins during one probe, and sends no refresh token twice in it.

    Without an answer it may have been spent all the same, and using one again may end the session.
    """

    host: Host
    service: OAuthService
    _sent: set[str] = field(factory=set, init=False, repr=False)

    async def of(self, login: Login) -> Login | None:
        """A login newer than `login`, or `None` to go on with `login`; see `oauth.renew`.

        Raises `RefusedError` when the service refuses the refresh token.
        """
        if login.source is None:
            return None
        return await renew(
            self.host, login, _Store(self.host, self.service, login.source, self._sent)
        )


@frozen
class _Store:
    """One place where Claude Code keeps its login, as a `LoginStore`."""

    host: Host
    service: OAuthService
    source: CredentialsFile | KeychainItem
    sent: set[str] = field(repr=False)

    @property
    def place(self) -> str:
        if isinstance(self.source, KeychainItem):
            return f"keychain:{self.source.service}"
        return str(self.source.path)

    async def reload(self) -> Login | None:
        stored = await login_at(self.host, self.source)
        return stored if isinstance(stored, Login) else None

    def tokens(self, login: Login) -> Tokens:
        return Tokens(login.access_token, login.refresh_token)

    def due(self, login: Login) -> bool:
        return due(login, self.host.clock.seconds())

    async def obstacle(self, login: Login) -> str | None:
        if isinstance(self.source, KeychainItem):
            return item_obstacle(self.host.platform, _text_of(login))
        return await file_obstacle(self.host, self.source.path)

    async def exchange(self, login: Login) -> Tokens | None:
        refresh_token = login.refresh_token or ""
        if refresh_token in self.sent:
            return None
        self.sent.add(refresh_token)
        question = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.service.client_id,
            "scope": _SCOPE,
        }
        url = self.service.refresh_url
        return tokens_in(await exchange(self.host, url, _refusal, json=question))

    def renewed(self, login: Login, tokens: Tokens) -> Login:
        changed: dict[str, Any] = {"accessToken": tokens.access_token}
        if tokens.refresh_token:
            changed["refreshToken"] = tokens.refresh_token
        if tokens.expires_in is not None:
            expires_at = self.host.clock.seconds() + tokens.expires_in
            changed["expiresAt"] = round(expires_at * 1000)
        return login.with_tokens(changed)

    async def save(self, login: Login) -> None:
        text, source = _text_of(login), self.source
        if isinstance(source, KeychainItem):
            await self.host.keychain.set(source.service, source.account, text)
        else:
            await self.host.files.write(source.path, text.encode())


def _text_of(login: Login) -> str:
    """The document in one line of ASCII: a keychain value that is anything else is read as hex."""
    return json.dumps(login.document, separators=(",", ":"))


def _refusal(answer: Mapping[str, Any]) -> str:
    if (answer.get("error") or answer.get("error_description")) == "invalid_grant":
        return "Session expired. Run `claude` to log in again."
    return LOG_IN_AGAIN
