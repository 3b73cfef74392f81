"""What the person looking has chosen. Pure; what each key makes of it is in `act.py`.

The cursor is on a container (a cgroup's inode) or a group, not on a line: it stays with it when the
order changes. Before the first movement, and when that row is gone, it is a line number.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Literal

from agent.records import dataclass, replace
from agent.top.row import Key
from agent.top.sets import DEFAULT


class Show(enum.Enum):
    """What fills the screen in place of the table."""

    HELP = enum.auto()
    WHY = enum.auto()
    PROCESSES = enum.auto()
    LOGS = enum.auto()
    COLUMNS = enum.auto()


@dataclass(frozen=True, slots=True)
class Prompt:
    """A line that is being typed."""

    asks: Literal["filter", "jump", "search", "command"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One person's view."""

    sort: str = "trouble"
    """Key of a column."""
    reverse: bool = False
    filter: str = ""
    faults: bool = False
    """Only what something is wrong with."""
    everything: bool = False
    """Also what is not a container."""
    group: str = ""
    """A name in `grouping.GROUPINGS`; "" for none."""
    collapsed: frozenset[str] = frozenset()
    """Labels of groups."""
    columns: tuple[str, ...] = DEFAULT
    """Keys of the columns, in order."""
    prompt: Prompt | None = None
    menu: Literal["", "sort", "copy"] = ""
    """Waits for the letter of a choice."""
    show: Show | None = None
    scroll: int = 0
    """First line shown of what is shown in place of the table; of a log, lines from its end; in the
    list of columns, the line of the cursor."""
    selected: Key | None = None
    """Key of the row under the cursor."""
    position: int = 0
    """Line of the cursor when `selected` was last seen."""
    offset: int = 0
    """First row shown."""
    at: float | None = None
    """Wall time of the moment looked at; None: now."""
    message: str = ""
    """Said once, until the next key."""
    mouse: bool = True
    search: str = ""
    """Of a log only lines with it."""
    stamps: bool = False
    """A log with the times of its lines."""
    proportional: bool = False
    """Processes with their PSS."""

    @property
    def shown_filter(self) -> str:
        """The filter that applies: while typing, what is typed so far."""
        if self.prompt is not None and self.prompt.asks == "filter":
            return self.prompt.text
        return self.filter

    @property
    def shown_search(self) -> str:
        """The same of a search in a log."""
        if self.prompt is not None and self.prompt.asks == "search":
            return self.prompt.text
        return self.search

    @property
    def order(self) -> tuple[object, ...]:
        """All that the order of the rows depends on, beside the rows."""
        return (
            *(self.sort, self.reverse, self.shown_filter, self.faults, self.everything),
            *(self.group, self.at),
        )


def sort_by(view: View, key: str) -> View:
    """Sort by the column of this key; the other way round where the rows are sorted by it."""
    return replace(view, sort=key, reverse=view.sort == key and not view.reverse)


def settle(view: View, rows: Sequence[Key], page: int) -> View:
    """
    Put the cursor on a row that exists and scroll it into sight.

    `rows` are the keys in the order shown, `page` how many fit.
    """
    position = view.position
    if view.selected is not None and view.selected in rows:
        position = rows.index(view.selected)
    position = max(0, min(position, len(rows) - 1))
    page = max(1, page)
    offset = min(view.offset, position, max(0, len(rows) - page))
    offset = max(offset, position - page + 1, 0)
    selected = None if view.selected is None or not rows else rows[position]
    return replace(view, position=position, offset=offset, selected=selected)
