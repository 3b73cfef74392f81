"""One look at the few files of a cgroup whose numbers outlive it, made when it is about to go.

Between the end of a container's last process and the removal of its cgroup are 12 to 66 ms (runc,
2 busy cores). So nothing is kept open, the CPU time is read first, and a file that is gone already
takes nothing else along: unlike `CgroupTree.read`, half a reading is a reading.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from agent.cgroupfs import v1, v2
from agent.cgroupfs.cpu import parse_cpu_stat
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.reading import Cgroup
from agent.cgroupfs.tree import V1_ONLY
from agent.cgroupfs.v1 import V1_ROWS, V1Files
from agent.cgroupfs.v2 import V2_ROWS, Row, V2Files
from agent.kernelfile import Denied, UnexpectedText, parse_count, read
from agent.lifecycle.events import Counters, counters

T = TypeVar("T")

_FIELDS: Final = ("cpu_stat", "memory_peak", "memory_events", "io_stat")
_NOT_NEEDED: Final = frozenset({"cpu.stat", "cpuacct.stat"})
"""Of v1: throttling, and the halves of cpuacct.usage."""


class LastLook:
    """Reads counters by path. No state but where the files are."""

    def __init__(self, hierarchies: Hierarchies) -> None:
        self._hierarchies = hierarchies
        self._v1: list[tuple[int, Row, str]] = [
            (slot, row, hierarchies.v1[row.v1_controller])
            for slot, row in enumerate(V1_ROWS)
            if row.field in _FIELDS
            and row.v1_controller in hierarchies.v1
            and row.names[0] not in _NOT_NEEDED
        ]
        unified = hierarchies.unified
        self._v2: list[tuple[int, Row, str]] = [
            (slot, row, unified)
            for slot, row in enumerate(V2_ROWS)
            if row.field in _FIELDS and unified is not None
        ]

    def read(self, path: str) -> Counters | None:
        """The counters of the cgroup; None where nothing of it could be read any more."""
        old = _values(self._v1, len(V1_ROWS), path)
        # A cgroup that v1's hierarchies know is counted there.
        known = {V1_ROWS[slot].field for slot, value in enumerate(old) if value is not None}
        new = _values([row for row in self._v2 if row[1].field not in known], len(V2_ROWS), path)
        if all(value is None for value in (*old, *new)):
            return None
        beside = V2Files._make(new)
        return counters(
            v1.reading(V1Files._make(old), beside) if self._hierarchies.v1 else v2.reading(beside)
        )

    def cpu_usec(self, path: str) -> int | None:
        """The CPU time alone: a quarter of what `read` costs."""
        hierarchies = self._hierarchies
        if (mount := hierarchies.v1.get("cpuacct")) is not None:
            usage = _read(f"{mount}{path}/cpuacct.usage", parse_count)
            if usage is not None:
                return usage // 1000
        stat = _read(f"{hierarchies.unified}{path}/cpu.stat", parse_cpu_stat)
        return None if stat is None else stat.usage_usec

    def cgroup(self, path: str) -> Cgroup | None:
        """The cgroup with the number `CgroupTree.walk` gives it; None where it is gone."""
        hierarchies = self._hierarchies
        unified = hierarchies.unified
        for mount in dict.fromkeys((unified, hierarchies.walk_root)):
            try:
                found = os.stat(f"{mount}{path}") if mount is not None else None
            except OSError:
                continue
            if found is not None:
                only = unified is not None and mount != unified
                inode = found.st_ino | V1_ONLY if only else found.st_ino
                return Cgroup(inode, path, found.st_mtime)
        return None


def _values(rows: list[tuple[int, Row, str]], slots: int, path: str) -> list[Any]:
    values: list[Any] = [None] * slots
    for slot, row, mount in rows:
        for name in row.names:
            values[slot] = _read(f"{mount}{path}/{name}", row.parse)
            if values[slot] is not None:
                break
    return values


def _read(path: str, parse: Callable[[str], T]) -> T | None:
    try:
        return read(path, parse)
    except (Denied, UnexpectedText, OSError):
        return None  # whatever it is, the tick's reading of this cgroup reports it
