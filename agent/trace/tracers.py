"""What `agent trace` can show: one tracer for each option, all with the same five functions.

take      a reading of the probe -> the state of the container now
since     two states -> what happened between them
headline  of a second, in a few words
table     of a second or of all, as lines
document  of the same, for JSON
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from agent.bpf.probe import Kind, Maps, Reading
from agent.bpf.sched import SCHED
from agent.bpf.sched_counts import SchedCounts
from agent.bpf.syscalls import SYSCALL_TIMES, SyscallTimes, look_only_at
from agent.bpf.tcp import TCP
from agent.bpf.tcp_counts import TcpCounts
from agent.trace import net, sched, syscalls

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
