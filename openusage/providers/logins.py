"""Stored OAuth logins: what they hold, where they lie, and how they are renewed and tried.

When a refresh token may be spent, and that none is ever lost, is the business of
`openusage.host.oauth`; this is what the providers with such a login tell it alike.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from attrs import define, field, frozen

from openusage.host import Host
from openusage.host.numbers import number
from openusage.host.oauth import (
    RefusedError,
    Tokens,
    file_obstacle,
    item_obstacle,
    renew,
)
from openusage.host.secrets import credential_json, sendable
from openusage.host.values import first_text, json_object
from openusage.log import logger
from openusage.model import ProbeError, TokenExpiredError
from openusage.providers.asking import post
from openusage.providers.stored import Missing, stored_object

__all__ = [
    "LONGEST_LIFE",
    "JsonFile",
    "KeychainItem",
    "Login",
    "Place",
    "StoredLogin",
    "ask_renewing",
    "exchange",
    "first_accepted",
    "tokens_in",
]

T = TypeVar("T")

_log = logger(__name__)
_TIMEOUT = 15.0

LONGEST_LIFE = 10 * 365 * 86400.0
"""Of a token, in seconds: whatever a service says, no calendar ends within."""


# --- what is stored, and where --------------------------------------------------------------------


@frozen
class Login:
    """A login as it is stored: `document` is all of it, unknown keys included."""

    access_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    document: Mapping[str, Any] = field(repr=False)


class Place(Protocol):
    """Where a login is kept, as a JSON object."""

    @property
    def name(self) -> str:
        """Whoever shares it shares the login."""

    async def read(self) -> dict[str, Any] | None:
        """What is there now; `None` when there is nothing that can be read."""

    async def write(self, document: Mapping[str, Any]) -> None:
        """Replace it. Raises `OSError` or `KeychainError`."""

    async def obstacle(self, document: Mapping[str, Any]) -> str | None:
        """Why it cannot be replaced, as the end of a sentence; `None`: nothing is known."""


@frozen
class JsonFile:
    """A `Place`: a JSON file, of whose object all is kept.

    `indent` is how the tool writes it; with `None` it is as short as can be.
    """

    host: Host
    path: Path
    indent: int | None = 2

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    async def read(self) -> dict[str, Any] | None:
        """The object in the file, plain or as hex."""
        found = await stored_object(self.host, self.path)
        return None if isinstance(found, Missing) else found

    async def write(self, document: Mapping[str, Any]) -> None:
        """Put another object in its place, at once and with the same mode."""
        indented = self.indent is not None
        text = json.dumps(document, indent=self.indent) if indented else _compact(document)
        await self.host.files.write(self.path, text.encode())

    async def obstacle(self, document: Mapping[str, Any]) -> str | None:
        """Whether its folder is closed to us."""
        return await file_obstacle(self.host, self.path)


@frozen
class KeychainItem:
    """A `Place`: an item of the system's keychain that belongs to the tool."""

    host: Host
    service: str
    account: str | None = None

    @property
    def name(self) -> str:
        """Service and account."""
        return f"{self.service}:{self.account}"

    async def read(self) -> dict[str, Any] | None:
        """The object in the item, plain or as hex."""
        text = await self.host.keychain.get(self.service, self.account, prompts=True)
        return None if text is None else credential_json(text)

    async def write(self, document: Mapping[str, Any]) -> None:
        """Put another object in its place, on one line: another would come back as hex."""
        await self.host.keychain.set(self.service, self.account, _compact(document))

    async def obstacle(self, document: Mapping[str, Any]) -> str | None:
        """Whether the object is too long to be saved."""
        return item_obstacle(self.host.platform, _compact(document))


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


# --- renewing -------------------------------------------------------------------------------------


@define(eq=False)
class StoredLogin:
    """The `LoginStore` of a login at `keeper`, made of what one provider has of its own.

    `parse` finds the login in a document, `put` gives the document with new tokens in it, and `buy`
    spends the refresh token. A login is due `margin` before it expires and, if `unknown_is_due`,
    when it does not say when that is.
    """

    host: Host
    keeper: Place
    parse: Callable[[Mapping[str, Any]], Login | None]
    put: Callable[[Mapping[str, Any], Tokens], Mapping[str, Any]]
    buy: Callable[[Login], Awaitable[Tokens | None]]
    margin: timedelta = timedelta(minutes=5)
    unknown_is_due: bool = False
    _sent: set[str] = field(factory=set, init=False, repr=False)

    @property
    def place(self) -> str:
        """The name of where it is kept."""
        return self.keeper.name

    async def reload(self) -> Login | None:
        """The login as it is stored now."""
        document = await self.keeper.read()
        return None if document is None else self.parse(document)

    def tokens(self, login: Login) -> Tokens:
        """The tokens of `login`."""
        return Tokens(login.access_token or "", login.refresh_token)

    def due(self, login: Login) -> bool:
        """Whether it expires soon, or has no access token at all."""
        if login.access_token is None:
            return True
        if login.expires_at is None:
            return self.unknown_is_due
        return login.expires_at <= self.host.now() + self.margin

    async def obstacle(self, login: Login) -> str | None:
        """Why `login` could not be saved, if that is known."""
        return await self.keeper.obstacle(login.document)

    async def exchange(self, login: Login) -> Tokens | None:
        """What the refresh token buys.

        None is sent twice: without an answer one may have been spent all the same, and some
        services end the session of a token that is used again.
        """
        refresh_token = login.refresh_token or ""
        if refresh_token in self._sent:
            return None
        self._sent.add(refresh_token)
        return await self.buy(login)

    def renewed(self, login: Login, tokens: Tokens) -> Login:
        """`login` with `tokens` in it."""
        document = self.put(login.document, tokens)
        renewed = self.parse(document)
        return login if renewed is None else renewed

    async def save(self, login: Login) -> None:
        """Write `login` to where it came from."""
        await self.keeper.write(login.document)


async def ask_renewing(
    host: Host,
    login: Login,
    store: StoredLogin,
    ask: Callable[[Login, bool], Awaitable[T]],
    *,
    refused: str,
    strict: bool = False,
) -> T:
    """What `ask` gives for `login` or, where that is no good any more, for a newer one.

    `ask` raises `TokenExpiredError` when the service refuses the login; it is told whether the
    login was renewed by this probe. A newer login is one that the tool stored meanwhile or, where
    the person allowed it, one bought with the refresh token. Each step is taken once. `refused` is
    what to say when there is no token to send. `strict`: once the refresh token was refused, an
    access token is only sent that is known to be good for longer.
    """
    renewed, trouble = await _renewed_in_time(host, login, store)
    login, bought = renewed or login, renewed is not None
    if login.access_token is None:
        raise trouble or TokenExpiredError(refused)
    if strict and trouble is not None and not _known_good(host, login):
        raise trouble
    try:
        return await ask(login, bought)
    except TokenExpiredError as error:
        newer = await _newer(host, login, store, trouble or error, bought=bought)
        return await ask(newer, not bought)


async def _renewed_in_time(
    host: Host, login: Login, store: StoredLogin
) -> tuple[Login | None, RefusedError | None]:
    """A newer login, if this one is due; else why there is none, though it may still be good."""
    if not store.due(login):
        return None, None
    try:
        newer = await renew(host, login, store)
    except RefusedError as error:
        return None, error
    return newer, None


def _known_good(host: Host, login: Login) -> bool:
    return login.expires_at is not None and login.expires_at > host.now()


async def _newer(
    host: Host, login: Login, store: StoredLogin, error: TokenExpiredError, *, bought: bool
) -> Login:
    """A login to try after `login` was refused; raises `error` when there is none."""
    stored = await store.reload()
    if stored is not None and stored.access_token not in (None, login.access_token):
        return stored
    # One made a moment ago was refused, so another would be too; and none is sent a second time.
    if bought or isinstance(error, RefusedError):
        raise error
    newer = await renew(host, login, store)
    if newer is None or newer.access_token in (None, login.access_token):
        raise error
    return newer


async def first_accepted(asks: Sequence[Callable[[], Awaitable[T]]]) -> T:
    """What the first of `asks` gives whose login is not refused; at least one must be given.

    Raises the refusal of the first one when all are refused, and any other error at once.
    """
    best, *others = asks
    try:
        return await best()
    except TokenExpiredError:
        for other in others:
            with suppress(TokenExpiredError):
                return await other()
        raise


async def exchange(
    host: Host,
    url: str,
    message: str | Callable[[Mapping[str, Any]], str],
    *,
    json: object = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    refusals: Sequence[int] = (400, 401),
) -> dict[str, Any] | None:
    """What a token service answers; `None` when it gave nothing this time, which is logged.

    Raises `RefusedError` with `message`, or what that makes of the answer, for a status in
    `refusals`. It is for good if the answer is JSON: any other may be that of a proxy on the way.
    """
    try:
        response = await post(
            host, url, headers=headers or {}, json=json, form=form, timeout=_TIMEOUT
        )
    except ProbeError as error:
        _log.warn("{id}: login not renewed: {code}", id=host.id, code=error.code)
        return None
    body = json_object(response)
    if response.status in refusals:
        text = message if isinstance(message, str) else message(body or {})
        raise RefusedError(text, for_good=body is not None)
    if response.status // 100 == 2 and body is not None:
        return body
    _log.warn("{id}: login not renewed: HTTP {s}", id=host.id, s=response.status)
    return None


def tokens_in(body: Mapping[str, Any] | None) -> Tokens | None:
    """The tokens in the answer of a token service, whose keys may be in snake or camel case."""
    body = body or {}
    access_token = first_text(body, "access_token", "accessToken")
    if access_token is None or not sendable(access_token):
        return None
    seconds = number(body.get("expires_in", body.get("expiresIn")))
    return Tokens(
        access_token,
        first_text(body, "refresh_token", "refreshToken"),
        first_text(body, "id_token", "idToken"),
        None if seconds is None else min(max(seconds, 0.0), LONGEST_LIFE),
    )
