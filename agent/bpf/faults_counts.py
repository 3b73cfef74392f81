"""Bytes of the probe "faults" -> counts. Pure.

The layout is stated in probes/faults.h; a test compares it. Integers are in this machine's byte
order.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import Final

from agent.bpf.entries import Batches, entries
from agent.bpf.reading import Reading
from agent.records import dataclass

BUCKETS: Final = 32
"""Of a latency: bucket i holds 2^i <= nanoseconds < 2^(i+1), the last all above."""
CGROUP: Final = struct.Struct("=Q")
COUNTS: Final = struct.Struct(f"={3 + BUCKETS}Q")
"""struct faults_counts: minor, major, ns, latency."""


@dataclass(frozen=True, slots=True)
class FaultLatency:
    """How long major faults took whose begin was seen, from the exception to its end."""

    ns: int
    """All together."""
    buckets: Sequence[int]
    """See BUCKETS."""

    @property
    def faults(self) -> int:
        """How many."""
        return sum(self.buckets)


NO_LATENCY: Final = FaultLatency(0, (0,) * BUCKETS)


@dataclass(frozen=True, slots=True)
class FaultsCounts:
    """Page faults of one cgroup's tasks that windows saw. None: not counted here."""

    minor: int | None
    """The page was in memory, or is a new one."""
    major: int | None
    """It had to be read from a disk."""
    latency: FaultLatency | None


def decode_faults(batches: Batches, features: Collection[str]) -> Reading[FaultsCounts]:
    """Decode map "faults". `features`: which of minor, major, latency are counted."""
    zero = FaultsCounts(
        minor=0 if "minor" in features else None,
        major=0 if "major" in features else None,
        latency=NO_LATENCY if {"major", "latency"} <= set(features) else None,
    )
    found: dict[int, FaultsCounts] = {}
    for (cgroup,), (minor, major, ns, *buckets) in entries(batches, CGROUP, COUNTS):
        found[cgroup] = FaultsCounts(
            minor=None if zero.minor is None else minor,
            major=None if zero.major is None else major,
            latency=None if zero.latency is None else FaultLatency(ns, tuple(buckets)),
        )
    return Reading(found, zero)
