"""What is done about one container from the moment its cgroup is found to its last event.

    its first process is found and held; while the runtime still prepares it, it is counted apart
    its own program begins: STARTED is due, once it has a name or has waited long enough for one
    it ends: the counters at once, then status, name and the runtime's record, then EXITED
    its cgroup may hold another one after it

The watcher says when to look; `Run` decides what is said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from agent import inotify
from agent.container.docker import CONFIG
from agent.container.identity import CgroupKind
from agent.inotify import Change
from agent.lifecycle.events import Event, Source
from agent.lifecycle.kernel_news import KernelNews
from agent.lifecycle.podman_health import NAME
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
from agent.lifecycle.tally import Missed, Tally
from agent.lifecycle.tracked import NAME_PATIENCE, PATIENCE, Looker, Tracked
from agent.lifecycle.wakeups import Wakeups


class Steps:
    """Of every container that is followed. In the watcher's thread."""

    def __init__(
        self,
        looker: Looker,
        wakeups: Wakeups,
        news: KernelNews,
        tally: Tally,
        tracked: dict[str, Tracked],
        *,
        say: Callable[[Event], None],
        recall: Callable[[int], Counted | None],
        prune: Callable[[str], None],
        wall: Callable[[], float],
        events_at: str | None,
    ) -> None:
        """
        `tracked`: by path, the watcher's; one whose cgroup is used again is replaced in it.

        prune: told the path of a container that its path did not show. events_at: the mount with
        memory.events and cgroup.events; None on a host whose controllers are v1's.
        """
        self._looker = looker
        self._wakeups = wakeups
        self._news = news
        self._tally = tally
        self._tracked = tracked
        self._say = say
        self._recall = recall
        self._prune = prune
        self._wall = wall
        self._events_at = events_at
        self._held: dict[int, Tracked] = {}
        """By pidfd."""

    def due(self, tracked: Tracked) -> None:
        """It is time for its next look."""
        if tracked.run.ended:
            self._look_at_end(tracked)
        else:
            self._look(tracked)

    def close(self) -> None:
        """Let go of every process."""
        for tracked in self._held.values():
            tracked.close()
        self._held.clear()

    def file_changed(self, tracked: Tracked, change: Change) -> None:
        """A watched file of its cgroup was written to, or its runtime's record replaced."""
        if change.mask & inotify.MODIFY:
            at = self._wall()
            self._count(tracked)
            held = tracked.pidfd >= 0 or tracked.run.ended
            if not held and not self._looker.members(tracked.path):
                self.end(tracked, Ended(at))
        elif self._is_of_record(change):
            self.read_record(tracked)

    @staticmethod
    def _is_of_record(change: Change) -> bool:
        """Whether Docker's record was replaced, or Podman's of the health written."""
        if change.mask & inotify.MOVED_TO:
            return change.name == CONFIG
        return bool(change.mask & inotify.CLOSE_WRITE) and change.name in ("", NAME)

    def process_ended(self, tracked: Tracked, *, reaped: bool) -> None:
        """Its first process ended. `reaped`: and its parent knows."""
        at = self._wall()
        self._count(tracked)
        if not tracked.run.ended:
            self._wakeups.until_reaped(tracked.pidfd)
            self.end(tracked, Ended(at))
        elif not tracked.run.over:
            self._look_at_end(tracked)
        if reaped and tracked.pidfd >= 0:
            self._tell_status(tracked)
            self._let_go(tracked)

    def end(self, tracked: Tracked, seen: Ended | Removed) -> None:
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
        nobodys = run.container is None and tracked.identity.kind is CgroupKind.OTHER
        if nobodys and not tracked.there:
            self._finish(tracked)  # it never was a container
        else:
            self._wakeups.after(tracked.end_wait(), tracked)

    def look_at_health(self, tracked: Tracked) -> None:
        """See what Podman says of its check, and have the next word of it told."""
        log = tracked.health_log
        if log is None or tracked.run.ended:
            return
        if log and tracked.health_watch < 0:
            # Its own directory, since the file is made after the start; of a directory that several
            # share the file, once it is there.
            place = os.path.dirname(log) if os.path.basename(log) == NAME else log
            tracked.health_watch = self._wakeups.watch(place, inotify.CLOSE_WRITE, tracked)
            if tracked.health_watch >= 0:
                tracked.watches.append(tracked.health_watch)
        self.read_record(tracked)

    def read_record(self, tracked: Tracked) -> None:
        """See what its runtime wrote down, or its API said."""
        recorded = self._looker.record(tracked, self._wall())
        if recorded is not None:
            self._observe(tracked, recorded)

    # --- until its end

    def _look(self, tracked: Tracked) -> None:
        if tracked.prepares and not tracked.nameless:
            self._prepare(tracked)
            return
        pids = self._looker.members(tracked.path)
        if not pids and tracked.pid is None and self._news.status(tracked) is not None:
            # It ended before it was found, and nobody is left to be found.
            self._count(tracked)
            self.end(tracked, Ended(self._wall()))
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
        at = self._wall()
        self._looker.find_conmon(tracked)
        self.look_at_health(tracked)
        self._observe(tracked, Begun(tracked.began_at(at)))
        if run.adopted:
            self._count(tracked)
        files = ["memory.events"] if tracked.pidfd >= 0 else ["memory.events", "cgroup.events"]
        for name in files if self._events_at is not None else ():
            path = f"{self._events_at}{tracked.path}/{name}"
            tracked.watches.append(self._wakeups.watch(path, inotify.MODIFY, tracked))

    def _name(self, tracked: Tracked, pids: tuple[int, ...]) -> None:
        run = tracked.run
        cgroup = run.cgroup if run.cgroup.inode else self._looker.cgroup(tracked.path)
        container = self._looker.name(tracked, cgroup or run.cgroup, pids)
        if container is None:
            return
        first = run.container is None
        if first and tracked.identity.kind is CgroupKind.OTHER:
            self._prune(tracked.path)
        found = tracked.found
        if found is not None and found.watch and tracked.record_watch < 0:
            directory = os.path.dirname(found.watch)
            tracked.record_watch = self._wakeups.watch(directory, inotify.MOVED_TO, tracked)
            tracked.watches.append(tracked.record_watch)
            self.read_record(tracked)
        self.look_at_health(tracked)
        self._observe(tracked, Named(container))

    def _count(self, tracked: Tracked) -> bool:
        counters = self._looker.read_counters(tracked.path) if tracked.there else None
        if counters is not None:
            self._observe(tracked, Counted(self._wall(), counters))
        return counters is not None

    # --- its end

    def _look_at_end(self, tracked: Tracked) -> None:
        if tracked.run.over:
            self._look_for_another(tracked)
            return
        self._tell_status(tracked)
        container = tracked.run.container
        if container is None or not container.name:
            self._name(tracked, ())
        self.read_record(tracked)
        if time.monotonic() - (tracked.ended_at or 0.0) > PATIENCE:
            self._observe(tracked, TimeUp())
            self._finish(tracked)
        elif not tracked.run.over:
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
        run = Run(tracked.run.cgroup, at=self._wall(), base=tracked.run.counters)
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
        self._looker.forget(tracked)

    def _let_go(self, tracked: Tracked) -> None:
        if tracked.pid is not None:
            self._news.forget(tracked.pid)
        if tracked.pidfd >= 0:
            self._wakeups.release(tracked.pidfd)
            del self._held[tracked.pidfd]
            tracked.close()

    def _observe(self, tracked: Tracked, seen: Observation) -> None:
        for event in tracked.run.observe(seen):
            self._tally.events[event.what] += 1
            if event.exit is not None:
                self._tally.missed[Missed.COUNTERS] += not event.exit.final
                self._tally.missed[Missed.EXIT_CODE] += event.exit.code is None
            self._say(event)
        if tracked.run.over:
            self._finish(tracked)
