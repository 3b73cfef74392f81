"""What happens to containers: the nouns of the lifecycle part. Immutable, no I/O."""

from __future__ import annotations

import enum
import signal
from typing import Final as Constant

from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.container.container import Container
from agent.records import dataclass

SIGNALLED: Constant = 128
"""A process that signal N ended has the exit code 128 + N: so say shells and all runtimes."""
KILLED: Constant = SIGNALLED + signal.SIGKILL


class What(enum.Enum):
    """Kinds of events."""

    FOUND = "found"
    """It ran already when the watcher began."""
    STARTED = "started"
    OOM_KILLED = "oom-killed"
    """The OOM killer ended processes of the container; the container may go on without them."""
    HEALTH = "health"
    EXITED = "exited"


class Reason(enum.Enum):
    """Why a container ended, in Kubernetes' words."""

    COMPLETED = "Completed"
    ERROR = "Error"
    OOM_KILLED = "OOMKilled"
    UNKNOWN = "Unknown"
    """Nobody told the exit code."""


class Source(enum.Enum):
    """Who told the exit code."""

    PROCESS = "process"
    """/proc or the pidfd of the first process."""
    PROBE = "probe"
    """The kernel, as it ended."""
    RUNTIME = "runtime"
    """What the runtime wrote down."""


class Health(enum.Enum):
    """The state of a health check."""

    NONE = "none"
    """The container has no health check."""
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The counters of a cgroup that outlive it. None: not read, or this host does not say."""

    cpu_usec: int | None = None
    memory_peak: int | None = None
    read_bytes: int | None = None
    """Block I/O, the sum over all devices."""
    write_bytes: int | None = None
    oom_kills: int | None = None

    def since(self, base: Counters) -> Counters:
        """What was added after `base`; the peak, which is no counter, stays."""
        return Counters(
            cpu_usec=_minus(self.cpu_usec, base.cpu_usec),
            memory_peak=self.memory_peak,
            read_bytes=_minus(self.read_bytes, base.read_bytes),
            write_bytes=_minus(self.write_bytes, base.write_bytes),
            oom_kills=_minus(self.oom_kills, base.oom_kills),
        )

    def later(self, other: Counters) -> Counters:
        """Both, of two looks at one cgroup: where both know a number, the larger, later one."""
        return Counters(
            cpu_usec=_larger(self.cpu_usec, other.cpu_usec),
            memory_peak=_larger(self.memory_peak, other.memory_peak),
            read_bytes=_larger(self.read_bytes, other.read_bytes),
            write_bytes=_larger(self.write_bytes, other.write_bytes),
            oom_kills=_larger(self.oom_kills, other.oom_kills),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a container ended."""

    code: int | None
    """0 to 255; 128 + signal where a signal ended it. None: nobody told."""
    signal: int | None
    reason: Reason
    ran: float | None
    """Seconds from the start of its program to the end."""
    counters: Counters | None
    """Of this run, without what the runtime used to set it up where that could be told apart. None:
    the cgroup was gone before it could be read."""
    final: bool
    """Whether the counters were read after the end; if not, they are of an earlier moment."""
    source: Source | None = None
    """Who told the code. None: nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one container."""

    at: float
    """Unix seconds."""
    what: What
    cgroup: Cgroup
    container: Container
    """As far as it is known; a name may be missing when it lived too short to be asked."""
    exit: Exit | None = None
    """Of EXITED."""
    oom_kills: int | None = None
    """Of OOM_KILLED: processes killed since the last such event."""
    health: Health | None = None
    """Of HEALTH and FOUND; None where the runtime does not tell."""


def counters(reading: CgroupReading) -> Counters:
    """The counters of one reading."""
    disks = reading.io_stat
    return Counters(
        cpu_usec=None if reading.cpu_stat is None else reading.cpu_stat.usage_usec,
        memory_peak=reading.memory_peak,
        read_bytes=None if disks is None else sum(disk.rbytes or 0 for disk in disks),
        write_bytes=None if disks is None else sum(disk.wbytes or 0 for disk in disks),
        oom_kills=None if reading.memory_events is None else reading.memory_events.oom_kill,
    )


def _minus(now: int | None, before: int | None) -> int | None:
    return now if now is None or before is None else max(now - before, 0)


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
