"""Where Cursor keeps its login: the desktop application, and the command-line tool `agent`.

The application keeps it in its state database. The tool keeps one of its own, on macOS as two
keychain items, else in `auth.json`, as `{"accessToken": JWT, "refreshToken": str}`: in
`~/.config/cursor` on Linux, `%APPDATA%\\Cursor` on Windows and, where it is told not to use the
keychain, `~/.cursor` on macOS (as users and other tools report it, seen 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from openusage.host import Host
from openusage.host.appstate import read_items, write_item
from openusage.host.oauth import Tokens
from openusage.host.places import app_folder, config_home, shown, state_database
from openusage.host.secrets import jwt_expiry, jwt_payload, sendable
from openusage.host.values import text_of
from openusage.providers.logins import JsonFile, Login
from openusage.providers.stored import Missing, not_logged_in, stored_object

__all__ = [
    "NOT_LOGGED_IN",
    "Found",
    "KeychainItems",
    "StateDatabase",
    "find_login",
    "identity",
    "local_places",
    "login_at",
    "parse_login",
    "tool_file",
    "user_id",
    "with_access_token",
]

NOT_LOGGED_IN = "Not logged in. Sign in via Cursor app or run `agent login`."

_ACCESS = "accessToken"
_REFRESH = "refreshToken"
_MEMBERSHIP = "membership"
_KEYS = {
    _ACCESS: "cursorAuth/accessToken",
    _REFRESH: "cursorAuth/refreshToken",
    _MEMBERSHIP: "cursorAuth/stripeMembershipType",
}
_SERVICES = {_ACCESS: "cursor-access-token", _REFRESH: "cursor-refresh-token"}


# --- the places -----------------------------------------------------------------------------------


@frozen
class StateDatabase:
    """A `Place`: the application's state. Of all that is in it only the access token is replaced.

    That may fail and nothing is lost: the refresh token is good for more than one use.
    """

    host: Host
    path: Path = field(repr=False)

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def shown(self) -> str:
        """How a person is told of it."""
        return shown(self.host, self.path)

    async def read(self) -> dict[str, Any] | None:
        """The tokens and the membership, by names of our own."""
        items = await read_items(self.host, self.path, *_KEYS.values())
        return {name: items[key] for name, key in _KEYS.items() if key in items} or None

    async def write(self, document: Mapping[str, Any]) -> None:
        """Put the access token of `document` in the place of the old one. Raises `OSError`."""
        await write_item(self.host, self.path, _KEYS[_ACCESS], str(document[_ACCESS]))

    async def obstacle(self, document: Mapping[str, Any]) -> str | None:
        """None that would cost anything."""
        return None


@frozen
class KeychainItems:
    """A `Place`: the tool's items in the macOS keychain, one for each token."""

    host: Host

    @property
    def name(self) -> str:
        """The service of the item that is replaced."""
        return _SERVICES[_ACCESS]

    @property
    def shown(self) -> str:
        """How a person is told of it."""
        return f"the keychain item {self.name}"

    async def read(self) -> dict[str, Any] | None:
        """The tokens."""
        found = {
            name: await self.host.keychain.get(service, None, prompts=True)
            for name, service in _SERVICES.items()
        }
        return found if any(found.values()) else None

    async def write(self, document: Mapping[str, Any]) -> None:
        """Put the access token of `document` in its item. Raises `KeychainError`."""
        await self.host.keychain.set(_SERVICES[_ACCESS], None, str(document[_ACCESS]))

    async def obstacle(self, document: Mapping[str, Any]) -> str | None:
        """None that would cost anything, as with the database."""
        return None


@frozen
class ToolFile(JsonFile):
    """A `Place`: the tool's `auth.json`."""

    @property
    def shown(self) -> str:
        """How a person is told of it."""
        return shown(self.host, self.path)

    async def obstacle(self, document: Mapping[str, Any]) -> str | None:
        """None that would cost anything, as with the database."""
        return None


LoginPlace: TypeAlias = StateDatabase | KeychainItems | ToolFile


def local_places(host: Host) -> tuple[StateDatabase, ToolFile]:
    """The places that can be looked at without asking the keychain."""
    return StateDatabase(host, state_database(host, "Cursor")), ToolFile(host, tool_file(host))


def tool_file(host: Host) -> Path:
    """The file in which the tool keeps its login, when it keeps it in one."""
    if host.platform == "darwin":
        return host.path("~/.cursor/auth.json")
    if host.platform == "win32":
        return app_folder(host, "Cursor") / "auth.json"
    return config_home(host) / "cursor" / "auth.json"


# --- the login ------------------------------------------------------------------------------------


@frozen
class Found:
    """A login and where it was found."""

    place: LoginPlace
    login: Login


async def find_login(host: Host) -> Found:
    """The login to use; those of the application and of the tool are never mixed.

    Raises `NotLoggedInError`, which names every place that was looked at.
    """
    database, file = local_places(host)
    application = await login_at(database)
    tool = await login_at(KeychainItems(host)) if host.platform == "darwin" else None
    found = _chosen(host, application, tool or await login_at(file))
    if found is None:
        raise not_logged_in(NOT_LOGGED_IN, *await _missing(host, database, file))
    if found.login.access_token is None and not host.refresh_credentials:
        reason = f"{found.place.shown} has a refresh token only"
        raise not_logged_in(NOT_LOGGED_IN, Missing(reason))
    return found


async def login_at(place: LoginPlace) -> Found | None:
    """The login that `place` holds; `None` when there is none in it."""
    document = await place.read()
    login = None if document is None else parse_login(document)
    return None if login is None else Found(place, login)


def parse_login(document: Mapping[str, Any]) -> Login | None:
    """The login in `document`; `None` when it has no token at all."""
    access_token, refresh_token = _token(document.get(_ACCESS)), _token(document.get(_REFRESH))
    if access_token is None and refresh_token is None:
        return None
    return Login(access_token, refresh_token, jwt_expiry(access_token), document)


def with_access_token(document: Mapping[str, Any], tokens: Tokens) -> Mapping[str, Any]:
    """`document` with another access token; the refresh token stays as it is."""
    return {**document, _ACCESS: tokens.access_token}


def identity(login: Login) -> str:
    """What stays the same for one account: its subject, else a token."""
    return _subject(login) or login.refresh_token or login.access_token or ""


def user_id(token: str) -> str | None:
    """Whom the website knows the token's owner as: `user_abc` of `google-oauth2|user_abc`.

    `None` when the token does not say; then the website cannot be asked.
    """
    parts = (text_of((jwt_payload(token) or {}).get("sub")) or "").split("|")
    return text_of(parts[1] if len(parts) > 1 else parts[0])


def _chosen(host: Host, application: Found | None, tool: Found | None) -> Found | None:
    """The application's login, unless it is of no use or of an account of its own without plan."""
    if application is None or tool is None:
        return application or tool
    if _spent(host, application.login) and not _spent(host, tool.login):
        return tool
    membership = text_of(application.login.document.get(_MEMBERSHIP)) or ""
    ours, theirs = _subject(application.login), _subject(tool.login)
    other = ours is not None and theirs is not None and ours != theirs
    return tool if other and membership.lower() == "free" else application


def _spent(host: Host, login: Login) -> bool:
    """Whether the service would refuse `login`, and nothing may be done about it."""
    if host.refresh_credentials and login.refresh_token:
        return False
    expired = login.expires_at is not None and login.expires_at <= host.now()
    return login.access_token is None or expired


def _subject(login: Login) -> str | None:
    return text_of((jwt_payload(login.access_token or "") or {}).get("sub"))


def _token(value: object) -> str | None:
    token = text_of(value)
    return token if token is not None and sendable(token) else None


async def _missing(host: Host, database: StateDatabase, file: ToolFile) -> list[Missing]:
    """What is wrong at each place, where none has a login."""
    there = await host.files.exists(database.path)
    missing = [Missing(f"{database.shown} {'has no login' if there else 'was not found'}")]
    if host.platform == "darwin":
        missing.append(Missing(f"{KeychainItems(host).shown} was not found, or may not be read"))
    stored = await stored_object(host, file.path)
    if isinstance(stored, Missing):
        return [*missing, stored]
    return [*missing, Missing(f"{file.shown} has no login")]
