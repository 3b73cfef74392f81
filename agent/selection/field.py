"""A field: one thing to compare, to show, to print. The table of them is in `fields.py`."""

from __future__ import annotations

import enum
from collections.abc import Callable

from agent.records import dataclass
from agent.selection.item import Item
from agent.selection.read import Read, Total, measured, most, same, total


class Unit(enum.Enum):
    """What a field's values are; how they are written and compared."""

    TEXT = enum.auto()
    CORES = enum.auto()
    BYTES = enum.auto()
    RATE = enum.auto()
    """Bytes per second."""
    RATIO = enum.auto()
    COUNT = enum.auto()
    SECONDS = enum.auto()
    SCORE = enum.auto()
    SEVERITY = enum.auto()
    """Numbers of `finding.Severity`; 0 where nothing is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field."""

    name: str
    unit: Unit
    help: str
    read: Read
    total: Total | None = None
    """Of several; None where together they have none."""
    also: tuple[str, ...] = ()
    """Other names for it."""
    each: Callable[[Item], tuple[str, ...]] | None = None
    """Where it has several texts: each. A filter fits where one does."""


def number(
    name: str, unit: Unit, text: str, read: Read, several: Total | None, *also: str
) -> Field:
    """A field of numbers. `several`: how those of several items are one."""
    return Field(name=name, unit=unit, help=text, read=read, total=several, also=also)


def text_field(name: str, text: str, read: Read, *also: str) -> Field:
    """A field of text; of several items what all of them have."""
    return Field(name=name, unit=Unit.TEXT, help=text, read=read, total=same(read), also=also)


def summed(name: str, unit: Unit, text: str, read: Read, *also: str) -> Field:
    """A field of numbers that add up."""
    return number(name, unit, text, read, total(read), *also)


def pressure(name: str, text: str, attribute: str, *also: str) -> Field:
    """A share of time, of the Usage's `attribute`; of several items the largest."""
    read = measured(attribute)
    return number(name, Unit.RATIO, text, read, most(read), *also)
