"""Which instances there are: those of the installed providers and of the person's settings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from openusage.cli.running import warnings_to_stderr
from openusage.cli.trouble import WRONG_USE, complain, give_up
from openusage.folders import Folders, find_folders
from openusage.providers.registry import find_providers
from openusage.roster import Instance, instances_of, make_roster
from openusage.settings import Settings, SettingsError, read_settings

__all__ = ["Known", "look_up", "the_folders"]


@frozen
class Known:
    """The settings, and every instance in the person's order; `problems` are words on accounts."""

    folders: Folders
    settings: Settings
    instances: tuple[Instance, ...]
    problems: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all instances."""
        return tuple(instance.id for instance in self.instances)

    def pick(self, instance_id: str) -> Instance:
        """The instance of that id; without one the command ends with the ids there are."""
        found = next((i for i in self.instances if i.id == instance_id), None)
        if found is None:
            give_up(f"no provider {instance_id!r}; there are: {', '.join(self.ids)}", WRONG_USE)
        return found

    def check(self, ids: Iterable[str]) -> None:
        """End the command if one of `ids` is not known."""
        for instance_id in ids:
            self.pick(instance_id)


def the_folders(config: str | None = None, data: str | None = None) -> Folders:
    """The folders given, else those of the environment, else the usual ones."""
    return find_folders(os.environ, config, data)


def look_up(folders: Folders) -> Known:
    """What there is; settings that are not valid end the command."""
    try:
        settings = read_settings(folders.settings)
    except SettingsError as error:
        give_up(str(error), WRONG_USE)
    with warnings_to_stderr():
        providers = find_providers()
    instances, problems = instances_of(providers, settings, Path.home())
    for problem in problems:
        complain(problem)
    return Known(folders, settings, make_roster(instances, settings, ()).instances, problems)
