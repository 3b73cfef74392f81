"""Bytes of the lifecycle probe's maps -> dataclasses. Pure.

The layout is stated in probes/lifecycle.h; a test compares `KEY` and `Event` with it.
"""

from __future__ import annotations

import enum
import struct
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from agent.bpf.durations import SLOTS, Durations
from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.bpf.reading import Reading
from agent.records import dataclass, field

KEY: Final = struct.Struct("=QII")
"""struct lifecycle_key: cgroup, event, code."""
VALUE: Final = struct.Struct("=Q")


class Event(enum.IntEnum):
    """enum lifecycle_event."""

    EXEC = 1
    EXIT = 2
    SIGNAL = 3
    OOM = 4
    LIFETIME = 5
    LIVED_NS = 6


# Plain numbers: a member of an enum costs 0.2 us each time it is looked up, once an entry.
_EXEC, _EXIT, _SIGNAL, _OOM, _LIFETIME, _LIVED_NS = (int(event) for event in Event)


@dataclass(frozen=True, slots=True)
class LifecycleCounts:
    """
    What happened in one cgroup (not below it) since the probe was opened. Only rises.

    None: the program that counts it does not run here, see `Probe.off`.
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
    lifetimes: Durations | None = None
    """How long processes that ended had lived."""


def decode_lifecycle(
    batches: Batches, dropped: int, features: Collection[str]
) -> Reading[LifecycleCounts]:
    """
    Decode map "counts".

    `dropped`: events that map "drops" counted. `features`: which of exec, exit, oom are counted.
    """
    features = frozenset(features)
    builders: dict[int, _Builder] = defaultdict(_Builder)
    for (cgroup, event, code), (count,) in entries(batches, KEY, VALUE):
        builders[cgroup].add(event, code, count)
    return Reading(
        {cgroup: builder.counts(features) for cgroup, builder in builders.items()},
        _Builder().counts(features),
        {"counts": dropped},
    )


@dataclass(slots=True)
class _Builder:
    """One cgroup's entries, before they are frozen."""

    execs: int = 0
    exits: dict[int, int] = field(default_factory=dict)
    signals: dict[int, int] = field(default_factory=dict)
    oom_kills: int = 0
    lifetimes: list[int] = field(default_factory=lambda: [0] * SLOTS)
    lived_ns: int = 0

    def add(self, event: int, code: int, count: int) -> None:
        if event == _EXIT:
            self.exits[code] = count
        elif event == _EXEC:
            self.execs = count
        elif event == _SIGNAL:
            self.signals[code] = count
        elif event == _OOM:
            self.oom_kills = count
        elif event == _LIVED_NS:
            self.lived_ns = count
        elif event == _LIFETIME and code < SLOTS:
            self.lifetimes[code] = count
        else:
            raise UnexpectedRecord(f"event {event} with code {code}")

    def counts(self, features: frozenset[str]) -> LifecycleCounts:
        exits = "exit" in features
        return LifecycleCounts(
            execs=self.execs if "exec" in features else None,
            exits=self.exits if exits else None,
            signals=self.signals if exits else None,
            oom_kills=self.oom_kills if "oom" in features else None,
            lifetimes=Durations(tuple(self.lifetimes), self.lived_ns) if exits else None,
        )
