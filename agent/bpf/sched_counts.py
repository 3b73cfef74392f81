"""Bytes of the probe "sched" -> counts. Pure.

The layout is stated in probes/sched.h; a test compares it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.records import dataclass

BUCKETS: Final = 32
REASONS: Final = ("io", "interruptible", "uninterruptible", "stopped")
"""enum sched_reason."""
COUNTS_SIZE: Final = (BUCKETS + 4 + 2 * len(REASONS)) * 8
"""struct sched_counts."""
PREEMPTION: Final = struct.Struct("=QQ")
"""struct preemption: victim's cgroup, taker's."""
COUNT: Final = struct.Struct("=Q")
SETTINGS: Final = struct.Struct("=QQ")
"""struct sched_settings: opened (CLOCK_MONOTONIC in ns), places of slots.h."""


@dataclass(frozen=True, slots=True)
class Sleeps:
    """Sleeps that ended, for one reason."""

    count: int
    ns: int
    """Without the wait for a CPU that followed."""


@dataclass(frozen=True, slots=True)
class SchedCounts:
    """Of one cgroup, since the first time the probe saw it."""

    waits: Sequence[int]
    """How long a task was ready until it got a CPU: bucket i holds 2^i <= ns < 2^(i+1)."""
    wait_ns: int
    involuntary: int
    """How often a task left its CPU though it could have gone on."""
    throttled: int
    """Of these, to an idle CPU: the cgroup's quota was used up."""
    voluntary: int
    sleeps: Mapping[str, Sleeps]
    """By REASONS."""
    takers: Mapping[int, int]
    """Another cgroup, by id, whose task took a CPU from one of this -> how often."""


NO_SCHED: Final = SchedCounts(
    (0,) * BUCKETS, 0, 0, 0, 0, {name: Sleeps(0, 0) for name in REASONS}, {}
)


def decode_counts(counters: Sequence[int], takers: Mapping[int, int]) -> SchedCounts:
    """The counters of one slot, summed over CPUs, and who took CPUs from its cgroup."""
    if len(counters) * 8 != COUNTS_SIZE:
        raise UnexpectedRecord(f"{len(counters)} counters of the scheduler, not {COUNTS_SIZE // 8}")
    waits, rest = counters[:BUCKETS], counters[BUCKETS:]
    wait_ns, involuntary, throttled, voluntary, *sleeps = rest
    count, ns = sleeps[: len(REASONS)], sleeps[len(REASONS) :]
    return SchedCounts(
        tuple(waits),
        wait_ns,
        involuntary,
        throttled,
        voluntary,
        {name: Sleeps(n, t) for name, n, t in zip(REASONS, count, ns, strict=True)},
        takers,
    )


def decode_preemptions(batches: Batches) -> dict[tuple[int, int], int]:
    """Map "preempted": (victim's cgroup id, taker's) -> how often."""
    result: dict[tuple[int, int], int] = {}
    for (victim, taker), (times,) in entries(batches, PREEMPTION, COUNT):
        result[victim, taker] = times
    return result
