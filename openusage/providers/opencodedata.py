"""Where OpenCode keeps its logins, which are those of many services."""

from __future__ import annotations

from pathlib import Path

from openusage.host import Host
from openusage.host.places import app_folder, data_home, local_app_folder

__all__ = ["auth_files"]


def auth_files(host: Host) -> tuple[Path, ...]:
    """The files `auth.json` that may be there, best first.

    OpenCode uses the XDG data folder on every system; older builds used the system's own (seen
    2026-11).
    """
    folders = [data_home(host) / "opencode", host.path("~/.local/share/opencode")]
    if host.platform == "win32":
        folders += [local_app_folder(host, "opencode"), app_folder(host, "opencode")]
    elif host.platform == "darwin":
        folders.append(app_folder(host, "opencode"))
    return tuple(dict.fromkeys(folder / "auth.json" for folder in folders))
