"""Rows and columns → cells: what each says, and how much it asks to be looked at. Pure.

Only here values become text, so a marker is never mistaken for a number.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Final

from agent import units
from agent.diagnosis.finding import Severity
from agent.kernelfile import Unlimited
from agent.records import NamedTuple
from agent.selection.fields import find_field
from agent.selection.item import Item, Trend, Value
from agent.top.column import WRITERS, Column
from agent.top.columns import find_column
from agent.top.glyphs import ASCII, UNICODE, Glyphs
from agent.top.row import Row, values_of
from agent.top.spark import spark, whole_of
from agent.top.width import clean
from agent.usage import Unknown

_LEAST_CORES: Final = 0.1
"""A container that never used more than this has a low line, not one that jumps."""
_LEAST_BYTES: Final = 1024 * 1024


class Level(enum.Enum):
    """How much a cell asks to be looked at."""

    NORMAL = enum.auto()
    FAINT = enum.auto()
    NOTICE = enum.auto()
    WARNING = enum.auto()
    CRITICAL = enum.auto()


class Cell(NamedTuple):
    """One cell, written."""

    text: str
    level: Level = Level.NORMAL


SEVERITY_LEVELS: Final = {
    Severity.NOTICE: Level.NOTICE,
    Severity.WARNING: Level.WARNING,
    Severity.CRITICAL: Level.CRITICAL,
}


def write_cell(column: Column, row: Row, glyphs: Glyphs) -> Cell:
    """One cell as text."""
    match column.kind:
        case "state":
            return _state(row, glyphs)
        case "why":
            return _why(row, glyphs)
        case "cpu-trend":
            return _trend(row.cpu_trend(), row, "cpu.limit", _LEAST_CORES, column, glyphs)
        case "memory-trend":
            return _trend(row.memory_trend(), row, "mem.limit", _LEAST_BYTES, column, glyphs)
        case _ if column.key == "name":
            return _name(row, glyphs)
        case _:
            return _plain(column, row, glyphs)


def _plain(column: Column, row: Row, glyphs: Glyphs) -> Cell:
    return _written(column.key, values_of(column, row), row.is_group, glyphs.ascii_only)


@lru_cache(maxsize=4096)
def _written(key: str, values: tuple[Value, ...], group: bool, ascii_only: bool) -> Cell:
    """Most containers do little: from tick to tick most cells say the same."""
    column, glyphs = find_column(key), ASCII if ascii_only else UNICODE
    written = [
        _write(value, name, glyphs, group=group).rjust(column.part_width)
        for value, name in zip(values, column.fields, strict=True)
    ]
    return Cell("/".join(written), _level(column, values))


def _write(value: Value, name: str, glyphs: Glyphs, *, group: bool) -> str:
    match value:
        case Unknown.DENIED:
            return glyphs.denied
        case Unknown():
            return glyphs.unknown
        case Unlimited():
            return glyphs.unlimited
        case str():
            # What the members of a group do not have in common is not unknown.
            return clean(value, ascii_only=glyphs.ascii_only) or ("" if group else glyphs.unknown)
        case _:
            return WRITERS[find_field(name).unit](value)


def _name(row: Row, glyphs: Glyphs) -> Cell:
    name = clean(row.label, ascii_only=glyphs.ascii_only) or glyphs.unknown
    if row.is_group:
        fold = glyphs.folded if row.collapsed else glyphs.unfolded
        return Cell(f"{fold} {name}")
    return Cell(f"  {_in_group(name, row)}" if row.group else name)


def _in_group(name: str, row: Row) -> str:
    """A member without what its group's line says already: "api" below "shop/checkout-7c9f"."""
    return name.removeprefix(f"{row.group}/") or name


def _state(row: Row, glyphs: Glyphs) -> Cell:
    if row.item is None:
        running = sum(_is_running(item) for item in row.items)
        level = Level.NORMAL if running == len(row.items) else Level.WARNING
        return Cell(f"{running}/{len(row.items)}", level)
    state = row.value(find_field("state"))
    if isinstance(state, Unknown):
        return Cell(glyphs.denied if state is Unknown.DENIED else glyphs.unknown)
    if state != "running":
        return Cell(str(state), Level.FAINT if state == "exited" else Level.WARNING)
    age = row.value(find_field("age"))
    return Cell(f"up {units.human_duration(age)}" if isinstance(age, int | float) else "up")


def _is_running(item: Item) -> bool:
    return item.usage is not None and item.usage.state == "running"


def _why(row: Row, glyphs: Glyphs) -> Cell:
    found = [finding for item in row.items for finding in item.findings]
    if not found:
        return Cell("")
    worst = max(found, key=lambda finding: (finding.severity, finding.weight))
    sign = {
        Severity.NOTICE: glyphs.notice,
        Severity.WARNING: glyphs.warning,
        Severity.CRITICAL: glyphs.critical,
    }[worst.severity]
    more = f" +{len(found) - 1}" if len(found) > 1 else ""
    summary = clean(worst.summary, ascii_only=glyphs.ascii_only)
    return Cell(f"{sign} {summary}{more}", SEVERITY_LEVELS[worst.severity])


def _trend(
    trend: Trend, row: Row, limit_field: str, least: float, column: Column, glyphs: Glyphs
) -> Cell:
    limit = row.value(find_field(limit_field))
    whole = whole_of(trend, float(limit) if isinstance(limit, int | float) else None, least)
    return Cell(spark(trend, max(whole, least), column.width, glyphs))


def _level(column: Column, values: tuple[Value, ...]) -> Level:
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return Level.NORMAL if isinstance(values[0], str) else Level.FAINT
    largest = max(numbers)
    if largest >= column.marks.critical:
        return Level.CRITICAL
    if largest >= column.marks.warning:
        return Level.WARNING
    return Level.FAINT if largest == 0 else Level.NORMAL
