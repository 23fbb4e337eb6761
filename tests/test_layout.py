"""The house: imports point one way, and the values know nothing of the machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import openusage

PACKAGE = Path(openusage.__file__).parent

ROOMS = (
    "_version redact stopping",
    "log model disk folders",
    "deadline wire",
    "jsontext tomltext",
    "settings",
    "sessionlogs",
    "host",
    "providers",
    "roster testing watch",
    "store governor",
    "health cache probing",
    "schedule enabling api",
    "listening",
    "options",
    "service",
    "cli",
    "__main__",
)
"""From the values up to the assembly; a room may import those in lines above its own."""


def room_of(module: str) -> str:
    """The room that a module of ours is in: the first part of its name below the package."""
    return module.split(".")[1] if "." in module else "_version"


def imports(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, for the type checker alone too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        yield from (name for name in names if name.partition(".")[0] == "openusage")


class LayoutTests(SynchronousTestCase):
    """The rooms of the package."""

    def test_one_way(self) -> None:
        """Every import points to the same room or to one further down in the house."""
        floor = {room: at for at, line in enumerate(ROOMS) for room in line.split()}
        for path in sorted(PACKAGE.rglob("*.py")):
            here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
            if here == "__init__":
                continue
            self.assertIn(here, floor, f"{path.name} is in no room")
            for module in imports(path):
                there = room_of(module)
                allowed = there == here or floor[there] < floor[here]
                self.assertTrue(allowed, f"{here} imports {there} ({path.name})")

    def test_values(self) -> None:
        """The model imports neither Twisted nor JSON nor anything that touches the machine."""
        tree = ast.parse((PACKAGE / "model.py").read_text("utf-8"))
        found = {
            name.partition(".")[0]
            for node in ast.walk(tree)
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
        }

        allowed = {"__future__", "attrs", "collections", "datetime", "math", "typing"}
        self.assertEqual(found - allowed, set())
