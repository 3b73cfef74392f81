"""`typing.NamedTuple` at a quarter of its memory: what every class needs is there once.

`collections.namedtuple` makes six functions for each class, and `typing` compiles and keeps code
for each annotation: together 5 KB. Here the classes share all but `__new__`, which is compiled at
first use, and nobody looks at what the annotations say.

`agent.records` is where to import it from.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from typing import Any, Final

from agent.first_use import FirstUse

_MOST: Final = 64
"""Fields of a class."""
_NAMES: Final = [f"at_{place}" for place in range(_MOST)]
_Places: Any = namedtuple("_Places", _NAMES)  # type: ignore[misc]
_PLACES: Final = [getattr(_Places, name) for name in _NAMES]
"""What stands for a field in a class, by its place."""
_tuple_of: Final = tuple.__new__


class Row(tuple[Any, ...]):
    """What named tuples inherit."""

    __slots__ = ()
    _fields = tuple[str, ...]()

    @classmethod
    def _make(cls, values: Iterable[object]) -> Any:
        """A new one of a value for each field."""
        made = _tuple_of(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
        return made

    def _replace(self, /, **changes: object) -> Any:
        """The same with other values."""
        made = self._make(map(changes.pop, self._fields, self))
        if changes:
            raise ValueError(f"Got unexpected field names: {list(changes)!r}")
        return made

    def _asdict(self) -> dict[str, object]:
        """Name → value."""
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        values = ", ".join([f"{k}={v!r}" for k, v in zip(self._fields, self, strict=True)])
        return f"{type(self).__name__}({values})"

    def __getnewargs__(self) -> tuple[object, ...]:
        return tuple(self)


class NamedTuples(type):
    """Makes a class of a body."""

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        if not bases:
            return super().__new__(mcs, name, bases, body)
        fields = tuple(body.get("__annotations__", ()))
        places = dict(zip(fields, _PLACES, strict=False))
        if len(places) < len(fields):
            raise TypeError(f"{name}: more than {_MOST} fields")
        defaults = {field: body[field] for field in fields if field in body}
        if defaults and tuple(defaults) != fields[-len(defaults) :]:
            raise TypeError(f"{name}: a field without a default stands behind one that has one")
        named = {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
        return type(name, (Row,), _SHARED | body | places | named)


def _new(cls: Any) -> Any:
    """`__new__`, with the fields for parameters."""
    names: dict[str, Any] = {"_new": _tuple_of, "__name__": cls.__module__}
    values = "".join([f"{name}, " for name in cls._fields])
    exec(f"def __new__(_cls, {values}):\n  return _new(_cls, ({values}))", names)  # noqa: S102 names
    made = names["__new__"]
    made.__defaults__ = tuple(cls._field_defaults.values())
    made.__qualname__ = f"{cls.__qualname__}.__new__"
    return staticmethod(made)


_SHARED: Final = {"__slots__": (), "__new__": FirstUse("__new__", _new)}


class NamedTuple(metaclass=NamedTuples):
    """See `typing.NamedTuple`."""
