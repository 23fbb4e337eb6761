"""The roster: every provider instance the person could see, in order, and which of them are on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from openusage.providers import Provider
from openusage.settings import Settings

__all__ = ["FALLBACK", "Instance", "Roster", "instances_of", "make_roster"]

FALLBACK = ("claude", "codex", "cursor")
"""What is on when nothing at all was found on the machine and nothing was chosen."""


@frozen
class Instance:
    """A provider as one account sees it.

    The default instance has the provider's own id and name. `env` is laid over the environment
    (`None` removes a variable), `home` takes the place of the home folder.
    """

    id: str
    name: str
    provider: Provider
    env: Mapping[str, str | None] = field(factory=dict)
    home: Path | None = None

    @property
    def declared(self) -> bool:
        """Whether the person declared it, as an account, in the settings."""
        return self.id != self.provider.id


@frozen
class Roster:
    """All instances in the person's order, and the ids of those that are enabled."""

    instances: tuple[Instance, ...] = ()
    enabled: frozenset[str] = frozenset()

    def get(self, instance_id: str) -> Instance | None:
        """The instance of that id, enabled or not."""
        return next((i for i in self.instances if i.id == instance_id), None)

    @property
    def shown(self) -> tuple[Instance, ...]:
        """The enabled instances, in order."""
        return tuple(i for i in self.instances if i.id in self.enabled)

    @property
    def order(self) -> tuple[str, ...]:
        """The ids of the enabled instances, in order."""
        return tuple(i.id for i in self.shown)


def instances_of(
    providers: Sequence[Provider], settings: Settings, home: Path
) -> tuple[tuple[Instance, ...], tuple[str, ...]]:
    """Default instances, then the declared accounts; and what is wrong with those, in words."""
    by_id = {provider.id: provider for provider in providers}
    instances = [Instance(p.id, p.name, p) for p in providers]
    problems = []
    for account in settings.accounts:
        provider = by_id.get(account.provider)
        if provider is None:
            known = ", ".join(by_id)
            problems.append(
                f"account {account.id}: no provider {account.provider!r} (there are: {known})"
            )
        elif account.id in by_id:
            problems.append(f"account {account.id}: the id is that of a provider; choose another")
        else:
            instances.append(
                Instance(
                    account.id,
                    account.name or f"{provider.name} ({account.id})",
                    provider,
                    account.env,
                    _expand(account.home, home),
                )
            )
    return tuple(instances), tuple(problems)


def make_roster(
    instances: Sequence[Instance], settings: Settings, detected: Collection[str]
) -> Roster:
    """The roster that follows from the settings and from what was found (`detected`: instance ids).

    Explicit choices win. Without one, an instance is on when it was found or declared; when nothing
    was found and nothing chosen, those of `FALLBACK` are.
    """
    plugins = settings.plugins
    rank = {name: position for position, name in enumerate(plugins.order)}
    ordered = sorted(instances, key=lambda i: rank.get(i.id, len(rank)))
    on = {i.id for i in ordered if i.id in detected or i.declared or i.id in plugins.enabled}
    if not on:
        on = {i.id for i in ordered if i.id in FALLBACK}
    return Roster(tuple(ordered), frozenset(on - set(plugins.disabled)))


def _expand(text: str | None, home: Path) -> Path | None:
    if text is None:
        return None
    return home / text[2:] if text == "~" or text.startswith(("~/", "~\\")) else home / text
