"""What a watcher says about itself: how it works, what it said, and what it did not get.

Written by the watcher's thread, read by any. All keys are there from the start: a dict that never
changes its size may be copied meanwhile.
"""

from __future__ import annotations

import enum
from collections import Counter

from agent.lifecycle.events import What
from agent.records import NamedTuple


class Missed(enum.Enum):
    """What a watcher may not get."""

    COUNTERS = "counters"
    """Ends whose last counters were gone before they were read."""
    EXIT_CODE = "exit_code"
    """Ends whose exit code nobody told."""
    START = "start"
    """Cgroups that only a scan found."""
    INOTIFY = "inotify"
    """Times the kernel dropped inotify events."""
    PROBE = "probe_events"
    """Times events of the probe were lost."""


class Levels(NamedTuple):
    """How a watcher works now."""

    directories: int
    """Watched."""
    containers: int
    """That run."""
    polling: bool
    """Not every directory could be watched: containers are found by polling."""
    realtime: bool
    """Its thread goes before others."""
    probe: bool
    """The kernel's probe tells each cgroup that comes or goes."""


class Tally:
    """Only rises."""

    def __init__(self) -> None:
        self.events: Counter[What] = Counter(dict.fromkeys(What, 0))
        self.missed: Counter[Missed] = Counter(dict.fromkeys(Missed, 0))
