"""Bytes of the probes "syscalls" and "syscall_times" -> counts. Pure.

The layouts are stated in probes/syscalls.h and probes/syscall_times.h; a test compares them.
Integers are in this machine's byte order.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.bpf.syscall_names import CLASSES, NUMBERS, name_of
from agent.records import dataclass, field

BUCKETS: Final = 32
"""Of a latency: bucket i holds 2^i <= nanoseconds < 2^(i+1), the last all above."""

COUNTS_SIZE: Final = 2 * len(CLASSES) * 8
"""struct syscall_counts."""
COUNTS_SETTINGS: Final = struct.Struct(f"={NUMBERS}sI")
"""struct syscalls_settings: the class of each number, places of slots.h."""
KEY: Final = struct.Struct("=QII")
"""struct syscall_key: cgroup, number, errno."""
TIMES: Final = struct.Struct(f"={3 + BUCKETS}Q")
"""struct syscall_times: calls, errors, ns, buckets."""
SETTINGS: Final = struct.Struct("=QQ")
"""struct syscall_settings: opened (CLOCK_MONOTONIC in ns), targets_only."""
ERRORS: Final = struct.Struct("=Q")


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """System calls of one class in one cgroup, since the first time the probe saw it."""

    calls: int
    errors: int
    """Of them, those that returned an errno."""


@dataclass(frozen=True, slots=True)
class CallTimes:
    """One system call, by number, in one cgroup."""

    calls: int
    errors: int
    ns: int
    """Of all together."""
    buckets: Sequence[int]
    """See BUCKETS."""
    errnos: Mapping[int, int]
    """errno -> how often."""


@dataclass(frozen=True, slots=True)
class SyscallCounts:
    """System calls of one cgroup that windows saw."""

    classes: Mapping[str, ClassCounts] = field(default_factory=dict)
    """By class, see syscall_names.CLASSES; only those that were called."""


@dataclass(frozen=True, slots=True)
class SyscallTimes:
    """System calls of one cgroup that windows saw, by name."""

    calls: Mapping[str, CallTimes] = field(default_factory=dict)


def decode_classes(counters: Sequence[int]) -> dict[str, ClassCounts]:
    """The counters of one slot, summed over CPUs. Only classes that were called."""
    width = len(CLASSES)
    if len(counters) != 2 * width:
        raise UnexpectedRecord(f"{len(counters)} counters of system calls, not {2 * width}")
    return {
        name: ClassCounts(calls, errors)
        for name, calls, errors in zip(CLASSES, counters[:width], counters[width:], strict=True)
        if calls
    }


def decode_times(
    times: Batches, errors: Batches, machine: str = ""
) -> dict[int, dict[str, CallTimes]]:
    """
    Maps "times" and "errors", as keys one after the other and their values: cgroup id -> name of
    the call -> counts. `machine` says whose numbers they are, this one's by default.
    """
    errnos: dict[tuple[int, int], dict[int, int]] = {}
    for (cgroup, number, errno), (count,) in entries(errors, KEY, ERRORS):
        errnos.setdefault((cgroup, number), {})[errno] = count
    result: dict[int, dict[str, CallTimes]] = {}
    for (cgroup, number, _), values in entries(times, KEY, TIMES):
        calls, failed, ns, *buckets = values
        result.setdefault(cgroup, {})[name_of(number, machine)] = CallTimes(
            calls, failed, ns, tuple(buckets), errnos.get((cgroup, number), {})
        )
    return result
