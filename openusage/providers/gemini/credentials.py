"""The login of the Gemini CLI, and whether the CLI uses it.

Sources: the CLI's own files, seen 2026-11. Below `~/.gemini` (`GEMINI_CLI_HOME`), on every system:

    oauth_creds.json  {"access_token": str, "refresh_token": str, "id_token": JWT,
                       "expiry_date": 1798761600000, …}
    settings.json     {"security": {"auth": {"selectedType": "oauth-personal"}}, …}

Older versions have `authType` at the top of the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from openusage.host import Host
from openusage.host.instants import parse_instant
from openusage.host.numbers import number
from openusage.host.oauth import Tokens
from openusage.host.places import shown
from openusage.host.secrets import jwt_payload, sendable
from openusage.host.values import first_text, object_at, text_of
from openusage.model import NotAvailableError
from openusage.providers.gemini.words import NOT_LOGGED_IN, unsupported
from openusage.providers.logins import Login
from openusage.providers.stored import Missing, not_logged_in, stored_object
from openusage.redact import redact
from openusage.sessionlogs.gemini import gemini_homes

__all__ = [
    "HOME_VARIABLE",
    "Stored",
    "claims",
    "find_login",
    "login_files",
    "login_in",
    "stored_login",
    "with_tokens",
]

HOME_VARIABLE = "GEMINI_CLI_HOME"

_GOOGLE = "oauth-personal"
_NAMES = {"gemini-api-key": "api-key"}
_LONGEST_NAME = 40


@frozen
class Stored:
    """A login and the file that it is in."""

    path: Path
    login: Login

    @property
    def account(self) -> str:
        """What stays the same while the same person is logged in."""
        known = first_text(claims(self.login.document), "sub", "email")
        return known or self.login.refresh_token or self.login.access_token or ""


def login_files(host: Host) -> list[Path]:
    """The files that may hold the login."""
    return [folder / "oauth_creds.json" for folder in gemini_homes(host.home, host.env)]


async def find_login(host: Host) -> Stored:
    """The login of the CLI.

    Raises `NotLoggedInError`, or `NotAvailableError` where the CLI uses no Google account.
    """
    missing = []
    for path in login_files(host):
        found = await stored_login(host, path)
        await _require_google(host, path.parent)
        if isinstance(found, Stored):
            return found
        missing.append(found)
    raise not_logged_in(NOT_LOGGED_IN, *missing)


async def stored_login(host: Host, path: Path) -> Stored | Missing:
    """The login in a file."""
    document = await stored_object(host, path, HOME_VARIABLE)
    if isinstance(document, Missing):
        return document
    login = login_in(document)
    if login is None:
        return Missing(f"{shown(host, path, HOME_VARIABLE)} has no tokens")
    return Stored(path, login)


def login_in(document: Mapping[str, Any]) -> Login | None:
    """The login in what is stored."""
    access_token, refresh_token = (
        token if token is not None and sendable(token) else None
        for token in (first_text(document, key) for key in ("access_token", "refresh_token"))
    )
    if access_token is None and refresh_token is None:
        return None
    expires_at = parse_instant(number(document.get("expiry_date")))
    return Login(access_token, refresh_token, expires_at, document)


def with_tokens(document: Mapping[str, Any], tokens: Tokens, now: float) -> dict[str, Any]:
    """What is stored, with the tokens that were bought at `now` (seconds) in it."""
    new = {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "id_token": tokens.id_token,
        "expiry_date": None if tokens.expires_in is None else int((now + tokens.expires_in) * 1000),
    }
    return {**document, **{key: value for key, value in new.items() if value is not None}}


def claims(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the identity token in a login says of the person."""
    return jwt_payload(text_of(document.get("id_token")) or "") or {}


async def _require_google(host: Host, folder: Path) -> None:
    """Raises `NotAvailableError` where the CLI is set to something else than a Google account.

    Settings that are missing or cannot be read say nothing.
    """
    settings = await stored_object(host, folder / "settings.json")
    if isinstance(settings, Missing):
        return
    chosen = text_of(object_at(settings, "security", "auth").get("selectedType"))
    kind = (chosen or text_of(settings.get("authType")) or _GOOGLE).lower()
    if kind != _GOOGLE:
        raise NotAvailableError(unsupported(_NAMES.get(kind, redact(kind)[:_LONGEST_NAME])))
