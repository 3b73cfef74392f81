"""All cgroups of this host: find them, read them.

    with CgroupTree(hierarchies) as tree:
        for cgroup in reversed(tree.walk()):      # children first, see below
            reading = tree.read(cgroup)           # None: gone since the walk

One reader, no parallel reads: cpu.stat and io.stat flush the kernel's per-CPU counters under a lock
all cgroups share. Reading children before parents leaves the parents little to flush.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Self

from agent.cgroupfs import hugetlb, v1, v2
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.kept import Assemble, Failed, KeptFiles, OpenFiles, Place
from agent.cgroupfs.procs import parse_procs
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.cgroupfs.swept import Swept
from agent.cgroupfs.swept_files import SweptFiles
from agent.cgroupfs.v1 import V1_ROWS, V1Files
from agent.cgroupfs.v2 import V2_ROWS, WALKED, Row, V2Files
from agent.faults import told
from agent.kernelfile import ABSENT, read

V1_ONLY: Final = 1 << 62
"""Added to the inode of a hybrid host's cgroup that exists on v1 alone: v1 and v2 number their
directories apart, so the bare number may be another cgroup's in the cgroup2 tree."""


class CgroupTree:
    """Every cgroup of the mounted hierarchies, with their files kept open. Not thread-safe."""

    def __init__(
        self,
        hierarchies: Hierarchies,
        *,
        details: Collection[str] = (),
        page_sizes: Sequence[str] = (),
        open_files: OpenFiles | None = None,
        now: Callable[[], float] = time.monotonic,
        swept: Swept | None = None,
    ) -> None:
        """
        Read nothing yet; raise the limit of open files (`OpenFiles.allowed`) unless given.

        `details` are the groups of metrics whose own files are read too (`Row.detail`); names of
        groups that have no file of their own do no harm. `page_sizes` are the machine's huge page
        sizes (`hugetlb.page_sizes`). `now` is a monotonic clock in seconds. `swept` answers
        for the files it can.
        """
        self.unlisted: tuple[str, ...] = ()
        """What the last walk could not list, in words: path and reason."""
        self._hierarchies = hierarchies
        self._open_files = OpenFiles.allowed() if open_files is None else open_files
        self._now = now
        self._details = {"", *details}
        sizes = page_sizes if "hugetlb" in details else ()
        self._v1_rows = V1_ROWS + hugetlb.v1_rows(sizes)
        self._v2_rows = V2_ROWS + hugetlb.v2_rows(sizes)
        self._assemble = _assemble_v1(sizes) if hierarchies.v1 else _assemble_v2(sizes)
        self._kept: dict[int, KeptFiles] = {}
        self._walked: dict[str, Cgroup] = {}
        self._walked_beside: dict[str, Cgroup] = {}
        """What the last walk found at `Hierarchies.walk_root`, and on a hybrid host's cgroup2."""
        self._swept = None if swept is None else SweptFiles(swept, self._v1_rows, self._v2_rows)

    def walk(self) -> list[Cgroup]:
        """
        Return every cgroup: the root first, parents before children, siblings by name.

        On a hybrid host these are the cgroups of `Hierarchies.walk_root` and those of the cgroup2
        mount. One that vanishes meanwhile is left out; a part that cannot be listed is left out and
        named in `unlisted`. Raises OSError if a root itself cannot be looked at.
        """
        unlisted: list[str] = []
        hierarchies = self._hierarchies
        found = self._walked = _walk(hierarchies.walk_root, unlisted, self._walked)
        if hierarchies.version == "hybrid" and hierarchies.unified is not None:
            unified = self._walked_beside = _walk(
                hierarchies.unified, unlisted, self._walked_beside
            )
            v1_only = {
                path: cgroup._replace(inode=cgroup.inode | V1_ONLY)
                for path, cgroup in found.items()
                if path not in unified
            }
            merged = unified | v1_only
            found = {path: merged[path] for path in sorted(merged, key=_parts)}
        self.unlisted = tuple(unlisted)
        if self._swept is not None:
            self._swept.walk(self._now())
        return list(found.values())

    def read(self, cgroup: Cgroup) -> CgroupReading | None:
        """
        Read all files of `cgroup`; None if it is gone.

        While nothing in any file changes the same object is returned again.
        """
        kept = self._kept.get(cgroup.inode)
        if kept is None:
            kept = self._kept[cgroup.inode] = self._keep(cgroup)
        if self._swept is not None:
            kept.supply(self._swept.values(cgroup.inode))
        reading = kept.read(self._now())
        if self._open_files.exhausted:
            self._make_room()
            reading = kept.read(self._now())
        if reading is None:
            kept.close()
            del self._kept[cgroup.inode]
        return reading

    def pids(self, cgroup: Cgroup) -> tuple[int, ...]:
        """
        Return the processes directly in `cgroup`; where it has none, those below it.

        On cgroup v2 a cgroup with limits for others has no process itself: crun puts a container's
        into "container" below the one with its limits, systemd in a container its own into
        "init.scope". () if it is gone or empty, and for the root, whose below is everything.

        Raises `kernelfile.Denied` and `kernelfile.UnexpectedText`.
        """
        # A runtime that leaves the cgroup2 tree alone has its processes on v1.
        mounts = dict.fromkeys((self._home(cgroup), self._hierarchies.walk_root))
        directories = [_directory(mount, cgroup.path) for mount in mounts]
        for directory in directories:
            if pids := read(f"{directory}/cgroup.procs", parse_procs):
                return pids
        for directory in directories if cgroup.path != "/" else ():
            if pids := tuple(_pids_below(directory)):
                return pids
        return ()

    def retain(self, inodes: Collection[int]) -> None:
        """Close the files of every cgroup that is not in `inodes`."""
        for inode in self._kept.keys() - set(inodes):
            self._kept.pop(inode).close()
            if self._swept is not None:
                self._swept.forget(inode)

    def close(self) -> None:
        """Close all files."""
        self.retain(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_room(self) -> None:
        """Give half of our files back to the process, which has none left to open."""
        for kept in list(self._kept.values())[::2]:
            kept.loosen()
        self._open_files.left = 0
        self._open_files.exhausted = False

    def _home(self, cgroup: Cgroup) -> str:
        """The mount whose directory's inode is the cgroup's."""
        hierarchies = self._hierarchies
        if hierarchies.unified is None or cgroup.inode & V1_ONLY:
            return hierarchies.walk_root
        return hierarchies.unified

    def _keep(self, cgroup: Cgroup) -> KeptFiles:
        hierarchies = self._hierarchies
        home = self._home(cgroup)
        v1_directories = {
            controller: _directory(mount, cgroup.path)
            for controller, mount in hierarchies.v1.items()
        }
        if hierarchies.v1:
            v1_directories[WALKED] = _directory(hierarchies.walk_root, cgroup.path)
        places = [
            Place(slot, row, v1_directories[row.v1_controller])
            for slot, row in enumerate(self._v1_rows)
            if row.v1_controller in v1_directories and self._wanted(row, cgroup)
        ]
        if home == hierarchies.unified:
            unified = _directory(home, cgroup.path)
            on_v1 = {name for name, directory in v1_directories.items() if os.path.isdir(directory)}
            places += [
                Place(slot, row, unified)
                for slot, row in enumerate(self._v2_rows, len(self._v1_rows))
                # v1 comes first, as `v1.reading` has it, and cpu.stat need not be read twice.
                if row.v1_controller not in on_v1 and self._wanted(row, cgroup)
            ]
        # A root's files are the host's, and not written from the counters of a cgroup.
        if self._swept is not None and cgroup.path != "/":
            self._swept.add(cgroup.inode, places)
        return KeptFiles(
            directory=_directory(home, cgroup.path),
            inode=cgroup.inode & ~V1_ONLY,
            places=places,
            slots=len(self._v1_rows) + len(self._v2_rows),
            assemble=self._assemble,
            open_files=self._open_files,
        )

    def _wanted(self, row: Row, cgroup: Cgroup) -> bool:
        return row.detail in self._details and (not row.root_only or cgroup.path == "/")


def _assemble_v1(sizes: Sequence[str]) -> Assemble:
    huge_v1 = len(V1_ROWS)
    own_v2 = huge_v1 + len(hugetlb.v1_rows(sizes))
    huge_v2 = own_v2 + len(V2_ROWS)

    def assemble(values: list[Any], denied: tuple[str, ...], failed: Failed) -> CgroupReading:
        return v1.reading(
            V1Files._make(values[:huge_v1]),
            V2Files._make(values[own_v2:huge_v2]),
            denied,
            failed,
            hugetlb.huge_pages(sizes, values[huge_v1:own_v2], values[huge_v2:]) if sizes else None,
        )

    return assemble


def _assemble_v2(sizes: Sequence[str]) -> Assemble:
    own_v2 = len(V1_ROWS) + len(hugetlb.v1_rows(sizes))
    huge_v2 = own_v2 + len(V2_ROWS)

    def assemble(values: list[Any], denied: tuple[str, ...], failed: Failed) -> CgroupReading:
        return v2.reading(
            V2Files._make(values[own_v2:huge_v2]),
            denied,
            failed,
            hugetlb.huge_pages(sizes, (), values[huge_v2:]) if sizes else None,
        )

    return assemble


def _directory(mount: str, path: str) -> str:
    return mount if path == "/" else mount + path


def _pids_below(directory: str) -> Iterator[int]:
    try:
        children = [entry.path for entry in os.scandir(directory) if entry.is_dir()]
    except OSError as error:
        if error.errno in ABSENT:
            return  # gone meanwhile
        raise
    for child in children:
        yield from read(f"{child}/cgroup.procs", parse_procs) or ()
        yield from _pids_below(child)


def _parts(path: str) -> list[str]:
    return path.rstrip("/").split("/")


def _walk(mount: str, unlisted: list[str], before: Mapping[str, Cgroup]) -> dict[str, Cgroup]:
    """By path; what is as `before` has it is the same object, as Snapshots are kept for a while."""
    root = os.stat(mount)
    found = {"/": Cgroup(root.st_ino, "/", root.st_mtime)}
    # A stack, not recursion: a container may nest its own cgroups very deep.
    waiting = [("", name) for name in _children(mount, unlisted)]
    while waiting:
        parent, name = waiting.pop()
        path = f"{parent}/{name}"
        try:
            stat = os.stat(mount + path)
        except OSError as error:
            if error.errno not in ABSENT:
                unlisted.append(told(error))
            continue
        known = before.get(path)
        if known is None or known.inode != stat.st_ino or known.created != stat.st_mtime:
            known = Cgroup(stat.st_ino, path, stat.st_mtime)
        found[known.path] = known
        # In kernfs a directory's link count is 2 and one for each directory in it, so a leaf, which
        # most are, need not be listed. Filesystems that do not count have 1.
        if stat.st_nlink != 2:
            waiting += [(path, child) for child in _children(mount + path, unlisted)]
    return found


def _children(directory: str, unlisted: list[str]) -> list[str]:
    """Names of the directories in `directory`, the last one first."""
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        if error.errno not in ABSENT:
            unlisted.append(told(error))
        return []
    return sorted(names, reverse=True)
