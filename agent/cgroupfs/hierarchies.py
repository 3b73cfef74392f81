"""How cgroups are mounted on this host: one v2 tree, v1 trees by controller, or both.

    v2        one cgroup2 mount with all controllers
    hybrid    controllers on v1 mounts, and a cgroup2 mount beside them that has cpu.stat, pressure
              and cgroup.* files, but not the controllers' own
    v1        v1 mounts alone

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#mounting
        https://man7.org/linux/man-pages/man7/cgroups.7.html

The same hierarchy is often mounted twice (bind mounts in a container, /host/sys/fs/cgroup), and not
every mount shows the whole of it: the mount's root says which part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, Protocol

from agent.records import dataclass, field

V1_CONTROLLERS: Final = (
    "memory",
    "cpuacct",
    "pids",
    "cpu",
    "blkio",
    "freezer",
    "cpuset",
    "hugetlb",
)
"""The v1 controllers whose files we read, the best one to walk first: memory's tree is made by
every runtime, even for a container without limits."""


class MountLike(Protocol):
    """What is asked of one line of mountinfo."""

    @property
    def fs_type(self) -> str: ...
    @property
    def mount_point(self) -> str: ...
    @property
    def root(self) -> str: ...
    @property
    def super_options(self) -> str: ...


class NoCgroups(RuntimeError):
    """No cgroup filesystem is mounted where this process can see it."""

    def __init__(self) -> None:
        super().__init__(
            "no cgroup filesystem found in mountinfo: mount one "
            "(mount -t cgroup2 none /sys/fs/cgroup), or, in a container, bind the host's "
            "/sys/fs/cgroup into it read-only"
        )


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Where the hierarchies are mounted. At least one is."""

    unified: str | None
    """The cgroup2 mount point, without a slash at its end."""
    v1: Mapping[str, str] = field(default_factory=dict)
    """Controller of `V1_CONTROLLERS` → mount point. Controllers mounted together share one."""

    @property
    def version(self) -> Literal["v2", "hybrid", "v1"]:
        """Which files say what: see the top of this file."""
        if not self.v1:
            return "v2"
        return "v1" if self.unified is None else "hybrid"

    @property
    def walk_root(self) -> str:
        """Mount point of the hierarchy that is walked first."""
        for controller in V1_CONTROLLERS:
            if controller in self.v1:
                return self.v1[controller]
        if self.unified is None:
            raise NoCgroups
        return self.unified


def find_hierarchies(mounts: Iterable[MountLike]) -> Hierarchies:
    """
    Find the hierarchies among `mounts`. Raise `NoCgroups` where there is none.

    v1 mounts that hold none of the controllers we read (name=systemd, net_cls) do not count: beside
    a cgroup2 mount they leave the host v2.
    """
    unified: MountLike | None = None
    v1: dict[str, MountLike] = {}
    for mount in mounts:
        if mount.fs_type == "cgroup2":
            unified = _wider(unified, mount)
        elif mount.fs_type == "cgroup":
            for option in mount.super_options.split(","):
                if option in V1_CONTROLLERS:
                    v1[option] = _wider(v1.get(option), mount)
    if unified is None and not v1:
        raise NoCgroups
    return Hierarchies(
        unified=None if unified is None else unified.mount_point,
        v1={name: v1[name].mount_point for name in V1_CONTROLLERS if name in v1},
    )


def _wider(known: MountLike | None, mount: MountLike) -> MountLike:
    """Of two mounts of one hierarchy, the one that shows more of it; the first of equals."""
    return mount if known is None or _height(mount.root) > _height(known.root) else known


def _height(root: str) -> int:
    """
    How high in the hierarchy a mount begins, as seen from our cgroup namespace.

    "/" is our namespace's own root: 0. "/../.." is two above it, which is how the host's tree looks
    when it is bound into a container: 2. "/docker/7f54…" is a part: -2.
    """
    height = 0
    for part in root.strip("/").split("/"):
        if part == "..":
            height += 1
        elif part:
            height = min(height, 0) - 1
    return height
