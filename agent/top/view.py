"""What the person looking has chosen, and what each key makes of it. Pure: View in, View out.

The cursor is on a container (a cgroup's inode), not on a line: it stays with it when the order
changes. Before the first movement, and when that container is gone, it is a line number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.top.columns import COLUMNS
from agent.top.help import HELP_LENGTH
from agent.top.keys import Action

_KEYS = tuple(column.key for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class View:
    """One person's view."""

    sort: str = "cpu"
    """Key of a column."""
    reverse: bool = False
    filter: str = ""
    draft: str | None = None
    """The filter being typed; None when none is."""
    everything: bool = False
    """Also what is not a container."""
    help: int | None = None
    """First line of the help shown; None when it is not shown."""
    selected: int | None = None
    """Inode of the row under the cursor."""
    position: int = 0
    """Line of the cursor when `selected` was last seen."""
    offset: int = 0
    """First row shown."""

    @property
    def shown_filter(self) -> str:
        """The filter that applies: while typing, what is typed so far."""
        return self.filter if self.draft is None else self.draft


def settle(view: View, rows: Sequence[int], page: int) -> View:
    """
    Put the cursor on a row that exists and scroll it into sight.

    `rows` are the inodes in the order shown, `page` how many fit.
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


def act(view: View, action: Action, rows: Sequence[int], page: int) -> View:
    """
    Do what a key asks for. QUIT and REDRAW are the loop's and change nothing here.

    `page` is how many rows, or lines of the help, fit.
    """
    if view.help is not None:
        return _act_in_help(view, action, page)
    step = _STEPS.get(action)
    if step is not None:
        return _move(view, step, rows, page)
    match action:
        case Action.SORT_NEXT:
            return _sort(view, 1)
        case Action.SORT_PREVIOUS:
            return _sort(view, -1)
        case Action.REVERSE:
            return replace(view, reverse=not view.reverse)
        case Action.FILTER:
            return replace(view, draft=view.filter)
        case Action.EVERYTHING:
            return replace(view, everything=not view.everything)
        case Action.HELP:
            return replace(view, help=0)
        case Action.BACK:
            return replace(view, filter="", selected=None, position=0, offset=0)
        case _:
            return view


def type_key(view: View, key: str) -> View:
    """One key while a filter is being typed. Keys that mean nothing there change nothing."""
    draft = view.draft or ""
    match key:
        case "Enter":
            return replace(view, filter=draft.strip(), draft=None)
        case "Esc":
            return replace(view, draft=None)
        case "Backspace":
            return replace(view, draft=draft[:-1])
        case "Ctrl-U":
            return replace(view, draft="")
        case _ if len(key) == 1 and key.isprintable():
            return replace(view, draft=draft + key)
        case _:
            return view


_STEPS = {
    Action.UP: (-1, 0),
    Action.DOWN: (1, 0),
    Action.PAGE_UP: (0, -1),
    Action.PAGE_DOWN: (0, 1),
    Action.HOME: (-1_000_000_000, 0),
    Action.END: (1_000_000_000, 0),
}
"""Rows and pages to move by; more than there are is as far as there are."""


def _move(view: View, step: tuple[int, int], rows: Sequence[int], page: int) -> View:
    view = settle(view, rows, page)
    if not rows:
        return view
    wanted = view.position + step[0] + step[1] * max(1, page)
    if view.selected is None and step in ((1, 0), (-1, 0)):
        # The first step shows the cursor where it is.
        wanted = view.position
    position = max(0, min(wanted, len(rows) - 1))
    return settle(replace(view, selected=rows[position]), rows, page)


def _act_in_help(view: View, action: Action, page: int) -> View:
    step = _STEPS.get(action)
    if step is not None:
        first = (view.help or 0) + step[0] + step[1] * max(1, page)
        return replace(view, help=max(0, min(first, HELP_LENGTH - page)))
    if action in (Action.HELP, Action.BACK):
        return replace(view, help=None)
    return view


def _sort(view: View, step: int) -> View:
    index = (_KEYS.index(view.sort) + step) % len(_KEYS)
    return replace(view, sort=_KEYS[index], reverse=False)
