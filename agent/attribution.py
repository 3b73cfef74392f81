"""Which cgroup's counts are which container's.

A container may make cgroups of its own below the one its runtime made (systemd in a container,
Docker in Docker); what is counted in them is the container's. A pod's own cgroup and what is above
it have only what was counted in themselves: their children are containers with series of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind


def owners(cgroups: Iterable[Cgroup], containers: Mapping[int, Container]) -> dict[int, int]:
    """
    Inode of each cgroup -> inode of the cgroup its counts belong to, mostly itself.

    `cgroups` with parents before children; `containers` by the inode of their cgroup.
    """
    result: dict[int, int] = {}
    inside: dict[str, int] = {}
    """Path of a container's cgroup, or of one in it -> the container's inode."""
    for cgroup in cgroups:
        container = containers.get(cgroup.inode)
        owner = inside.get(cgroup.path.rpartition("/")[0])
        if container is not None:
            owner = None if container.kind is Kind.POD else cgroup.inode
        if owner is not None:
            inside[cgroup.path] = owner
        result[cgroup.inode] = cgroup.inode if owner is None else owner
    return result
