"""What a demo container's cgroup says: whether its limits hold, and which directories are new.

Both cgroup versions: cpu.max and memory.max, or cpu.cfs_quota_us and memory.limit_in_bytes.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_CPU: Final = ("cpu.max", "cpu.cfs_quota_us")
_MEMORY: Final = ("memory.max", "memory.limit_in_bytes")
_V1_NO_LIMIT: Final = 1 << 62
"""Bytes. Without a limit v1 says the largest whole number of pages, a little under 2 to the 63."""


def cgroup_directories(pid: int) -> tuple[Path, ...]:
    """Where a process's cgroup is below each mounted hierarchy."""
    found: list[Path] = []
    for line in Path("/proc", str(pid), "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        names = [name.removeprefix("name=") for name in controllers.split(",")]
        if not controllers:
            names = ["", "unified"]
        for name in (*names, controllers):
            directory = _ROOT / name / path.strip("/")
            if (directory / "cgroup.procs").exists() and directory not in found:
                found.append(directory)
    return tuple(found)


def has_cpu_limit(pid: int) -> bool:
    """Whether the process's own cgroup has a CPU quota."""
    return any(_number(text) > 0 for text in _read(pid, _CPU))


def has_memory_limit(pid: int) -> bool:
    """Whether the process's own cgroup has a memory limit."""
    return any(0 < _number(text) < _V1_NO_LIMIT for text in _read(pid, _MEMORY))


def top_level() -> frozenset[str]:
    """Names of the directories right below the hierarchies' roots."""
    names: set[str] = set()
    for hierarchy in _hierarchies():
        with contextlib.suppress(OSError):  # not a directory we may list
            names.update(entry.name for entry in os.scandir(hierarchy) if entry.is_dir())
    return frozenset(names)


def remove_empty(name: str) -> None:
    """Remove a top-level directory from each hierarchy, with what is below it, where no process
    and no limit of anybody's keeps it: the kernel refuses those."""
    for hierarchy in _hierarchies():
        for directory, _, _ in os.walk(hierarchy / name, topdown=False):
            with contextlib.suppress(OSError):  # in use
                Path(directory).rmdir()


def _hierarchies() -> list[Path]:
    """The roots of the mounted hierarchies: the cgroup2 mount alone, or one for each controller."""
    if (_ROOT / "cgroup.procs").exists():
        return [_ROOT]
    return [entry for entry in _ROOT.iterdir() if (entry / "cgroup.procs").exists()]


def _read(pid: int, names: tuple[str, str]) -> list[str]:
    files = [directory / name for directory in cgroup_directories(pid) for name in names]
    return [file.read_text() for file in files if file.exists()]


def _number(text: str) -> int:
    """The first number of a limit file; 0 for "max" and v1's -1, no limit."""
    first = text.split(maxsplit=1)[0]
    return max(int(first), 0) if first != "max" else 0
