"""Filesystem usage of every container and of the host, gathered in the background.

The sampler hands over which containers there are and takes the newest results; it never waits for
a disk. One thread, "filesystem", does the rest: it looks at each container's mounts every
`interval`, and walks directories one at a time (`trees.py` says when). It stays in the background:

    idle I/O priority          where it may be set, and the disk's scheduler knows it
    entries a second           within a walk, so that it is no burst
    seconds a walk             after them the result is what was counted, and not complete
    2% of one core             over everything: it rests 49 times what it worked

It is not `nice`: a thread of low priority that holds the interpreter's lock makes every other
thread wait for its turn. Measured on two cores with four busy processes beside it: a page took
80 ms (130 at most) with a walk going on, and 113 ms (390 at most) when the walk had nice 19.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from agent.config import FilesystemConfig, HostPaths
from agent.faults import told
from agent.filesystem import mounts
from agent.filesystem.container_view import ContainerView, look_at
from agent.filesystem.host_files import HostFiles
from agent.filesystem.idle import be_idle
from agent.filesystem.statvfs import Asker
from agent.filesystem.target import Target
from agent.filesystem.trees import Trees
from agent.filesystem.usage import Device, FilesystemReading, FilesystemUsage
from agent.filesystem.walk import Budget, walk
from agent.kernelfile import Denied, UnexpectedText

log = logging.getLogger(__name__)

_REST: Final = 49
"""Times the CPU time of one step for which the thread then rests: 2% of a core at most."""
_ANSWER_TIMEOUT: Final = 5.0
"""Seconds for one statvfs(2); a local disk takes microseconds."""
_KEPT_FAILURES: Final = 100
"""Between two ticks; more than that is more of the same."""


class _Stopped(Exception):
    """The agent ends in the middle of a walk."""


class FilesystemWatcher:
    """Watches containers' filesystems from its own thread."""

    def __init__(
        self,
        config: FilesystemConfig,
        paths: HostPaths,
        *,
        looks: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = lambda: 0.8 + os.urandom(1)[0] / 640,
    ) -> None:
        """
        looks: seconds between two looks where they are not `config.interval`, which stays that
        between two walks.
        """
        self._looks = config.interval if looks is None else looks
        self._config = config
        self._budget = Budget(config.walk_seconds, config.entries_per_second)
        self._clock = clock
        self._jitter = jitter
        self._asker = Asker(_ANSWER_TIMEOUT)
        self._files = HostFiles(paths, self._asker, remote=config.network)
        self._trees = Trees(config.interval, config.full_interval)
        self._thread = threading.Thread(target=self._run, name="filesystem")
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._targets: dict[int, Target] = {}
        """Handed over by the sampler; replaced, never changed."""
        self._views: dict[int, ContainerView] = {}
        self._next_look: dict[int, float] = {}
        self._first_look = 0.0
        """The least of `_next_look`; 0 when there are new containers."""
        self._next_host = 0.0
        self._queue: deque[str] = deque()
        """Trees that are due."""
        self._users: dict[str, set[int]] = {}
        """Tree → the containers that use it."""
        self._written: dict[int, int] = {}
        self._results: dict[int, FilesystemUsage] = {}
        self._host: FilesystemUsage | None = None
        self._host_refused = 0
        self._failures: list[str] = []
        self._walks = {"complete": 0, "incomplete": 0, "failed": 0}
        self._faults = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, also in the middle of a walk."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._asker.close()

    def update(self, targets: Iterable[Target]) -> FilesystemReading:
        """Say which containers there are now; take the newest results. For the sampler."""
        current = {target.inode: target for target in targets}
        new = not current.keys() <= self._targets.keys()
        self._targets = current
        if new:
            self._wake.set()
        results = self._results.copy()
        failures, self._failures = self._failures, []
        return FilesystemReading(
            {inode: results[inode] for inode in current if inode in results},
            self._host,
            tuple(failures),
        )

    def walks(self) -> dict[str, int]:
        """Directory trees walked, by how it ended."""
        return dict(self._walks)

    def left_alone(self) -> dict[str, int]:
        """Mounts not asked how full they are, now: "network", and those that "hung"."""
        views = list(self._views.values())
        network = self._host_refused + sum(view.refused for view in views)
        return {"network": network, "hung": self._asker.quarantined}

    def timeouts(self) -> int:
        """How often a filesystem did not answer in time."""
        return self._asker.timeouts

    def faults(self) -> int:
        """How often a step ended in an error that should not be, and was tried again."""
        return self._faults

    def step(self) -> float:
        """Do what is due, at most one walk; return the seconds until there is more to do."""
        now = self._clock()
        targets = self._targets
        self._forget(targets)
        if len(targets) > len(self._next_look):
            self._first_look = 0.0
        if now >= self._next_host:
            self._look_at_host()
            self._next_host = now + self._looks * self._jitter()
        for inode, target in targets.items() if now >= self._first_look else ():
            if self._stop.is_set():
                return 0.0
            if now >= self._next_look.get(inode, 0.0):
                self._look_at(target)
                self._next_look[inode] = now + self._looks * self._jitter()
        self._first_look = min(self._next_look.values(), default=now)
        if not self._queue:
            self._queue.extend(self._trees.due(self._clock()))
        while self._queue:
            path = self._queue.popleft()
            if path in self._trees:
                self._walk(path)
                return 0.0
        due = [self._next_host, self._first_look if targets else self._next_host]
        if (walk_due := self._trees.next_due()) is not None:
            due.append(walk_due)
        return max(0.0, min(due) - self._clock())

    def _run(self) -> None:
        try:
            # A thread has an I/O priority of its own (ioprio_set(2)).
            be_idle()
        except OSError as error:
            log.info("directories are walked without idle I/O priority: %s", told(error))
        while not self._stop.is_set():
            self._wake.clear()
            before = time.thread_time()
            try:
                wait = self.step()
            except Exception:  # the loop's edge: said with its traceback, counted, tried again
                self._faults += 1
                log.exception("filesystems: a fault that should not be; trying again")
                self._stop.wait(self._config.interval)
                wait = 0.0
            rest = (time.thread_time() - before) * _REST
            self._stop.wait(rest)
            if wait > rest:
                self._wake.wait(wait - rest)

    def _forget(self, targets: dict[int, Target]) -> None:
        gone = self._next_look.keys() - targets.keys()
        for inode in gone:
            del self._next_look[inode]
            self._written.pop(inode, None)
            self._results.pop(inode, None)
            self._views.pop(inode, None)
        if gone:
            self._retain_trees()

    def _retain_trees(self) -> None:
        self._users = {}
        for inode, view in self._views.items():
            for path in view.paths():
                self._users.setdefault(path, set()).add(inode)
        self._trees.retain(self._users.keys())

    def _look_at(self, target: Target) -> None:
        pid = target.pid
        if pid is None:
            try:
                pid = next(iter(target.pids()), None)
            except (OSError, UnexpectedText) as error:
                self._failed(told(error))
        before = self._views.get(target.inode)
        view = None if pid is None else look_at(self._files, target, pid, self._failed, before)
        if view is None:
            # Nothing runs in it: what was seen last would not be true for long.
            if self._views.pop(target.inode, None) is not None:
                self._results.pop(target.inode, None)
                self._retain_trees()
            return
        view = view._replace(looked_at=self._clock())
        self._views[target.inode] = view
        changed = target.written is None or target.written != self._written.get(target.inode)
        if target.written is not None:
            self._written[target.inode] = target.written
        for path in view.paths():
            self._trees.want(path, changed=changed)
            self._users.setdefault(path, set()).add(target.inode)
        if before is not None and before.paths() != view.paths():
            self._retain_trees()
        self._publish(target.inode)

    def _walk(self, path: str) -> None:
        self._trees.started(path)
        tree = None
        try:
            tree = walk(path, self._budget, self._pause)
        except _Stopped:
            return
        except FileNotFoundError:
            pass  # the container ended
        except OSError as error:
            self._walks["failed"] += 1
            self._failed(f"walk: {told(error)}")
        self._trees.walked(path, tree, self._clock(), self._jitter())
        if tree is not None:
            self._walks["complete" if tree.complete else "incomplete"] += 1
        for inode in self._users[path]:
            self._publish(inode)

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise _Stopped

    def _publish(self, inode: int) -> None:
        self._results[inode] = self._views[inode].usage(self._trees.sizes, self._clock())

    def _look_at_host(self) -> None:
        try:
            self._files.mounts = self._files.read_mounts() or ()
        except (OSError, UnexpectedText) as error:
            self._failed(told(error))
            return
        devices: list[Device] = []
        refused = 0
        for label, mount in mounts.host_devices(self._files.mounts):
            if not self._files.may_ask(mount):
                refused += 1
                continue
            try:
                place = self._files.of_host(mount)
            except Denied:
                continue  # a user's private mount (/run/user/1000/…): nothing is wrong
            except OSError as error:
                self._failed(f"{mount.mount_point}: {told(error)}")
                continue
            if place is not None and place.answer.space.capacity:
                devices.append(Device(label, place.answer.space))
        self._host_refused = refused
        self._host = FilesystemUsage(devices=tuple(devices))

    def _failed(self, message: str) -> None:
        if len(self._failures) < _KEPT_FAILURES:
            self._failures.append(message)
