"""The probe "faults": page faults of each cgroup, and how long the major ones waited.

    probes/faults.bpf.c   the programs
    faults_counts.py      what they count

memory.stat has how many there were, for nothing; what it has not is how long a container waited for
its pages, one fault at a time, and cgroups without a memory controller. The programs run at every
fault: loaded and left detached, rounds.py opens its windows where it is on.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.faults_counts import CGROUP, COUNTS, FaultsCounts, decode_faults
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program, Sampling
from agent.bpf.reading import Reading


def read(maps: Maps) -> Reading[FaultsCounts]:
    """Read all counters."""
    reading = decode_faults(maps.batches("faults"), maps.features)
    return Reading(reading.cgroups, reading.zero, {"faults": maps.total("drops")})


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("faults", ids)


FAULTS: Final = Kind(
    programs=ProbeSet(
        name="faults",
        programs=(
            # Of x86, RISC-V and newer kernels of ARM.
            Program(name="on_user_fault", feature="latency", tracepoint="page_fault_user"),
            Program(name="on_kernel_fault", feature="latency", tracepoint="page_fault_kernel"),
            Program(
                name="on_minor",
                feature="minor",
                kind="perf_event",
                sampling=Sampling("page-faults-min", period=1),
            ),
            Program(
                name="on_major",
                feature="major",
                kind="perf_event",
                sampling=Sampling("page-faults-maj", period=1),
            ),
        ),
        maps=("faults", "began", "drops"),
        per_cgroup={"faults": 1},
    ),
    counts=FaultsCounts,
    read=read,
    forget=forget,
    layout={"faults": (CGROUP.size, COUNTS.size)},
    windowed=True,
    cost=lambda counts: 500e-9 * ((counts.minor or 0) + (counts.major or 0)),
    default=False,
)
