"""Expected trouble: one line on stderr and an exit status, never a traceback."""

from __future__ import annotations

from typing import NoReturn

import click

from openusage.cli.text import clean

__all__ = ["FAILED", "NO_LOGIN", "REFUSED", "WRONG_USE", "complain", "give_up"]

FAILED = 1
WRONG_USE = 2
NO_LOGIN = 3
REFUSED = 4


def complain(message: str) -> None:
    """Say `message` on stderr."""
    click.echo(f"openusage: {clean(message)}", err=True)


def give_up(message: str, status: int) -> NoReturn:
    """Say `message` on stderr and end the command with `status`."""
    complain(message)
    raise click.exceptions.Exit(status)
