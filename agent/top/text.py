"""The table as plain text: for pipes, files and `--once`. No colour, no cutting, no cursor."""

from __future__ import annotations

from collections.abc import Sequence

from agent.top.cells import write_cell
from agent.top.column import Column
from agent.top.glyphs import Glyphs
from agent.top.row import Row
from agent.top.width import display_width, fit


def table_text(
    rows: Sequence[Row], columns: Sequence[Column], *, glyphs: Glyphs, headers: bool = True
) -> str:
    """
    A heading line, with `headers`, and one line for each row, each ended by a newline.

    Every column is as wide as its widest cell.
    """
    table = [[column.heading for column in columns]]
    table += [[write_cell(column, row, glyphs).text for column in columns] for row in rows]
    widths = [max(map(display_width, cells)) for cells in zip(*table, strict=True)]
    lines = []
    for cells in table if headers else table[1:]:
        fitted = (
            fit(cell, width, right=column.right)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        )
        lines.append("  ".join(fitted).rstrip() + "\n")
    return "".join(lines)
