"""Processes of each container: how many, their open files, sockets and limit of open files.

    processes          cgroup.procs of the container's cgroup and of those below it, each tick
    file descriptors   st_size of /proc/PID/fd, one stat a process, each tick: the kernel counts.
                       Linux kernel commit f1f1f2569901 ("proc: report open files as size in stat()
                       for /proc/pid/fd") (in v6.2); 3 us on 6.18, and no rights are needed. A
                       number that a blocked accept() has reserved is counted, though not listed
    sockets            no count of them exists, so the link of every descriptor is read, 3.5 us
                       each: by `Pace`, about once a minute. Needs CAP_SYS_PTRACE
    limit              /proc/PID/limits of the first process, at the same time

On older kernels descriptors are counted together with the sockets. A process that ends meanwhile
drops only itself. What may not be looked at, or would take too long, is None and never 0.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.faults import told
from agent.kernelfile import ABSENT, Limit, UnexpectedText, open_kept, read
from agent.pacing import Pace
from agent.procfs.limits import parse_max_open_files
from agent.records import NamedTuple, dataclass

GROUP: Final = "process"
"""The group of metrics that needs this."""
LINKS_EVERY: Final = 60.0
"""Seconds between two looks at one container's descriptors."""
LINKS_BUDGET: Final = 0.01
"""Seconds of one tick: 0.1% of a core at ten seconds, 2,800 descriptors."""
MOST_DESCRIPTORS: Final = 20_000
"""A container with more is not looked through: 70 ms, seven ticks of everybody's budget."""
_LINKS_A_STEP: Final = 64


class ProcessCounts(NamedTuple):
    """One container's processes, with those in cgroups below its own. None: not known."""

    processes: int
    file_descriptors: int | None = None
    sockets: int | None = None
    max_open_files: Limit | None = None
    """Soft limit of the container's first process."""
    looked_at: float | None = None
    """Monotonic seconds when the sockets were counted (before Linux 6.2 the descriptors too)."""


class Members(NamedTuple):
    """A container's processes as cgroup.procs lists them."""

    pids: tuple[int, ...]
    first: int | None
    """Its first process, where the runtime's files tell."""


class ProcessReading(NamedTuple):
    """One tick, by the container's cgroup inode."""

    counts: dict[int, ProcessCounts]
    failures: tuple[str, ...]


@dataclass(slots=True)
class _Look:
    """What going through one container's descriptors found."""

    looked_at: float
    descriptors: int | None = None
    sockets: int | None = None
    max_open_files: Limit | None = None


def members(
    cgroups: Iterable[Cgroup],
    readings: Mapping[int, CgroupReading],
    firsts: Mapping[int, int | None],
) -> dict[int, Members]:
    """
    Return each container's processes by cgroup inode.

    `cgroups` are in the tree's order, parents before children; `firsts` are the containers: inode →
    pid of the first process. A container whose own cgroup.procs was not read has no entry.
    """
    found: dict[int, list[int]] = {}
    above: list[Cgroup] = []
    for cgroup in cgroups:
        while above and not cgroup.path.startswith(above[-1].path + "/"):
            above.pop()
        reading = readings.get(cgroup.inode)
        procs = None if reading is None else reading.procs
        if procs is None:
            continue
        if cgroup.inode in firsts:
            above.append(cgroup)
            found[cgroup.inode] = []
        for container in above:
            found[container.inode] += procs
    return {inode: Members(tuple(pids), firsts[inode]) for inode, pids in found.items()}


class Processes:
    """Counts the processes it is told of each tick. Not thread-safe."""

    def __init__(self, proc: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Find out whether this kernel counts descriptors itself."""
        self._proc = proc
        self._clock = clock
        self._kernel_counts = self._size(f"{proc}/self/fd") not in (None, 0)
        self._pace: Pace[int] = Pace(LINKS_EVERY, LINKS_BUDGET, clock)
        self._members: Mapping[int, Members] = {}
        self._descriptors: dict[int, int | None] = {}
        self._looks: dict[int, _Look] = {}
        self._failures: list[str] = []

    def read(self, containers: Mapping[int, Members]) -> ProcessReading:
        """Count every container's processes and descriptors, and go on with the sockets."""
        self._failures = []
        self._members = containers
        self._looks = {inode: look for inode, look in self._looks.items() if inode in containers}
        if self._kernel_counts:
            self._descriptors = {inode: self._open(m.pids) for inode, m in containers.items()}
        self._pace.run(containers, self._look)
        nothing = _Look(0.0)
        counts = {}
        for inode, member in containers.items():
            look = self._looks.get(inode)
            found = nothing if look is None else look
            counts[inode] = ProcessCounts(
                len(member.pids),
                self._descriptors.get(inode) if self._kernel_counts else found.descriptors,
                found.sockets,
                found.max_open_files,
                None if look is None else look.looked_at,
            )
        return ProcessReading(counts, tuple(self._failures))

    def _open(self, pids: Collection[int]) -> int | None:
        """Open descriptors of these processes; None if one of them may not be looked at."""
        total = 0
        for pid in pids:
            try:
                total += self._size(f"{self._proc}/{pid}/fd") or 0
            except OSError as error:
                self._failures.append(told(error))
                return None
        return total

    def _size(self, path: str) -> int | None:
        """None if the process is gone. Raises OSError where it may not be looked at."""
        try:
            return os.stat(path).st_size
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise

    def _look(self, inode: int) -> Iterator[None]:
        """Go through one container's descriptors, some links a step."""
        member = self._members[inode]
        look = _Look(self._clock(), 0, 0, self._max_open_files(member))
        for pid in member.pids:
            yield
            yield from self._look_at(f"{self._proc}/{pid}/fd", look)
            if look.descriptors is None or (look.sockets is None and self._kernel_counts):
                break
        self._looks[inode] = look

    def _look_at(self, path: str, look: _Look) -> Iterator[None]:
        """Add one process' descriptors and sockets; None for what cannot be had."""
        try:
            directory = open_kept(path)
        except OSError as error:
            self._failures.append(told(error))
            look.descriptors = look.sockets = None
            return
        if directory is None:
            return
        try:
            names = os.listdir(directory)
            look.descriptors = (look.descriptors or 0) + len(names)
            if look.descriptors > MOST_DESCRIPTORS and look.sockets is not None:
                raise _TooMany(errno.EFBIG, f"over {MOST_DESCRIPTORS} descriptors", path)
            for start in range(0, len(names), _LINKS_A_STEP):
                if look.sockets is None:
                    return
                look.sockets += _sockets(directory, names[start : start + _LINKS_A_STEP])
                yield
        except OSError as error:
            if error.errno not in ABSENT:
                self._failures.append(f"{path}: {error.strerror}")
                look.sockets = None
        finally:
            os.close(directory)

    def _max_open_files(self, member: Members) -> Limit | None:
        if not member.pids:
            return None
        pid = member.first if member.first in member.pids else min(member.pids)
        try:
            return read(f"{self._proc}/{pid}/limits", parse_max_open_files)
        except (OSError, UnexpectedText) as error:
            self._failures.append(told(error))
            return None


class _TooMany(OSError):
    """More descriptors than it is worth looking through."""


def _sockets(directory: int, names: Iterable[str]) -> int:
    """How many of these links lead to sockets. Raises OSError where they may not be read."""
    sockets = 0
    for name in names:
        try:
            sockets += os.readlink(name, dir_fd=directory).startswith("socket:")
        except OSError as error:
            if error.errno not in ABSENT:  # closed since it was listed
                raise
    return sockets
