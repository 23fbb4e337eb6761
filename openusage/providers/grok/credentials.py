"""The logins of the Grok CLI: where they are, which are still good, and how one is renewed.

They are in one file below `~/.grok` (`GROK_HOME`), one for each scope; what they have had two names
for is read by both (seen 2026-11):

    {"https://auth.x.ai::CLIENT": {"key": TOKEN, "refresh_token": str, "expires_at": ISO,
                                   "oidc_client_id": str, "user_id": str, …}, …}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from openusage.host import Host
from openusage.host.instants import iso_text, parse_instant
from openusage.host.oauth import Tokens
from openusage.host.places import shown
from openusage.host.secrets import jwt_expiry, jwt_payload, sendable
from openusage.host.values import first_text, object_at, text_of
from openusage.providers.keys import env_key
from openusage.providers.logins import JsonFile, Login, StoredLogin, exchange, tokens_in
from openusage.providers.stored import Missing, not_logged_in, stored_object
from openusage.providers.words import require_unexpired
from openusage.sessionlogs.grok import grok_home

__all__ = [
    "EXPIRED",
    "HOME_VARIABLE",
    "TOKEN_VARIABLE",
    "Source",
    "find_logins",
    "login_files",
    "logins_in",
    "require_good",
    "store_of",
]

HOME_VARIABLE, TOKEN_VARIABLE = "GROK_HOME", "GROK_OAUTH_TOKEN"
EXPIRED = "Grok auth expired. Run `grok login` again."

_TOKEN = "https://auth.x.ai/oauth2/token"  # noqa: S105 (an address)
_CLIENT_ID = "b1a00492-073a-47ea-816f-4c329264a828"
_NOT_LOGGED_IN = "Grok not logged in. Run `grok login`."
_NO_TOKEN = "Grok auth invalid. Run `grok login` again."  # noqa: S105 (a sentence)
_RENEW, _LOG_IN = "Run `grok` once to renew it.", "Run `grok login` again."


@frozen
class Source:
    """A login and where it is: the entry `scope` in a file. A token from a variable has no file."""

    login: Login
    file: JsonFile | None = None
    scope: str = ""

    @property
    def account(self) -> str:
        """What stays the same while the same person is logged in."""
        entry = object_at(self.login.document, self.scope)
        claims = jwt_payload(self.login.access_token or "") or {}
        person = first_text(entry, "user_id", "email") or first_text(claims, "sub")
        if person is None:
            return self.login.refresh_token or self.login.access_token or ""
        return f"{person}|{text_of(entry.get('team_id')) or ''}"


def login_files(host: Host) -> list[Path]:
    """The files that may hold logins. The variable was first known for the log alone."""
    homes = (grok_home(host.home, host.env), host.home / ".grok")
    return [home / "auth.json" for home in dict.fromkeys(homes)]


async def find_logins(host: Host) -> list[Source]:
    """The logins in their order; at least one. Raises `NotLoggedInError`."""
    found: list[Source] = []
    missing, message = [], _NOT_LOGGED_IN
    for path in login_files(host):
        stored = await logins_in(host, path)
        if isinstance(stored, Missing):
            missing.append(stored)
        elif not stored:
            missing.append(Missing(f"{shown(host, path, HOME_VARIABLE)} has no token"))
            message = _NO_TOKEN
        else:
            found += stored
    if key := env_key(host, TOKEN_VARIABLE):
        found.append(Source(Login(key.value, None, jwt_expiry(key.value), {})))
    if not found:
        raise not_logged_in(message, *missing)
    return found


async def logins_in(host: Host, path: Path) -> list[Source] | Missing:
    """The logins in a file, in which there may be none."""
    document = await stored_object(host, path, HOME_VARIABLE)
    if isinstance(document, Missing):
        return document
    logins = {scope: _login_in(document, scope) for scope in document}
    file = JsonFile(host, path)
    return [Source(login, file, scope) for scope, login in logins.items() if login is not None]


def _login_in(document: Mapping[str, Any], scope: str) -> Login | None:
    entry = object_at(document, scope)
    token, refresh_token = first_text(entry, "key"), first_text(entry, "refresh_token", "refresh")
    if token is None or not sendable(token):
        return None
    known = [at for at in (jwt_expiry(token), _entry_expiry(entry)) if at is not None]
    return Login(token, refresh_token, min(known, default=None), document)


def _entry_expiry(entry: Mapping[str, Any]) -> datetime | None:
    return parse_instant(first_text(entry, "expires_at", "expires"))


def require_good(host: Host, login: Login, scope: str) -> None:
    """Raises `TokenExpiredError` for a token that has expired, as it says itself.

    What is stored beside it counts only where the token says nothing.
    """
    entry = object_at(login.document, scope)
    expires_at = jwt_expiry(login.access_token) or _entry_expiry(entry)
    require_unexpired(expires_at, host.now(), _RENEW if login.refresh_token else _LOG_IN)


def store_of(host: Host, file: JsonFile, scope: str) -> StoredLogin:
    """The login of `scope` in `file` with all that is needed to renew it."""

    async def buy(login: Login) -> Tokens | None:
        form = {
            "grant_type": "refresh_token",
            "client_id": _client_id(object_at(login.document, scope), scope),
            "refresh_token": login.refresh_token or "",
        }
        body = await exchange(host, _TOKEN, EXPIRED, form=form, refusals=(400, 401, 403))
        return tokens_in(body)

    def put(document: Mapping[str, Any], tokens: Tokens) -> Mapping[str, Any]:
        new = {
            "key": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "id_token": tokens.id_token,
            "expires_at": _good_until(tokens, host.now()),
        }
        given = {key: value for key, value in new.items() if value is not None}
        return {**document, scope: {**object_at(document, scope), **given}}

    return StoredLogin(host, file, lambda document: _login_in(document, scope), put, buy)


def _client_id(entry: Mapping[str, Any], scope: str) -> str:
    named = scope.rpartition("::")[2] if "::" in scope else None
    return text_of(entry.get("oidc_client_id")) or text_of(named) or _CLIENT_ID


def _good_until(tokens: Tokens, now: datetime) -> str:
    expires_at = jwt_expiry(tokens.access_token) or now + timedelta(hours=1)
    if tokens.expires_in:
        expires_at = now + timedelta(seconds=tokens.expires_in)
    return iso_text(expires_at)
