"""The login of the Kiro app, or else that of the Kiro CLI.

The app keeps its tokens beside those of the AWS CLI, and the profile that it uses in its own data:

    {"accessToken": str, "refreshToken": str, "expiresAt": ISO, "provider": "Google",
     "authMethod": "social", "profileArn": "arn:aws:codewhisperer:REGION:ACCOUNT:profile/ID",
     "clientIdHash": str, "region": str}

The CLI has both in an SQLite database, which is only ever read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from openusage.host import Host
from openusage.host.instants import parse_instant
from openusage.host.places import app_folder, data_home, folder_from, local_app_folder, shown
from openusage.host.secrets import credential_json, sendable
from openusage.host.sqlite import SqliteError, column_text
from openusage.host.values import first_text, text_of
from openusage.providers.kiro.local import APP
from openusage.providers.logins import JsonFile, Login
from openusage.providers.stored import Missing, stored_object

__all__ = ["Found", "cli_databases", "find", "login_in", "method_of", "region_or", "token_file"]

_CACHE = "~/.aws/sso/cache"
_DATA_DIR = "KIRO_DATA_DIR"
_TOKENS = ("kirocli:social:token", "kirocli:odic:token", "codewhisperer:odic:token")
_PROFILE = "api.codewhisperer.profile"

_METHODS = {
    "Google": "social",
    "Github": "social",
    "ExternalIdp": "external_idp",
    "Enterprise": "IdC",
    "BuilderId": "IdC",
    "Internal": "IdC",
}


@frozen
class Found:
    """A login, the profile it is for, and where it was found (`shown`).

    `keeper` is the file to which a renewed one may be written, if any; `cure` renews it otherwise.
    """

    login: Login
    arn: str | None = field(repr=False)
    shown: str
    keeper: JsonFile | None
    cure: str

    @property
    def account(self) -> str:
        """What stays the same for this login for the longest."""
        return self.login.refresh_token or self.login.access_token or ""

    @property
    def may_ask(self) -> bool:
        """Whether the service knows which profile is meant; a Builder ID has only one."""
        return self.arn is not None or self.login.document.get("provider") == "BuilderId"


async def find(host: Host) -> Found | list[Missing]:
    """The login of the app, else that of the CLI; else what is wrong with either."""
    path = token_file(host)
    stored = await stored_object(host, path)
    if isinstance(stored, Missing):
        missing = stored
    else:
        login = login_in(stored)
        if login is not None:
            arn = text_of(stored.get("profileArn")) or await _profile_arn(host)
            keeper = JsonFile(host, path)
            return Found(login, arn, shown(host, path), keeper, "Open Kiro once to renew it.")
        missing = Missing(f"{shown(host, path)} has no refreshToken")
    found = await _of_cli(host)
    return found if isinstance(found, Found) else [missing, *found]


# --- the app --------------------------------------------------------------------------------------


def token_file(host: Host) -> Path:
    """Where the app keeps its tokens, on every system."""
    return host.path(_CACHE) / "kiro-auth-token.json"


def login_in(document: Mapping[str, Any]) -> Login | None:
    """The login in the app's file; without a refresh token the app is not signed in."""
    access, refresh = (text_of(document.get(key)) for key in ("accessToken", "refreshToken"))
    if refresh is None:
        return None
    access = access if access is not None and sendable(access) else None
    return Login(access, refresh, parse_instant(document.get("expiresAt")), document)


def method_of(document: Mapping[str, Any]) -> str | None:
    """The kind of sign-in: `social`, `external_idp`, `IdC`; the provider knows better."""
    provider = document.get("provider")
    known = _METHODS.get(provider) if isinstance(provider, str) else None
    return known or text_of(document.get("authMethod"))


def region_or(text: object, otherwise: str) -> str:
    """`text` if it can be the name of a region, which becomes part of an address."""
    is_region = isinstance(text, str) and re.fullmatch(r"[a-z0-9-]{1,40}", text)
    return str(text) if is_region else otherwise


async def _profile_arn(host: Host) -> str | None:
    path = app_folder(host, APP) / "User" / "globalStorage" / "kiro.kiroagent" / "profile.json"
    profile = await stored_object(host, path)
    return None if isinstance(profile, Missing) else text_of(profile.get("arn"))


# --- the CLI --------------------------------------------------------------------------------------


def cli_databases(host: Host) -> list[Path]:
    """Where the CLI may keep its login."""
    if host.env.get(_DATA_DIR):
        folders = [folder_from(host, _DATA_DIR, "")]
    elif host.platform == "darwin":
        folders = [app_folder(host, "kiro-cli")]
    elif host.platform == "win32":
        folders = [local_app_folder(host, "kiro-cli"), app_folder(host, "kiro-cli")]
    else:
        folders = [data_home(host) / "kiro-cli"]
    return [folder / "data.sqlite3" for folder in folders]


async def _of_cli(host: Host) -> Found | list[Missing]:
    missing = []
    for path in cli_databases(host):
        place = shown(host, path, _DATA_DIR)
        if not await host.files.exists(path):
            missing.append(Missing(f"{place} was not found"))
            continue
        try:
            stored = await _values(host, path, "auth_kv", *_TOKENS)
            logins = [*_cli_logins(stored)]
            # One that is left over from an earlier sign-in goes after one that is still good.
            logins.sort(key=lambda login: _expired(host, login))
            if not logins:
                missing.append(Missing(f"{place} has no login"))
                continue
            arn = text_of(logins[0].document.get("profileArn")) or await _cli_arn(host, path)
        except SqliteError as error:
            missing.append(Missing(f"{place} cannot be read ({error})"))
            continue
        return Found(logins[0], arn, place, None, "Run `kiro-cli` once to renew it.")
    return missing


def _cli_logins(stored: Mapping[str, str]) -> Iterator[Login]:
    """The logins that the CLI has, told as the app tells its own."""
    for key in _TOKENS:
        token = credential_json(stored.get(key, "")) or {}
        access = first_text(token, "access_token")
        if access is None or not sendable(access):
            continue
        refresh, expires_at = first_text(token, "refresh_token"), token.get("expires_at")
        document = {
            "profileArn": token.get("profile_arn"),
            # An organization's sign-in has a profile; one that has none is a Builder ID.
            **({"provider": "BuilderId"} if "odic" in key else {}),
        }
        yield Login(access, refresh, parse_instant(expires_at), document)


def _expired(host: Host, login: Login) -> bool:
    return login.expires_at is not None and login.expires_at <= host.now()


async def _cli_arn(host: Host, path: Path) -> str | None:
    stored = await _values(host, path, "state", _PROFILE)
    return first_text(credential_json(stored.get(_PROFILE, "")) or {}, "arn")


async def _values(host: Host, path: Path, table: str, *keys: str) -> dict[str, str]:
    """The texts that a table of the CLI's database has for `keys`. Raises `SqliteError`."""
    places = ", ".join("?" * len(keys))
    sql = f"SELECT key, value FROM {table} WHERE key IN ({places})"  # noqa: S608 (marks only)
    rows = await host.sqlite.query(path, sql, keys)
    found = {str(row["key"]): column_text(row["value"]) for row in rows}
    return {key: text for key, text in found.items() if text is not None}
