"""A row of the table: one container, or a group of them with their sums."""

from __future__ import annotations

from agent.records import dataclass
from agent.selection.field import Field
from agent.selection.fields import find_field
from agent.selection.item import Item, Trend, Value
from agent.top.column import Column

Key = int | str
"""What a row is known by from tick to tick: a cgroup's inode, or text for what has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. Of a group `item` is None."""

    key: Key
    items: tuple[Item, ...]
    """One, or the members of the group."""
    label: str
    """What stands under NAME."""
    group: str = ""
    """The label of the group it is, or is in; "" where nothing is grouped."""
    is_group: bool = False
    collapsed: bool = False

    @property
    def item(self) -> Item | None:
        """The container; None for a group."""
        return None if self.is_group else self.items[0]

    def value(self, field: Field) -> Value:
        """What it has in this field; a group "" where it has nothing together."""
        if not self.is_group:
            return field.read(self.items[0])
        return field.total(self.items) if field.total is not None else ""

    def cpu_trend(self) -> Trend:
        """Cores, of all its items together."""
        return _summed([item.cpu_trend for item in self.items])

    def memory_trend(self) -> Trend:
        """Bytes, of all its items together."""
        return _summed([item.memory_trend for item in self.items])


def values_of(column: Column, row: Row) -> tuple[Value, ...]:
    """What `row` has in the fields of `column`."""
    return tuple([row.value(find_field(name)) for name in column.fields])


def sort_key(column: Column, row: Row) -> float | str | None:
    """What `row` is sorted by in `column`; None where it is not known."""
    if column.key == "name":
        return row.label
    if column.order:
        known = [
            value
            for name in column.order
            if isinstance(value := row.value(find_field(name)), int | float)
        ]
        return sum(known) if known else None
    values = [
        value
        for value in values_of(column, row)
        # Text that is not known is empty.
        if isinstance(value, int | float | str) and value != ""
    ]
    return max(values) if values else None


def _summed(trends: list[Trend]) -> Trend:
    if len(trends) == 1:
        return trends[0]
    length = max(map(len, trends), default=0)
    total: list[float | None] = [None] * length
    for trend in trends:
        for place, value in enumerate(trend, start=length - len(trend)):
            if value is not None:
                total[place] = (total[place] or 0.0) + value
    return tuple(total)
