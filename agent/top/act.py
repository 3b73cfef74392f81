"""What each key makes of a View. Pure: View in, View out.

QUIT, COMMAND, REDRAW, MOUSE, KEEP, PAUSE, EARLIER, LATER are the loop's: they need the terminal, a
file or the past.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from agent.records import NamedTuple, replace
from agent.top.columns import BY_KEY, COLUMNS, find_column
from agent.top.grouping import CYCLE
from agent.top.keys import Action
from agent.top.row import Row
from agent.top.sets import HOST, SETS, with_host
from agent.top.view import Prompt, Show, View, settle


class Seen(NamedTuple):
    """What the person had before them when the key was pressed."""

    rows: Sequence[Row]
    page: int
    """Rows, or lines of what is shown in their place, that fit."""
    length: int = 0
    """Lines of what is shown in their place."""


def act(view: View, action: Action, seen: Seen) -> View:
    """Do what a key asks for."""
    if view.show is not None:
        return _in_panel(view, action, seen)
    step = _STEPS.get(action)
    if step is not None:
        return _move(view, step, seen)
    do = _ACTIONS.get(action)
    return view if do is None else do(view, seen)


def choose_set(view: View, number: int) -> View:
    """Take one of the column sets; a sort column that is not in it stays."""
    chosen = SETS[number]
    columns = with_host(chosen.columns) if HOST in view.columns else chosen.columns
    return replace(view, columns=columns, message=f"columns: {chosen.name}")


_STEPS: Final = {
    Action.UP: (-1, 0),
    Action.DOWN: (1, 0),
    Action.PAGE_UP: (0, -1),
    Action.PAGE_DOWN: (0, 1),
    Action.HOME: (-1_000_000_000, 0),
    Action.END: (1_000_000_000, 0),
}
"""Rows and pages to move by; more than there are is as far as there are."""


def _move(view: View, step: tuple[int, int], seen: Seen) -> View:
    keys = [row.key for row in seen.rows]
    view = settle(view, keys, seen.page)
    if not keys:
        return view
    wanted = view.position + step[0] + step[1] * max(1, seen.page)
    if view.selected is None and step in ((1, 0), (-1, 0)):
        # The first step shows the cursor where it is.
        wanted = view.position
    position = max(0, min(wanted, len(keys) - 1))
    return settle(replace(view, selected=keys[position]), keys, seen.page)


def _in_panel(view: View, action: Action, seen: Seen) -> View:
    step = _STEPS.get(action)
    if step is not None:
        by = step[0] + step[1] * max(1, seen.page)
        if view.show is Show.LOGS:
            by = -by  # counted from the end, where what is new comes
        last = seen.length - 1 if view.show is Show.COLUMNS else seen.length - seen.page
        return replace(view, scroll=max(0, min(view.scroll + by, last)))
    if view.show is Show.COLUMNS and action in (Action.OPEN, Action.PAUSE):
        return _toggle_column(view)
    if view.show is Show.LOGS and action is Action.FILTER:
        return replace(view, prompt=Prompt("search", view.search))
    if view.show is Show.LOGS and action is Action.LATER:
        return replace(view, stamps=not view.stamps)
    if action is Action.PROPORTIONAL:
        return replace(view, proportional=not view.proportional)
    if view.show is Show.LOGS and action is Action.BACK and view.search:
        return replace(view, search="", scroll=0)
    shown = _SHOWN.get(action)
    if action is Action.BACK or (shown is not None and shown is view.show):
        return replace(view, show=None, scroll=0)
    if shown is not None:
        return replace(view, show=shown, scroll=0)
    return view


_SHOWN: Final = {
    Action.HELP: Show.HELP,
    Action.WHY: Show.WHY,
    Action.PROCESSES: Show.PROCESSES,
    Action.LOGS: Show.LOGS,
    Action.COLUMNS: Show.COLUMNS,
}


def _open(show: Show) -> Callable[[View, Seen], View]:
    def do(view: View, seen: Seen) -> View:
        if show in (Show.HELP, Show.COLUMNS):
            return replace(view, show=show, scroll=0)
        if not seen.rows:
            return view
        view = _hold(view, seen)
        if seen.rows[view.position].item is None:
            return replace(view, message="a group: unfold it and choose a container")
        return replace(view, show=show, scroll=0)

    return do


def _hold(view: View, seen: Seen) -> View:
    """The cursor shown on a row, the first if it was on none."""
    keys = [row.key for row in seen.rows]
    view = settle(view, keys, seen.page)
    return replace(view, selected=keys[view.position])


def _enter(view: View, seen: Seen) -> View:
    if not seen.rows:
        return view
    view = _hold(view, seen)
    row = seen.rows[view.position]
    if row.is_group:
        return _fold(row.collapsed)(view, seen)
    return replace(view, show=Show.WHY, scroll=0)


def _fold(unfold: bool) -> Callable[[View, Seen], View]:
    def do(view: View, seen: Seen) -> View:
        if not view.group or not seen.rows:
            return view
        view = _hold(view, seen)
        label = seen.rows[view.position].group
        if unfold:
            return replace(view, collapsed=view.collapsed - {label})
        return replace(view, collapsed=view.collapsed | {label}, selected=f"group:{label}")

    return do


def _sort(step: int) -> Callable[[View, Seen], View]:
    def do(view: View, _seen: Seen) -> View:
        keys = view.columns
        place = keys.index(view.sort) if view.sort in keys else -1
        if place < 0 and view.sort == "trouble" and "why" in keys:
            place = keys.index("why")
        key = keys[(place + step) % len(keys)]
        return replace(view, sort=find_column(key).sort, reverse=False)

    return do


def _group(view: View, _seen: Seen) -> View:
    following = CYCLE[(CYCLE.index(view.group) + 1) % len(CYCLE)]
    return replace(view, group=following, collapsed=frozenset())


def _copy(view: View, seen: Seen) -> View:
    if not seen.rows:
        return view
    view = _hold(view, seen)
    if seen.rows[view.position].item is None:
        return replace(view, message="a group has nothing to copy")
    return replace(view, menu="copy")


def _back(view: View, _seen: Seen) -> View:
    """One thing at a time, the last chosen first."""
    if view.at is not None:
        return replace(view, at=None)
    if view.filter or view.faults:
        return replace(view, filter="", faults=False)
    return replace(view, selected=None, position=0, offset=0)


def _toggle_column(view: View) -> View:
    """Show or hide the column under the cursor; where it stood it is put again."""
    key = COLUMNS[min(view.scroll, len(COLUMNS) - 1)].key
    if key == "name":
        return replace(view, message="the name is always shown")
    chosen = set(view.columns) ^ {key}
    columns = [each for each in view.columns if each in chosen]
    if key in chosen:
        places = list(BY_KEY)
        before = sum(places.index(each) < places.index(key) for each in columns)
        columns.insert(max(1, before), key)
    return replace(view, columns=tuple(columns))


_ACTIONS: Final[dict[Action, Callable[[View, Seen], View]]] = {
    Action.OPEN: _enter,
    Action.BACK: _back,
    Action.COLLAPSE: _fold(unfold=False),
    Action.EXPAND: _fold(unfold=True),
    **{action: _open(show) for action, show in _SHOWN.items()},
    Action.FAULTS: lambda view, _: replace(view, faults=not view.faults),
    Action.FILTER: lambda view, _: replace(view, prompt=Prompt("filter", view.filter)),
    Action.GROUP: _group,
    Action.SORT: lambda view, _: replace(view, menu="sort"),
    Action.SORT_NEXT: _sort(1),
    Action.SORT_PREVIOUS: _sort(-1),
    Action.REVERSE: lambda view, _: replace(view, reverse=not view.reverse),
    Action.EVERYTHING: lambda view, _: replace(view, everything=not view.everything),
    Action.JUMP: lambda view, _: replace(view, prompt=Prompt("jump")),
    Action.COPY: _copy,
}
