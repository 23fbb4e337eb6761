"""Where OpenCode keeps its logins, which are those of many services, and its sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openusage.host import Host
from openusage.host.places import app_folder, data_home, folder_from, local_app_folder
from openusage.host.sqlite import SqliteError

__all__ = ["FOLDER", "auth_files", "data_folders", "databases", "used_database"]

FOLDER = "OPENCODE_DATA_DIR"
"""The variable that names the folder with OpenCode's data; then no other is looked in."""

_LOGINS = "auth.json"
_DATABASES = "opencode*.db"
# `CASE` keeps what is no JSON away from the functions that would fail on it.
_ANY_USAGE = """
    SELECT 1
    FROM (SELECT data FROM message ORDER BY rowid DESC LIMIT 2000)
    WHERE CASE WHEN json_valid(data) THEN
        json_extract(data, '$.role') = 'assistant'
        AND json_extract(data, '$.providerID') IN (?, ?)
        AND json_type(data, '$.cost') IN ('integer', 'real')
    END
    LIMIT 1
"""


def data_folders(host: Host) -> tuple[Path, ...]:
    """The folders where OpenCode's data may be, best first.

    OpenCode uses the XDG data folder on every system; older builds used the system's own (seen
    2026-11).
    """
    if host.env.get(FOLDER):
        return (folder_from(host, FOLDER, ""),)
    folders = [data_home(host) / "opencode", host.path("~/.local/share/opencode")]
    if host.platform == "win32":
        folders += [local_app_folder(host, "opencode"), app_folder(host, "opencode")]
    elif host.platform == "darwin":
        folders.append(app_folder(host, "opencode"))
    return tuple(dict.fromkeys(folders))


def auth_files(host: Host) -> tuple[Path, ...]:
    """The files `auth.json` that may be there, best first."""
    return tuple(folder / _LOGINS for folder in data_folders(host))


async def databases(host: Host) -> tuple[Path, ...]:
    """The SQLite files with sessions in the first folder that has any; each channel has its own.

    Raises `OSError` when none has any and one of them cannot be listed.
    """
    return await host.run(_databases, data_folders(host))


async def used_database(host: Host, service: str, other: str = "") -> Path | None:
    """The first database whose newest messages show that `service` or `other` was used.

    Those are enough to know, and a few milliseconds to read. Raises `OSError` as `databases` does.
    """
    for path in await databases(host):
        try:
            if await host.sqlite.query(path, _ANY_USAGE, (service, other)):
                return path
        except SqliteError:  # being damaged, it shows nothing
            continue
    return None


def _databases(folders: Sequence[Path]) -> tuple[Path, ...]:
    trouble: OSError | None = None
    for folder in folders:
        try:
            names = [path for path in folder.iterdir() if path.match(_DATABASES)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            trouble = trouble or error
            continue
        if found := tuple(path for path in sorted(names) if path.is_file()):
            return found
    if trouble is not None:
        raise trouble
    return ()
