"""The options of `twistd openusage`, which an embedding application may fill by hand as well."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from OpenSSL import crypto
from twisted.internet.endpoints import serverFromString
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from openusage.folders import Folders, find_folders
from openusage.listening import DEFAULT, private

__all__ = ["Options", "endpoint_from"]


class Options(UsageOptions):
    """Where to listen, where the files are, how often to probe."""

    synopsis = "[options]"
    longdesc = (
        "Asks the AI coding tools on this machine how much of their plans is used and serves the"
        " answers as JSON, by default at http://127.0.0.1:6736/v1/usage."
    )
    optParameters: ClassVar = [
        ["config-dir", None, None, "Folder of settings.json. [default: as usual on this system]"],
        ["data-dir", None, None, "Folder of cached snapshots. [default: as usual on this system]"],
        [
            "interval",
            "i",
            None,
            "Minutes between probes, 1 to 60. [default: the settings', else 5]",
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Endpoint to serve at, such as `tcp:6736:interface=127.0.0.1` or `unix:/run/openusage`.
        May be given more than once. [default: tcp:6736:interface=127.0.0.1]
        """
        self["listen"].append(private(endpoint))

    opt_l = opt_listen

    def parseOptions(self, options: Any = None) -> None:
        """As usual, but what is wrong ends the process with 2 and a line on what to mend."""
        try:
            super().parseOptions(options)
        except UsageError as error:
            print(f"openusage: {error}", file=sys.stderr)  # noqa: T201 - no log is open yet
            raise SystemExit(2) from None

    def parseArgs(self, *arguments: str) -> None:
        """Take no arguments."""
        if arguments:
            raise UsageError(f"unexpected argument {arguments[0]!r}")

    def postOptions(self) -> None:
        """Check the values; without `--listen` the usual port is taken."""
        if self["interval"] is not None:
            self["interval"] = _minutes(self["interval"])
        if not self["listen"]:
            self["listen"] = [DEFAULT]

    @classmethod
    def of(
        cls,
        *,
        listen: Sequence[str] = (),
        config_dir: str | None = None,
        data_dir: str | None = None,
        interval: int | None = None,
    ) -> Options:
        """Options made in code; unlike on the command line, nothing listens by default."""
        options = cls()
        options.update(
            {
                "listen": [private(endpoint) for endpoint in listen],
                "config-dir": config_dir,
                "data-dir": data_dir,
                "interval": None if interval is None else _minutes(str(interval)),
            }
        )
        return options

    def folders(self) -> Folders:
        """The folders in use."""
        return find_folders(os.environ, self["config-dir"], self["data-dir"])


def _minutes(text: str) -> int:
    try:
        minutes = int(text)
    except ValueError:
        minutes = 0
    if not 1 <= minutes <= 60:
        raise UsageError(f"--interval must be a whole number of minutes from 1 to 60, not {text!r}")
    return minutes


def endpoint_from(reactor: Any, description: str) -> Any:
    """The endpoint that `description` names. Raises `UsageError`, worded for the person."""
    try:
        return serverFromString(reactor, description)
    except (ValueError, TypeError, KeyError, IndexError, OSError, crypto.Error) as error:
        raise UsageError(
            f"--listen {description!r} is no endpoint ({error}); an example: {DEFAULT}"
        ) from error
