"""Bytes of the reclaim probe's maps -> dataclasses. Pure.

The layout is stated in probes/reclaim.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from typing import Final

from agent.bpf.durations import NONE, SLOTS, Durations
from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.bpf.reading import Reading
from agent.records import dataclass

KINDS: Final = ("direct", "memcg", "compaction")
"""enum reclaim_kind: the host is short; a cgroup is at its limit; no pages side by side."""
KEY: Final = struct.Struct("=QII")
"""struct reclaim_key: cgroup, kind, 0."""
VALUE: Final = struct.Struct(f"={SLOTS + 1}Q")
"""struct durations."""


@dataclass(frozen=True, slots=True)
class ReclaimCounts:
    """What the tasks of one cgroup (not below it) went through since the probe was opened."""

    stalls: Mapping[str, Durations]
    """By `KINDS`; each that is counted here."""


def decode_reclaim(batches: Batches, features: Collection[str]) -> Reading[ReclaimCounts]:
    """Decode map "counts". `features`: which of `KINDS` are counted."""
    zero = {kind: NONE for kind in KINDS if kind in features}
    found: dict[int, dict[str, Durations]] = {}
    for (cgroup, kind, _), (*slots, ns) in entries(batches, KEY, VALUE):
        if kind >= len(KINDS):
            raise UnexpectedRecord(f"kind of reclaim {kind}")
        if KINDS[kind] in zero:
            found.setdefault(cgroup, dict(zero))[KINDS[kind]] = Durations(tuple(slots), ns)
    return Reading({each: ReclaimCounts(of) for each, of in found.items()}, ReclaimCounts(zero))
