"""What the probe "cgroups" tells at once: records of its ring.

    CgroupMade, CgroupRemoved   in whichever hierarchy
    ProcessEnded                of a process that is wanted, or the first of a pid namespace

One listener at a time.
"""

from __future__ import annotations

import sys
from typing import Final

from agent.bpf import syscall
from agent.bpf.cgroups_counts import CgroupEvent, CgroupsCounts, decode_event
from agent.bpf.probe import Probe
from agent.bpf.ring import Ring

_LISTENS: Final = 0
"""The pid of nobody, which says that somebody listens."""


class CgroupEvents:
    """Listens until `close`. One thread; `tells` by any."""

    def __init__(self, probe: Probe[CgroupsCounts]) -> None:
        """The probe must stay open. Raises OSError where its ring cannot be mapped."""
        self._probe = probe
        self._wanted = probe.maps.fd("wanted")
        self._ring = Ring(probe.maps.fd("events"))
        self.fd = self._ring.fd
        """For poll(2): readable when there is something to `read`."""
        self._lost = self._drops()
        self.want(_LISTENS)

    @property
    def tells(self) -> bool:
        """Whether births and deaths of cgroups are told, now."""
        return self._probe.running and {"made", "removed"} <= self._probe.maps.features

    def read(self) -> tuple[list[CgroupEvent], bool]:
        """What happened since, oldest first, and whether something was lost on the way."""
        events = [decode_event(record) for record in self._ring.read()]
        before, self._lost = self._lost, self._drops()
        return events, self._lost != before

    def want(self, pid: int) -> None:
        """Have the end of this process told, as the first pid namespace numbers it."""
        syscall.update(self._wanted, pid.to_bytes(4, sys.byteorder), bytes(4))

    def forget(self, pid: int) -> None:
        """No more. May be called again."""
        syscall.delete(self._wanted, pid.to_bytes(4, sys.byteorder))

    def close(self) -> None:
        """Have the kernel tell nothing more."""
        self.forget(_LISTENS)
        self._ring.close()

    def _drops(self) -> int:
        return self._probe.maps.total("drops", 1)
