"""Add up the counts of two cgroups, whatever a probe's counts look like. Pure.

Numbers are added; of a mapping each key; of a sequence each place; of a record each field. None is
what is not counted here: with it the sum is not known either.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def add(one: T, other: T) -> T:
    """The sum. Both are of one type; raise TypeError for a type that has no sum."""
    result: T = _add(one, other)
    return result


def _add(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return None
    if isinstance(one, int):
        return one + other
    if isinstance(one, Mapping):
        both = dict(one)
        for key, value in other.items():
            both[key] = _add(both[key], value) if key in both else value
        return both
    if isinstance(one, (tuple, list)):
        parts = tuple(_add(a, b) for a, b in zip(one, other, strict=True))
        return type(one)(*parts) if hasattr(one, "_fields") else parts
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        names = [field.name for field in dataclasses.fields(one)]
        return type(one)(**{name: _add(getattr(one, name), getattr(other, name)) for name in names})
    raise TypeError(f"counts of type {type(one).__name__} have no sum")
