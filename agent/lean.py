"""Libraries imported without what they import in turn and this process never uses.

Three ways:

    defer("inspect")                    loads when one of its names is first used, not when it is
                                        imported; nothing else is different
    with emptied("gzip"): ...           no name in it means anything, also not as a base class: for
                                        libraries of which the part that uses it is not used
    with replaced("gettext", f=g): ...  these names are all that is in it: for libraries that use
                                        little of a large module

At start, by one thread: a module that is loaded already stays as it is. (importlib.util.LazyLoader
does not do for the first: Python 3.11 loads its modules at the next `import` of them.)
"""

from __future__ import annotations

import importlib
import sys
from _thread import allocate_lock
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

_lock = allocate_lock()


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
    with _instead([_Empty(name) for name in names]):
        yield


@contextmanager
def replaced(module: str, /, **names: object) -> Iterator[None]:
    """While this lasts, a module that is not loaded yet is there and holds these names."""
    stand_in = ModuleType(module)
    vars(stand_in).update(names)
    with _instead([stand_in]):
        yield


@contextmanager
def _instead(stand_ins: Sequence[ModuleType]) -> Iterator[None]:
    absent = {each.__name__: each for each in stand_ins if each.__name__ not in sys.modules}
    sys.modules.update(absent)
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


class _Nothing:
    """What every name means in an empty module: one object, where a class each took 1.2 KB."""

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        """A class that is made of it inherits nothing."""
        return ()


class _Empty(ModuleType):
    """A module in which no name means anything."""

    _nothing = _Nothing()

    def __getattr__(self, name: str) -> _Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._nothing
