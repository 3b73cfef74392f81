"""Which slots of a cgroup's reading a sweep fills, and whether what it says is true.

A cgroup has one directory on the cgroup2 mount and one in each v1 hierarchy; each has an inode of
its own, by which the sweep knows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.cgroupfs.kept import Place
from agent.cgroupfs.swept import NOTHING, Check, Swept, Values
from agent.cgroupfs.v2 import Row
from agent.kernelfile import Denied, UnexpectedText, read
from agent.records import NamedTuple, dataclass

CHECK_EVERY: Final = 10.0
"""Seconds between two looks at one cgroup's own files."""


class _Directory(NamedTuple):
    """One directory of a cgroup."""

    controller: str
    """Of a v1 hierarchy; "" for cgroup2."""
    inode: int
    places: Mapping[str, Place]
    """File name → where its value goes."""


@dataclass(slots=True)
class _Cgroup:
    """Where a cgroup's records are, and what they made."""

    directories: tuple[_Directory, ...]
    parts: tuple[Values, ...] = ()
    """What the last values were made of."""
    values: Mapping[int, object] | None = None


class SweptFiles:
    """The values of every cgroup, by slot. Not thread-safe."""

    def __init__(self, swept: Swept, v1_rows: Sequence[Row], v2_rows: Sequence[Row]) -> None:
        self._swept = swept
        self._v2_from = len(v1_rows)
        self._slots = len(v1_rows) + len(v2_rows)
        self._cgroups: dict[int, _Cgroup] = {}
        self._check = Check()
        self._check_at = 0.0
        self._checked = 0
        """The cgroup that was checked last."""

    def add(self, inode: int, places: Iterable[Place]) -> None:
        """Take note of a new cgroup and of the files it may have."""
        found: dict[tuple[str, str], dict[str, Place]] = {}
        for place in places:
            controller = place.row.v1_controller if place.slot < self._v2_from else ""
            names = found.setdefault((controller, place.directory), {})
            for name in place.row.names:
                names[name] = place
        directories = []
        for (controller, path), names in found.items():
            try:
                directories.append(_Directory(controller, os.stat(path).st_ino, names))
            except OSError:
                # Not in this hierarchy, or gone: its files will say so.
                continue
        self._cgroups[inode] = _Cgroup(tuple(directories))

    def forget(self, inode: int) -> None:
        """The cgroup is gone."""
        self._cgroups.pop(inode, None)

    def values(self, inode: int) -> Mapping[int, object]:
        """By slot; the same object while nothing changed."""
        cgroup = self._cgroups.get(inode)
        if cgroup is None:
            return _EMPTY
        parts = tuple(self._of(directory) for directory in cgroup.directories)
        known = cgroup.parts
        if cgroup.values is None or any(
            new is not old for new, old in zip(parts, known, strict=True)
        ):
            cgroup.parts = parts
            cgroup.values = {
                directory.places[name].slot: value
                for directory, part in zip(cgroup.directories, parts, strict=True)
                for name, value in part.items()
                if name in directory.places
            }
        return cgroup.values

    def walk(self, now: float) -> None:
        """Have everything read anew, and now and then look whether it is true."""
        subject = self._next(now)
        if subject is None:
            self._swept.walk()
            return
        before = [_read_files(directory) for directory in subject.directories]
        self._swept.walk()
        for directory, old in zip(subject.directories, before, strict=True):
            reason = self._check.look(old, self._of(directory), _read_files(directory))
            if reason:
                self._swept.distrust(reason)
                return
        self._check_at = 0.0 if self._check.doubtful else now + CHECK_EVERY

    def _next(self, now: float) -> _Cgroup | None:
        """The cgroup to check, where it is time: each in turn, a doubtful one again."""
        if now < self._check_at or not self._cgroups:
            return None
        inodes = sorted(self._cgroups)
        if not self._check.doubtful:
            self._checked = next((i for i in inodes if i > self._checked), inodes[0])
        elif self._checked not in self._cgroups:
            self._checked = inodes[0]
        return self._cgroups[self._checked]

    def _of(self, directory: _Directory) -> Values:
        if directory.controller:
            return self._swept.v1(directory.controller, directory.inode)
        return self._swept.v2(directory.inode)


_EMPTY: Final[Mapping[int, object]] = {}


def _read_files(directory: _Directory) -> Values:
    """What the files say now. One that cannot be read says nothing."""
    values: dict[str, object] = {}
    for name, place in directory.places.items():
        try:
            value = read(f"{place.directory}/{name}", place.row.parse)
        except (Denied, UnexpectedText, OSError):
            continue
        if value is not None:
            values[name] = value
    return values or NOTHING
