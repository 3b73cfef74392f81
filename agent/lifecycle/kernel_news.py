"""What a probe in the kernel tells the watcher: cgroups that come and go, and how processes end.

It tells each cgroup, however short it lives, where inotify is behind or not to be had; and the
status of a first process that was reaped before it could be asked for it. Without the probe the
watcher works as before: inotify, scans, /proc.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from typing import Final, Protocol

from agent.bpf.cgroup_news import CgroupChange, CgroupEvent, ProcessEnded
from agent.cgroupfs.hierarchies import V1_CONTROLLERS, Hierarchies
from agent.kernelfile import Denied, read
from agent.lifecycle.tracked import Tracked
from agent.records import NamedTuple

_KEPT: Final = 4096
"""Ends that are remembered, until somebody asks."""
_ROOT: Final = 1
"""The inode of a hierarchy's root: a mount of less has other paths than the kernel's."""


class Teller(Protocol):
    """Who listens to the probe: see bpf.cgroup_events."""

    @property
    def fd(self) -> int:
        """Readable when there is something to read."""

    @property
    def tells(self) -> bool:
        """Whether births and deaths of cgroups are told, now."""

    def listen(self, hierarchies: Collection[int]) -> None:
        """Have told of cgroups in these, by their numbers in /proc/PID/cgroup, and of ends."""

    def read(self) -> tuple[list[CgroupEvent], bool]:
        """What happened since, oldest first, and whether something was lost."""

    def want(self, pid: int) -> None:
        """Have the end of this process told."""

    def forget(self, pid: int) -> None:
        """No more."""


class MountChange(NamedTuple):
    """A cgroup was made or removed below a mount that is looked at."""

    mount: str
    path: str
    made: bool
    number: int
    """The inode of its directory."""
    unified: bool
    """Of the cgroup2 hierarchy."""


class News(NamedTuple):
    """What happened since the last look."""

    changes: list[MountChange]
    """In turn."""
    ended_in: frozenset[int]
    """Cgroups, by their numbers in the cgroup2 hierarchy, in which a first process ended."""
    lost: bool
    """There was more."""


class _End(NamedTuple):
    status: int
    cgroup: int
    at: float
    """Monotonic seconds when it was read."""


class KernelNews:
    """The watcher's own. One thread."""

    def __init__(self, teller: Teller | None, hierarchies: Hierarchies, proc: str) -> None:
        """`teller` None: nobody tells anything."""
        self._teller = teller
        self._mounts = _mounts(hierarchies, proc) if teller is not None else {}
        self._pids = teller is not None and _is_first_namespace(proc)
        self._by_pid: dict[int, _End] = {}
        self._by_cgroup: dict[int, _End] = {}
        if teller is not None:
            teller.listen(self._mounts.keys())

    @property
    def fd(self) -> int:
        """For poll(2); -1 where nobody tells anything."""
        return -1 if self._teller is None else self._teller.fd

    @property
    def complete(self) -> bool:
        """Whether each cgroup that comes or goes is told, now."""
        return self._teller is not None and self._teller.tells and bool(self._mounts)

    def read(self) -> News:
        """What happened since."""
        if self._teller is None:
            return News([], frozenset(), lost=False)
        events, lost = self._teller.read()
        # A path that is too long to be told is found by the scan that follows a loss.
        lost |= any(isinstance(event, CgroupChange) and not event.path for event in events)
        ended = frozenset(event.cgroup for event in events if isinstance(event, ProcessEnded))
        return News(list(self._take(events)), ended, lost)

    def want(self, pid: int) -> None:
        """Have the end of this process, by its number in /proc, remembered for `status`."""
        if self._teller is not None and self._pids:
            self._teller.want(pid)

    def forget(self, pid: int) -> None:
        """No more. May be called again."""
        if self._teller is not None and self._pids:
            self._teller.forget(pid)

    def status(self, tracked: Tracked) -> int | None:
        """How its first process ended, as wait(2) tells it; None where that was not told."""
        if tracked.pid is None:
            end = self._by_cgroup.get(tracked.number) if tracked.number else None
            return None if end is None else end.status
        end = self._by_pid.get(tracked.pid) if self._pids else None
        # An older end elsewhere is of another process that had the same pid.
        if end is None or (end.at < tracked.seen_at and end.cgroup != tracked.number):
            return None
        return end.status

    def _take(self, events: list[CgroupEvent]) -> Iterator[MountChange]:
        now = time.monotonic()
        for event in events:
            if isinstance(event, ProcessEnded):
                end = _End(event.status, event.cgroup, now)
                _keep(self._by_pid, event.pid, end)
                _keep(self._by_cgroup, event.cgroup, end)
            elif event.path and (mount := self._mounts.get(event.hierarchy)) is not None:
                yield MountChange(mount, event.path, event.made, event.number, event.hierarchy == 0)


def _keep(ends: dict[int, _End], key: int, end: _End) -> None:
    ends.pop(key, None)  # so that the newest is last
    ends[key] = end
    if len(ends) > _KEPT:
        del ends[next(iter(ends))]


def _mounts(hierarchies: Hierarchies, proc: str) -> dict[int, str]:
    """The kernel's number of a hierarchy -> where it is mounted, of those the watcher looks at."""
    found: dict[int, str] = {}
    if hierarchies.unified is not None:
        found[0] = hierarchies.unified
    first = next((name for name in V1_CONTROLLERS if name in hierarchies.v1), None)
    if first is not None:
        numbers = read(f"{proc}/cgroups", parse_hierarchies)
        if numbers is not None and first in numbers:
            found[numbers[first]] = hierarchies.v1[first]
    return {number: mount for number, mount in found.items() if _is_whole(mount)}


def parse_hierarchies(text: str) -> dict[str, int]:
    """
    Controller -> number of its hierarchy, of /proc/cgroups. 0: cgroup2's, or none.

        #subsys_name	hierarchy	num_cgroups	enabled
        memory	4	7	1
    """
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {line[0]: int(line[1]) for line in lines if len(line) >= 2 and line[1].isdecimal()}


def _is_whole(mount: str) -> bool:
    try:
        return os.stat(mount).st_ino == _ROOT
    except OSError:
        return False  # the watcher says what it cannot see


def _is_first_namespace(proc: str) -> bool:
    """Whether the pids of this /proc are the kernel's own: its thread number 2 is nowhere else."""
    try:
        return read(f"{proc}/2/comm", str) == "kthreadd\n"
    except Denied:
        return False  # hidepid: then neither are containers' processes to be seen
