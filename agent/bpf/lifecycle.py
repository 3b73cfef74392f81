"""The lifecycle probe: execs, ends of processes and OOM victims of each cgroup.

probes/lifecycle.bpf.c  the programs
lifecycle_counts.py     what they count
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.lifecycle_counts import KEY, VALUE, LifecycleCounts, decode_lifecycle
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading

PROGRAMS: Final = ProbeSet(
    name="lifecycle",
    programs=(
        Program(name="on_exec", feature="exec", tracepoint="sched_process_exec"),
        Program(
            name="on_exit",
            feature="exit",
            tracepoint="sched_process_exit",
            first_argument="struct task_struct *",
        ),
        # An int pid before Linux kernel commit 72ba14deb40a ("mm: update mark_victim tracepoints
        # fields") (in v6.9, and in stable kernels).
        Program(
            name="on_oom",
            feature="oom",
            tracepoint="mark_victim",
            first_argument="struct task_struct *",
        ),
    ),
    maps=("counts", "drops"),
    per_cgroup={"counts": 12},
)


def read(maps: Maps) -> Reading[LifecycleCounts]:
    """Read all counters: a bpf(2) call for each 1024 entries."""
    return decode_lifecycle(maps.batches("counts"), maps.total("drops"), maps.features)


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("counts", ids)


LIFECYCLE: Final = Kind(
    programs=PROGRAMS,
    counts=LifecycleCounts,
    read=read,
    forget=forget,
    layout={"counts": (KEY.size, VALUE.size)},
)
