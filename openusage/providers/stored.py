"""Reading what tools store: the text or object in a file, or what is wrong with it in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from openusage.host import Host
from openusage.host.places import shown
from openusage.host.secrets import credential_json
from openusage.model import NotLoggedInError

__all__ = ["Missing", "not_logged_in", "stored_object", "stored_text"]


@frozen
class Missing:
    """Nothing usable; `reason` says where and why: `~/.kimi/credentials.json was not found`."""

    reason: str


async def stored_text(host: Host, path: Path, *variables: str) -> str | Missing:
    """The text in the file `path`; `variables` may name the folder it is in (see `shown`)."""
    try:
        return await host.files.read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        reason = "was not found"
    except OSError as error:
        reason = f"cannot be read ({error.strerror or type(error).__name__})"
    return Missing(f"{shown(host, path, *variables)} {reason}")


async def stored_object(host: Host, path: Path, *variables: str) -> dict[str, Any] | Missing:
    """The JSON object in the file `path`, plain or in hex."""
    text = await stored_text(host, path, *variables)
    if isinstance(text, Missing):
        return text
    found = credential_json(text)
    return Missing(f"{shown(host, path, *variables)} is no JSON object") if found is None else found


def not_logged_in(message: str, *missing: Missing) -> NotLoggedInError:
    """The error that says `message` and where was looked in vain."""
    reasons = "; ".join(each.reason for each in missing)
    return NotLoggedInError(f"{message} ({reasons}.)" if reasons else message)
