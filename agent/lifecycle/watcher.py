"""Follows every container of the host from its start to its end, as it happens. One thread.

    inotify on the cgroup hierarchies   a cgroup was made or removed (`tree_watch`)
    the kernel's probe, where it runs   the same, however short; how first processes ended
    pidfd of the first process          the container ended; its status
    inotify on Docker's record          health, and the end where no pidfd told it
    inotify on memory.events (v2)       the OOM killer ran
    a scan every 30 s                   whatever was missed

All of it is one epoll. At the end of a first process the cgroup's counters are read before anything
else is done: its runtime removes it within milliseconds.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final, Self

from agent import inotify
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.discovery import may_be_container
from agent.container.identity import CgroupKind, identify
from agent.container.told import ContainerSource
from agent.inotify import Change
from agent.lifecycle.events import Event
from agent.lifecycle.kernel_news import KernelNews, Teller
from agent.lifecycle.run import Counted, Removed, Run
from agent.lifecycle.steps import Steps
from agent.lifecycle.tally import Levels, Missed, Tally
from agent.lifecycle.tracked import Looker, Tracked
from agent.lifecycle.tree_watch import PathChange, TreeWatch
from agent.lifecycle.urgency import Urgency
from agent.lifecycle.wakeups import Wakeups

SCAN_EVERY: Final = 30.0
"""Seconds: what inotify missed is found this late at most."""
POLL_EVERY: Final = 0.5
"""Seconds between scans where not every directory could be watched."""
_ASK_EVERY: Final = 1.0
"""Seconds between looks at what a runtime's API said, which wakes nobody."""
_NO_RUNTIMES: Final = ("/container", ".scope", ".service", ".mount", ".socket", ".swap")
"""Cgroups in a container that hold processes and no containers: crun's own, systemd's units."""
_BUSY_FOR: Final = 0.005
"""Seconds of looking around before the pidfds, which cannot wait, are asked again."""


class Watcher:
    """
    Says what happens to containers.

        with Watcher(paths, hierarchies, said.append) as watcher:
            watcher.run()        # until `stop` is called, from any thread
    """

    def __init__(
        self,
        paths: HostPaths,
        hierarchies: Hierarchies,
        say: Callable[[Event], None],
        *,
        realtime: bool = True,
        recall: Callable[[int], Counted | None] = lambda _: None,
        engine: ContainerSource | None = None,
        teller: Teller | None = None,
        tally: Tally | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """
        Look at nothing yet. `say` is called in the thread of `run`, for each event in turn.

        realtime: see `urgency`. recall: an earlier look at a cgroup, by `Cgroup.inode`, asked for
        where the last one came too late. engine: Docker's API, where it is followed. teller: the
        kernel's probe, where it runs; it must stay open until this is closed. Without that and an
        inotify instance it polls. Raises OSError where no epoll can be made.
        """
        self._urgency = Urgency(wanted=realtime)
        self._looker = Looker(paths, hierarchies, engine)
        self._wall = wall
        self._tracked: dict[str, Tracked] = {}
        self._wakeups = Wakeups()
        self._news = KernelNews(teller, hierarchies, paths.proc)
        if self._news.fd >= 0:
            self._wakeups.listen(self._news.fd)
        self.tally = Tally() if tally is None else tally
        self._next_scan = 0.0
        self._next_ask = math.inf if engine is None else 0.0
        self._unseen: set[str] = set()
        """What the first scan found and nobody looked at yet."""
        self._scanned = threading.Event()
        self._stopping = False
        mounts = dict.fromkeys((hierarchies.walk_root, hierarchies.unified))
        self._tree = TreeWatch(
            [mount for mount in mounts if mount is not None],
            self._wakeups.inotify,
            _may_hold_containers,
            _is_container,
        )
        self._steps = Steps(
            self._looker,
            self._wakeups,
            self._news,
            self.tally,
            self._tracked,
            say=say,
            recall=recall,
            prune=self._tree.prune,
            wall=wall,
            events_at=None if hierarchies.v1 else hierarchies.unified,
        )

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be read about containers, in words."""
        return self._looker.failures.messages()

    def levels(self) -> Levels:
        """How it works; may be asked from any thread."""
        return Levels(
            directories=self._tree.watched,
            containers=sum(tracked.runs for tracked in list(self._tracked.values())),
            polling=not self._complete,
            realtime=self._urgency.raised,
            probe=self._news.complete,
        )

    def wait_ready(self, timeout: float) -> bool:
        """Wait until what ran before is found, so that every start from now on is seen."""
        return self._scanned.wait(timeout)

    def run(self) -> None:
        """Follow containers until `stop`."""
        self._scan(first=True)
        while not self._stopping:
            if not self._unseen and not self._scanned.is_set():
                self._scanned.set()
                self._urgency.raise_()
            self._turn()
        self._scanned.set()

    def stop(self) -> None:
        """Make `run` return soon. May be called from any thread and from a signal handler."""
        self._wakeups.stop()

    def close(self) -> None:
        """Close everything. `run` must have returned."""
        self._steps.close()
        self._tracked.clear()
        self._wakeups.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _turn(self) -> None:
        """Wait for something to happen, and deal with it: ends first, they cannot wait."""
        woken = self._wakeups.wait(min(self._next_scan, self._next_ask))
        for end in woken.ends:
            self._steps.process_ended(end.owner, reaped=end.reaped)
        if woken.stop:
            self._stopping = True
        if woken.told:
            self._told()
        if woken.changed and self._wakeups.inotify is not None:
            self._changed(self._wakeups.inotify.read())
        until = time.monotonic() + _BUSY_FOR
        while time.monotonic() < until and (tracked := self._wakeups.due()) is not None:
            self._unseen.discard(tracked.path)
            self._steps.due(tracked)
        if time.monotonic() >= self._next_ask:
            for tracked in list(self._tracked.values()):
                if self._looker.is_told_anew(tracked) and not tracked.run.ended:
                    self._steps.read_record(tracked)
            self._next_ask = time.monotonic() + _ASK_EVERY
        if time.monotonic() >= self._next_scan:
            with self._urgency.lowered():
                self._scan()

    # --- cgroups come and go

    def _scan(self, *, first: bool = False) -> None:
        changes = self._tree.scan()
        if not first and self._complete:
            # In a container the first directories are found so: nothing watches it until then.
            self.tally.missed[Missed.START] += sum(
                change.there and not identify(change.path).below for change in changes
            )
        self._cgroups(changes, adopted=first)
        for tracked in list(self._tracked.values()):
            self._steps.look_at_health(tracked)
            # A cgroup may be filled, or filled again, long after it was made.
            if tracked.due is None and tracked.pidfd < 0:
                self._wakeups.after(0.0, tracked)
        every = SCAN_EVERY if self._complete else POLL_EVERY
        self._next_scan = time.monotonic() + every

    def _changed(self, news: list[Change]) -> None:
        if any(change.mask & inotify.OVERFLOW for change in news):
            self.tally.missed[Missed.INOTIFY] += 1
            with self._urgency.lowered():
                self._scan()
        for change in news:
            if (tracked := self._wakeups.owner_of(change)) is not None:
                self._steps.file_changed(tracked, change)
        self._cgroups(self._tree.changes(news, told=self._news.complete))

    def _told(self) -> None:
        """Each change in turn: one path may be made and removed several times."""
        news = self._news.read()
        for change in news.changes:
            told = self._tree.told(change.mount, change.path, change.number, made=change.made)
            self._cgroups(told)
            tracked = self._tracked.get(change.path)
            if tracked is not None and change.made and change.unified:
                tracked.number = max(tracked.number, change.number)
        for tracked in list(self._tracked.values()) if news.ended_in else ():
            if tracked.number in news.ended_in and tracked.pid is None and not tracked.run.ended:
                tracked.looks = 0
                self._wakeups.after(0.0, tracked)
        if news.lost:
            self.tally.missed[Missed.PROBE] += 1
            with self._urgency.lowered():
                self._scan()

    @property
    def _complete(self) -> bool:
        """Whether every cgroup that comes or goes is seen."""
        return self._tree.complete or self._news.complete

    def _cgroups(self, changes: list[PathChange], *, adopted: bool = False) -> None:
        for change in changes:
            if not change.there:
                if (tracked := self._tracked.get(change.path)) is not None:
                    self._removed(tracked)
            elif change.path not in self._tracked:
                self._appeared(change.path, adopted=adopted)

    def _appeared(self, path: str, *, adopted: bool) -> None:
        identity = identify(path)
        if identity.kind is CgroupKind.POD or not may_be_container(path, identity):
            return
        now = time.monotonic()
        at = self._wall()
        run = Run(Cgroup(0, path, at), at=at, adopted=adopted)
        tracked = self._tracked[path] = Tracked(path, identity, run, now)
        if adopted:
            tracked.take_time()
            self._unseen.add(path)
        self._wakeups.after(0.0, tracked)

    def _removed(self, tracked: Tracked) -> None:
        del self._tracked[tracked.path]
        self._unseen.discard(tracked.path)
        tracked.there = False
        self._steps.end(tracked, Removed(self._wall()))


def _may_hold_containers(path: str) -> bool:
    """Whether containers may be below this path: in a container too, where a runtime is in it."""
    identity = identify(path)
    if identity.kind is CgroupKind.SUPERVISOR:
        return False
    return not (identity.below and path.endswith(_NO_RUNTIMES))


def _is_container(path: str) -> bool:
    identity = identify(path)
    return identity.kind is CgroupKind.CONTAINER and not identity.below
