"""Which cgroups come and go: one inotify watch on each directory that may hold containers.

    add the watch, then list the directory: what is made in between is seen by one of the two
    no .mount is watched, and a container once something in it may hold others: about one watch a
    slice or pod
    events that were lost, and hosts without a watch left, are made up for by `scan`

A path is there as long as one of the mounts has it: on a hybrid host v1's memory hierarchy and the
cgroup2 mount are both watched.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import Final

from agent import inotify
from agent.inotify import Change, Inotify
from agent.kernelfile import ABSENT, DENIED
from agent.records import NamedTuple

_MASK: Final = inotify.CREATE | inotify.DELETE | inotify.ONLYDIR
_DEPTH: Final = 12
_FULL: Final = frozenset({errno.ENOSPC, errno.ENOMEM})


class PathChange(NamedTuple):
    """A cgroup came or went."""

    path: str
    there: bool


class _Place(NamedTuple):
    """One directory of one hierarchy."""

    mount: str
    path: str
    """"" for the mount itself."""

    @property
    def directory(self) -> str:
        return self.mount + self.path


class TreeWatch:
    """Watches the mounts. Not thread-safe; events for other watches of the instance are skipped."""

    def __init__(
        self,
        mounts: Sequence[str],
        watches: Inotify | None,
        descend: Callable[[str], bool],
        seldom: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """
        Do nothing yet; `scan` begins.

        watches: None where the host has no inotify instance left; then only `scan` finds things.
        descend: whether there may be containers below this path. seldom: whether hardly any such
        path has some: it is watched from the first scan on that finds a directory in it to descend
        into.
        """
        self.complete = watches is not None
        """Whether every directory is watched; if not, `scan` often."""
        self._mounts = tuple(mounts)
        self._watches = watches
        self._descend = descend
        self._seldom = seldom
        self._places: dict[int, _Place] = {}
        self._numbers: dict[_Place, int] = {}
        self._there: dict[str, dict[str, int]] = {}
        """Path → mount → inode, 0 where it is not known yet."""
        self._pruned: set[str] = set()

    @property
    def watched(self) -> int:
        """Directories with a watch."""
        return len(self._places)

    def scan(self) -> list[PathChange]:
        """List everything anew; return what differs from what was known."""
        changes: list[PathChange] = []
        for mount in self._mounts:
            seen: dict[str, int] = {}
            self._list(_Place(mount, ""), seen)
            for path in [path for path, mounts in self._there.items() if mount in mounts]:
                known = self._there[path][mount]
                if path not in seen or (known and known != seen[path]):
                    changes += self._gone(_Place(mount, path))
            for path, number in seen.items():
                changes += self._came(_Place(mount, path), number)
        return changes

    def told(self, mount: str, path: str, number: int, *, made: bool) -> list[PathChange]:
        """
        What the kernel itself says: at `path` the directory with this inode was made or removed.

        inotify may say the same before or after; of two directories that had one path after the
        other, the one with the higher number is the later one.
        """
        place = _Place(mount, path)
        if not all(self._may_hold(_Place(mount, above)) for above in _above(path)):
            return []
        known = self._there.get(path, {}).get(mount, 0)
        if not made:
            return [] if known not in (0, number) else self._gone(place)
        if known > number:
            return []
        gone = self._gone(place) if known not in (0, number) else []
        return gone + self._came(place, number)

    def changes(self, news: Sequence[Change], *, told: bool = False) -> list[PathChange]:
        """
        What these events say. Call `scan` instead where one is an OVERFLOW.

        `told`: `told` says all of it too, so that what is outdated by now need not be believed.
        """
        found: list[PathChange] = []
        for change in news:
            if change.mask & inotify.IGNORED:
                self._drop(change.watch)
                continue
            place = self._places.get(change.watch)
            if place is None or not change.mask & inotify.ISDIR:
                continue
            child = _Place(place.mount, f"{place.path}/{change.name}")
            number = _inode(child.directory) if told else 0
            if change.mask & inotify.CREATE:
                if number is None:
                    continue
                found += self._came(child, number)
                below: dict[str, int] = {}
                if self._may_hold(child):
                    self._list(child, below)
                for path, number in below.items():
                    found += self._came(_Place(child.mount, path), number)
            elif change.mask & inotify.DELETE and not number:
                found += self._gone(child)
        return found

    def prune(self, path: str) -> None:
        """`path` turned out to be a container: stop watching it and what is below."""
        self._pruned.add(path)
        for place in [place for place in self._numbers if _within(place.path, path)]:
            number = self._numbers.pop(place)
            self._places.pop(number, None)
            if self._watches is not None:
                self._watches.remove(number)

    def _list(self, place: _Place, seen: dict[str, int]) -> None:
        """Watch `place` and what is below, and put the paths below it into `seen`."""
        waiting = [place]
        while waiting:
            place = waiting.pop()
            if self._seldom(place.path) and not any(
                self._may_hold(child) for child, _ in self._children(place)
            ):
                continue
            self._watch(place)
            for child, number in self._children(place):
                seen[child.path] = number
                if self._may_hold(child):
                    waiting.append(child)

    def _children(self, place: _Place) -> list[tuple[_Place, int]]:
        """(directory, inode) of those right below; [] where it is gone or may not be listed."""
        try:
            with os.scandir(place.directory) as entries:
                return [
                    (_Place(place.mount, f"{place.path}/{entry.name}"), entry.inode())
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False)
                ]
        except OSError as error:
            if error.errno in ABSENT or error.errno in DENIED:
                return []
            raise

    def _may_hold(self, place: _Place) -> bool:
        return (
            not place.path.endswith(".mount")
            and place.path not in self._pruned
            and place.path.count("/") < _DEPTH
            and self._descend(place.path)
        )

    def _watch(self, place: _Place) -> None:
        if self._watches is None or place in self._numbers:
            return
        try:
            number = self._watches.add(place.directory, _MASK)
        except OSError as error:
            if error.errno in _FULL:
                self.complete = False
            elif error.errno not in ABSENT and error.errno not in DENIED:
                raise
            return
        self._places[number] = place
        self._numbers[place] = number

    def _drop(self, number: int) -> None:
        place = self._places.pop(number, None)
        if place is not None and self._numbers.get(place) == number:
            del self._numbers[place]

    def _came(self, place: _Place, number: int) -> list[PathChange]:
        mounts = self._there.get(place.path)
        if mounts is None:
            self._there[place.path] = {place.mount: number}
            return [PathChange(place.path, True)]
        mounts[place.mount] = number or mounts.get(place.mount, 0)
        return []

    def _gone(self, place: _Place) -> list[PathChange]:
        number = self._numbers.pop(place, None)
        if number is not None and self._watches is not None:
            # A directory made anew under this path is another one, and needs a watch of its own.
            self._places.pop(number, None)
            self._watches.remove(number)
        mounts = self._there.get(place.path)
        if mounts is None or mounts.pop(place.mount, None) is None or mounts:
            return []
        del self._there[place.path]
        self._pruned.discard(place.path)
        return [PathChange(place.path, False)]


def _above(path: str) -> list[str]:
    """ "/a/b/c" -> "/a", "/a/b"."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(2, len(parts))]


def _inode(directory: str) -> int | None:
    """None where it is not there."""
    try:
        return os.stat(directory).st_ino
    except OSError as error:
        if error.errno in ABSENT or error.errno in DENIED:
            return None
        raise


def _within(path: str, above: str) -> bool:
    return path == above or path.startswith(above + "/")
