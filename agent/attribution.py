"""Which cgroup's counts are which container's.

A container may make cgroups of its own below the one its runtime made (systemd in a container,
Docker in Docker); what is counted in them is the container's. A pod's own cgroup and what is above
it have only what was counted in themselves: their children are containers with series of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from agent.bpf.reading import Hierarchy
from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind


class Attribution:
    """Remembers the ids of cgroups in the blkio hierarchy, which v1 gives ids of its own."""

    def __init__(self, blkio: str | None = None) -> None:
        """`blkio`: where the blkio hierarchy is mounted; None on a host that has it in cgroup2."""
        self._blkio = blkio
        self._numbers: dict[int, int] = {}
        """Inode of a cgroup → inode of its directory in the blkio hierarchy."""

    def owners(
        self, cgroups: Iterable[Cgroup], containers: Mapping[int, Container]
    ) -> dict[Hierarchy, dict[int, int]]:
        """
        By hierarchy: id of each cgroup → inode of the cgroup its counts belong to.

        `cgroups` with parents before children; `containers` by the inode of their cgroup.
        """
        cgroups = tuple(cgroups)
        found = owners(cgroups, containers)
        if self._blkio is None:
            return {"unified": found, "blkio": found}
        numbers: dict[int, int] = {}
        for cgroup in cgroups:
            number = self._numbers.get(cgroup.inode)
            if number is None:
                try:
                    number = os.stat(f"{self._blkio}{cgroup.path}").st_ino
                except OSError:
                    continue  # Not in this hierarchy, or gone.
            numbers[cgroup.inode] = number
        self._numbers = numbers
        return {
            "unified": found,
            "blkio": {number: found[inode] for inode, number in numbers.items()},
        }


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
