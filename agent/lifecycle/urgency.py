"""The scheduling class of the watcher's thread: SCHED_FIFO, the lowest of its priorities.

The thread sleeps nearly always, and what it is woken for, the counters of a container that ended,
is gone within milliseconds. On two busy cores it was woken 8 to 13 ms late as an ordinary thread,
and missed one last reading in eight; a nice value changed nothing, since it only counts within a
session (sched_autogroup) or cgroup. As SCHED_FIFO it missed none. Long work (the first scan, and
the one every 30 s) is done as an ordinary thread.

Needs CAP_SYS_NICE, and on a v1 host with RT group scheduling a cgroup that has cpu.rt_runtime_us;
where it is refused everything works, and more last readings are missed on a busy host.

Docs    https://man7.org/linux/man-pages/man7/sched.7.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_LOWEST = 1


class Urgency:
    """The calling thread's class; used by one thread."""

    def __init__(self, *, wanted: bool) -> None:
        self.raised = False
        self._wanted = wanted

    def raise_(self) -> None:
        """Go before all ordinary threads, if that is wanted and permitted."""
        if self._wanted:
            try:
                # A process forked by this thread does not inherit it.
                policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
                os.sched_setscheduler(0, policy, os.sched_param(_LOWEST))
            except PermissionError:
                self._wanted = False
            else:
                self.raised = True

    @contextmanager
    def lowered(self) -> Iterator[None]:
        """Be an ordinary thread meanwhile."""
        if not self.raised:
            yield
            return
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        self.raised = False
        try:
            yield
        finally:
            self.raise_()
