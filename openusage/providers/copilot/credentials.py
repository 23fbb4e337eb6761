"""Where GitHub tokens are kept, in the order in which they are tried.

The files of the editors' Copilot plugins, the file of the GitHub CLI, its item in the system's
keychain, the variable of the Copilot CLI. `GH_TOKEN` and `GITHUB_TOKEN` are left alone: what they
hold is often a token for automation, which has no Copilot. Nothing is ever written.

An editor stores (seen 2026-11) in `apps.json`, and formerly in `hosts.json`,

    {"github.com:APP": {"user": str, "oauth_token": str, "githubAppId": str}}

and the GitHub CLI in `hosts.yml`

    github.com:
        users:
            octocat:
        user: octocat
        oauth_token: TOKEN        (only where the token is not in the keychain)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from openusage.host import Host
from openusage.host.places import app_folder, config_home, folder_from, local_app_folder, shown
from openusage.host.secrets import go_keyring
from openusage.host.values import first_text, object_at, objects_in
from openusage.providers.keys import Key, env_key, usable
from openusage.providers.stored import Missing, stored_object, stored_text

__all__ = ["detect_login", "login_files", "sources"]

Source: TypeAlias = Callable[[], Awaitable[Sequence[Key] | Missing]]
"""Gives the tokens at one place, or says that there is none."""

_HOST = "github.com"
_KEYRING = f"gh:{_HOST}"
_VARIABLE = "COPILOT_GITHUB_TOKEN"
_GH_FOLDER = "GH_CONFIG_DIR"
_LONGEST = 2**14
"""Of a `hosts.yml`, in characters: reading YAML takes its time."""


def sources(host: Host) -> Sequence[Source]:
    """The places to look at, best first; each is read when it is called."""
    return (
        *(partial(_editor_tokens, host, path) for path in _editor_files(host)),
        partial(_gh_file_token, host),
        partial(_gh_keyring_token, host),
        partial(_variable_token, host),
    )


def login_files(host: Host) -> Sequence[Path]:
    """Every file that may hold a login."""
    return (*_editor_files(host), _gh_file(host))


async def detect_login(host: Host) -> str | None:
    """Where a login is, as a person may be shown it; the keychain is not asked.

    The GitHub CLI's file counts without a token as well, since that is in the keychain then.
    """
    for path in _editor_files(host):
        if not isinstance(await _editor_tokens(host, path), Missing):
            return shown(host, path)
    if not isinstance(await _gh_entry(host), Missing):
        return shown(host, _gh_file(host), _GH_FOLDER)
    key = env_key(host, _VARIABLE)
    return None if key is None else key.shown


# --- the editors' files ---------------------------------------------------------------------------


def _editor_files(host: Host) -> Sequence[Path]:
    windows = host.platform == "win32"
    name = "github-copilot"
    folder = local_app_folder(host, name) if windows else config_home(host) / name
    return folder / "apps.json", folder / "hosts.json"


async def _editor_tokens(host: Host, path: Path) -> Sequence[Key] | Missing:
    """A token for each application; those for GitHub Enterprise are for another service."""
    document = await stored_object(host, path)
    if isinstance(document, Missing):
        return document
    entries = [entry for name, entry in document.items() if name.partition(":")[0] == _HOST]
    tokens = [first_text(entry, "oauth_token") for entry in objects_in(entries)]
    return _keys(host, tokens, shown(host, path))


# --- the GitHub CLI -------------------------------------------------------------------------------


def _gh_file(host: Host) -> Path:
    """As the CLI itself looks for it."""
    if host.env.get(_GH_FOLDER):
        folder = folder_from(host, _GH_FOLDER, "~/.config/gh")
    elif host.platform == "win32" and not host.env.get("XDG_CONFIG_HOME"):
        folder = app_folder(host, "GitHub CLI")
    else:
        folder = config_home(host) / "gh"
    return folder / "hosts.yml"


async def _gh_entry(host: Host) -> Mapping[str, Any] | Missing:
    """What the CLI's file has for github.com."""
    path = _gh_file(host)
    text = await stored_text(host, path, _GH_FOLDER)
    if isinstance(text, Missing):
        return text
    entry = await host.run(_yaml_entry, text)
    return entry or Missing(f"{shown(host, path, _GH_FOLDER)} has no entry for {_HOST}")


async def _gh_file_token(host: Host) -> Sequence[Key] | Missing:
    entry = await _gh_entry(host)
    if isinstance(entry, Missing):
        return entry
    return _keys(host, [first_text(entry, "oauth_token")], shown(host, _gh_file(host), _GH_FOLDER))


async def _gh_keyring_token(host: Host) -> Sequence[Key] | Missing:
    """The token of the active account.

    The CLI stores it by user name, and once more without one. A macOS keychain is asked for any
    item of the service in the second place, as other programs do.
    """
    entry = await _gh_entry(host)
    user = None if isinstance(entry, Missing) else first_text(entry, "user")
    place = f"the keychain item {_KEYRING}"
    for account in (*([user] if user else []), None if host.platform == "darwin" else ""):
        stored = await host.keychain.get(_KEYRING, account, prompts=True)
        token = None if stored is None else go_keyring(stored)
        if key := usable(host, token, place):
            return [key]
    return Missing(f"{place} was not found, or may not be read")


def _yaml_entry(text: str) -> Mapping[str, Any]:
    if len(text) > _LONGEST:
        return {}
    import yaml  # noqa: PLC0415 (kept out of the start, which must be quick)

    try:
        # The plainest loader there is makes texts of all values: a user may be called 007 or Null.
        document = yaml.load(text, yaml.BaseLoader)  # noqa: S506 (makes no objects)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return {}
    return object_at(document, _HOST) if isinstance(document, dict) else {}


# --- the environment ------------------------------------------------------------------------------


async def _variable_token(host: Host) -> Sequence[Key] | Missing:
    key = env_key(host, _VARIABLE)
    return Missing(f"{_VARIABLE} is not set") if key is None else [key]


def _keys(host: Host, tokens: Sequence[str | None], place: str) -> Sequence[Key] | Missing:
    keys = [key for token in tokens if (key := usable(host, token, place))]
    return keys or Missing(f"{place} has no oauth_token for {_HOST}")
