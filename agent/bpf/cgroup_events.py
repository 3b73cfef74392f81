"""What the probe "cgroups" tells at once: records of its ring.

    CgroupChange   one was made or removed, in a hierarchy that is listened to
    ProcessEnded   of a process that is wanted, or the first of a pid namespace

One listener at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

from agent.bpf import syscall
from agent.bpf.cgroup_news import CgroupEvent
from agent.bpf.cgroups_counts import CgroupsCounts, decode_event
from agent.bpf.probe import Probe
from agent.bpf.ring import Ring

_FIRST: Final = 0
"""The pid of nobody, which stands for first processes."""
_OF: Final = 1 << 31
"""CGROUPS_OF."""


class CgroupEvents:
    """Listens from `listen` until `close`. One thread; `tells` by any."""

    def __init__(self, probe: Probe[CgroupsCounts]) -> None:
        """The probe must stay open. Raises OSError where its ring cannot be mapped."""
        self._probe = probe
        self._wanted = probe.maps.fd("wanted")
        self._ring = Ring(probe.maps.fd("events"))
        self.fd = self._ring.fd
        """For poll(2): readable when there is something to `read`."""
        self._lost = self._drops()
        self._listens: set[int] = set()

    @property
    def tells(self) -> bool:
        """Whether births and deaths of cgroups are told, now."""
        return self._probe.running and {"made", "removed"} <= self._probe.maps.features

    def read(self) -> tuple[list[CgroupEvent], bool]:
        """What happened since, oldest first, and whether something was lost on the way."""
        events = [decode_event(record) for record in self._ring.read()]
        before, self._lost = self._lost, self._drops()
        return events, self._lost != before

    def listen(self, hierarchies: Collection[int]) -> None:
        """Have told of cgroups in these, by their numbers in /proc/PID/cgroup, and of ends."""
        for key in (_FIRST, *(_OF | number for number in hierarchies)):
            self.want(key)
            self._listens.add(key)

    def want(self, pid: int) -> None:
        """Have the end of this process told, as the first pid namespace numbers it."""
        syscall.update(self._wanted, pid.to_bytes(4, sys.byteorder), bytes(4))

    def forget(self, pid: int) -> None:
        """No more. May be called again."""
        syscall.delete(self._wanted, pid.to_bytes(4, sys.byteorder))

    def close(self) -> None:
        """Have the kernel tell nothing more."""
        for key in self._listens:
            self.forget(key)
        self._ring.close()

    def _drops(self) -> int:
        return self._probe.maps.total("drops", 1)
