"""`Planter`: what the provider contract must know of one provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from openusage.testing import NOW

__all__ = [
    "ACCESS",
    "EMAIL",
    "EXPIRY",
    "OWNER",
    "REFRESH",
    "Planter",
    "millis",
    "read_json",
    "write_json",
]

ACCESS = "at-PLANTED-0123456789"
REFRESH = "rt-PLANTED-0123456789"
EMAIL = "ada.lovelace@planted.example"
OWNER = {"email": EMAIL, "account": {"email_address": EMAIL}, "access_token": ACCESS}
"""To be put into logins and answers: nobody but the tool itself may keep or show any of it."""

EXPIRY = 4_102_444_800
"""When planted logins expire, in Unix seconds: real processes, whose clock is right, use them."""


def millis(hours: float) -> int:
    """The instant so many hours from now, in Unix milliseconds."""
    return int((NOW.timestamp() + hours * 3600) * 1000)


def write_json(path: Path, login: Any) -> None:
    """Put `login` into `path` as JSON."""
    path.write_text(json.dumps(login))


def read_json(path: Path) -> Any:
    """What `write_json` put there, or what a provider made of it."""
    return json.loads(path.read_text())


@frozen
class Planter:
    """How one provider's login is stored, and what its service says.

    `file` is where the login lies below the home folder, `None` where it is in the environment
    `env`. `login` is what is in it, as `write` puts it there and `read` finds it. `answers` are
    good answers by `METHOD https://…`, the beginning of the request (the longest that fits counts);
    none: the provider asks nobody. One probe makes at most `requests`.

    `renewal` begins the address where tokens are renewed and `renewed` is what that answers;
    `spends` is false where renewing takes nothing from the tool, so that it needs no permission and
    nothing is written back.

    The login is that of `platform`, or lies there `everywhere`. `looked` is what is named when
    there is none, where that is not the login's own place, and `plan` what the snapshot calls the
    plan. `watched` is false where the tool writes the file all the time, so that it is watched only
    until there is a good login in it.
    """

    id: str
    file: str | None
    login: Any
    answers: Mapping[str, Any] = field(factory=dict)
    env: Mapping[str, str] = field(factory=dict)
    write: Callable[[Path, Any], None] = write_json
    read: Callable[[Path], Any] = read_json
    requests: int = 1
    renewal: str | None = None
    renewed: Mapping[str, Any] | None = None
    spends: bool = True
    platform: str = "linux"
    everywhere: bool = False
    looked: str | None = None
    plan: str | None = None
    watched: bool = True

    @property
    def place(self) -> str:
        """Where the login is, as a person is told."""
        return next(iter(self.env)) if self.file is None else f"~/{self.file}"

    def plant(self, home: Path) -> Path | None:
        """Put the login in its place."""
        if self.file is None:
            return None
        path = home / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self.write(path, self.login)
        return path
