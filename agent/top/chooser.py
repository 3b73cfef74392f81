"""The list of all columns, to choose from. Pure."""

from __future__ import annotations

from agent.top.columns import COLUMNS
from agent.top.glyphs import Glyphs
from agent.top.panel import Panel
from agent.top.screen import Span, Style
from agent.top.view import View
from agent.top.width import fit


def chooser_panel(view: View, glyphs: Glyphs) -> Panel:
    """One line for each column; the cursor is at `view.scroll`."""
    widest = max(len(column.key) for column in COLUMNS)
    lines = []
    for column in COLUMNS:
        chosen = column.key in view.columns
        mark = glyphs.chosen if chosen else " "
        lines.append(
            (
                Span(f" [{mark}] ", Style.GOOD if chosen else Style.FAINT),
                Span(f"{fit(column.key, widest)}  ", Style.KEY),
                Span(f"{fit(column.heading, 14)} {column.says}"),
            )
        )
    return Panel(
        "columns",
        lines,
        cursor=max(0, min(view.scroll, len(lines) - 1)),
        keys=(("Space", "show or hide"),),
    )
