"""Values again from what `values.Writer` made of them, possibly an older or newer agent's.

A type's fields are matched by name: one that this agent does not have is left out, one that the
file does not have is the type's default, or None. Whatever else does not fit is `Unreadable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import cast

from agent.history.schema import RecordType, record_types
from agent.history.values import BIG, BILLION, FIRST_RECORD, MAPPING, SET, TUPLE, Plain, billionths
from agent.records import dataclass


class Unreadable(ValueError):
    """What the file holds is nothing this agent can read."""


@dataclass(frozen=True, slots=True)
class _FileType:
    """A type as the file has it."""

    record: RecordType
    places: tuple[int | None, ...]
    """Of each field of the file, its place in the record. None: the record has none such."""
    same: bool
    """Whether the fields are the record's own."""


class Restorer:
    """Reads whole values and differences by one file's table of types."""

    def __init__(self, table: Plain) -> None:
        """Raises Unreadable."""
        by_name = {record.name: record for record in record_types().values()}
        self._types: list[_FileType | None] = []
        self._of: dict[type, _FileType] = {}
        kinds = {record.name: kind for kind, record in record_types().items()}
        for row in _list(table):
            name, *fields = _list(row)
            record = by_name.get(cast(str, name))
            if record is None:
                self._types.append(None)
                continue
            places = tuple(
                record.fields.index(field) if field in record.fields else None
                for field in cast("list[str]", fields)
            )
            known = _FileType(record, places, same=tuple(fields) == record.fields)
            self._types.append(known)
            self._of[kinds[record.name]] = known

    def whole(self, plain: Plain) -> object:
        """A whole value. Raises Unreadable."""
        if type(plain) is not list:
            return plain
        tag, *items = plain
        if type(tag) is not int:
            raise Unreadable(f"a value begins with {tag!r}")
        if tag >= FIRST_RECORD:
            return self._record(tag - FIRST_RECORD, items)
        if tag == TUPLE:
            return tuple(map(self.whole, items))
        if tag == MAPPING:
            return dict(zip(map(self.whole, items[::2]), map(self.whole, items[1::2]), strict=True))
        if tag == SET:
            return frozenset(map(self.whole, items))
        if tag == BIG:
            return int(items[0])
        raise Unreadable(f"a value begins with {tag}")

    def later(self, old: object, difference: Plain) -> object:
        """The value that differs so from `old`. Raises Unreadable."""
        kind = type(difference)
        if kind is int:
            return _added(old, cast(int, difference)) if difference else old
        if kind is dict:
            return self.whole(cast("dict[int, Plain]", difference)[0])
        if kind is not list:
            raise Unreadable(f"a difference of {difference!r}")
        differences = cast("list[Plain]", difference)
        known = self._of.get(type(old))
        if known is not None:
            return self._later_record(known, old, differences)
        if type(old) is dict:
            keys, values = list(old), tuple(old.values())
            return dict(zip(keys, self._each(values, differences), strict=True))
        if type(old) is tuple:
            return tuple(self._each(old, differences))
        raise Unreadable(f"a difference of fields for {type(old).__name__}")

    def _each(self, old: Sequence[object], differences: Sequence[Plain]) -> list[object]:
        values = list(old)
        for place, difference in enumerate(differences):
            if difference != 0:
                values[place] = self.later(values[place], difference)
        return values

    def _later_record(self, known: _FileType, old: object, differences: list[Plain]) -> object:
        record = known.record
        before = record.split(old)
        if known.same:
            if record.counts and len(differences) == len(before):
                try:
                    return record.join(list(map(add, before, differences)))
                except TypeError:
                    pass  # one is None, or not a number
            return record.join(self._each(before, differences))
        values = list(before)
        for place, difference in zip(known.places, differences, strict=False):
            if place is not None and difference != 0:
                values[place] = self.later(values[place], difference)
        return record.join(values)

    def _record(self, number: int, items: list[Plain]) -> object:
        known = self._types[number]
        if known is None:
            raise Unreadable("a type that this agent does not know")
        record = known.record
        if known.same:
            return record.join([self.whole(item) for item in items])
        values = list(record.defaults)
        told = set()
        for place, item in zip(known.places, items, strict=True):
            if place is not None:
                values[place] = self.whole(item)
                told.add(place)
        for place in range(len(values)):
            if place not in told and record.required(place):
                raise Unreadable(f"{record.name} without {record.fields[place]}")
        return record.join(values)


def _added(old: object, difference: int) -> object:
    if type(old) is int:
        return old + difference
    if type(old) is float and (before := billionths(old)) is not None:
        return (before + difference) / BILLION
    raise Unreadable(f"{difference} added to {old!r}")


def _list(plain: Plain) -> list[Plain]:
    if type(plain) is not list or not plain:
        raise Unreadable(f"a list was to be here: {plain!r}")
    return plain
