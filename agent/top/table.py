"""Usages as rows of typed cells: which rows, in which order, and what each cell says.

Pure. Sorting compares the values of the columns, never their text; only `write_cell` makes text,
so a marker is never mistaken for a number.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from agent import units
from agent.container.container import Kind
from agent.kernelfile import Unlimited
from agent.top.columns import Column, Value, title
from agent.top.filter import Filter
from agent.top.glyphs import Glyphs
from agent.top.width import clean
from agent.usage import Unknown, Usage


class Level(enum.Enum):
    """How much a cell asks to be looked at."""

    NORMAL = enum.auto()
    FAINT = enum.auto()
    WARNING = enum.auto()
    CRITICAL = enum.auto()


class Cell(NamedTuple):
    """One cell, written."""

    text: str
    level: Level = Level.NORMAL


def select(usages: Iterable[Usage], kept: Filter, *, everything: bool = False) -> list[Usage]:
    """The containers that `kept` matches; with `everything` also sandboxes, pods and services."""
    return [
        usage
        for usage in usages
        if (everything or is_container(usage)) and (not kept.text or kept.matches(usage))
    ]


def is_container(usage: Usage) -> bool:
    """Not a sandbox, a pod's own cgroup, or something no runtime made."""
    return usage.container is not None and usage.container.kind is Kind.CONTAINER


def arrange(usages: Iterable[Usage], column: Column, *, reverse: bool = False) -> list[Usage]:
    """Sorted by `column`; equal ones by name; what is not known last, whichever way round."""
    known: list[tuple[float | str, Usage]] = []
    rest: list[Usage] = []
    for usage in sorted(usages, key=lambda usage: (title(usage), usage.cgroup.path)):
        key = sort_key(column, usage)
        if key is None:
            rest.append(usage)
        else:
            known.append((key, usage))
    # list.sort keeps the order of equal keys, with reverse=True as well.
    known.sort(key=lambda pair: pair[0], reverse=column.descending is not reverse)
    return [usage for _, usage in known] + rest


def sort_key(column: Column, usage: Usage) -> float | str | None:
    """The value `usage` is sorted by in `column`; None where it is not known."""
    if column.order is not None:
        return column.order(usage)
    known = [value for value in column.values(usage) if isinstance(value, int | float | str)]
    # Text that is not known is empty.
    known = [value for value in known if value != ""]
    return max(known) if known else None


def write_cell(column: Column, usage: Usage, *, now: float, glyphs: Glyphs) -> Cell:
    """One cell as text. `now` is Unix seconds, for ages."""
    if column.key == "state":
        return _write_state(usage, now, glyphs)
    values = column.values(usage)
    written = [_write(column, value, glyphs).rjust(column.part_width) for value in values]
    return Cell("/".join(written), _level(column, values))


def _write(column: Column, value: Value, glyphs: Glyphs) -> str:
    match value:
        case Unknown.DENIED:
            return glyphs.denied
        case Unknown():
            return glyphs.unknown
        case Unlimited():
            return glyphs.unlimited
        case str():
            return clean(value, ascii_only=glyphs.ascii_only) or glyphs.unknown
        case _:
            return column.write(value)


def _write_state(usage: Usage, now: float, glyphs: Glyphs) -> Cell:
    if usage.state is None:
        return Cell(glyphs.denied if usage.unknown["state"] is Unknown.DENIED else glyphs.unknown)
    if usage.state != "running":
        return Cell(usage.state, Level.WARNING if usage.state == "paused" else Level.FAINT)
    # A clock set back may put the start after now.
    return Cell(f"up {units.human_duration(max(0.0, now - usage.started))}")


def _level(column: Column, values: tuple[Value, ...]) -> Level:
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return Level.NORMAL if isinstance(values[0], str) else Level.FAINT
    largest = max(numbers)
    if largest >= column.critical:
        return Level.CRITICAL
    if largest >= column.warning:
        return Level.WARNING
    return Level.FAINT if largest == 0 else Level.NORMAL
