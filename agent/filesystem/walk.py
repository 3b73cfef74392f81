"""The size of a directory tree, within a budget.

Counts as `du -x` does: 512 * st_blocks of every inode once (hard links), directories too, holes of
sparse files not, other filesystems not. A whiteout (a character device 0:0, by which an overlay
hides a file of the image) is not a file.

What is walked belongs to a container, which may change it meanwhile, on purpose too: directories
are opened one below the other without following a link, so the walk cannot be led elsewhere.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from typing import Final

from agent.filesystem.usage import Tree
from agent.records import NamedTuple

_MAX_DEPTH: Final = 200
"""Levels: each holds one descriptor while it is walked."""
_BATCH: Final = 256
"""Entries between two looks at the clock."""
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Budget(NamedTuple):
    """What one walk may take."""

    seconds: float
    entries_per_second: float


class _Walk:
    def __init__(
        self, budget: Budget, pause: Callable[[float], object], clock: Callable[[], float]
    ) -> None:
        self.blocks = 0
        self.inodes = 0
        self.entries = 0
        self.complete = True
        self._linked: set[int] = set()
        self._budget = budget
        self._pause = pause
        self._clock = clock
        self._start = clock()

    def tree(self, root: int) -> None:
        """Walk from an open directory, and close it."""
        top = os.fstat(root)
        self._device = top.st_dev
        self._count(top)
        stack: list[tuple[int, list[str]]] = [(root, [])]
        try:
            stack[0][1].extend(self._list(root))
            while stack:
                directory, names = stack[-1]
                if not names or self._spent():
                    os.close(stack.pop()[0])
                    continue
                child = self._enter(directory, names.pop(), len(stack))
                if child is not None:
                    names = []
                    stack.append((child, names))
                    names.extend(self._list(child))
        finally:
            for directory, _ in stack:
                os.close(directory)

    def _list(self, directory: int) -> list[str]:
        """Count what is in a directory; return the directories among it."""
        below: list[str] = []
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    self.entries += 1
                    if self.entries % _BATCH == 0 and self._spent():
                        break
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue  # removed meanwhile
                    if found.st_dev == self._device and self._count(found):
                        below.append(entry.name)
        except OSError:
            self.complete = False
        return below

    def _count(self, found: os.stat_result) -> bool:
        """Count one inode; return whether it is a directory."""
        mode = found.st_mode
        if stat.S_ISDIR(mode):
            self.inodes += 1
            self.blocks += found.st_blocks
            return True
        if stat.S_ISCHR(mode) and found.st_rdev == 0:
            return False
        if found.st_nlink > 1:
            if found.st_ino in self._linked:
                return False
            self._linked.add(found.st_ino)
        self.inodes += 1
        self.blocks += found.st_blocks
        return False

    def _enter(self, directory: int, name: str, depth: int) -> int | None:
        if depth >= _MAX_DEPTH:
            self.complete = False
            return None
        try:
            child = os.open(name, _OPEN, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError:
            self.complete = False
            return None
        if os.fstat(child).st_dev != self._device:
            os.close(child)
            return None
        return child

    def _spent(self) -> bool:
        """Whether the time is up; waits where the walk is ahead of its pace."""
        elapsed = self._clock() - self._start
        ahead = self.entries / self._budget.entries_per_second - elapsed
        if ahead > 0.01:
            self._pause(min(ahead, self._budget.seconds))
            elapsed = self._clock() - self._start
        if elapsed < self._budget.seconds:
            return False
        self.complete = False
        return True


def walk(
    path: str,
    budget: Budget,
    pause: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Tree:
    """
    Measure the tree at `path`. `pause` waits that many seconds; what it raises ends the walk.

    Raises OSError where `path` itself cannot be opened.
    """
    start = clock()
    walked = _Walk(budget, pause, clock)
    walked.tree(os.open(path, _OPEN))
    end = clock()
    return Tree(walked.blocks * 512, walked.inodes, walked.complete, end, end - start)
