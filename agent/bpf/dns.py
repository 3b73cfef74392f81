"""The dns probe: what each cgroup asks name servers by UDP, and how long the answers take.

    probes/dns.bpf.c  the programs, which see every packet of a socket
    dns_counts.py     what they count

A query that is not answered within `TIMEOUT` is counted as timed out by the first reading after it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Final

from agent.bpf import syscall
from agent.bpf.dns_counts import (
    ASKED,
    CGROUP,
    COUNTS,
    NOTHING,
    QUESTION,
    DnsCounts,
    decode_dns,
    decode_timeouts,
    decode_waiting,
)
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading

TIMEOUT: Final = 5.0
"""Seconds: what resolvers wait before they ask again (`timeout` of resolv.conf(5))."""

PROGRAMS: Final = ProbeSet(
    name="dns",
    programs=(
        Program(name="on_sent", feature="dns", kind="cgroup_egress"),
        Program(name="on_received", feature="dns", kind="cgroup_ingress"),
    ),
    maps=("dns", "waiting", "timeouts", "drops"),
    per_cgroup={"dns": 1, "timeouts": 1},
)


def read(maps: Maps) -> Reading[DnsCounts]:
    """Count what timed out, then read all counters: a bpf(2) call for each 1024 cgroups."""
    expire(maps, time.clock_gettime_ns(time.CLOCK_MONOTONIC) - int(TIMEOUT * 1e9))
    timeouts = decode_timeouts(maps.batches("timeouts"))
    return Reading(
        decode_dns(maps.batches("dns"), timeouts),
        NOTHING,
        {"dns": maps.total("drops", 0), "waiting": maps.total("drops", 1)},
    )


def expire(maps: Maps, before_ns: int) -> None:
    """Count queries as timed out that were asked before this moment of CLOCK_MONOTONIC."""
    late: dict[int, int] = {}
    for query in decode_waiting(maps.batches("waiting")):
        # Whoever removes it counts it: the answer may just have come.
        if query.began_ns < before_ns and syscall.delete(maps.fd("waiting"), query.key):
            late[query.cgroup] = late.get(query.cgroup, 0) + 1
    _count(maps.fd("timeouts"), late)


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("dns", ids)
    maps.delete_cgroups("timeouts", ids)


def _count(timeouts: int, late: Mapping[int, int]) -> None:
    for cgroup, count in late.items():
        key = CGROUP.pack(cgroup)
        seen = syscall.lookup(timeouts, key, CGROUP.size)
        before = CGROUP.unpack(seen)[0] if seen else 0
        syscall.update(timeouts, key, CGROUP.pack(before + count))


DNS: Final = Kind(
    programs=PROGRAMS,
    counts=DnsCounts,
    read=read,
    forget=forget,
    layout={
        "dns": (CGROUP.size, COUNTS.size),
        "waiting": (QUESTION.size, ASKED.size),
        "timeouts": (CGROUP.size, CGROUP.size),
    },
    default=False,
)
