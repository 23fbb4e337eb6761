"""Where openusage keeps its own files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from platformdirs import PlatformDirs

__all__ = ["Folders", "find_folders"]


@frozen
class Folders:
    """`config` holds the settings, which the person edits; `data` is ours alone."""

    config: Path
    data: Path

    @property
    def settings(self) -> Path:
        """The person's settings."""
        return self.config / "settings.json"

    @property
    def cache(self) -> Path:
        """The last good snapshots and health."""
        return self.data / "snapshots.json"

    @property
    def prices(self) -> Path:
        """Prices of models that the bundled table does not know."""
        return self.data / "prices.json"

    @property
    def states(self) -> Path:
        """The folder of what each provider instance keeps between probes."""
        return self.data / "state"


def find_folders(
    environ: Mapping[str, str], config: str | None = None, data: str | None = None
) -> Folders:
    """The folders to use: those given, else those of the environment, else what the system has.

    The variables are `OPENUSAGE_CONFIG_DIR` and `OPENUSAGE_DATA_DIR`. Relative paths start in the
    current folder.
    """
    usual = PlatformDirs("openusage", appauthor=False, roaming=False)
    return Folders(
        _chosen(config or environ.get("OPENUSAGE_CONFIG_DIR"), usual.user_config_path),
        _chosen(data or environ.get("OPENUSAGE_DATA_DIR"), usual.user_data_path),
    )


def _chosen(text: str | None, otherwise: Path) -> Path:
    return Path(text).expanduser().absolute() if text and text.strip() else otherwise
