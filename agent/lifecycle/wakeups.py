"""All the things the watcher waits for, in one epoll: pidfds, inotify, timers, what the
kernel's probe tells, a call to stop.

Each of the first three has an owner, the cgroup it is about.
"""

from __future__ import annotations

import heapq
import os
import select
import time
from typing import Final

from agent.inotify import Change, Inotify
from agent.lifecycle.tracked import Tracked
from agent.records import NamedTuple

_LONG: Final = 3600.0
"""Seconds; a wait without a timer."""


class ProcessEnd(NamedTuple):
    """A held process ended."""

    owner: Tracked
    reaped: bool


class Woken(NamedTuple):
    """What happened."""

    ends: list[ProcessEnd]
    changed: bool
    """There is something to read from `Wakeups.inotify`."""
    told: bool
    """There is something to read from what `listen` was called with."""
    stop: bool


class Wakeups:
    """One epoll and its descriptors. One thread, `stop` excepted."""

    def __init__(self) -> None:
        """Without an inotify instance `inotify` is None. Raises OSError where no epoll is left."""
        self.inotify: Inotify | None
        self._pidfds: dict[int, Tracked] = {}
        self._watches: dict[int, Tracked] = {}
        self._timers: list[tuple[float, int, Tracked]] = []
        self._order = 0
        self._listened = -1
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._read_end, select.EPOLLIN)
        try:
            self.inotify = Inotify()
        except OSError:
            self.inotify = None  # TreeWatch.complete says so
        else:
            self._epoll.register(self.inotify.fd, select.EPOLLIN)

    def wait(self, until: float) -> Woken:
        """Wait until something happens, a timer is due, or it is `until`, monotonic seconds."""
        if self._timers:
            until = min(until, self._timers[0][0])
        left = min(max(until - time.monotonic(), 0.0), _LONG)
        ends: list[ProcessEnd] = []
        changed = told = stop = False
        for fd, events in self._epoll.poll(left):
            if (owner := self._pidfds.get(fd)) is not None:
                ends.append(ProcessEnd(owner, bool(events & select.EPOLLHUP)))
            elif fd == self._read_end:
                stop = True
            elif fd == self._listened:
                told = True
            else:
                changed = True
        return Woken(ends, changed, told, stop)

    def stop(self) -> None:
        """Make `wait` return with `stop`, now and ever after. Any thread, any signal handler."""
        try:
            os.write(self._write_end, b"x")
        except BlockingIOError:
            pass  # the pipe is full of earlier calls

    def listen(self, fd: int) -> None:
        """Tell when it is readable. It is the caller's to close, after this is closed."""
        self._listened = fd
        self._epoll.register(fd, select.EPOLLIN)

    def hold(self, pidfd: int, owner: Tracked) -> None:
        """Tell when the process ends."""
        self._pidfds[pidfd] = owner
        self._epoll.register(pidfd, select.EPOLLIN)

    def until_reaped(self, pidfd: int) -> None:
        """Of a process that ended, tell only when its parent has taken it away."""
        self._epoll.modify(pidfd, 0)

    def release(self, pidfd: int) -> None:
        """Tell nothing about it any more; it is still the caller's to close."""
        if self._pidfds.pop(pidfd, None) is not None:
            self._epoll.unregister(pidfd)

    def watch(self, path: str, mask: int, owner: Tracked) -> int:
        """Watch a file or directory; -1 where that is not possible."""
        if self.inotify is None:
            return -1
        try:
            number = self.inotify.add(path, mask)
        except OSError:
            return -1  # absent, or no watch left: a later look says the same, only later
        self._watches[number] = owner
        return number

    def unwatch(self, number: int, owner: Tracked) -> None:
        """Stop watching, unless a later owner watches the same."""
        if self._watches.get(number) is owner:
            del self._watches[number]
            if self.inotify is not None:
                self.inotify.remove(number)

    def owner_of(self, change: Change) -> Tracked | None:
        """Whose watch an event is of."""
        return self._watches.get(change.watch)

    def after(self, seconds: float, owner: Tracked) -> None:
        """Make `owner` due then; an earlier time that was set for it no longer counts."""
        owner.due = time.monotonic() + seconds
        self._order += 1
        heapq.heappush(self._timers, (owner.due, self._order, owner))

    def due(self) -> Tracked | None:
        """An owner whose time has come, the longest waiting first; None where there is none."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            due, _, owner = heapq.heappop(self._timers)
            if owner.due == due:  # else it was set anew since
                owner.due = None
                return owner
        return None

    def close(self) -> None:
        """Close everything but the pidfds."""
        self._epoll.close()
        if self.inotify is not None:
            self.inotify.close()
        os.close(self._read_end)
        os.close(self._write_end)
