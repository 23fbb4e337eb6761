"""Renewing the login of Claude Code where that was allowed, as `openusage.host.oauth` rules."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from openusage.host import Host, Response
from openusage.host.numbers import number
from openusage.host.oauth import RefusedError, Tokens, renew
from openusage.model import ProbeError, TokenExpiredError
from openusage.providers.claude.credentials import (
    CredentialsFile,
    KeychainItem,
    Login,
    login_at,
)
from openusage.providers.claude.service import OAuthService

__all__ = ["LOG_IN_AGAIN", "due", "renewed_login"]

EARLY = 300.0
"""Seconds before its expiry from which on an access token is renewed."""
LONGEST_LIFE = 10 * 365 * 86400.0
LONGEST_ITEM = 3600
"""Characters of a keychain value, quotes escaped; macOS takes no longer one from standard input.

A refresh whose outcome could not be saved would log the person out.
"""
LOG_IN_AGAIN = "Token expired. Run `claude` to log in again."

_SCOPE = "user:profile user:inference user:sessions:claude_code user:mcp_servers user:file_upload"


def due(login: Login, now: float) -> bool:
    """Whether the access token expires within `EARLY`; one that does not say is used as it is."""
    return login.expires_at is not None and now + EARLY >= login.expires_at


async def renewed_login(host: Host, service: OAuthService, login: Login) -> Login | None:
    """A login newer than `login`, or `None` to go on with `login`; see `oauth.renew`.

    Raises `TokenExpiredError` when the service refuses the refresh token.
    """
    if login.source is None or not host.refresh_credentials:
        return None
    if isinstance(login.source, KeychainItem) and len(json.dumps(_text_of(login))) > LONGEST_ITEM:
        host.note("Login not renewed: its keychain item is too long to be saved safely.")
        return None
    return await renew(host, login, _Store(host, service, login.source))


@frozen
class _Store:
    """One place where Claude Code keeps its login, as a `LoginStore`."""

    host: Host
    service: OAuthService
    source: CredentialsFile | KeychainItem

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

    async def exchange(self, login: Login) -> Tokens | None:
        try:
            response = await self.host.http.request(
                "POST",
                self.service.refresh_url,
                headers={"Content-Type": "application/json"},
                body=json.dumps(self._question(login)).encode(),
                timeout=15.0,
            )
        except ProbeError:  # not reached: the token at hand may still do
            return None
        answer = _object(response)
        if response.status in (400, 401):
            raise _refusal(answer)
        return _tokens(answer) if 200 <= response.status < 300 else None

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

    def _question(self, login: Login) -> dict[str, str | None]:
        return {
            "grant_type": "refresh_token",
            "refresh_token": login.refresh_token,
            "client_id": self.service.client_id,
            "scope": _SCOPE,
        }


def _text_of(login: Login) -> str:
    """The document in one line of ASCII: a keychain value that is anything else is read as hex."""
    return json.dumps(login.document, separators=(",", ":"))


def _object(response: Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(answer: dict[str, Any]) -> TokenExpiredError:
    if (answer.get("error") or answer.get("error_description")) == "invalid_grant":
        return RefusedError("Session expired. Run `claude` to log in again.")
    return TokenExpiredError(LOG_IN_AGAIN)


def _tokens(answer: dict[str, Any]) -> Tokens | None:
    access_token, refresh_token = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access_token, str) or not access_token.strip():
        return None
    expires_in = number(answer.get("expires_in"))
    return Tokens(
        access_token,
        refresh_token if isinstance(refresh_token, str) else None,
        expires_in=None if expires_in is None else min(max(expires_in, 0.0), LONGEST_LIFE),
    )
