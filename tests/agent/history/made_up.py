"""Snapshots of every type there is, by chance: made from the type hints, as the schema is."""

from __future__ import annotations

import dataclasses
import enum
import random
import typing
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar, cast

from agent.bpf.counts import ProbeCounts
from agent.bpf.own import OwnCounts
from agent.bpf.registry import KINDS
from agent.history.schema import hints_of
from agent.lifecycle.events import Event
from agent.model import Sample, Snapshot
from agent.security.check import Check
from agent.security.table import CHECKS

T = TypeVar("T")

_COUNTS = (*(kind.counts for kind in KINDS), OwnCounts)


class MadeUp:
    """A source of values."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def row(self, length: int) -> list[Snapshot]:
        """Snapshots one after the other: most of each is as it was in the one before."""
        row = [self.of(Snapshot)]
        while len(row) < length:
            row.append(self._next(row[-1]))
        return row

    def event(self) -> Event:
        return self.of(Event)

    def of(self, kind: type[T]) -> T:
        return cast(T, self._value(kind))

    def _next(self, before: Snapshot) -> Snapshot:
        samples = [self._changed(sample) for sample in before.samples]
        if samples and self._random.random() < 0.3:
            del samples[self._random.randrange(len(samples))]
        if self._random.random() < 0.3:
            samples.insert(self._random.randint(0, len(samples)), self.of(Sample))
        rest = cast(Snapshot, self._changed(before))
        return replace(
            rest,
            wall_time=before.wall_time + self._random.choice((1.0, 10.0, 9.999999999)),
            samples=_one_each(samples),
        )

    def _changed(self, value: Any) -> Any:
        """The same with another value in some fields, at any depth."""
        fields = _hints(type(value))
        values = {}
        for name, hint in fields.items():
            old, chance = getattr(value, name), self._random.random()
            if chance < 0.1:
                values[name] = self._value(hint)
            elif chance < 0.6 and _hints(type(old)):
                values[name] = self._changed(old)
            elif chance < 0.6 and type(old) is int:
                values[name] = old + self._random.randrange(1000)
        if dataclasses.is_dataclass(value):
            return replace(cast(Any, value), **values)
        return value._replace(**values)

    def _value(self, hint: Any) -> object:
        pick = self._random
        if hint is Check:
            return pick.choice(CHECKS)
        if hint is ProbeCounts:
            return ProbeCounts(self._value(kind) for kind in _COUNTS if pick.random() < 0.3)
        if hint in _SCALARS:
            return pick.choice(_SCALARS[hint])
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return pick.choice(list(hint))
        if fields := _hints(hint):
            values = {name: self._value(inner) for name, inner in fields.items()}
            if hint is Snapshot:
                values["samples"] = _one_each(values["samples"])
                values["wall_time"] = 1.76e9 + pick.random()
            return hint(**values)
        return self._generic(typing.get_origin(hint), typing.get_args(hint))

    def _generic(self, origin: Any, arguments: tuple[Any, ...]) -> object:
        pick = self._random
        if origin is Literal:
            return pick.choice(arguments)
        if origin is tuple and arguments[-1] is not ...:
            return tuple(self._value(argument) for argument in arguments)
        if origin in (tuple, Sequence, frozenset):
            # The order of a set, and so its repr, is chance: sets of one.
            most = 2 if origin is frozenset else 4
            items = [self._value(arguments[0]) for _ in range(pick.randrange(most))]
            return frozenset(items) if origin is frozenset else tuple(items)
        if origin in (dict, Mapping):
            key, item = arguments
            return {self._value(key): self._value(item) for _ in range(pick.randrange(4))}
        # A union.
        return self._value(pick.choice(arguments))


_SCALARS: dict[Any, tuple[object, ...]] = {
    int: (0, 1, -1, 200, 70_000, 2**31, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 2**70),
    float: (0.0, 1.5, 12.34, 0.1, -7.25, 1e-12, 1.76e9, 123456.789012345, 1e300, float("inf")),
    str: ("", "web", "a" * 40, "日本", "\udcff", "\ud800", "x\x00y"),
    bytes: (b"", b"\x00\xff"),
    bool: (False, True),
    type(None): (None,),
}


def _one_each(samples: Any) -> tuple[Sample, ...]:
    """A cgroup's inode is there once."""
    return tuple({sample.cgroup.inode: sample for sample in samples}.values())


def _hints(kind: Any) -> dict[str, Any]:
    if kind is Check or not isinstance(kind, type):
        return {}
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return hints_of(kind)
    return {}
