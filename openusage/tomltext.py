"""TOML text, whichever Python reads it."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["toml_table"]


def toml_table(text: str) -> dict[str, Any]:
    """The table that `text` is. Raises `ValueError`, whatever is wrong with it."""
    try:
        table: dict[str, Any] = tomllib.loads(text.replace("\r\n", "\n"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return table
