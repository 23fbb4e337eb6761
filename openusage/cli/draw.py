"""Blocks as lines of text, aligned with each other and no wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen

from openusage.cli.blocks import Block, Chart, Meter, Note, Row
from openusage.cli.graphs import meter, sparkline
from openusage.cli.screen import Screen
from openusage.cli.text import cells, pad, wrap

__all__ = ["CELLS", "draw"]

CELLS = 20
"""The cells of a meter where there is room."""
_INDENT = "  "
_GAP = 2
_WIDEST_LABEL = 32
_CUT_LABEL = 16
_LEAST = 8
"""Nothing is cut to less."""
_STALE = "stale"
_HIGH = 0.9
_RAISED = 0.7


@frozen
class _Columns:
    """The widths that all rows share: of labels, of meters, of amounts that a reset follows."""

    label: int
    meter: int
    value: int


def draw(blocks: Sequence[Block], screen: Screen, meters: int = CELLS) -> Iterator[str]:
    """The lines that show `blocks`, one empty line between two; `meters` is their widest width."""
    layout = _layout([row for block in blocks for row in block.rows], screen, meters)
    for index, block in enumerate(blocks):
        if index:
            yield ""
        yield from _title(block, screen)
        for row in block.rows:
            yield from _row(row, layout, screen)
        for note in block.notes:
            yield from _remark(note, screen, dim=True)


def _layout(rows: Sequence[Row], screen: Screen, meters: int) -> _Columns:
    """Labels in full and meters of full width; else labels are cut, then meters shrink, then go."""
    bars = [row for row in rows if isinstance(row, Meter)]
    value = max((cells(row.value) for row in bars if row.reset), default=0)
    label = min(max((cells(row.label) for row in rows), default=0), _WIDEST_LABEL)
    if screen.width is None:
        return _Columns(label, meters, value)

    def room(rows: Sequence[Row]) -> int:
        """The cells that `rows` leave for a label."""
        return width - max((_behind(row, value) for row in rows), default=0)

    width = screen.width - len(_INDENT) - _GAP
    label = min(label, max(screen.width // 3, room(rows), _LEAST))
    least = min(label, max([_CUT_LABEL, *(cells(row.label) for row in bars)]))
    for size in (meters, meters // 2):
        left = room(bars) - size - _GAP
        if bars and size and left >= least:
            return _Columns(min(label, left), size, value)
    return _Columns(label, 0, value)


def _behind(row: Row, value: int) -> int:
    """The cells that stand behind the label of `row`, or behind its meter."""
    if isinstance(row, Meter):
        return value + _GAP + cells(row.reset) if row.reset else cells(row.value)
    return len(row.values) if isinstance(row, Chart) else cells(row.value)


def _title(block: Block, screen: Screen) -> Iterator[str]:
    name, *facts = _parts(block, screen)
    plain = screen.separator.join((name, *facts))
    if screen.width is not None and cells(plain) > screen.width:
        yield screen.fit(plain, screen.width)
    else:
        styled = [screen.style(fact, dim=True) for fact in facts]
        if block.stale:
            styled[-1] = screen.style(_STALE, fg="yellow")
        yield screen.separator.join((screen.style(name, bold=True), *styled))
    if block.trouble:
        yield from _remark(block.trouble, screen, fg="yellow")


def _parts(block: Block, screen: Screen) -> list[str]:
    """What a title says; where there is no room for all, the longest part is cut, not the last."""
    parts = [block.name, *block.facts, *([_STALE] if block.stale else [])]
    over = 0 if screen.width is None else cells(screen.separator.join(parts)) - screen.width
    if over > 0:
        longest = max(parts, key=cells)
        room = max(cells(longest) - over, _LEAST)
        parts[parts.index(longest)] = screen.fit(longest, room)
    return parts


def _remark(text: str, screen: Screen, **styles: Any) -> Iterator[str]:
    width = None if screen.width is None else screen.width - len(_INDENT)
    for part in wrap(text, width):
        yield _INDENT + screen.style(part, **styles)


def _row(row: Row, layout: _Columns, screen: Screen) -> Iterator[str]:
    label = row.label if _overhangs(row, screen) else screen.fit(row.label, layout.label)
    head = _INDENT + pad(label, layout.label) + " " * _GAP
    room = None if screen.width is None else screen.width - cells(head)
    if isinstance(row, Meter):
        tails = _meter(row, layout, screen, room)
    elif isinstance(row, Chart):
        tails = _chart(row, screen, room)
    else:
        tails = _note(row, screen, room)
    for index, tail in enumerate(tails):
        yield ((head if index == 0 else " " * cells(head)) + tail).rstrip()


def _overhangs(row: Row, screen: Screen) -> bool:
    """Whether the label may reach beyond its column: half the name of a model names none."""
    if screen.width is None:
        return True
    if not isinstance(row, Note):
        return False
    texts = (_INDENT + row.label, row.value, row.remark)
    return cells((" " * _GAP).join(text for text in texts if text)) <= screen.width


def _meter(row: Meter, layout: _Columns, screen: Screen, room: int | None) -> Iterator[str]:
    bar = ""
    if layout.meter:
        shown = meter(row.share, layout.meter, unicode=screen.unicode)
        bar = screen.style(shown, fg=_color(row.share)) + " " * _GAP
        room = None if room is None else room - layout.meter - _GAP
    *lines, value = wrap(row.value, room)
    yield from (bar + line for line in lines)
    reset = screen.style(row.reset, dim=True)
    if not reset:
        yield bar + value
    elif room is None or _behind(row, layout.value) <= room:
        yield bar + pad(value, layout.value) + " " * _GAP + reset
    elif cells(value) + _GAP + cells(row.reset) <= room:
        yield bar + value + " " * _GAP + reset
    else:
        yield bar + value
        yield from (screen.style(part, dim=True) for part in wrap(row.reset, room))


def _chart(row: Chart, screen: Screen, room: int | None) -> Iterator[str]:
    bars = sparkline(row.values, room, unicode=screen.unicode)
    peak = f"peak {row.peak}" if row.peak else ""
    beside = room is None or cells(bars) + _GAP + cells(peak) <= room
    yield bars + " " * _GAP + screen.style(peak, dim=True) if peak and beside else bars


def _note(row: Note, screen: Screen, room: int | None) -> Iterator[str]:
    *lines, last = wrap(row.value, room)
    yield from lines
    if row.remark and (room is None or cells(last) + _GAP + cells(row.remark) <= room):
        yield last + " " * _GAP + screen.style(row.remark, dim=True)
        return
    yield last
    if row.remark:
        yield from (screen.style(part, dim=True) for part in wrap(row.remark, room))


def _color(share: float) -> str:
    return "red" if share >= _HIGH else "yellow" if share >= _RAISED else "green"
