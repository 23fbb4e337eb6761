"""Renewing a tool's stored login, when the person allowed it: one at a time, and never lost.

Many refresh tokens are good for one use only: spending one and losing its successor logs the
person out of the tool. So `renew` reads the store again first, since the tool may have renewed its
login itself; spends nothing when the outcome could not be saved; holds a lock that other openusage
processes respect; remembers a token that the service refused; and, once begun, goes on to the write
even when the probe that wanted it is cancelled.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Protocol, TypeVar

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from openusage.host.host import Host
from openusage.host.keychain import KeychainError
from openusage.log import logger
from openusage.model import TokenExpiredError

__all__ = [
    "LoginStore",
    "RefusedError",
    "Tokens",
    "file_obstacle",
    "item_obstacle",
    "renew",
]

L = TypeVar("L")

_log = logger(__name__)

_REFUSED = "refusedRefresh"
# macOS takes 4096 bytes with the command around the value, Windows 2560 bytes of UTF-16; a renewed
# login may be a little longer than the old one.
_LONGEST_ITEM = {"darwin": 3600, "win32": 1200}


@frozen
class RefusedError(TokenExpiredError):
    """The service says that this refresh token is spent or revoked.

    It is not sent again, unless it was not refused `for_good`: a proxy may have said so.
    """

    for_good: bool = True


@frozen
class Tokens:
    """The tokens of a login, or those that a refresh bought, where `None` means: as before.

    `expires_in` is in seconds.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    expires_in: float | None = None


class LoginStore(Protocol[L]):
    """Where a tool keeps its login, and how that is renewed. `L` is the provider's own value."""

    @property
    def place(self) -> str:
        """Names the store (its path, its keychain service); whoever shares it shares the lock."""

    async def reload(self) -> L | None:
        """The login as it is stored now; `None` when it is gone or unreadable."""

    def tokens(self, login: L) -> Tokens:
        """What `login` holds; without a refresh token it cannot be renewed."""

    def due(self, login: L) -> bool:
        """Whether `login` expires so soon that it is worth renewing."""

    async def obstacle(self, login: L) -> str | None:
        """Why `login` could not be saved, as the end of a sentence; `None`: nothing is known."""

    async def exchange(self, login: L) -> Tokens | None:
        """Spend the refresh token of `login`. `None`: the service gave none this time.

        Raises `RefusedError` when the token is no good, another `ProbeError` to end the probe.
        """

    def renewed(self, login: L, tokens: Tokens) -> L:
        """`login` with `tokens` in it and everything else as it was, unknown keys included."""

    async def save(self, login: L) -> None:
        """Write `login` to where it came from. Raises `OSError` or `KeychainError`."""


async def renew(host: Host, held: L, store: LoginStore[L]) -> L | None:
    """A login that is newer than `held`: the one stored meanwhile, else one bought by a refresh.

    `None` says that there is none to be had now: refreshing is not allowed, there is no refresh
    token, the outcome could not be saved, the service did not answer, or the lock was not to be
    had. Raises what `store.exchange` raises, and `RefusedError` again, without a request, for a
    token that was refused before. `host.identify` must have been called.
    """
    if not host.refresh_credentials:
        return None
    # Cancelling `outcome` does not reach the work, which must not stop half-way.
    outcome: Deferred[L | None] = Deferred()
    over: Deferred[None] = Deferred()

    def end(result: L | Failure | None) -> None:
        outcome.callback(result)  # a Failure becomes an errback
        over.callback(None)

    work = _locked(host, held, store)
    Deferred.fromCoroutine(work).addBoth(end)
    try:
        return await outcome
    except CancelledError:
        await over  # so that the probe is not said to be over while the work goes on
        raise


async def file_obstacle(host: Host, path: Path) -> str | None:
    """An obstacle to replacing the file `path`, for `LoginStore.obstacle`."""
    return None if await host.run(_replaceable, path) else "its file cannot be replaced"


def item_obstacle(platform: str, value: str) -> str | None:
    """An obstacle to saving `value` in the keychain of `platform`, for `LoginStore.obstacle`."""
    longest = _LONGEST_ITEM.get(platform)
    if longest is not None and len(json.dumps(value)) > longest:  # quotes are escaped there too
        return "its keychain item is too long to be saved safely"
    return None


async def _locked(host: Host, held: L, store: LoginStore[L]) -> L | None:
    name = _digest(store.place)[:16]
    path = host.home / ".openusage" / "locks" / f"{name}.lock"
    try:
        async with host.files.lock(path):
            return await _renew(host, held, store)
    except OSError as error:  # a lock that is held for too long is a TimeoutError, which is one too
        _log.warn("{id}: login not renewed: {kind}", id=host.id, kind=type(error).__name__)
        return None


async def _renew(host: Host, held: L, store: LoginStore[L]) -> L | None:
    stored = await store.reload()
    if stored is None:
        return None
    if not _same(store, held, stored) and not store.due(stored):
        return stored
    refresh_token = store.tokens(stored).refresh_token
    if not refresh_token:
        return None
    await _refuse_again(host, refresh_token)
    if obstacle := await store.obstacle(stored):
        host.note(f"Login not renewed: {obstacle}.")
        return None
    try:
        tokens = await store.exchange(stored)
    except RefusedError as error:
        if error.for_good:
            await _remember(host, refresh_token, error)
        raise
    if tokens is None:
        return None
    return await _keep(host, stored, tokens, store)


async def _keep(host: Host, spent: L, tokens: Tokens, store: LoginStore[L]) -> L:
    """The renewed login, saved if the store still holds the login whose token was spent."""
    stored = await store.reload()
    if stored is None or not _same(store, spent, stored):
        _log.warn("{id}: stored login changed during refresh, left as it is", id=host.id)
        return store.renewed(spent, tokens)
    login = store.renewed(stored, tokens)
    try:
        await store.save(login)
    except (OSError, KeychainError) as error:
        kind = type(error).__name__
        _log.error("{id}: renewed login could not be saved: {kind}", id=host.id, kind=kind)
    return login


def _same(store: LoginStore[L], one: L, other: L) -> bool:
    first, second = store.tokens(one), store.tokens(other)
    return (first.access_token, first.refresh_token) == (
        second.access_token,
        second.refresh_token,
    )


async def _refuse_again(host: Host, refresh_token: str) -> None:
    refused = (await host.state.read()).get(_REFUSED)
    if isinstance(refused, dict) and refused.get("token") == _digest(refresh_token):
        raise RefusedError(str(refused.get("message", "Session expired.")))


async def _remember(host: Host, refresh_token: str, error: RefusedError) -> None:
    refused = {"token": _digest(refresh_token), "message": error.message}
    await host.state.write({**await host.state.read(), _REFUSED: refused})


def _replaceable(path: Path) -> bool:
    """Whether a file beside it could take the place of `path`, which blocks."""
    target = Path(os.path.realpath(path))
    return os.access(target.parent, os.W_OK | os.X_OK) and not os.path.ismount(target)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
