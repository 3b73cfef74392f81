"""Values as msgpack can hold them, and the difference of one from an earlier one.

A whole value           None, bool, int, float, str, bytes    themselves
                        anything else                         a list whose first item says what
                            [0, item…]                        tuple
                            [1, key, value…]                  mapping
                            [2, item…]                        frozenset, sorted
                            [3, "…"]                          an int of more than 64 bits
                            [8 + i, field…]                   record of the i-th type of the file
A difference            0                                     the same
                        int                                   what was added to an int; to a float,
                                                              in billionths
                        {0: whole}                            another value
                        [difference…]                         of each field or item, in order; those
                                                              left out at the end are 0

Nothing is rounded: a float whose billionths are not exact is told whole. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import sub
from typing import Final

from agent.history.schema import record_types

TUPLE: Final = 0
MAPPING: Final = 1
SET: Final = 2
BIG: Final = 3
FIRST_RECORD: Final = 8
BILLION: Final = 1_000_000_000

_INT64: Final = 1 << 63
_SCALARS: Final = frozenset({type(None), bool, float, str, bytes})

Plain = object
"""What msgpack packs."""


class NotStorable(TypeError):
    """A value of a type that Snapshots are not made of."""


class Writer:
    """Makes whole values and differences; the types' numbers are those of `table`."""

    def __init__(self) -> None:
        types = record_types()
        self._types = types
        self._tags = {kind: FIRST_RECORD + number for number, kind in enumerate(types)}

    def table(self) -> Plain:
        """What a file says of its types: [name, field…] of each, in order."""
        return [[record.name, *record.fields] for record in self._types.values()]

    def whole(self, value: object) -> Plain:
        """A whole value. Raises NotStorable."""
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is int:
            assert isinstance(value, int)
            return value if -_INT64 <= value < 2 * _INT64 else [BIG, str(value)]
        record = self._types.get(kind)
        if record is not None:
            return [self._tags[kind], *map(self.whole, record.split(value))]
        if isinstance(value, Mapping):
            flat: list[Plain] = [MAPPING]
            for key, item in value.items():
                flat += self.whole(key), self.whole(item)
            return flat
        if isinstance(value, frozenset):
            return [SET, *map(self.whole, sorted(value))]
        if isinstance(value, Sequence):
            return [TUPLE, *map(self.whole, value)]
        raise NotStorable(f"{kind.__qualname__}: {value!r}")

    def difference(self, old: object, new: object) -> Plain:
        """What makes `new` of `old`. Raises NotStorable."""
        if old is new:
            return 0
        kind = type(new)
        if kind is not type(old):
            return {0: self.whole(new)}
        if kind is int:
            return new - old  # type: ignore[operator]
        record = self._types.get(kind)
        if record is not None:
            if record.counts:
                return _counts(record.split(old), record.split(new))  # type: ignore[arg-type]
            return self._each(record.split(old), record.split(new))
        if kind is tuple:
            if len(old) == len(new):  # type: ignore[arg-type]
                return self._each(old, new)  # type: ignore[arg-type]
        elif kind is float:
            return _of_floats(old, new)  # type: ignore[arg-type]
        elif old == new:
            return 0
        elif kind is dict and list(old) == list(new):  # type: ignore[call-overload]
            return self._each(old.values(), new.values())  # type: ignore[attr-defined]
        return {0: self.whole(new)}

    def _each(self, old: Iterable[object], new: Iterable[object]) -> Plain:
        difference = self.difference
        # Numbers are most of it, and are not worth a call each.
        found = [
            0 if a is b else b - a if type(a) is type(b) is int else difference(a, b)
            for a, b in zip(old, new, strict=True)
        ]
        return found if any(found) else 0


def _counts(old: Sequence[int | None], new: Sequence[int | None]) -> Plain:
    try:
        found: list[Plain] = list(map(sub, new, old))
    except TypeError:
        found = [
            (0 if a is b else {0: b}) if a is None or b is None else b - a
            for a, b in zip(old, new, strict=True)
        ]
    return found if any(found) else 0


def _of_floats(old: float, new: float) -> Plain:
    if old == new:
        return 0
    before, after = billionths(old), billionths(new)
    # A difference of 0 says "the same": two floats closer than a billionth are not.
    if before is None or after is None or before == after:
        return {0: new}
    return after - before


def billionths(value: float) -> int | None:
    """`value` as a whole number of billionths; None where that is not exactly it."""
    try:
        count = round(value * BILLION)
    except (OverflowError, ValueError):
        return None  # infinite, or no number
    return count if abs(count) < _INT64 and count / BILLION == value else None
