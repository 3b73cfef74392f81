"""The profile probe: 49 times a second, whom each CPU is busy for, and in which mode.

    probes/profile.bpf.c   the program; probes/profile.h the layout, which a test compares

cpu.stat has the time itself, exactly. Its user and system are scaled from ticks, which a program in
step with the clock can mislead; 49 Hz is in step with nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program, Sampling
from agent.bpf.profile_counts import KEY, VALUE, ProfileCounts, decode_profile
from agent.bpf.reading import Reading

HERTZ: Final = 49
PROGRAMS: Final = ProbeSet(
    name="profile",
    programs=(
        Program(
            name="on_sample",
            feature="samples",
            kind="perf_event",
            sampling=Sampling("cpu-clock", hertz=HERTZ),
        ),
    ),
    maps=("counts", "drops"),
    per_cgroup={"counts": 1},
)


def read(maps: Maps) -> Reading[ProfileCounts]:
    """Read all counters."""
    return Reading(
        decode_profile(maps.batches("counts")),
        ProfileCounts(0, 0),
        {"counts": maps.total("drops")},
    )


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("counts", ids)


PROFILE: Final = Kind(
    programs=PROGRAMS,
    counts=ProfileCounts,
    read=read,
    forget=forget,
    layout={"counts": (KEY.size, VALUE.size)},
)
