"""The reclaim probe: how long tasks had to free memory themselves before they got any.

    probes/reclaim.bpf.c   the programs; probes/reclaim.h the layout, which a test compares

Memory pressure (PSI) says that there were stalls; this says why, and how long one is.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading
from agent.bpf.reclaim_counts import KEY, KINDS, VALUE, ReclaimCounts, decode_reclaim

_TRACEPOINTS: Final = {
    "direct": "mm_vmscan_direct_reclaim",
    "memcg": "mm_vmscan_memcg_reclaim",
    "compaction": "mm_compaction",
}

PROGRAMS: Final = ProbeSet(
    name="reclaim",
    programs=tuple(
        Program(name=f"on_{kind}_{end}", feature=kind, tracepoint=f"{_TRACEPOINTS[kind]}_{end}")
        for kind in KINDS
        for end in ("begin", "end")
    ),
    maps=("counts", "begun", "drops"),
    per_cgroup={"counts": 2},
)


def read(maps: Maps) -> Reading[ReclaimCounts]:
    """Read all counters."""
    reading = decode_reclaim(maps.batches("counts"), maps.features)
    return Reading(reading.cgroups, reading.zero, {"counts": maps.total("drops")})


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("counts", ids)


RECLAIM: Final = Kind(
    programs=PROGRAMS,
    counts=ReclaimCounts,
    read=read,
    forget=forget,
    layout={"counts": (KEY.size, VALUE.size)},
)
