"""`openusage providers`: which there are, in order, where they were found and which are on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from openusage.cli.flags import CONFIG_DIR, DATA_DIR
from openusage.cli.known import Known, look_up, the_folders
from openusage.cli.running import run, warnings_to_stderr
from openusage.cli.screen import put, put_json, screen_of
from openusage.cli.text import clean, columns
from openusage.enabling import detect
from openusage.host import Host, Visit
from openusage.host.blocking import Threads
from openusage.probing import HostFactory
from openusage.roster import Instance, make_roster
from openusage.service import make_machine, visit_host

__all__ = ["find", "listed", "providers", "table"]

_YES = {True: "yes", False: "no"}
_NOWHERE = "\N{EN DASH}"


@click.command(epilog="\b\nExample:\n  openusage providers --json | jq -r '.[].id'\n")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@CONFIG_DIR
@DATA_DIR
def providers(as_json: bool, config_dir: str | None, data_dir: str | None) -> None:
    """List the providers, and where each was found on this machine.

    In the order of the settings, with the accounts declared there. Nobody is asked over the
    network, nor for a password.
    """
    known = look_up(the_folders(config_dir, data_dir))

    async def work(reactor: Any, threads: Threads) -> dict[str, str]:
        machine = make_machine(reactor, threads, known.folders, os.environ)

        def make_host(instance: Instance, visit: Visit) -> Host:
            return visit_host(machine, known.settings, instance, visit)

        return await find(known, make_host, reactor)

    with warnings_to_stderr():
        rows = listed(known, run(work))
    if as_json:
        put_json(rows)
        return
    screen = screen_of(sys.stdout, os.environ, None)
    for line in table(rows):
        put(line, screen)


async def find(known: Known, make_host: HostFactory, clock: IReactorTime) -> dict[str, str]:
    """Where each instance was found, by id; those that were not found are left out."""
    places = await gatherResults(
        [Deferred.fromCoroutine(detect(i, make_host, clock)) for i in known.instances]
    )
    found = zip(known.instances, places, strict=True)
    return {instance.id: place for instance, place in found if place}


def listed(known: Known, places: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every instance as `--json` has it, in order; `order` counts from 0."""
    roster = make_roster(known.instances, known.settings, places.keys())
    return [
        {
            "id": instance.id,
            "name": instance.name,
            "provider": instance.provider.id,
            "detected": places.get(instance.id),
            "enabled": instance.id in roster.enabled,
            "order": position,
            "account": instance.declared,
        }
        for position, instance in enumerate(roster.instances)
    ]


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of `listed` for people."""
    lines = [
        (row["id"], clean(row["name"]), clean(row["detected"] or _NOWHERE), _YES[row["enabled"]])
        for row in rows
    ]
    return columns([("ID", "NAME", "DETECTED", "ENABLED"), *lines])
