"""The probe "rtt": how long the other side takes to answer, of TCP connections that are open.

    probes/rtt.bpf.c   the program, 0.13 us for each segment that arrives
    rtt_counts.py      what it counts

The probe tcp has the round trip of connections when they are closed, for nothing; this one is for
those that stay open. Loaded and left detached: rounds.py opens its windows where it is on.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

from agent.bpf import syscall
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading
from agent.bpf.rtt_counts import COUNTS, KEY, RttCounts, decode_rtt


def tell_peers(maps: Maps, cgroups: Collection[int]) -> None:
    """Have each peer of these cgroups counted for itself."""
    for cgroup in cgroups:
        syscall.update(maps.fd("by_peer"), cgroup.to_bytes(8, sys.byteorder), bytes(4))


def read(maps: Maps) -> Reading[RttCounts]:
    """Read all counters."""
    return Reading(decode_rtt(maps.batches("trips")), RttCounts(), {"trips": maps.total("drops")})


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    for name in ("trips", "by_peer"):
        maps.delete_cgroups(name, ids)


RTT: Final = Kind(
    programs=ProbeSet(
        name="rtt",
        programs=(
            Program(
                name="on_segment",
                feature="rtt",
                tracepoint="tcp_probe",
                first_argument="struct sock *",
            ),
        ),
        maps=("trips", "by_peer", "drops"),
        per_cgroup={"trips": 4, "by_peer": 1},
    ),
    counts=RttCounts,
    read=read,
    forget=forget,
    layout={"trips": (KEY.size, COUNTS.size), "by_peer": (8, 4)},
    windowed=True,
    cost=lambda counts: 150e-9 * counts.trips.segments,
    default=False,
)
