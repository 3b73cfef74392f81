"""Where everything is on the screen: lines for its parts, columns that fit. Pure.

The same for drawing and for finding out what a click of the mouse is on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.records import NamedTuple, replace
from agent.top.cells import write_cell
from agent.top.column import Column, Grow
from agent.top.columns import find_column
from agent.top.glyphs import Glyphs
from agent.top.row import Key, Row
from agent.top.view import View
from agent.top.width import display_width

_LEAST_WHY: Final = 14
"""Narrower, and it says nothing: then the rest of the line is for numbers."""


class Layout(NamedTuple):
    """How many lines each part of the screen gets, from the top."""

    header: int
    heading: int
    body: int
    totals: int
    notes: int
    keys: int


def lay_out(height: int) -> Layout:
    """The parts of a screen of this height; the table keeps a line as long as there is one."""
    if height >= 12:
        return Layout(header=3, heading=1, body=height - 7, totals=1, notes=1, keys=1)
    if height >= 9:
        return Layout(header=3, heading=1, body=height - 6, totals=0, notes=1, keys=1)
    if height >= 5:
        return Layout(header=1, heading=1, body=height - 3, totals=0, notes=0, keys=1)
    if height >= 2:
        return Layout(header=0, heading=1, body=height - 1, totals=0, notes=0, keys=0)
    return Layout(header=0, heading=0, body=max(0, height), totals=0, notes=0, keys=0)


def page_size(view: View, height: int) -> int:
    """How many rows, or lines of what is shown in their place, fit."""
    if view.show is not None:
        return max(0, height - 2)
    return lay_out(height).body


def sorts(view: View, column: Column) -> bool:
    """Whether the rows are sorted by what this column shows."""
    return view.sort in (column.key, column.sort)


def choose_columns(
    view: View, rows: Sequence[Row], width: int, glyphs: Glyphs
) -> tuple[Column, ...]:
    """
    The columns of the view that fit, each with its width settled; never without the sort column.

    Names get what they need, then what is wrong, then what else can use room.
    """
    chosen = [find_column(key) for key in view.columns]
    while len(chosen) > 1 and _needed(chosen) > width:
        droppable = [column for column in chosen[1:] if not sorts(view, column) and column.rank]
        if not droppable:
            break
        chosen.remove(max(droppable, key=lambda column: column.rank))
    over = _needed(chosen) - width
    chosen = [_narrowed(column, over) for column in chosen]
    # What is wrong is often short, and then a name has more use for the room.
    chosen = [
        replace(column, width=min(column.width, max(_LEAST_WHY, _longest(column, rows, glyphs))))
        if column.grow is Grow.WHY
        else column
        for column in chosen
    ]
    spare = max(0, width - _needed(chosen))
    for grow in (Grow.NAME, Grow.WHY, Grow.REST):
        for place, column in enumerate(chosen):
            if column.grow is grow and spare:
                more = min(spare, _missing(column, rows, glyphs))
                chosen[place] = replace(column, width=column.width + more)
                spare -= more
    return tuple(chosen)


def _needed(columns: Sequence[Column]) -> int:
    return sum(1 + column.width for column in columns)


def _narrowed(column: Column, over: int) -> Column:
    """Where even the least is too wide, what is wrong is cut first, then the name."""
    if over <= 0 or column.grow not in (Grow.NAME, Grow.WHY):
        return column
    least = _LEAST_WHY if column.grow is Grow.WHY else 1
    return replace(column, width=max(least, column.width - over))


def _missing(column: Column, rows: Sequence[Row], glyphs: Glyphs) -> int:
    """How much wider the column would have to be for its longest cell."""
    longest = _longest(column, rows, glyphs)
    wanted = min(longest, column.most) if column.most else longest
    return max(0, wanted - column.width)


def _longest(column: Column, rows: Sequence[Row], glyphs: Glyphs) -> int:
    return max((display_width(write_cell(column, row, glyphs).text) for row in rows), default=0)


class Hit(NamedTuple):
    """What is at one place of the screen."""

    column: str | None = None
    """A heading: the key of its column."""
    row: Key | None = None


def hit(
    view: View, rows: Sequence[Row], size: tuple[int, int], at: tuple[int, int], glyphs: Glyphs
) -> Hit:
    """What is at column, line `at` of a screen of `size`, counted from 0."""
    layout = lay_out(size[1])
    column, line = at
    first = layout.header + layout.heading
    if layout.heading and line == layout.header:
        start = 0
        for each in choose_columns(view, rows, size[0], glyphs):
            start += 1 + each.width
            if column < start:
                return Hit(column=each.key)
    elif first <= line < first + layout.body:
        place = view.offset + line - first
        if place < len(rows):
            return Hit(row=rows[place].key)
    return Hit()
