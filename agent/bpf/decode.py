"""Bytes of the lifecycle probe's maps -> dataclasses. Pure.

The layout is stated in probes/lifecycle.h; a test compares `KEY` and `Event` with it. Integers are
in this machine's own byte order, as the kernel wrote them.
"""

from __future__ import annotations

import enum
import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

KEY: Final = struct.Struct("=QII")
"""struct lifecycle_key: cgroup, event, code."""
VALUE: Final = struct.Struct("=Q")


class Event(enum.IntEnum):
    """enum lifecycle_event."""

    EXEC = 1
    EXIT = 2
    SIGNAL = 3
    OOM = 4


# Plain numbers: a member of an enum costs 0.2 us each time it is looked up, once an entry.
_EXEC, _EXIT, _SIGNAL, _OOM = (int(event) for event in Event)


class UnexpectedRecord(ValueError):
    """A map holds bytes this decoder does not know: object and agent are not of one version."""


@dataclass(frozen=True, slots=True)
class LifecycleCounts:
    """
    What happened in one cgroup (not below it) since the probe was opened. Only rises.

    None: the program that counts it does not run here, see `LifecycleProbe.off`.
    """

    execs: int | None
    """Successful execve calls."""
    exits: Mapping[int, int] | None
    """Exit code, 0 to 255 -> processes that ended with it. Processes, not threads."""
    signals: Mapping[int, int] | None
    """Signal -> processes it ended."""
    oom_kills: int | None
    """Victims the OOM killer chose, whichever limit or shortage made it run. It may count one more
    than memory.events: a victim that was ending by itself is marked, but not killed."""


@dataclass(frozen=True, slots=True)
class LifecycleReading:
    """One look at the maps."""

    cgroups: Mapping[int, LifecycleCounts]
    """Cgroup id (inode of its cgroup2 directory) -> counts. Only cgroups where something happened;
    `of` answers for the others."""
    dropped: int
    """Events that could not be counted because the map was full. Above 0, counts are too low."""
    features: frozenset[str]
    """Which of exec, exit and oom are counted."""

    def of(self, cgroup: int) -> LifecycleCounts:
        """The counts of any cgroup: zeros where nothing has happened."""
        return self.cgroups.get(cgroup) or _Builder().counts(self.features)


def decode_lifecycle(
    batches: Iterable[tuple[bytes, bytes]], dropped: int, features: Collection[str]
) -> LifecycleReading:
    """
    Decode map "counts".

    `batches`: keys one after the other, and their values. `features`: which of exec, exit, oom are
    counted.
    """
    features = frozenset(features)
    builders: dict[int, _Builder] = defaultdict(_Builder)
    for keys, values in batches:
        _check_sizes(keys, values)
        for (cgroup, event, code), (count,) in zip(
            KEY.iter_unpack(keys), VALUE.iter_unpack(values), strict=True
        ):
            builders[cgroup].add(event, code, count)
    return LifecycleReading(
        {cgroup: builder.counts(features) for cgroup, builder in builders.items()},
        dropped,
        features,
    )


def keys_of(cgroups: Collection[int], keys: bytes) -> list[bytes]:
    """Those of the keys of map "counts", one after the other, which are about these cgroups."""
    return [
        KEY.pack(cgroup, event, code)
        for cgroup, event, code in KEY.iter_unpack(keys)
        if cgroup in cgroups
    ]


def sum_cpus(values: bytes) -> int:
    """The total of a per-CPU value of one __u64: one number for each possible CPU."""
    if len(values) % VALUE.size:
        raise UnexpectedRecord(f"a per-CPU value of {len(values)} bytes")
    return sum(count for (count,) in VALUE.iter_unpack(values))


def _check_sizes(keys: bytes, values: bytes) -> None:
    count, left = divmod(len(keys), KEY.size)
    if left or len(values) != count * VALUE.size:
        raise UnexpectedRecord(f"{len(keys)} bytes of keys with {len(values)} bytes of values")


@dataclass(slots=True)
class _Builder:
    """One cgroup's entries, before they are frozen."""

    execs: int = 0
    exits: dict[int, int] = field(default_factory=dict)
    signals: dict[int, int] = field(default_factory=dict)
    oom_kills: int = 0

    def add(self, event: int, code: int, count: int) -> None:
        if event == _EXIT:
            self.exits[code] = count
        elif event == _EXEC:
            self.execs = count
        elif event == _SIGNAL:
            self.signals[code] = count
        elif event == _OOM:
            self.oom_kills = count
        else:
            raise UnexpectedRecord(f"event {event} with code {code}")

    def counts(self, features: frozenset[str]) -> LifecycleCounts:
        exits = "exit" in features
        return LifecycleCounts(
            execs=self.execs if "exec" in features else None,
            exits=self.exits if exits else None,
            signals=self.signals if exits else None,
            oom_kills=self.oom_kills if "oom" in features else None,
        )
