"""The profile probe: 49 times a second, whom each CPU is busy for, and in which mode.

    probes/profile.bpf.c   the program; probes/profile.h the layout, which a test compares

cpu.stat has the time itself, exactly. Its user and system are scaled from ticks, which a program in
step with the clock can mislead; 49 Hz is in step with nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from agent.bpf.decode import UnexpectedRecord
from agent.bpf.probe import Kind, Maps, Reading
from agent.bpf.probeset import ProbeSet, Program, Sampling

HERTZ: Final = 49
KEY: Final = struct.Struct("=Q")
VALUE: Final = struct.Struct("=QQ")
"""struct profile_counts: user, kernel."""

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


class ProfileCounts(NamedTuple):
    """Samples of one cgroup (not below it) since the probe was opened."""

    user: int
    kernel: int


def decode_profile(batches: Iterable[tuple[bytes, bytes]]) -> dict[int, ProfileCounts]:
    """Decode map "counts": keys one after the other, and their values."""
    found: dict[int, ProfileCounts] = {}
    for keys, values in batches:
        count, left = divmod(len(keys), KEY.size)
        if left or len(values) != count * VALUE.size:
            raise UnexpectedRecord(f"{len(keys)} bytes of keys with {len(values)} bytes of values")
        for (cgroup,), counts in zip(KEY.iter_unpack(keys), VALUE.iter_unpack(values), strict=True):
            found[cgroup] = ProfileCounts._make(counts)
    return found


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
