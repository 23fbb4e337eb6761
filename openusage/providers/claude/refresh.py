"""Renewing the login of Claude Code where that was allowed, as `openusage.host.oauth` rules."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field, frozen

from openusage.host import Host, Response
from openusage.host.numbers import number
from openusage.host.oauth import (
    RefusedError,
    Tokens,
    file_obstacle,
    item_obstacle,
    renew,
)
from openusage.host.secrets import sendable
from openusage.log import logger
from openusage.model import ProbeError
from openusage.providers.claude.credentials import (
    CredentialsFile,
    KeychainItem,
    Login,
    login_at,
)
from openusage.providers.claude.service import OAuthService

__all__ = ["LOG_IN_AGAIN", "Renewal", "due"]

EARLY = 300.0
"""Seconds before its expiry from which on an access token is renewed."""
LONGEST_LIFE = 10 * 365 * 86400.0
LOG_IN_AGAIN = "Token expired. Run `claude` to log in again."

_SCOPE = "user:profile user:inference user:sessions:claude_code user:mcp_servers user:file_upload"

_log = logger(__name__)


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
        try:
            response = await self._post(refresh_token)
        except ProbeError as error:  # not reached: the token at hand may still do
            _log.warn("{id}: login not renewed: {code}", id=self.host.id, code=error.code)
            return None
        answer = _object(response)
        if response.status in (400, 401):
            raise _refusal(answer)
        tokens = _tokens(answer or {}) if 200 <= response.status < 300 else None
        if tokens is None:
            _log.warn("{id}: login not renewed: HTTP {s}", id=self.host.id, s=response.status)
        return tokens

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

    async def _post(self, refresh_token: str) -> Response:
        question = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.service.client_id,
            "scope": _SCOPE,
        }
        return await self.host.http.request(
            "POST",
            self.service.refresh_url,
            headers={"Content-Type": "application/json"},
            body=json.dumps(question).encode(),
            timeout=15.0,
        )


def _text_of(login: Login) -> str:
    """The document in one line of ASCII: a keychain value that is anything else is read as hex."""
    return json.dumps(login.document, separators=(",", ":"))


def _object(response: Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _refusal(answer: dict[str, Any] | None) -> RefusedError:
    """The error that ends the probe. An answer that is no JSON may be of some proxy on the way."""
    if answer is None:
        return RefusedError(LOG_IN_AGAIN, for_good=False)
    if (answer.get("error") or answer.get("error_description")) == "invalid_grant":
        return RefusedError("Session expired. Run `claude` to log in again.")
    return RefusedError(LOG_IN_AGAIN)


def _tokens(answer: dict[str, Any]) -> Tokens | None:
    access_token = _text(answer.get("access_token"))
    if not access_token or not sendable(access_token):
        return None
    expires_in = number(answer.get("expires_in"))
    return Tokens(
        access_token,
        _text(answer.get("refresh_token")) or None,
        expires_in=None if expires_in is None else min(max(expires_in, 0.0), LONGEST_LIFE),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
