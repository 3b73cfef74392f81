"""What a column is: which fields it shows, how they are written, and when they matter."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, Literal

from agent import units
from agent.records import NamedTuple, dataclass
from agent.selection.field import Unit
from agent.selection.fields import find_field


class Grow(enum.IntEnum):
    """What takes room that is left over, the first first."""

    NO = 0
    NAME = 1
    WHY = 2
    REST = 3


class Marks(NamedTuple):
    """Values from here on are coloured: in the base of the values."""

    warning: float = float("inf")
    critical: float = float("inf")


UNMARKED: Final = Marks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: where its values come from and how they are written."""

    key: str
    """What `--sort` and `--columns` take."""
    heading: str
    fields: tuple[str, ...]
    """Names in `agent.selection.fields`; several are written with a slash between them."""
    width: int
    help: str = ""
    """"": that of its field."""
    kind: Literal["plain", "state", "cpu-trend", "memory-trend", "why"] = "plain"
    part_width: int = 0
    """Each of several values is filled to this many columns."""
    order: tuple[str, ...] = ()
    """Fields whose sum it sorts by, where that is not the largest of `fields`."""
    descending: bool = True
    right: bool = True
    marks: Marks = UNMARKED
    rank: int = 0
    """The higher, the sooner it is left out where there is little room."""
    grow: Grow = Grow.NO
    most: int = 0
    """What it grows to at most; 0: to whatever there is."""

    @property
    def sort(self) -> str:
        """The column that rows are sorted by when this one is chosen: for WHY by the worst."""
        return "trouble" if self.kind == "why" else self.key

    @property
    def says(self) -> str:
        """What it shows, for the help."""
        return self.help or find_field(self.fields[0]).help


def _count(value: float) -> str:
    return units.human_count(int(value))


WRITERS: Final[dict[Unit, Callable[[float], str]]] = {
    Unit.CORES: units.human_cores,
    Unit.BYTES: units.human_size,
    Unit.RATE: units.human_rate,
    Unit.RATIO: units.human_percent,
    Unit.COUNT: _count,
    Unit.SECONDS: units.human_duration,
    Unit.SCORE: lambda value: f"{value:.0f}",
    Unit.SEVERITY: _count,
}
"""How a number of each unit is written."""
