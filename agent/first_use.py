"""Methods that are compiled when first looked up: one object for all the classes that have one.

Of a hundred records that a command imports it makes instances of twenty and compares three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class FirstUse:
    """Stands in a class' body for the method `name`."""

    __slots__ = ("_make", "_name")

    def __init__(self, name: str, make: Callable[[Any], Any]) -> None:
        """`make` gets the class that this stands in; what it returns takes this' place there."""
        self._name = name
        self._make = make

    def __get__(self, instance: Any, owner: Any) -> Any:
        name = self._name
        for cls in owner.__mro__:
            if cls.__dict__.get(name) is self:
                setattr(cls, name, self._make(cls))
                break
        # Made by another thread meanwhile, there is none, and what it made is there.
        return getattr(owner if instance is None else instance, name)
