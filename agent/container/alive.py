"""Whether a container still runs: whether it has a cgroup. Asked seldom, so nothing is kept.

    /sys/fs/cgroup/system.slice/docker-7f54….scope        every runtime's cgroup has the id in its
    /sys/fs/cgroup/kubepods/burstable/pod0b3c…/4c1e…      name

One walk over the names of all cgroups: some milliseconds for hundreds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from agent.cgroupfs.hierarchies import NoCgroups, find_hierarchies
from agent.config import HostPaths
from agent.kernelfile import Denied, UnexpectedText, read
from agent.procfs.mountinfo import Mount, parse_mountinfo

_INITIAL: Final = 0xEFFFFFFB
"""Inode of the cgroup namespace that the kernel starts with (include/linux/proc_ns.h)."""


def has_cgroup(paths: HostPaths, id_: str) -> bool | None:
    """Whether any cgroup is that container's. None: this process does not see all of the host's."""
    try:
        mounts = read(f"{paths.proc}/self/mountinfo", parse_mountinfo) or ()
        if paths.cgroup:
            mounts = tuple(m for m in mounts if f"{m.mount_point}/".startswith(f"{paths.cgroup}/"))
        place = find_hierarchies(mounts).walk_root
        if any(id_ in name for name in _names(place)):
            return True
        return False if _sees_all(paths.proc, place, mounts) else None
    except (NoCgroups, Denied, UnexpectedText, OSError):
        return None


def _names(root: str) -> Iterator[str]:
    """Of every cgroup below. Raises OSError where one may not be listed."""
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(directory) as entries:
                found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            if directory == root:
                raise
            continue  # gone meanwhile
        yield from found
        waiting += [f"{directory}/{name}" for name in found]


def _sees_all(proc: str, place: str, mounts: tuple[Mount, ...]) -> bool:
    """In a cgroup namespace of its own a process sees what is below itself, unless the host's tree
    is mounted for it, which then begins above: "/../.."."""
    if os.stat(f"{proc}/self/ns/cgroup").st_ino == _INITIAL:
        return any(mount.mount_point == place and mount.root == "/" for mount in mounts)
    return any(mount.mount_point == place and mount.root.startswith("/..") for mount in mounts)
