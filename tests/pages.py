"""The pages of the documentation, taken apart for the tests that hold them to the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

__all__ = ["DOCS", "PAGES", "README", "Fence", "fences", "headings", "section", "table"]

README = Path(__file__).resolve().parents[1] / "README.md"
DOCS = README.parent / "docs"
PAGES = (README, *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(r"^```(\S*)[ \t]*(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@frozen
class Fence:
    """A block of code: its language or directive, what stands beside that, and its text."""

    page: Path
    kind: str
    argument: str
    text: str


def fences(page: Path, *kinds: str) -> Iterator[Fence]:
    """The blocks of `kinds` in `page`, all of them without one."""
    for kind, argument, text in _FENCE.findall(page.read_text("utf-8")):
        if not kinds or kind in kinds:
            yield Fence(page, kind, argument, text)


def headings(page: Path) -> list[str]:
    """The headings of `page`; a `#` in a block of code begins none."""
    return _HEADING.findall(_FENCE.sub("", page.read_text("utf-8")))


def section(page: Path, heading: str) -> str:
    """What stands between that heading and the next; empty when there is none."""
    _, _, rest = page.read_text("utf-8").partition(f"\n## {heading}\n")
    return rest.partition("\n## ")[0]


def table(page: Path, first: str) -> list[list[str]]:
    """The rows of the table whose first column is called `first`, without its head."""
    lines = iter(page.read_text("utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)  # the rule below the head
            break
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" |")])
    return rows
