"""`Host`: the one object a probe is given, made anew for each visit to a provider instance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from openusage.host.blocking import Blocking
from openusage.host.env import Env
from openusage.host.files import Files
from openusage.host.keychain import Keychain
from openusage.host.net.http import Http
from openusage.host.processes import Processes
from openusage.host.sqlite import Sqlite
from openusage.model import Line, Snapshot
from openusage.sessionlogs import SessionLogs

__all__ = ["Host", "State", "Visit"]


class State(Protocol):
    """JSON that an instance keeps between probes and over restarts: a throttle, a cached body."""

    async def read(self) -> dict[str, Any]:
        """What was last written for the credential in use; `{}` when there is nothing."""

    async def write(self, value: dict[str, Any]) -> None:
        """Keep `value`, atomically and owner-only. Trouble with the disk is logged, not raised."""


def _anyone(credential: str) -> None:
    """Accept every login."""


@define
class Visit:
    """What a probe tells its caller beside its snapshot.

    `claim` is called with the digest of the login that the probe is about to use and may refuse it
    by raising a `ProbeError`. `credential` is the last of those, `tried` are all of them.
    """

    credential: str | None = None
    tried: set[str] = field(factory=set)
    again_at: datetime | None = None
    notes: list[str] = field(factory=list)
    watched: set[Path] = field(factory=set)
    claim: Callable[[str], None] = _anyone


@frozen
class Host:
    """What a probe may touch, and where it says what it learned.

    `id` and `name` are those of the instance, which are the provider's own unless the person has
    several accounts. `home` is the home folder the instance looks in, `platform` is
    `sys.platform`, `zone` the person's time zone. `refresh_credentials` says whether spending a
    refresh token is allowed.
    """

    id: str
    name: str
    home: Path
    platform: str
    zone: tzinfo
    clock: IReactorTime
    run: Blocking
    http: Http
    env: Env
    files: Files
    keychain: Keychain
    sqlite: Sqlite
    logs: SessionLogs
    processes: Processes
    state: State
    user_agent: str
    compatible_agent: str | None = None
    refresh_credentials: bool = False
    visit: Visit = field(factory=Visit)

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.fromtimestamp(self.clock.seconds(), timezone.utc)

    def path(self, text: str) -> Path:
        """`text` as a path; a leading `~` is the instance's home, a relative path starts there."""
        if text == "~" or text.startswith(("~/", "~\\")):
            return self.home / text[2:]
        return self.home / text

    def agent(self, tool: str) -> str:
        """The User-Agent for a service that only answers its own `tool` (`claude-code/2.1.69`).

        It names the tool and us; the person's own choice in the settings goes before.
        """
        return self.compatible_agent or f"{tool} (compatible; {self.user_agent})"

    def identify(self, account: str) -> None:
        """Say whose login this probe uses, before the first request.

        `account` is anything that stays the same for one login and differs for another; only a
        digest of it is kept. `state` read from here on is that of this account. Raises a
        `ProbeError` when another instance already uses this login.
        """
        credential = sha256(f"openusage:{account}".encode("utf-8", "replace")).hexdigest()[:16]
        self.visit.credential = credential
        self.visit.tried.add(credential)
        self.visit.claim(credential)

    def ask_again(self, at: datetime) -> None:
        """Ask for the next probe at `at`, if that is sooner than the schedule would have it."""
        if at.tzinfo is None:
            raise ValueError("ask_again: the instant has no time zone")
        if self.visit.again_at is None or at < self.visit.again_at:
            self.visit.again_at = at

    def note(self, *texts: str) -> None:
        """Remark something for health, such as an unknown model. Never a secret or a path."""
        self.visit.notes.extend(text for text in texts if text not in self.visit.notes)

    def watch(self, *paths: Path) -> None:
        """Ask for a probe soon after one of `paths`, which hold the login, changes or goes."""
        self.visit.watched.update(map(Path, paths))

    def snapshot(
        self, lines: Iterable[Line], plan: str | None = None, fetched_at: datetime | None = None
    ) -> Snapshot:
        """The snapshot of this visit; `fetched_at` is now unless older figures are shown again."""
        return Snapshot(self.id, self.name, plan, tuple(lines), fetched_at or self.now())
