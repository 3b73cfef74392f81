"""Containers of a runtime that itself runs in a container (kind, k3d, Docker in Docker).

What that runtime leaves is in the outer container's filesystem: in its usual places below
/proc/PID/root, PID being the outer container's first process. The readers are the host's.

Asked where neither the host's files nor the shim or conmon above the container had an answer: it
has no process (a sandbox of CRI-O's), or its parents tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.failures import Failures
from agent.container.identity import CgroupIdentity
from agent.container.lookup import Found, Lookup

_KEPT: Final = 32
"""Outer containers whose places are remembered; a host has a handful."""


class Nested:
    """One `Lookup` for each container that has a runtime in it."""

    def __init__(self, paths: HostPaths, failures: Failures) -> None:
        self._paths = paths
        self._failures = failures
        self._lookups: dict[tuple[int, int], Lookup] = {}
        """By the outer container's cgroup and first process: a pid is used again."""

    def find(
        self,
        outer: Cgroup,
        first: int,
        cgroup: Cgroup,
        identity: CgroupIdentity,
        pids: Callable[[], Sequence[int]],
        subject: str,
    ) -> Found | None:
        """
        Like `Lookup.find`, in the container in the cgroup `outer`, whose first process is `first`.

        The path of `cgroup` is the one below that container's cgroup: what a runtime in a cgroup
        namespace of its own writes down.
        """
        return self._lookup(outer.inode, first).find(cgroup, identity, pids, subject)

    def _lookup(self, inode: int, pid: int) -> Lookup:
        found = self._lookups.pop((inode, pid), None)
        if found is None:
            # Not this host's other [paths]: what is configured is the host's own.
            paths = HostPaths(root=f"{self._paths.proc}/{pid}/root", proc=self._paths.proc)
            found = Lookup(paths, self._failures)
        self._lookups[inode, pid] = found  # the last one now
        if len(self._lookups) > _KEPT:
            del self._lookups[next(iter(self._lookups))]
        return found
