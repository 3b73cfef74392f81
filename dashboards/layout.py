"""Where panels stand, and their ids.

The grid is 24 columns wide. A section is a row heading and lines of panels of one height; each line
fills the 24 columns exactly. Ids are 100 × section + position, so that adding a panel moves no id
of another section: a link to one panel keeps working.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.panels import Panel
from dashboards.sdk import Builder, dashboard, dashboard_builders

COLUMNS: Final = 24
GRAPH_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Line:
    """Panels side by side, each (width in columns, panel)."""

    panels: tuple[tuple[int, Panel], ...]
    height: int = GRAPH_HEIGHT


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: tuple[Line, ...]


def side_by_side(*panels: Panel, height: int = GRAPH_HEIGHT) -> Line:
    """Panels of equal width. Their number divides 24."""
    width, rest = divmod(COLUMNS, len(panels))
    if rest:
        raise ValueError(f"{len(panels)} panels do not fill {COLUMNS} columns")
    return Line(tuple((width, panel) for panel in panels), height)


def place(board: dashboard_builders.Dashboard, sections: Sequence[Section]) -> None:
    """Adds every section to `board`, from the top."""
    y = 0
    for number, section in enumerate(sections, start=1):
        panel_id = number * 100
        heading = dashboard_builders.Row(section.title).id(panel_id)
        board.with_row(heading.grid_pos(dashboard.GridPos(x=0, y=y, w=COLUMNS, h=1)))
        y += 1
        for line in section.lines:
            x = 0
            for width, panel in line.panels:
                panel_id += 1
                built = panel.build()
                built.id_val = panel_id
                built.grid_pos = dashboard.GridPos(x=x, y=y, w=width, h=line.height)
                board.with_panel(_Built(built))
                x += width
            if x != COLUMNS:
                raise ValueError(f"a line of {section.title!r} is {x} columns wide")
            y += line.height


class _Built(Builder[dashboard.Panel]):
    """A finished panel where the SDK wants a builder."""

    def __init__(self, panel: dashboard.Panel) -> None:
        self.panel = panel

    def build(self) -> dashboard.Panel:
        return self.panel
