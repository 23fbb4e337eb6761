"""Where programs keep their files on each of the three systems.

Linux follows the XDG base directories, macOS keeps what belongs to an application in
`~/Library/Application Support`, Windows in `%APPDATA%` and, what stays on the machine, in
`%LOCALAPPDATA%`. Tools that come from Linux often keep `~/.config` everywhere.
"""

from __future__ import annotations

from pathlib import Path

from openusage.host.host import Host

__all__ = [
    "app_folder",
    "config_home",
    "data_home",
    "folder_from",
    "local_app_folder",
    "shown",
    "state_database",
]

_VARIABLES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA")


def folder_from(host: Host, variable: str, otherwise: str) -> Path:
    """The folder that the environment names in `variable`, else the path `otherwise`."""
    text = host.env.get(variable)
    return host.path((text.rstrip("/\\") or text) if text else otherwise)


def config_home(host: Host) -> Path:
    """`$XDG_CONFIG_HOME`, else `~/.config`."""
    return folder_from(host, "XDG_CONFIG_HOME", "~/.config")


def data_home(host: Host) -> Path:
    """`$XDG_DATA_HOME`, else `~/.local/share`."""
    return folder_from(host, "XDG_DATA_HOME", "~/.local/share")


def app_folder(host: Host, name: str) -> Path:
    """Where the desktop application `name` keeps what belongs to the person."""
    if host.platform == "darwin":
        return host.path("~/Library/Application Support") / name
    if host.platform == "win32":
        return folder_from(host, "APPDATA", "~/AppData/Roaming") / name
    return config_home(host) / name


def local_app_folder(host: Host, name: str) -> Path:
    """Where a program on Windows keeps what belongs to the person on this machine only."""
    return folder_from(host, "LOCALAPPDATA", "~/AppData/Local") / name


def state_database(host: Host, app: str) -> Path:
    """Where the application `app`, made of Visual Studio Code, keeps its state (SQLite)."""
    return app_folder(host, app) / "User" / "globalStorage" / "state.vscdb"


def shown(host: Host, path: Path, *variables: str) -> str:
    """`path` as a person may be shown it: below the home folder, or below a variable that names it.

    `variables` are looked at before those that every program has.
    """
    if path.is_relative_to(host.home):
        return f"~/{path.relative_to(host.home).as_posix()}".removesuffix("/.")
    for variable in (*variables, *_VARIABLES):
        text = host.env.get(variable)
        if text and path.is_relative_to(host.path(text)):
            below = path.relative_to(host.path(text)).as_posix()
            return f"${variable}/{below}".removesuffix("/.")
    return path.name
