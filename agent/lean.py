"""Libraries imported without what they import in turn and this process never uses.

Two ways:

    defer("inspect")             loads when one of its names is first used, not when it is imported;
                                 nothing else is different
    with emptied("gzip"): ...    every name in it is an empty class: for libraries of which the part
                                 that uses it is not used

At start, by one thread: a module that is loaded already stays as it is. (importlib.util.LazyLoader
does not do for the first: Python 3.11 loads its modules at the next `import` of them.)
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_lock = threading.Lock()


def defer(*names: str) -> None:
    """Have these modules load at their first use, whichever thread's that is."""
    for name in names:
        if name in sys.modules:
            continue
        parent, _, child = name.rpartition(".")
        stand_in = sys.modules[name] = _Deferred(name)
        if parent:
            setattr(importlib.import_module(parent), child, stand_in)


@contextmanager
def emptied(*names: str) -> Iterator[None]:
    """While this lasts, those that are not loaded yet are there and hold nothing."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = _Empty(name)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


class _Deferred(ModuleType):
    """Stands for a module, and answers by it."""

    def __getattr__(self, name: str) -> object:
        # Python itself asks for these when the module is imported.
        if name.startswith("__"):
            raise AttributeError(name)
        with _lock:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


class _Empty(ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})
