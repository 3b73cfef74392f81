"""What `agent trace` can show: one tracer for each option, all with the same five functions.

take      a reading of the probe -> the state of the container now
since     two states -> what happened between them
headline  of a second, in a few words
table     of a second or of all, as lines
document  of the same, for JSON
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Generic, TypeVar

from agent.bpf import io_times
from agent.bpf.addition import add_up, subtract
from agent.bpf.faults import FAULTS
from agent.bpf.faults_counts import FaultsCounts
from agent.bpf.io_counts import IoTimes
from agent.bpf.page_cache import PAGE_CACHE
from agent.bpf.page_cache_counts import PageCacheCounts
from agent.bpf.probe import Kind, Maps
from agent.bpf.reading import Reading
from agent.bpf.rtt import RTT, tell_peers
from agent.bpf.rtt_counts import RttCounts
from agent.bpf.sched import SCHED
from agent.bpf.sched_counts import SchedCounts
from agent.bpf.syscall_counts import SyscallTimes
from agent.bpf.syscalls import SYSCALL_TIMES, look_only_at
from agent.bpf.tcp import TCP
from agent.bpf.tcp_counts import TcpCounts
from agent.records import dataclass
from agent.trace import cache, faults, io, net, rtt, sched, syscalls
from agent.trace.disks import disk_name

C = TypeVar("C")
S = TypeVar("S")

Names = Mapping[int, str]
"""Cgroup id -> whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracer(Generic[C, S]):
    """How one probe's counts of one container are shown."""

    name: str
    """The option, and the key in JSON."""
    what: str
    """In words, for the first line."""
    kind: Kind[C]
    take: Callable[[Reading[C], Collection[int], Names], S]
    since: Callable[[S, S], S]
    headline: Callable[[S, float], str]
    table: Callable[[S, int | None], list[str]]
    document: Callable[[S], object]
    aim: Callable[[Maps, Collection[int]], None] | None = None
    """Have the probe look at these cgroups alone, where it can."""
    optional: Collection[str] = ()
    """Features of the probe it can do without."""
    on_v1: str = ""
    """What a host with cgroup v1 does not tell."""


def _take_syscalls(
    reading: Reading[SyscallTimes], ids: Collection[int], _names: Names
) -> syscalls.Calls:
    return syscalls.together(reading.of(cgroup).calls for cgroup in ids)


def _take_sched(
    reading: Reading[SchedCounts], ids: Collection[int], names: Names
) -> sched.Scheduling:
    return sched.together({cgroup: reading.of(cgroup) for cgroup in ids}, names)


SYSCALLS: Final[Tracer[SyscallTimes, syscalls.Calls]] = Tracer(
    name="syscalls",
    what="system calls",
    kind=SYSCALL_TIMES,
    take=_take_syscalls,
    since=syscalls.since,
    headline=syscalls.headline,
    table=syscalls.table,
    document=syscalls.rows,
    aim=look_only_at,
)

SCHEDULER: Final[Tracer[SchedCounts, sched.Scheduling]] = Tracer(
    name="sched",
    what="waits and sleeps",
    kind=SCHED,
    take=_take_sched,
    since=sched.since,
    headline=sched.headline,
    table=sched.table,
    document=sched.row,
)


def _take_net(reading: Reading[TcpCounts], ids: Collection[int], _names: Names) -> net.Numbers:
    return net.numbers([reading.of(cgroup) for cgroup in ids] or [reading.zero])


NETWORK: Final[Tracer[TcpCounts, net.Numbers]] = Tracer(
    name="net",
    what="TCP",
    kind=TCP,
    take=_take_net,
    since=net.since,
    headline=net.headline,
    table=net.table,
    document=net.document,
)


def _take_io(reading: Reading[IoTimes], ids: Collection[int], _names: Names) -> io.Requests:
    counts = io.together(map(reading.of, ids), files=reading.zero.files is not None)
    return io.Requests(
        counts, {stream.device: disk_name(stream.device) for stream in counts.streams}
    )


BLOCK_IO: Final[Tracer[IoTimes, io.Requests]] = Tracer(
    name="io",
    what="requests to block devices",
    kind=io_times.IO_TIMES,
    take=_take_io,
    since=io.since,
    headline=io.headline,
    table=io.table,
    document=io.document,
    aim=io_times.aim,
    optional=("files",),
    on_v1="on cgroup v1 buffered writes are the root cgroup's, and not seen here",
)


def _take_rtt(reading: Reading[RttCounts], ids: Collection[int], _names: Names) -> rtt.Peers:
    return rtt.together(map(reading.of, ids))


ROUND_TRIPS: Final[Tracer[RttCounts, rtt.Peers]] = Tracer(
    name="rtt",
    what="round trips of open TCP connections",
    kind=RTT,
    take=_take_rtt,
    since=rtt.since,
    headline=rtt.headline,
    table=rtt.table,
    document=rtt.rows,
    aim=tell_peers,
)


def _take_sum(reading: Reading[C], ids: Collection[int], _names: Names) -> C:
    return add_up(map(reading.of, ids), reading.zero)


PAGE_FAULTS: Final[Tracer[FaultsCounts, FaultsCounts]] = Tracer(
    name="faults",
    what="page faults",
    kind=FAULTS,
    take=_take_sum,
    since=subtract,
    headline=faults.headline,
    table=faults.table,
    document=faults.document,
    optional=("latency",),
)

READS: Final[Tracer[PageCacheCounts, PageCacheCounts]] = Tracer(
    name="cache",
    what="reads by way of the page cache",
    kind=PAGE_CACHE,
    take=_take_sum,
    since=subtract,
    headline=cache.headline,
    table=cache.table,
    document=cache.document,
    optional=("reads", "created"),
)

TRACERS: Final[Mapping[str, Tracer[Any, Any]]] = {
    each.name: each
    for each in (SYSCALLS, SCHEDULER, NETWORK, ROUND_TRIPS, BLOCK_IO, PAGE_FAULTS, READS)
}
"""By option. Their counts and states are of as many types, hence Any."""
