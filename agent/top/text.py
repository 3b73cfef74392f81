"""The table as plain text: for pipes, files and `--once`. No colour, no cutting, no cursor."""

from __future__ import annotations

from collections.abc import Sequence

from agent.top.columns import Column
from agent.top.glyphs import Glyphs
from agent.top.table import write_cell
from agent.top.width import display_width, fit
from agent.usage import Usage


def table_text(
    rows: Sequence[Usage], columns: Sequence[Column], *, now: float, glyphs: Glyphs
) -> str:
    """
    A heading line and one line for each row, each ended by a newline.

    Every column is as wide as its widest cell. `now` is Unix seconds, for ages.
    """
    table = [[column.heading for column in columns]]
    table += [
        [write_cell(column, usage, now=now, glyphs=glyphs).text for column in columns]
        for usage in rows
    ]
    widths = [max(map(display_width, cells)) for cells in zip(*table, strict=True)]
    lines = []
    for cells in table:
        fitted = (
            fit(cell, width, right=column.right)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        )
        lines.append("  ".join(fitted).rstrip() + "\n")
    return "".join(lines)
