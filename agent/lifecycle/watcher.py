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
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from agent import inotify
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.discovery import may_be_container
from agent.container.docker import CONFIG
from agent.container.identity import CgroupKind, identify
from agent.container.told import ContainerSource
from agent.inotify import Change
from agent.lifecycle.events import Event, Source
from agent.lifecycle.kernel_news import KernelNews, Teller
from agent.lifecycle.run import (
    Begun,
    Counted,
    Ended,
    Named,
    Observation,
    Preparing,
    Removed,
    Run,
    Status,
    TimeUp,
)
from agent.lifecycle.tally import Levels, Missed, Tally
from agent.lifecycle.tracked import NAME_PATIENCE, PATIENCE, Looker, Tracked
from agent.lifecycle.tree_watch import PathChange, TreeWatch
from agent.lifecycle.urgency import Urgency
from agent.lifecycle.wakeups import Wakeups

SCAN_EVERY: Final = 30.0
"""Seconds: what inotify missed is found this late at most."""
POLL_EVERY: Final = 0.5
"""Seconds between scans where not every directory could be watched."""
_ASK_EVERY: Final = 1.0
"""Seconds between looks at what a runtime's API said, which wakes nobody."""
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
        self._say = say
        self._recall = recall
        self._wall = wall
        self._tracked: dict[str, Tracked] = {}
        self._held: dict[int, Tracked] = {}
        """By pidfd."""
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
        self._unified = hierarchies.unified if not hierarchies.v1 else None
        self._tree = TreeWatch(
            [mount for mount in mounts if mount is not None],
            self._wakeups.inotify,
            _may_hold_containers,
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
        for tracked in self._held.values():
            tracked.close()
        self._held.clear()
        self._tracked.clear()
        self._wakeups.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _turn(self) -> None:
        """Wait for something to happen, and deal with it: ends first, they cannot wait."""
        woken = self._wakeups.wait(min(self._next_scan, self._next_ask))
        for end in woken.ends:
            self._process_ended(end.owner, reaped=end.reaped)
        if woken.stop:
            self._stopping = True
        if woken.told:
            self._told()
        if woken.changed and self._wakeups.inotify is not None:
            self._changed(self._wakeups.inotify.read())
        until = time.monotonic() + _BUSY_FOR
        while time.monotonic() < until and (tracked := self._wakeups.due()) is not None:
            if tracked.run.ended:
                self._look_at_end(tracked)
            else:
                self._look(tracked)
        if time.monotonic() >= self._next_ask:
            for tracked in list(self._tracked.values()):
                if self._looker.is_told_anew(tracked) and not tracked.run.ended:
                    self._read_record(tracked)
            self._next_ask = time.monotonic() + _ASK_EVERY
        if time.monotonic() >= self._next_scan:
            with self._urgency.lowered():
                self._scan()

    # --- cgroups come and go

    def _scan(self, *, first: bool = False) -> None:
        changes = self._tree.scan()
        if not first and self._complete:
            self.tally.missed[Missed.START] += sum(change.there for change in changes)
        self._cgroups(changes, adopted=first)
        for tracked in list(self._tracked.values()):
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
                self._file_changed(tracked, change)
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
        self._end(tracked, Removed(self._wall()))

    # --- one container, until its end

    def _look(self, tracked: Tracked) -> None:
        self._unseen.discard(tracked.path)
        if tracked.prepares and not tracked.nameless:
            self._prepare(tracked)
            return
        pids = self._looker.members(tracked.path)
        if not pids and tracked.pid is None and self._news.status(tracked) is not None:
            # It ended before it was found, and nobody is left to be found.
            self._count(tracked)
            self._end(tracked, Ended(self._wall()))
            return
        attached = tracked.pidfd < 0 and bool(pids) and self._attach(tracked, pids)
        if tracked.name_is_due(attached=attached, populated=bool(pids)):
            self._name(tracked, pids)
            # The runtime may have told which process is the first: one without its own namespace.
            if tracked.pidfd < 0 and pids and not tracked.run.over:
                self._attach(tracked, pids)
        if tracked.run.over:
            return
        if tracked.prepares:
            self._prepare(tracked)
            return
        if tracked.nameless and time.monotonic() - tracked.seen_at > NAME_PATIENCE:
            self._observe(tracked, TimeUp())
        if tracked.pidfd < 0 or tracked.nameless:
            wait = tracked.wait()
            if wait is not None:
                self._wakeups.after(wait, tracked)

    def _attach(self, tracked: Tracked, pids: tuple[int, ...]) -> bool:
        """Hold the container's first process; True where it was found."""
        pid = self._looker.first_process(tracked, pids)
        if pid is None:
            return False
        pidfd = self._looker.pidfd(pid)
        if pidfd is None:
            if not self._looker.has_pidfds and not tracked.began:
                self._begin(tracked)
            return False
        tracked.pid, tracked.pidfd = pid, pidfd
        self._news.want(pid)
        self._held[pidfd] = tracked
        self._wakeups.hold(pidfd, tracked)
        return True

    def _prepare(self, tracked: Tracked) -> None:
        """See whether its own program began."""
        # In this order: what is counted after the program began is never taken for preparation.
        idle = tracked.is_idle(self._looker.cpu_usec(tracked.path))
        counters = None if idle else self._looker.read_counters(tracked.path)
        if tracked.pid is not None and self._looker.is_preparing(tracked.pid):
            if counters is not None:
                tracked.set_up_usec = counters.cpu_usec
                self._observe(tracked, Preparing(counters))
            self._wakeups.after(tracked.preparing_wait(idle=idle), tracked)
            return
        self._begin(tracked)
        if tracked.nameless and not tracked.run.over:
            self._wakeups.after(0.0, tracked)

    def _begin(self, tracked: Tracked) -> None:
        run = tracked.run
        tracked.began = True
        # All its hierarchies are there now, so the cgroup has its final number.
        run.cgroup = self._looker.cgroup(tracked.path) or run.cgroup
        self._observe(tracked, Begun(tracked.began_at(self._wall())))
        if run.adopted:
            self._count(tracked)
        files = ["memory.events"] if tracked.pidfd >= 0 else ["memory.events", "cgroup.events"]
        for name in files if self._unified is not None else ():
            path = f"{self._unified}{tracked.path}/{name}"
            tracked.watches.append(self._wakeups.watch(path, inotify.MODIFY, tracked))

    def _name(self, tracked: Tracked, pids: tuple[int, ...]) -> None:
        run = tracked.run
        cgroup = run.cgroup if run.cgroup.inode else self._looker.cgroup(tracked.path)
        container = self._looker.name(tracked, cgroup or run.cgroup, pids)
        if container is None:
            return
        first = run.container is None
        if first and tracked.identity.kind is CgroupKind.OTHER:
            self._tree.prune(tracked.path)
        found = tracked.found
        if found is not None and found.watch and tracked.record_watch < 0:
            directory = os.path.dirname(found.watch)
            tracked.record_watch = self._wakeups.watch(directory, inotify.MOVED_TO, tracked)
            tracked.watches.append(tracked.record_watch)
            self._read_record(tracked)
        self._observe(tracked, Named(container))

    def _file_changed(self, tracked: Tracked, change: Change) -> None:
        if change.mask & inotify.MODIFY:
            at = self._wall()
            self._count(tracked)
            held = tracked.pidfd >= 0 or tracked.run.ended
            if not held and not self._looker.members(tracked.path):
                self._end(tracked, Ended(at))
        elif change.mask & inotify.MOVED_TO and change.name == CONFIG:
            self._read_record(tracked)

    def _count(self, tracked: Tracked) -> bool:
        counters = self._looker.read_counters(tracked.path) if tracked.there else None
        if counters is not None:
            self._observe(tracked, Counted(self._wall(), counters))
        return counters is not None

    def _read_record(self, tracked: Tracked) -> None:
        recorded = self._looker.record(tracked, self._wall())
        if recorded is not None:
            self._observe(tracked, recorded)

    # --- the end of one

    def _process_ended(self, tracked: Tracked, *, reaped: bool) -> None:
        at = self._wall()
        self._count(tracked)
        if not tracked.run.ended:
            self._wakeups.until_reaped(tracked.pidfd)
            self._end(tracked, Ended(at))
        elif not tracked.run.over:
            self._look_at_end(tracked)
        if reaped and tracked.pidfd >= 0:
            self._tell_status(tracked)
            self._let_go(tracked)

    def _end(self, tracked: Tracked, seen: Ended | Removed) -> None:
        """The container ended, or its cgroup is gone, or both."""
        run = tracked.run
        if tracked.ended_at is None:
            tracked.ended_at = time.monotonic()
        self._tell_status(tracked)
        if run.counters is None and not self._count(tracked):
            earlier = self._recall(run.cgroup.inode)
            if earlier is not None:
                self._observe(tracked, earlier)
        self._observe(tracked, seen)
        if run.over:
            return
        if (
            run.container is None
            and tracked.identity.kind is CgroupKind.OTHER
            and not tracked.there
        ):
            self._finish(tracked)  # it never was a container
            return
        self._wakeups.after(tracked.end_wait(), tracked)

    def _look_at_end(self, tracked: Tracked) -> None:
        run = tracked.run
        if run.over:
            self._look_for_another(tracked)
            return
        self._tell_status(tracked)
        container = run.container
        if container is None or not container.name:
            self._name(tracked, ())
        self._read_record(tracked)
        if time.monotonic() - (tracked.ended_at or 0.0) > PATIENCE:
            self._observe(tracked, TimeUp())
            self._finish(tracked)
        elif not run.over:
            self._wakeups.after(tracked.end_wait(), tracked)

    def _tell_status(self, tracked: Tracked) -> None:
        if not tracked.run.status_known:
            status = self._looker.status(tracked)
            if status is not None:
                self._observe(tracked, Status(status))
            elif (status := self._news.status(tracked)) is not None:
                self._observe(tracked, Status(status, Source.PROBE))

    def _look_for_another(self, tracked: Tracked) -> None:
        """A cgroup that outlived its container may hold the next one."""
        if not tracked.there or self._tracked.get(tracked.path) is not tracked:
            return
        if not self._looker.members(tracked.path):
            wait = tracked.wait()
            if wait is not None:
                self._wakeups.after(wait, tracked)
            return
        at = self._wall()
        run = Run(tracked.run.cgroup, at=at, base=tracked.run.counters)
        again = Tracked(tracked.path, tracked.identity, run, time.monotonic())
        self._tracked[tracked.path] = again
        self._wakeups.after(0.0, again)

    def _finish(self, tracked: Tracked) -> None:
        """Nothing more is said about this run."""
        tracked.run.over = True
        self._let_go(tracked)
        tracked.take_time()
        if tracked.there:
            self._wakeups.after(1.0, tracked)
        for number in tracked.watches:
            self._wakeups.unwatch(number, tracked)
        tracked.watches.clear()
        self._looker.failures.clear(tracked.subject)

    def _let_go(self, tracked: Tracked) -> None:
        if tracked.pid is not None:
            self._news.forget(tracked.pid)
        if tracked.pidfd >= 0:
            self._wakeups.release(tracked.pidfd)
            del self._held[tracked.pidfd]
            tracked.close()

    def _observe(self, tracked: Tracked, seen: Observation) -> None:
        for event in tracked.run.observe(seen):
            self.tally.events[event.what] += 1
            if event.exit is not None:
                self.tally.missed[Missed.COUNTERS] += not event.exit.final
                self.tally.missed[Missed.EXIT_CODE] += event.exit.code is None
            self._say(event)
        if tracked.run.over:
            self._finish(tracked)


def _may_hold_containers(path: str) -> bool:
    """Whether containers may be below this path: not in one, and not below what holds one."""
    return identify(path).kind in (CgroupKind.POD, CgroupKind.OTHER)
