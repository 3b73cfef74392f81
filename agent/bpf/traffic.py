"""The bytes probe: packets and bytes of each cgroup, on the host's network too.

    probes/bytes.bpf.c  the programs, which see every packet of a socket

The layout is stated in probes/bytes.h; a test compares it with this file.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading
from agent.bpf.traffic_counts import CGROUP, COUNTS, NOTHING, Traffic, decode_bytes

PROGRAMS: Final = ProbeSet(
    name="bytes",
    programs=(
        Program(name="on_received", feature="bytes", kind="cgroup_ingress"),
        Program(name="on_sent", feature="bytes", kind="cgroup_egress"),
    ),
    maps=("bytes", "drops"),
    per_cgroup={"bytes": 1},
)


def read(maps: Maps) -> Reading[Traffic]:
    """Read all counters: a bpf(2) call for each 1024 cgroups."""
    return Reading(
        decode_bytes(maps.cpu_batches("bytes"), maps.cpus),
        NOTHING,
        {"bytes": maps.total("drops")},
    )


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("bytes", ids)


BYTES: Final = Kind(
    programs=PROGRAMS,
    counts=Traffic,
    read=read,
    forget=forget,
    layout={"bytes": (CGROUP.size, COUNTS.size)},
    default=False,
)
