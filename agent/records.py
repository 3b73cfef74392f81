"""Dataclasses that cost a twentieth to define: what each needs compiled is compiled at first use.

A command that imports a hundred records makes instances of twenty and compares three. The standard
library compiles five functions for each, 0.75 ms and 6 KB; here `__init__`, `__eq__` and `__hash__`
are compiled when they are first called, and the others are the same functions for all
(`tests.bench.records` has the ratios). `NamedTuple` is the same for named tuples.

`dataclass`, `field` and `replace` mean what those of the standard library mean, as far as they are
here: classes with slots, fields with a default, a default_factory, kw_only and repr, and
`__post_init__`. A type checker takes them for those. `dataclasses.fields` and its kin work on them,
too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from agent.first_use import FirstUse

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
    from typing import NamedTuple
else:
    from agent.named_tuple import NamedTuple

__all__ = ["NamedTuple", "dataclass", "field", "hints", "is_record", "replace"]

_MISSING: Final = object()


class _Field:
    """How a field gets its value where none is given."""

    __slots__ = ("default", "factory", "repr")

    def __init__(self, default: object, factory: Any = _MISSING, *, shown: bool = True) -> None:
        self.default = default
        self.factory = factory
        self.repr = shown


_REQUIRED: Final = _Field(_MISSING)


class _Record:
    """What is known of a class, with what it inherits."""

    __slots__ = ("_get", "annotations", "fields", "keywords")

    def __init__(
        self,
        annotations: Mapping[str, object],
        fields: Mapping[str, _Field],
        keywords: frozenset[str],
    ) -> None:
        self.annotations = annotations
        self.fields = fields
        self.keywords = keywords
        """Those that are given by name only."""
        self._get: Callable[[Any], tuple[Any, ...]] | None = None

    def values(self, instance: object) -> tuple[Any, ...]:
        """All values of an instance, in the order of the fields."""
        if self._get is None:  # most are never asked
            self._get = _getter(tuple(self.fields))
        return self._get(instance)


class _Fields:
    """`__dataclass_fields__`: by the standard library, once it asks."""

    def __get__(self, instance: object, owner: Any) -> Mapping[str, Any]:
        import dataclasses

        record: _Record = owner.__record__
        body: dict[str, Any] = {"__annotations__": dict(record.annotations), "__doc__": "a record"}
        for name, each in record.fields.items():
            options: dict[str, Any] = {"repr": each.repr, "kw_only": name in record.keywords}
            if each.default is not _MISSING:
                options["default"] = each.default
            if each.factory is not _MISSING:
                options["default_factory"] = each.factory
            body[name] = dataclasses.field(**options)
        bare: Any = type(owner.__name__, (), body | {"__module__": owner.__module__})
        bare = dataclasses.dataclass(init=False, repr=False, eq=False)(bare)
        found: Mapping[str, Any] = bare.__dataclass_fields__
        owner.__dataclass_fields__ = found
        return found


_FIELDS: Final = _Fields()


if not TYPE_CHECKING:

    def dataclass(*, slots, frozen=False, kw_only=False, eq=True):
        """See `dataclasses.dataclass`; slots must be True."""
        if not slots:
            raise TypeError("a record has slots")
        return lambda cls: _make(cls, frozen=frozen, kw_only=kw_only, eq=eq)

    def field(*, default=_MISSING, default_factory=_MISSING, repr=True):  # noqa: A002
        """See `dataclasses.field`."""
        return _Field(default, default_factory, shown=repr)

    def replace(instance, /, **changes):
        """See `dataclasses.replace`."""
        record = instance.__record__
        return type(instance)(
            **dict(zip(record.fields, record.values(instance), strict=True)) | changes
        )


def is_record(kind: object) -> TypeGuard[type]:
    """Whether it is a class that `dataclass` made."""
    return isinstance(kind, type) and hasattr(kind, "__record__")


def hints(record: type, names: Mapping[str, object] | None = None) -> dict[str, object]:
    """
    Name → type of each field; `names`: for what its module does not load.

    `typing.get_type_hints` loads what Python's syntax trees are made of, which stays: 210 KB.
    """
    found: dict[str, object] = {}
    for cls in reversed(record.__mro__[:-1]):
        known = vars(sys.modules[cls.__module__])
        for name, hint in cls.__annotations__.items():
            found[name] = eval(hint, known, names or {})  # noqa: S307 our own source
    return found


def _make(cls: Any, *, frozen: bool, kw_only: bool, eq: bool) -> Any:
    annotations: Mapping[str, object] = {}
    fields: dict[str, _Field] = {}
    keywords: set[str] = set()
    for parent in cls.__mro__[:0:-1]:
        record: _Record | None = parent.__dict__.get("__record__")
        if record is not None:
            annotations = {**annotations, **record.annotations}
            fields |= record.fields
            keywords |= record.keywords
    body = dict(cls.__dict__)
    own: Mapping[str, object] = cls.__annotations__
    slots = tuple([name for name in own if name not in fields])
    for name, hint in own.items():
        fields[name] = _field(body.pop(name, _MISSING), name, hint)
    annotations = {**annotations, **own} if annotations else own
    if kw_only:
        keywords.update(own)
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    body |= {
        "__slots__": slots,
        "__qualname__": cls.__qualname__,
        "__record__": _Record(annotations, fields, frozenset(keywords)),
        "__dataclass_fields__": _FIELDS,
        "__match_args__": tuple([name for name in fields if name not in keywords]),
        "__repr__": body.get("__repr__", _repr),
    }
    if frozen:
        body |= _FROZEN
    if eq and not frozen:
        body["__hash__"] = None
    body["__init__"] = _INIT
    if eq:
        body["__eq__"] = _EQ
        if frozen:
            body["__hash__"] = _HASH
    return type(cls)(cls.__name__, cls.__bases__, body)


def _field(default: object, name: str, hint: object) -> _Field:
    if "ClassVar" in str(hint) or "InitVar" in str(hint):
        raise TypeError(f"{name}: {hint} is no field of a record")
    if default is _MISSING:
        return _REQUIRED
    if isinstance(default, _Field):
        return default
    if type(default).__hash__ is None:
        raise ValueError(f"{name}: one {type(default).__name__} for all instances")
    return _Field(default)


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda instance: tuple([getattr(instance, name) for name in names])


def _compiled(name: str, text: Callable[[_Record, dict[str, Any]], str]) -> FirstUse:
    def made(cls: Any) -> Any:
        names: dict[str, Any] = {"_cls": cls, "__name__": cls.__module__}
        exec(text(cls.__record__, names), names)  # noqa: S102 made of the names of fields
        names[name].__qualname__ = f"{cls.__qualname__}.{name}"
        return names[name]

    return FirstUse(name, made)


def _init(record: _Record, names: dict[str, Any]) -> str:
    """Each value into its slot, past the `__setattr__` of a frozen one."""
    places, keywords, lines = ["self"], ["*"], ["pass"]
    for name, each in record.fields.items():
        names[sys.intern(f"_set_{name}")] = getattr(names["_cls"], name).__set__
        place = value = name
        if each.factory is not _MISSING:
            names |= {"_missing": _MISSING, f"_new_{name}": each.factory}
            place, value = f"{name}=_missing", f"_new_{name}() if {name} is _missing else {name}"
        elif each.default is not _MISSING:
            names[f"_default_{name}"] = each.default
            place = f"{name}=_default_{name}"
        (keywords if name in record.keywords else places).append(place)
        lines.append(f"_set_{name}(self, {value})")
    if hasattr(names["_cls"], "__post_init__"):
        lines.append("self.__post_init__()")
    if len(keywords) > 1:
        places += keywords
    return f"def __init__({', '.join(places)}):\n  " + "\n  ".join(lines)


def _eq(record: _Record, names: dict[str, Any]) -> str:  # noqa: ARG001 as `_init`
    return f"""\
def __eq__(self, other):
  if other.__class__ is self.__class__:
    return {_tuple(record, "self")} == {_tuple(record, "other")}
  return NotImplemented"""


def _hash(record: _Record, names: dict[str, Any]) -> str:  # noqa: ARG001 as `_init`
    return f"def __hash__(self):\n  return hash({_tuple(record, 'self')})"


def _tuple(record: _Record, instance: str) -> str:
    return "(" + "".join([f"{instance}.{name}, " for name in record.fields]) + ")"


_INIT: Final = _compiled("__init__", _init)
_EQ: Final = _compiled("__eq__", _eq)
_HASH: Final = _compiled("__hash__", _hash)


def _repr(self: Any) -> str:
    record: _Record = self.__record__
    shown = [
        f"{name}={value!r}"
        for (name, each), value in zip(record.fields.items(), record.values(self), strict=True)
        if each.repr
    ]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _setattr(self: Any, name: str, value: object) -> None:  # noqa: ARG001 Python's own signature
    raise _frozen(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:  # noqa: ARG001 Python's own signature
    raise _frozen(f"cannot delete field {name!r}")


def _frozen(message: str) -> AttributeError:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(message)


def _getstate(self: Any) -> tuple[Any, ...]:
    values: tuple[Any, ...] = self.__record__.values(self)
    return values


def _setstate(self: Any, state: Iterable[object]) -> None:
    for name, value in zip(self.__record__.fields, state, strict=True):
        object.__setattr__(self, name, value)


_FROZEN: Final = {
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
