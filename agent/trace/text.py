"""Columns for `agent trace`. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Lines, two blanks between columns: the first `left` columns and the last flush left."""
    table = [header, *rows]
    last = len(header) - 1
    widths = [max(len(row[i]) for row in table) for i in range(last + 1)]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if i < left or i == last else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
