"""What the probe "cgroups" tells at once; apart from it, for those who listen where it is off."""

from __future__ import annotations

from agent.records import NamedTuple


class CgroupChange(NamedTuple):
    """A cgroup was made or removed."""

    made: bool
    hierarchy: int
    """As in /proc/PID/cgroup: 0 is cgroup2."""
    path: str
    """From the root of the hierarchy; "" for one too long to be told."""
    number: int
    """The inode of its directory, which no other has after it."""


class ProcessEnded(NamedTuple):
    """The main thread of a process ended."""

    pid: int
    """As the first pid namespace numbers it."""
    status: int
    """As wait(2) tells it."""
    cgroup: int
    """The inode of its directory in the cgroup2 hierarchy."""


CgroupEvent = CgroupChange | ProcessEnded
