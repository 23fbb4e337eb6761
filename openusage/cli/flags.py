"""Options that several commands have."""

from __future__ import annotations

import click

__all__ = ["COLOR", "CONFIG_DIR", "DATA_DIR"]

CONFIG_DIR = click.option("--config-dir", metavar="FOLDER", help="Folder of settings.json.")
DATA_DIR = click.option("--data-dir", metavar="FOLDER", help="Folder of the cache.")
COLOR = click.option("--color/--no-color", default=None, help="Colour. [default: on a terminal]")
