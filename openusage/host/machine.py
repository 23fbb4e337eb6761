"""The machine: what all hosts share, from which the host of each visit is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from pathlib import Path

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from openusage.host.blocking import Blocking
from openusage.host.env import Env
from openusage.host.files import Files
from openusage.host.host import Host, Visit
from openusage.host.keychain import Keychain
from openusage.host.net.http import Http
from openusage.host.processes import SystemProcesses
from openusage.host.sqlite import Sqlite
from openusage.host.state import FileState
from openusage.sessionlogs import SessionLogs

__all__ = ["Machine"]


@define(eq=False)
class Machine:
    """One computer, one person: makes the `Host` of each visit.

    `lane` makes a `Blocking` seam; each instance keeps one of its own, so that calls that hang cost
    only that instance. `zone` is asked for each visit, since people travel.
    """

    clock: IReactorTime
    http: Http
    env: Env
    home: Path
    platform: str
    keychain: Keychain
    logs: SessionLogs
    states: Path
    user_agent: str
    zone: Callable[[], tzinfo]
    lane: Callable[[], Blocking]
    _lanes: dict[str, Blocking] = field(factory=dict)

    def host(
        self,
        instance_id: str,
        name: str,
        visit: Visit,
        *,
        env: Mapping[str, str | None] | None = None,
        home: Path | None = None,
        refresh_credentials: bool = False,
        compatible_agent: str | None = None,
        zone: tzinfo | None = None,
    ) -> Host:
        """The host for one visit to an instance; `env` and `home` are its overlay."""
        run = self._lanes.get(instance_id)
        if run is None:
            run = self._lanes[instance_id] = self.lane()
        files = Files(run)
        return Host(
            id=instance_id,
            name=name,
            home=home or self.home,
            platform=self.platform,
            zone=zone or self.zone(),
            clock=self.clock,
            run=run,
            http=self.http,
            env=self.env.overlay(env or {}),
            files=files,
            keychain=self.keychain,
            sqlite=Sqlite(run),
            logs=self.logs,
            processes=SystemProcesses(run),
            state=FileState(self.states / f"{instance_id}.json", files, visit, self.clock.seconds),
            user_agent=self.user_agent,
            compatible_agent=compatible_agent,
            refresh_credentials=refresh_credentials,
            visit=visit,
        )
