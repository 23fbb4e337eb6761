"""`openusage status`: from the running service, else from the cache it left on the disk."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from importlib import import_module

import click

from openusage.cli.amounts import ago
from openusage.cli.ask import Address, NoServiceError, address, ask
from openusage.cli.blocks import blocks_of
from openusage.cli.draw import draw
from openusage.cli.flags import COLOR, CONFIG_DIR, DATA_DIR
from openusage.cli.reading import Reading
from openusage.cli.screen import put, put_json, screen_of
from openusage.cli.text import clean
from openusage.cli.trouble import FAILED, complain, give_up

__all__ = ["status"]

_URL = "http://127.0.0.1:6736"
_EXAMPLES = """\b
Examples:
  openusage status
  openusage status --json | jq '.snapshots[].plan'
"""


def _address(context: click.Context, option: click.Parameter, url: str) -> Address:
    try:
        return address(url)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(epilog=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API has it.")
@click.option(
    "--url",
    "where",
    default=_URL,
    show_default=True,
    metavar="URL",
    callback=_address,
    help="The service to ask.",
)
@CONFIG_DIR
@DATA_DIR
@COLOR
def status(
    as_json: bool,
    where: Address,
    config_dir: str | None,
    data_dir: str | None,
    color: bool | None,
) -> None:
    """Show how much of each plan is used.

    Asks the running service; without one, shows what it last wrote to its cache, in the folder
    given. No provider is asked.
    """
    now = datetime.now(timezone.utc)
    reading = _read(where, config_dir, data_dir, now)
    if as_json:
        put_json(
            {"source": reading.source, "snapshots": reading.snapshots, "health": reading.report}
        )
        return
    _remark(reading)
    screen = screen_of(sys.stdout, os.environ, color)
    blocks = blocks_of(reading.snapshots, reading.health, now, reading.interval)
    for line in draw(blocks, screen):
        put(line, screen)
    if not blocks:
        complain("no provider is enabled, or none has answered yet")


def _read(where: Address, config_dir: str | None, data_dir: str | None, now: datetime) -> Reading:
    try:
        return ask(where)
    except NoServiceError as error:
        reason = str(error)
    reading = _cached(config_dir, data_dir)
    if reading is None or reading.written is None:
        give_up(
            f"{reason}, and nothing is cached; start it with `twistd openusage` or"
            " `openusage serve`",
            FAILED,
        )
    complain(f"{reason}; showing the cache, last written {ago(reading.written, now)}")
    return reading


def _cached(config_dir: str | None, data_dir: str | None) -> Reading | None:
    # Imported only here: they cost more time than all the rest of this command.
    cached = import_module("openusage.cli.cached")
    known = import_module("openusage.cli.known")
    there = known.look_up(known.the_folders(config_dir, data_dir))
    try:
        reading: Reading | None = cached.read_cache(there.folders.cache, there)
    except cached.CacheError as error:
        complain(str(error))
        return None
    return reading


def _remark(reading: Reading) -> None:
    """Say what the service finds wrong with the settings."""
    problems = reading.report.get("problems") if reading.report else None
    for problem in problems if isinstance(problems, list) else ():
        complain(clean(str(problem)))
