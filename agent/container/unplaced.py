"""Containers that have no cgroup of their own, so that nothing can be counted for them.

Rootless Podman and Docker on a host with cgroup v1 may not make one, and `--cgroups=disabled` does
not want one: their processes stay in their user's cgroup. They are found as children of a conmon or
a shim, named like any other, and said to be there, since a container that is left out without a
word looks like one that does not run.

    conmon -c 9ef3… -n web -b /home/me/.local/share/containers/storage/…  its child is in /

Cost: each EVERY seconds one short file of every process, 10 us each.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Set
from typing import Final

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.container import Container
from agent.container.failures import READ_FAILURES, Failures
from agent.container.identity import CgroupIdentity, CgroupKind, identify
from agent.container.lookup import Lookup
from agent.container.supervisor import find_supervisor
from agent.kernelfile import raise_unless_absent, read
from agent.procfs.pid import parse_pid_cgroup

EVERY: Final = 60.0
"""Seconds between looks through /proc."""
_SUPERVISORS: Final = ("conmon", "containerd-shim")
"""What /proc/PID/comm begins with; the kernel keeps 15 bytes of it."""


class Unplaced:
    """Looks for them now and then. One thread; `found` may be read from any."""

    def __init__(self, paths: HostPaths, now: Callable[[], float] = time.monotonic) -> None:
        self.found: tuple[Container, ...] = ()
        """As of the last look, by id."""
        self._proc = paths.proc
        self._now = now
        self._due = now()
        self._failures = Failures()
        self._lookup = Lookup(paths, self._failures)

    def look(self, placed: Callable[[], Set[str]]) -> None:
        """Look again if it is time. placed: paths of the cgroups that are containers'."""
        if self._now() < self._due:
            return
        self._due = self._now() + EVERY
        paths = placed()
        found: dict[str, Container] = {}
        for pid in self._held():
            subject = f"process {pid}"
            self._failures.clear(subject)
            try:
                container = self._container(pid, paths, subject)
            except READ_FAILURES as error:
                self._failures.add(subject, error)
                continue
            if container is not None:
                found.setdefault(container.id, container)
        self.found = tuple(found[id_] for id_ in sorted(found))

    def failures(self) -> tuple[str, ...]:
        """What could not be read, in words; bounded."""
        return self._failures.messages()

    def _held(self) -> Iterator[int]:
        """The children of every process that holds containers."""
        self._failures.clear(self._proc)
        try:
            for pid in _pids(self._proc):
                comm = read(f"{self._proc}/{pid}/comm", str)
                if comm is not None and comm.startswith(_SUPERVISORS):
                    yield from read(f"{self._proc}/{pid}/task/{pid}/children", _numbers) or ()
        except READ_FAILURES as error:  # proc mounted with hidepid: then none can be told
            self._failures.add(self._proc, error)

    def _container(self, pid: int, placed: Set[str], subject: str) -> Container | None:
        cgroups = read(f"{self._proc}/{pid}/cgroup", parse_pid_cgroup)
        if not cgroups or any(_is_placed(path, placed) for path in cgroups.values()):
            return None
        supervisor = find_supervisor(self._proc, pid)
        if supervisor is None:
            return None
        # As if it had a cgroup of its name.
        runtime = "podman" if supervisor.kind == "conmon" else None
        identity = CgroupIdentity(CgroupKind.CONTAINER, runtime, supervisor.id)
        cgroup = Cgroup(0, f"/{supervisor.id}", 0.0)
        found = self._lookup.find(cgroup, identity, lambda: (pid,), subject)
        return None if found is None else found.container


def _is_placed(path: str, placed: Set[str]) -> bool:
    if identify(path).kind is CgroupKind.CONTAINER:
        return True
    # From a private cgroup namespace others' paths begin with "/..".
    path = path.replace("/..", "")
    while path:
        if path in placed:
            return True
        path = path.rpartition("/")[0]
    return False


def _pids(proc: str) -> list[int]:
    try:
        return [int(name) for name in os.listdir(proc) if name.isdecimal()]
    except OSError as error:
        raise_unless_absent(error, proc)
        return []


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split() if word.isdecimal())
