"""Postures by cgroup: looked at once per container start, and again each hour.

Between looks a tick costs one dict lookup and one comparison a container. A tick spends at most
`BUDGET` seconds on looks, so that a thousand containers found at once do not hold up a scrape; the
rest has its turn at the next ticks and has no posture until then, which is shown as none.

One thread: the sampler's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from agent.config import HostPaths
from agent.container.container import Container
from agent.container.failures import READ_FAILURES
from agent.records import NamedTuple
from agent.security.gather import Subject, gather, is_starting
from agent.security.host import HostState, read_host
from agent.security.posture import Posture, evaluate

RECHECK: Final = 3600.0
"""Seconds between looks. What a start fixed changes only by an update or by somebody's hand."""
SPREAD: Final = 600
"""Seconds over which the next looks are spread, so that an hour does not bring all at once."""
BUDGET: Final = 0.05
"""Seconds of one tick. At 0.7 ms a look these are some 70 containers."""
HOST_FOR: Final = 30.0
"""Seconds for which the host's own state is believed."""
STARTING_LOOKS: Final = 10
"""Looks after which a first process that is called like a runtime is taken for the container's."""


class Reading(NamedTuple):
    """One tick's postures by cgroup inode."""

    postures: Mapping[int, Posture]
    failures: tuple[str, ...]
    """What this tick's looks could not read, in words."""


class _Known(NamedTuple):
    key: tuple[int | None, float | None, str]
    due: float
    posture: Posture | None
    looks: int


class Postures:
    """The security source of the sampler."""

    def __init__(
        self,
        paths: HostPaths,
        ignore: Collection[str] = (),
        *,
        budget: float = BUDGET,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ignore`: ids of checks not to tell. `budget`: infinite for a reading made once."""
        self._paths = paths
        self._ignore = ignore
        self._budget = budget
        self._now = now
        self._known: dict[int, _Known] = {}
        self._host: tuple[float, HostState] | None = None

    def read(self, subjects: Iterable[Subject]) -> Reading:
        """The postures of the running containers; whatever is not among them is forgotten."""
        known: dict[int, _Known] = {}
        failures: list[str] = []
        spent = 0.0
        for subject in subjects:
            inode, now = subject.cgroup.inode, self._now()
            key = _key(subject)
            entry = self._known.get(inode)
            if entry is not None and entry.key != key:
                entry = None
            if (entry is None or now >= entry.due) and spent < self._budget:
                entry = self._look(subject, key, entry, now, failures)
                spent += self._now() - now
            if entry is not None:
                known[inode] = entry
        self._known = known
        if self._host is not None and self._now() - self._host[0] > HOST_FOR:
            self._host = None  # all of the host's mounts; the next look may be an hour away
        return Reading(
            {inode: found.posture for inode, found in known.items() if found.posture is not None},
            tuple(failures),
        )

    def _look(
        self,
        subject: Subject,
        key: tuple[int | None, float | None, str],
        before: _Known | None,
        now: float,
        failures: list[str],
    ) -> _Known | None:
        looks = before.looks + 1 if before is not None else 1
        try:
            pid = subject.pid()
            starting = None if pid is None else is_starting(self._paths.proc, pid)
            if pid is None or starting is None:
                return before
            if starting and looks < STARTING_LOOKS:
                return _Known(key, now, None, looks)
            host = self._host_state(now)
        except READ_FAILURES as error:
            failures.append(str(error))
            return _Known(key, now + HOST_FOR, before.posture if before else None, looks)
        gathered = gather(self._paths, host, subject, pid)
        failures += gathered.failures
        due = now + RECHECK + subject.cgroup.inode % SPREAD
        return _Known(key, due, evaluate(gathered.facts, self._ignore), looks)

    def _host_state(self, now: float) -> HostState:
        if self._host is None or now - self._host[0] > HOST_FOR:
            self._host = now, read_host(self._paths)
        return self._host[1]


def _key(subject: Subject) -> tuple[int | None, float | None, str]:
    container: Container = subject.container
    return container.pid, container.started, container.image
