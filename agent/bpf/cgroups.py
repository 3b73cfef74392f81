"""The probe "cgroups": cgroups that are made and removed, and how first processes end.

    probes/cgroups.bpf.c   the programs
    cgroups_counts.py      what they count
    cgroup_events.py       what they tell at once, to one listener

What it counts is counted for the cgroup above: how many containers a slice had, or how many cgroups
a container made for itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.cgroups_counts import KEY, VALUE, CgroupsCounts, decode_cgroups
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading

_FULL, _UNTOLD = 0, 1  # enum cgroups_drop

PROGRAMS: Final = ProbeSet(
    name="cgroups",
    programs=(
        Program(
            name="on_mkdir",
            feature="made",
            tracepoint="cgroup_mkdir",
            first_argument="struct cgroup *",
        ),
        Program(
            name="on_rmdir",
            feature="removed",
            tracepoint="cgroup_rmdir",
            first_argument="struct cgroup *",
        ),
        Program(
            name="on_exit",
            feature="ends",
            tracepoint="sched_process_exit",
            first_argument="struct task_struct *",
        ),
    ),
    maps=("counts", "wanted", "events", "drops"),
    per_cgroup={"counts": 2, "wanted": 8},
)


def read(maps: Maps) -> Reading[CgroupsCounts]:
    """Read all counters."""
    reading = decode_cgroups(maps.batches("counts"), maps.features)
    dropped = {"counts": maps.total("drops", _FULL), "events": maps.total("drops", _UNTOLD)}
    return Reading(reading.cgroups, reading.zero, dropped)


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted below cgroups that are gone."""
    maps.delete_cgroups("counts", ids)


CGROUPS: Final = Kind(
    programs=PROGRAMS,
    counts=CgroupsCounts,
    read=read,
    forget=forget,
    layout={"counts": (KEY.size, VALUE.size), "wanted": (4, 4)},
)
