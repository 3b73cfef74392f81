"""Add up and subtract counts, whatever the counts of a probe look like. Pure.

Numbers are added; of a mapping each key; of a sequence each place; of a record each field. None is
what is not counted here: with it the sum, or the difference, is not known either.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def add(one: T, other: T) -> T:
    """The sum. Both are of one type; raise TypeError for a type that has no sum."""
    result: T = _combine(one, other, 1)
    return result


def add_up(counts: Iterable[T], zero: T) -> T:
    """The sum of all; `zero` where there are none."""
    for each in counts:
        zero = add(zero, each)
    return zero


def subtract(new: T, old: T) -> T:
    """What was counted between two readings. A key that only `old` has is left out: it went."""
    result: T = _combine(new, old, -1)
    return result


def _combine(one: Any, other: Any, sign: int) -> Any:
    if one is None or other is None:
        return None
    if isinstance(one, int):
        return one + sign * other
    if isinstance(one, Mapping):
        both = dict(one)
        for key, value in other.items():
            if key in both:
                both[key] = _combine(both[key], value, sign)
            elif sign > 0:
                both[key] = value
        return both
    if isinstance(one, (tuple, list)):
        parts = tuple(_combine(a, b, sign) for a, b in zip(one, other, strict=True))
        return type(one)(*parts) if hasattr(one, "_fields") else parts
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        names = [field.name for field in dataclasses.fields(one)]
        return type(one)(
            **{name: _combine(getattr(one, name), getattr(other, name), sign) for name in names}
        )
    raise TypeError(f"counts of type {type(one).__name__} have no sum")
