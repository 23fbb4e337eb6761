"""`Env`: the environment as a provider reads it, cleaned of what terminals leave in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from attrs import evolve, field, frozen

__all__ = ["Env"]

# Escape sequences of terminals: those that set the title and the like, then those with parameters,
# then the short ones.
_ANSI = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LINE_END = re.compile(r"[\r\n]+")
_NO = frozenset({"0", "false", "no", "off"})


def _clean(value: str) -> str | None:
    lines = _LINE_END.split(_ANSI.sub("", value))
    cleaned = (_CONTROL.sub("", line).strip() for line in reversed(lines))
    return next((line for line in cleaned if line), None)


@frozen
class Env:
    """Environment variables, which keep their values out of `repr`.

    Windows does not tell `Path` from `PATH`, and neither does an `Env` whose `platform` is `win32`.
    """

    variables: Mapping[str, str] = field(repr=False)
    platform: str = sys.platform

    def __attrs_post_init__(self) -> None:
        named = {self._name(name): value for name, value in self.variables.items()}
        object.__setattr__(self, "variables", named)

    def get(self, name: str) -> str | None:
        """The last line of the variable that is not blank, trimmed; `None` when there is none.

        Terminal escape sequences and control characters are no part of it.
        """
        value = self.variables.get(self._name(name))
        return None if value is None else _clean(value)

    def flag(self, name: str) -> bool:
        """Whether the variable is set to anything but `0`, `false`, `no` or `off`."""
        value = self.get(name)
        return value is not None and value.lower() not in _NO

    def overlay(self, more: Mapping[str, str | None]) -> Env:
        """This environment with `more` over it; `None` takes a variable away."""
        changed = {self._name(name): value for name, value in more.items()}
        merged = {**self.variables, **changed}
        return evolve(
            self, variables={name: value for name, value in merged.items() if value is not None}
        )

    def _name(self, name: str) -> str:
        return name.upper() if self.platform == "win32" else name
