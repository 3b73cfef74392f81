"""Which rows a view has, and in which order. Pure but for `Steady`, which remembers.

Groups are sorted by the sum (or the worst) of the column, and their members by the same column: the
busiest group is on top, and in it its busiest container.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from agent.selection.item import Item
from agent.selection.language import BadSelection, parse_selection
from agent.top.column import Column
from agent.top.columns import find_column
from agent.top.frame import Frame
from agent.top.grouping import groups
from agent.top.row import Key, Row, sort_key
from agent.top.view import View


class Steadying(Protocol):
    """What may hold a row where it is for a while."""

    def value(self, key: Key, now: float) -> float:
        """What to sort the row by, of which the column says `now`."""


def select(items: Iterable[Item], text: str, *, everything: bool, faults: bool) -> list[Item]:
    """
    The containers that the filter `text` keeps; with `everything` also sandboxes and services.

    A text that is no filter (yet) keeps everything.
    """
    try:
        kept = parse_selection(text)
    except BadSelection:
        kept = parse_selection("")
    return [
        item
        for item in items
        if (everything or item.is_container)
        and (not faults or item.findings)
        and (not kept.text or kept.keeps(item))
    ]


def rows_of(frame: Frame, view: View, steady: Steadying | None = None) -> list[Row]:
    """The rows `view` asks for, in its order."""
    items = select(frame.items, view.shown_filter, everything=view.everything, faults=view.faults)
    column = find_column(view.sort)

    def sort(rows: Iterable[Row]) -> list[Row]:
        return arrange(rows, column, reverse=view.reverse, steady=steady)

    if not view.group:
        return sort(single(item) for item in items)
    heads = sort(
        Row(
            key=f"group:{label}",
            items=members,
            label=label,
            group=label,
            is_group=True,
            collapsed=label in view.collapsed,
        )
        for label, members in groups(items, view.group).items()
    )
    rows: list[Row] = []
    for head in heads:
        rows.append(head)
        if not head.collapsed:
            rows += sort(single(item, head.label) for item in head.items)
    return rows


def totals(rows: Iterable[Row]) -> Row:
    """The sum over the containers shown; a pod or a slice would count them once more."""
    items = [
        item
        for row in rows
        if not row.is_group or row.collapsed
        for item in row.items
        if item.is_container
    ]
    return Row(key="totals", items=tuple(items), label="", is_group=True)


def arrange(
    rows: Iterable[Row],
    column: Column,
    *,
    reverse: bool = False,
    steady: Steadying | None = None,
) -> list[Row]:
    """Sorted by `column`; equal ones by name; what is not known last, whichever way round."""
    known: list[tuple[float | str, Row]] = []
    rest: list[Row] = []
    for row in sorted(rows, key=lambda row: (row.label, str(row.key))):
        key = sort_key(column, row)
        if key is None:
            rest.append(row)
        elif steady is not None and isinstance(key, int | float):
            known.append((steady.value(row.key, key), row))
        else:
            known.append((key, row))
    # list.sort keeps the order of equal keys, with reverse=True as well.
    known.sort(key=lambda pair: pair[0], reverse=column.descending is not reverse)
    return [row for _, row in known] + rest


def single(item: Item, group: str = "") -> Row:
    """The row of one container."""
    key: Key = f"ended:{item.ended}" if item.cgroup is None else item.cgroup.inode
    return Row(key=key, items=(item,), label=item.title, group=group)
