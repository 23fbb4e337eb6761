"""What a stored login holds, which of several is used, and how it is renewed.

The access token is a JWT of WorkOS, good for about a week. It lies beside the refresh token, both
in snake or camel case, or both in an object `tokens` (seen 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import frozen

from openusage.host import Host
from openusage.host.oauth import Tokens
from openusage.host.secrets import jwt_expiry, jwt_payload, sendable
from openusage.host.values import first_text, object_at, text_of
from openusage.providers.factory.stores import Item, SealedFile, Store, document_in, files, stores
from openusage.providers.logins import Login, StoredLogin, exchange, tokens_in
from openusage.providers.stored import Missing

__all__ = ["Found", "Stored", "account_of", "renewable", "search", "shown_login"]

_URL = "https://api.workos.com/user_management/authenticate"
_CLIENT_ID = "client_01HNM792M5G5G1A2THWPXKFMXB"
_SESSION_EXPIRED = "Session expired. Run `droid` to log in again."

_Spot = tuple[str, ...]
_ACCESS: tuple[_Spot, ...] = (
    ("access_token",),
    ("accessToken",),
    ("tokens", "access_token"),
    ("tokens", "accessToken"),
)
_REFRESH: tuple[_Spot, ...] = (
    ("refresh_token",),
    ("refreshToken",),
    ("tokens", "refresh_token"),
    ("tokens", "refreshToken"),
)


# --- finding one ----------------------------------------------------------------------------------


@frozen
class Stored:
    """A login with an access token, and where it lies."""

    login: Login
    store: Store


@frozen
class Found:
    """The login to be used, if there is one, else what is wrong in each place.

    `invalid`: a file has a login without access token.
    """

    stored: Stored | None
    missing: tuple[Missing, ...] = ()
    invalid: bool = False


async def search(host: Host) -> Found:
    """The first login that has not expired, else the first one.

    What an older release left behind, or one that was told to use another place, may lie before
    the login that is in use.
    """
    expired: Stored | None = None
    missing: list[Missing] = []
    invalid = False
    for store in stores(host):
        login = await _login_at(store)
        if isinstance(login, Missing):
            missing.append(login)
        elif login.access_token is None:
            missing.append(Missing(f"{store.shown} has no access token"))
            invalid = invalid or not isinstance(store, Item)
        elif login.expires_at is None or login.expires_at > host.now():
            return Found(Stored(login, store))
        else:
            expired = expired or Stored(login, store)
    return Found(expired, tuple(missing), invalid)


async def shown_login(host: Host) -> str | None:
    """The first file that holds a login; of one whose key is in a keyring it is taken on trust."""
    for file in files(host):
        if isinstance(file, SealedFile) and file.in_keyring:
            if await file.looks_sealed():
                return file.shown
        elif isinstance(await _login_at(file), Login):
            return file.shown
    return None


async def _login_at(store: Store) -> Login | Missing:
    text = await store.text()
    if isinstance(text, Missing):
        return text
    login = _login_in(document_in(text) or {})
    return login or Missing(f"{store.shown} holds no login")


def _login_in(document: Mapping[str, Any]) -> Login | None:
    access_token, refresh_token = _at(document, _ACCESS), _at(document, _REFRESH)
    if access_token is not None and not sendable(access_token):
        access_token = None
    if access_token is None and refresh_token is None:
        return None
    return Login(access_token, refresh_token, jwt_expiry(access_token), document)


def account_of(login: Login) -> str:
    """What stays the same while the same person is logged in to the same organization."""
    claims = jwt_payload(login.access_token or "") or {}
    known = [text for key in ("org_id", "sub") if (text := first_text(claims, key))]
    return "|".join(known) or login.refresh_token or login.access_token or ""


# --- renewing it ----------------------------------------------------------------------------------


def renewable(host: Host, stored: Stored) -> StoredLogin:
    """The login as one that can be renewed, a day before it expires."""

    async def buy(login: Login) -> Tokens | None:
        claims = jwt_payload(login.access_token or "") or {}
        form = {
            "grant_type": "refresh_token",
            "refresh_token": login.refresh_token or "",
            # There is more than one, and only the token's own can renew it.
            "client_id": first_text(claims, "client_id") or _CLIENT_ID,
        }
        headers = {"User-Agent": host.user_agent}
        return tokens_in(await exchange(host, _URL, _SESSION_EXPIRED, form=form, headers=headers))

    return StoredLogin(
        host, stored.store, _login_in, _put, buy, margin=timedelta(days=1), unknown_is_due=True
    )


def _put(document: Mapping[str, Any], tokens: Tokens) -> Mapping[str, Any]:
    """`document` with `tokens` where the old ones are, and all else as it was."""
    document = _replaced(document, _ACCESS, tokens.access_token)
    if tokens.refresh_token is None:
        return document
    return _replaced(document, _REFRESH, tokens.refresh_token)


def _replaced(
    document: Mapping[str, Any], spots: tuple[_Spot, ...], token: str
) -> Mapping[str, Any]:
    *outer, key = _spot(document, spots) or spots[0]
    if not outer:
        return {**document, key: token}
    return {**document, outer[0]: {**object_at(document, *outer), key: token}}


def _at(document: Mapping[str, Any], spots: tuple[_Spot, ...]) -> str | None:
    spot = _spot(document, spots)
    return None if spot is None else text_of(object_at(document, *spot[:-1]).get(spot[-1]))


def _spot(document: Mapping[str, Any], spots: tuple[_Spot, ...]) -> _Spot | None:
    """The first of `spots` that has a text."""
    for spot in spots:
        if text_of(object_at(document, *spot[:-1]).get(spot[-1])) is not None:
            return spot
    return None
