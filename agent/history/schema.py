"""Which types a Snapshot, an Event and a Note are made of: what may be in a file, no more.

Found by walking the type hints of all three, so that a new field or record needs no word here. A
file names types and fields; only those in `TYPES` are ever made from it, whatever a file says.

    record      dataclass or NamedTuple      its fields, in order
    enum        Kind.SANDBOX                 one field, the member's name
    ProbeCounts                              one field, the tuple of its records
    Check       a row of the security table  one field, its id
"""

from __future__ import annotations

import dataclasses
import enum
import operator
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from agent.bpf.counts import ProbeCounts
from agent.bpf.own import OwnCounts
from agent.bpf.registry import KINDS
from agent.cgroupfs.pressure import Pressure
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.container.container import Container
from agent.diagnosis.note import Note
from agent.filesystem.usage import FilesystemUsage
from agent.lifecycle.events import Event
from agent.lifecycle.totals import Lifetimes
from agent.machine import Machine
from agent.model import Snapshot
from agent.netstack import NetworkStack
from agent.processes import ProcessCounts
from agent.procfs.meminfo import Meminfo
from agent.procfs.net_dev import NetDev
from agent.procfs.stat import CpuTimes
from agent.records import dataclass
from agent.security.check import Check
from agent.security.posture import Posture
from agent.security.reports.images import Images
from agent.security.table import BY_ID

_OF_MODEL: Final = {
    each.__name__: each
    for each in (
        *(Cgroup, CgroupReading, Container, CpuTimes, FilesystemUsage, Images, Lifetimes, Machine),
        *(Meminfo, NetDev, NetworkStack, Posture, Pressure, ProcessCounts, ProbeCounts),
    )
}
_REQUIRED: Final = object()
_WHOLE: Final = {int, int | None}


@dataclass(frozen=True, slots=True)
class RecordType:
    """How values of one type are taken apart and put together."""

    name: str
    """Last part of the module and name of the class: "cpu.CpuStat"."""
    fields: tuple[str, ...]
    split: Callable[[Any], Sequence[object]]
    """The values of the fields, in order."""
    join: Callable[[Sequence[object]], object]
    """The opposite. Raises ValueError, TypeError or LookupError for what it cannot be made of."""
    defaults: tuple[object, ...]
    """Of each field, for a file that was written before there was that field."""
    counts: bool
    """Whether every field is an int or None."""

    def required(self, place: int) -> bool:
        """Whether the field has no default."""
        return self.defaults[place] is _REQUIRED


@cache
def record_types() -> Mapping[type, RecordType]:
    """Every type that may be in a file, in a fixed order."""
    found: dict[type, RecordType] = {}
    for root in (Snapshot, Event, *(kind.counts for kind in KINDS), OwnCounts, Note):
        _walk(root, found)
    names = [record.name for record in found.values()]
    if len(set(names)) < len(names):
        raise AssertionError(f"two types of one name: {sorted(names)}")
    return found


def hints_of(kind: Any) -> dict[str, Any]:
    """`typing.get_type_hints` of a record, with what `agent.model` only names."""
    return typing.get_type_hints(kind, localns=_OF_MODEL)


def _walk(hint: object, found: dict[type, RecordType]) -> None:
    if isinstance(hint, enum.Enum):
        hint = type(hint)  # Literal[Unlimited.UNLIMITED]
    if not isinstance(hint, type) or typing.get_origin(hint) is not None:
        for argument in typing.get_args(hint):
            _walk(argument, found)
        return
    if hint in found:
        return
    if hint is ProbeCounts:
        found[hint] = _one_field(hint, "counts", tuple, ProbeCounts)
    elif hint is Check:
        found[hint] = _one_field(hint, "id", lambda check: check.id, BY_ID.__getitem__)
    elif issubclass(hint, enum.Enum):
        found[hint] = _one_field(hint, "name", lambda member: member.name, hint.__getitem__)
    elif dataclasses.is_dataclass(hint) or (issubclass(hint, tuple) and hasattr(hint, "_fields")):
        told = hints_of(hint)
        hints = {name: told[name] for name in _fields(hint)}
        found[hint] = _record(hint, hints)
        for inner in hints.values():
            _walk(inner, found)


def _record(kind: type, hints: Mapping[str, object]) -> RecordType:
    fields = tuple(hints)
    split: Callable[[Any], Sequence[object]]
    join: Callable[[Sequence[object]], object]
    if dataclasses.is_dataclass(kind):
        split = _attributes(fields)
        if any(field.kw_only for field in dataclasses.fields(kind)):
            join = lambda values: kind(**dict(zip(fields, values, strict=True)))  # noqa: E731
        else:
            join = lambda values: kind(*values)  # noqa: E731
    else:
        split = _itself
        join = cast(Any, kind)._make
    return RecordType(
        _name(kind),
        fields,
        split,
        join,
        tuple(_defaults(kind, hints)),
        all(hint in _WHOLE for hint in hints.values()),
    )


def _one_field(
    kind: type, field: str, split: Callable[[Any], object], join: Callable[[Any], object]
) -> RecordType:
    return RecordType(
        _name(kind),
        (field,),
        lambda value: (split(value),),
        lambda values: join(values[0]),
        (_REQUIRED,),
        counts=False,
    )


def _itself(value: tuple[object, ...]) -> tuple[object, ...]:
    return value


def _fields(kind: Any) -> Iterable[str]:
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return cast("tuple[str, ...]", kind._fields)


def _attributes(fields: tuple[str, ...]) -> Callable[[Any], Sequence[object]]:
    get = operator.attrgetter(*fields)
    return get if len(fields) > 1 else lambda value: (get(value),)


def _defaults(kind: Any, hints: Mapping[str, object]) -> Iterator[object]:
    for name, hint in hints.items():
        if dataclasses.is_dataclass(kind):
            field = kind.__dataclass_fields__[name]
            if field.default is not dataclasses.MISSING:
                yield field.default
                continue
            if field.default_factory is not dataclasses.MISSING:
                yield field.default_factory()
                continue
        elif name in kind._field_defaults:
            yield kind._field_defaults[name]
            continue
        # What an older agent did not know is absent, where the type has a word for that.
        yield None if type(None) in typing.get_args(hint) else _REQUIRED


def _name(kind: type) -> str:
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
