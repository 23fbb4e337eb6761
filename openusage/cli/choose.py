"""`openusage enable`, `disable` and `order`: edit the settings, which a running service follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from attrs import evolve, fields

from openusage.cli.flags import CONFIG_DIR
from openusage.cli.known import Known, look_up, the_folders
from openusage.cli.text import columns
from openusage.cli.trouble import WRONG_USE, give_up
from openusage.roster import Instance, make_roster
from openusage.settings import Plugins, Settings, SettingsError, edit_settings

__all__ = ["disable", "enable", "order"]


@click.command(epilog="\b\nExample:\n  openusage enable claude codex\n")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@CONFIG_DIR
def enable(ids: tuple[str, ...], config_dir: str | None) -> None:
    """Always show these providers.

    Even where nothing of them was found on this machine.
    """
    _edit(ids, _enabled, config_dir)


@click.command(epilog="\b\nExample:\n  openusage disable codex\n")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@CONFIG_DIR
def disable(ids: tuple[str, ...], config_dir: str | None) -> None:
    """Never show these providers.

    They are not probed either.
    """
    _edit(ids, _disabled, config_dir)


@click.command(epilog="\b\nExample:\n  openusage order codex claude\n")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@CONFIG_DIR
def order(ids: tuple[str, ...], config_dir: str | None) -> None:
    """Show these providers first, in this order.

    The others follow in the order that they had.
    """
    _edit(ids, _ordered, config_dir)


def _enabled(plugins: Plugins, ids: Sequence[str]) -> Plugins:
    return evolve(
        plugins, enabled=_with(plugins.enabled, ids), disabled=_without(plugins.disabled, ids)
    )


def _disabled(plugins: Plugins, ids: Sequence[str]) -> Plugins:
    return evolve(
        plugins, enabled=_without(plugins.enabled, ids), disabled=_with(plugins.disabled, ids)
    )


def _ordered(plugins: Plugins, ids: Sequence[str]) -> Plugins:
    return evolve(plugins, order=_with(ids, plugins.order))


def _with(names: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*names, *more]))


def _without(names: Sequence[str], gone: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in gone)


def _edit(
    ids: Sequence[str],
    change: Callable[[Plugins, Sequence[str]], Plugins],
    config_dir: str | None,
) -> None:
    """Change the settings file, if that makes a difference, and print the order that results."""
    known = look_up(the_folders(config_dir))
    known.check(ids)
    before = known.settings.plugins
    after = change(before, ids)
    if after != before:
        _write(known, after)
    _show(known.instances, evolve(known.settings, plugins=after))


def _write(known: Known, plugins: Plugins) -> None:
    before = known.settings.plugins

    def change(raw: dict[str, Any]) -> None:
        section = raw.setdefault("plugins", {})
        for key in (attribute.name for attribute in fields(Plugins)):
            if getattr(plugins, key) != getattr(before, key):
                section[key] = list(getattr(plugins, key))

    try:
        edit_settings(known.folders.settings, change)
    except SettingsError as error:
        give_up(str(error), WRONG_USE)


def _show(instances: Sequence[Instance], settings: Settings) -> None:
    ordered = make_roster(instances, settings, ()).instances
    for line in columns([(each.id, _choice(each, settings.plugins)) for each in ordered]):
        click.echo(line)


def _choice(instance: Instance, plugins: Plugins) -> str:
    if instance.id in plugins.disabled:
        return "disabled"
    if instance.id in plugins.enabled or instance.declared:
        return "enabled"
    return "when found"
