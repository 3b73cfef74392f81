"""What containers left behind, summed over their restarts.

A container that comes back is told by what people call it: (namespace, pod, container) in
Kubernetes, its name anywhere else. That is the identity here; ids, cgroups and images change with
a restart.

    restarts    starts after the first; at first sight what the runtime has counted (Docker's
                RestartCount, Kubernetes' attempt). Never falls.
    the rest    of runs that ended while the agent watched. Only rises, the last_* excepted.

Bounded: at most `most` identities, and none whose last run ended over `keep` seconds ago. What is
forgotten and comes back starts at 0, as any counter that was reset.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from agent.container.container import Container, Kind
from agent.lifecycle.events import Counters, Event, Exit, Health, Reason, What
from agent.records import NamedTuple, dataclass, field, replace


class Identity(NamedTuple):
    """Who a container is over restarts. Text that does not apply is ""."""

    namespace: str
    pod: str
    container: str
    name: str
    """"" in Kubernetes, where it is the id of one attempt."""


def identity_of(container: Container) -> Identity:
    """The identity; of one without any name its id is the name."""
    if container.pod:
        return Identity(container.namespace, container.pod, container.container, "")
    return Identity("", "", "", container.name or container.id)


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of one identity. None: no ended run had that number."""

    identity: Identity
    restarts: int = 0
    exits: Mapping[Reason, int] = field(default_factory=dict)
    last: Exit | None = None
    """The latest end."""
    ran: float = 0.0
    """Seconds, of the runs whose start is known."""
    cpu_usec: int | None = None
    memory_peak: int | None = None
    """The largest of all."""
    read_bytes: int | None = None
    write_bytes: int | None = None
    oom_kills: int | None = None
    unread: int = 0
    """Runs whose counters could not be read at the end: what they used last is not in the sums."""
    ended: float | None = None
    """Unix seconds of the latest end."""
    attempt: int | None = None
    """The runtime's count of restarts, of the latest run. None: it has none."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Everything at one instant."""

    totals: tuple[Total, ...] = ()
    oom_kills: Mapping[Identity, int] = field(default_factory=dict)
    """In ended runs, where there were any: a cgroup's own counter begins at 0 with each run."""
    counted: Mapping[int, int] = field(default_factory=dict)
    """Of the runs in `oom_kills` whose cgroup may still be there: `Cgroup.inode` → its part."""
    health: Mapping[int, Health] = field(default_factory=dict)
    """Of what runs, by `Cgroup.inode`, where the runtime tells."""

    def earlier_oom_kills(self, inode: int, container: Container) -> int:
        """OOM kills in runs of this container that are not in its cgroup's own counter."""
        if not self.oom_kills:
            return 0
        return self.oom_kills.get(identity_of(container), 0) - self.counted.get(inode, 0)


class _Live(NamedTuple):
    identity: Identity
    health: Health | None


class Totals:
    """Takes events, gives Lifetimes. Thread-safe."""

    def __init__(
        self, *, most: int, keep: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """most: identities. keep: seconds. clock: monotonic seconds."""
        self.forgotten = 0
        """Identities dropped because there were too many."""
        self._most = most
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._totals: dict[Identity, Total] = {}
        """The one that changed longest ago first."""
        self._ended: dict[Identity, float] = {}
        """Identity without a run → when its last one ended; the longest ago first."""
        self._live: dict[int, _Live] = {}
        self._counted: dict[int, tuple[Identity, int]] = {}
        """By inode, see `Lifetimes.counted`; of the latest run of each identity."""
        self._latest: Lifetimes | None = None

    def add(self, event: Event) -> None:
        """Count one event. A pod's sandbox is not counted: it is no work of anybody's."""
        if event.container.kind is not Kind.CONTAINER:
            return
        with self._lock:
            self._latest = None
            identity = identity_of(event.container)
            match event.what:
                case What.FOUND | What.STARTED:
                    self._start(identity, event)
                case What.HEALTH:
                    if event.cgroup.inode in self._live:
                        self._live[event.cgroup.inode] = _Live(identity, event.health)
                case What.EXITED:
                    self._exit(identity, event)
                case What.OOM_KILLED:
                    pass  # in the counters of the run, at its end
            self._bound()

    def read(self) -> Lifetimes:
        """The sums of now; the same object while nothing happens."""
        with self._lock:
            self._forget_old()
            if self._latest is None:
                self._latest = Lifetimes(
                    totals=tuple(self._totals.values()),
                    oom_kills={
                        identity: total.oom_kills
                        for identity, total in self._totals.items()
                        if total.oom_kills
                    },
                    counted={inode: kills for inode, (_, kills) in self._counted.items()},
                    health={
                        inode: live.health
                        for inode, live in self._live.items()
                        if live.health is not None
                    },
                )
            return self._latest

    def _start(self, identity: Identity, event: Event) -> None:
        attempt = event.container.attempt
        known = self._totals.pop(identity, None)
        if known is not None and event.cgroup.inode in self._live:
            pass  # found once more, by a watcher that was started anew
        elif known is None:
            known = Total(identity, restarts=attempt or 0)
        else:
            before = known.attempt
            risen = 0 if attempt is None or before is None else attempt - before
            known = replace(known, restarts=known.restarts + max(risen, 1))
        self._totals[identity] = replace(known, attempt=attempt)
        self._ended.pop(identity, None)
        self._live[event.cgroup.inode] = _Live(identity, event.health)

    def _exit(self, identity: Identity, event: Event) -> None:
        self._live.pop(event.cgroup.inode, None)
        attempt = event.container.attempt
        known = self._totals.pop(identity, None) or Total(identity, attempt=attempt)
        assert event.exit is not None
        self._totals[identity] = _added(known, event.exit, event.at)
        used = event.exit.counters
        if used is not None and used.oom_kills:
            self._uncount(identity)
            self._counted[event.cgroup.inode] = identity, used.oom_kills
        if all(live.identity != identity for live in self._live.values()):
            self._ended.pop(identity, None)
            self._ended[identity] = self._clock()

    def _forget_old(self) -> None:
        before = self._clock() - self._keep
        while self._ended:
            identity, ended = next(iter(self._ended.items()))
            if ended > before:
                return
            self._drop(identity)

    def _bound(self) -> None:
        while len(self._totals) > self._most:
            # One that runs goes only where nothing else is left to go.
            self._drop(next(iter(self._ended), None) or next(iter(self._totals)))
            self.forgotten += 1

    def _drop(self, identity: Identity) -> None:
        self._latest = None
        self._ended.pop(identity, None)
        self._totals.pop(identity, None)
        self._uncount(identity)

    def _uncount(self, identity: Identity) -> None:
        for inode in [i for i, (owner, _) in self._counted.items() if owner == identity]:
            del self._counted[inode]


def _added(total: Total, end: Exit, at: float) -> Total:
    used = end.counters or Counters()
    return replace(
        total,
        exits={**total.exits, end.reason: total.exits.get(end.reason, 0) + 1},
        last=end,
        ended=at,
        ran=total.ran + (end.ran or 0.0),
        cpu_usec=_sum(total.cpu_usec, used.cpu_usec),
        memory_peak=max(
            (peak for peak in (total.memory_peak, used.memory_peak) if peak is not None),
            default=None,
        ),
        read_bytes=_sum(total.read_bytes, used.read_bytes),
        write_bytes=_sum(total.write_bytes, used.write_bytes),
        oom_kills=_sum(total.oom_kills, used.oom_kills),
        unread=total.unread + (not end.final),
    )


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else more + (total or 0)
