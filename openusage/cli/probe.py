"""`openusage probe`: one probe now, in this process; the service's cache stays as it is."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from typing import Any

import click
from attrs import evolve
from twisted.internet.defer import Deferred

from openusage.cli.amounts import ago
from openusage.cli.blocks import Block, rows_of
from openusage.cli.draw import draw
from openusage.cli.flags import COLOR, CONFIG_DIR, DATA_DIR
from openusage.cli.known import look_up, the_folders
from openusage.cli.running import run, warnings_to_stderr
from openusage.cli.screen import put, screen_of
from openusage.cli.text import clean
from openusage.cli.trouble import FAILED, NO_LOGIN, REFUSED, complain, give_up
from openusage.deadline import GRACE, settled, within
from openusage.folders import Folders
from openusage.host import Machine, Visit
from openusage.host.blocking import Blocking, Threads
from openusage.model import (
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.probing import DEADLINE, visit
from openusage.roster import Instance
from openusage.service import make_machine, visit_host
from openusage.sessionlogs.catalog import load_catalog
from openusage.sessionlogs.prices import PriceBook
from openusage.settings import Settings
from openusage.wire import encode, to_json

__all__ = ["allowed", "block_of", "known_prices", "probe", "probe_once", "status_of"]

_NO_LOGIN = (NotLoggedInError, NotAvailableError)
_REFUSED = (TokenExpiredError, RateLimitedError, UnreachableError, UnexpectedResponseError)
_EXAMPLES = """\b
Examples:
  openusage probe claude
  openusage probe codex --json | jq .lines
"""


@click.command(epilog=_EXAMPLES)
@click.argument("instance_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the snapshot as the API has it.")
@click.option("--refresh-credentials", is_flag=True, help="Spend the refresh token, if need be.")
@CONFIG_DIR
@DATA_DIR
@COLOR
def probe(
    instance_id: str,
    as_json: bool,
    refresh_credentials: bool,
    config_dir: str | None,
    data_dir: str | None,
    color: bool | None,
) -> None:
    """Ask one provider now and show its answer.

    ID is a provider or an account of the settings. A running service does not learn of the answer.
    Spending a refresh token may log the provider's own tool out, so it is done only if you say so.
    """
    known = look_up(the_folders(config_dir, data_dir))
    instance = known.pick(instance_id)
    settings = allowed(known.settings, instance) if refresh_credentials else known.settings
    trace = Visit()

    async def work(reactor: Any, threads: Threads) -> Snapshot:
        interactive = sys.stderr.isatty()
        prices = await known_prices(settings, known.folders, threads.lane())
        machine = make_machine(
            reactor, threads, known.folders, os.environ, prices=prices, interactive=interactive
        )
        return await probe_once(instance, settings, machine, trace)

    try:
        with warnings_to_stderr():
            snapshot = run(work)
    except ProbeError as error:
        give_up(f"{instance.id}: {error.message}", status_of(error))
    finally:
        for note in trace.notes:
            complain(f"{instance.id}: {note}")
    if as_json:
        click.echo(encode(snapshot))
        return
    screen = screen_of(sys.stdout, os.environ, color)
    for line in draw([block_of(snapshot, datetime.now(timezone.utc))], screen, meters=0):
        put(line, screen)


async def probe_once(
    instance: Instance, settings: Settings, machine: Machine, trace: Visit
) -> Snapshot:
    """One probe, within the time that the service gives one. Raises a `ProbeError`.

    One that is cut off is given a moment to save the login it may have renewed.
    """
    host = visit_host(machine, settings, instance, trace)
    probing = Deferred.fromCoroutine(visit(instance, host))
    try:
        return await within(probing, DEADLINE, machine.clock)
    finally:
        await settled(probing, GRACE, machine.clock)


async def known_prices(settings: Settings, folders: Folders, run: Blocking) -> PriceBook:
    """The prices that the service would have, without looking for newer ones."""
    prices = PriceBook()
    if settings.refresh_prices:
        await load_catalog(prices, folders.prices, run)
    return prices


def allowed(settings: Settings, instance: Instance) -> Settings:
    """`settings` under which the refresh token of `instance` may be spent."""
    return evolve(settings, refresh_credentials=(instance.id,))


def status_of(error: ProbeError) -> int:
    """The exit status that tells scripts of `error`."""
    if isinstance(error, _NO_LOGIN):
        return NO_LOGIN
    return REFUSED if isinstance(error, _REFUSED) else FAILED


def block_of(snapshot: Snapshot, now: datetime) -> Block:
    """How `snapshot` is shown; its age only where the provider had nothing newer."""
    age = ago(snapshot.fetched_at, now)
    facts = [clean(snapshot.plan or ""), "" if age == "just now" else age]
    return Block(
        clean(snapshot.display_name),
        tuple(fact for fact in facts if fact),
        rows=tuple(rows_of(to_json(snapshot)["lines"], now)),
    )
