"""Reads the facts of one container: its bundle, its process. The only module here that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.config import HostPaths
from agent.container.bundles import bundle_directories
from agent.container.container import Container
from agent.container.failures import READ_FAILURES, Failures
from agent.container.places import first
from agent.kernelfile import UNLIMITED, Limit, read
from agent.procfs.pid import parse_pid_stat
from agent.records import NamedTuple
from agent.security.facts import Facts, Limits, facts_of
from agent.security.host import HostState
from agent.security.process import ProcessState, read_process
from agent.security.spec import Spec, read_spec

_STARTING = ("runc:[", "crun", "conmon")
"""Names of the stages before the container's own program, which have the runtime's own rights."""


class Subject(NamedTuple):
    """One running container, and where to look for it."""

    cgroup: Cgroup
    container: Container
    pids: Callable[[], Sequence[int]]
    """Processes of the cgroup, asked when the container's first one is not known."""
    readings: tuple[CgroupReading, ...]
    """Its own cgroup's, then its pod's where it has one."""

    def pid(self) -> int | None:
        """Its first process, or the oldest there is. None: nothing runs in it."""
        if self.container.pid is not None:
            return self.container.pid
        return min(self.pids(), default=None)


class Gathered(NamedTuple):
    """What one look brought."""

    facts: Facts
    failures: tuple[str, ...]
    """What could not be read and is not merely absent, in words."""


def gather(paths: HostPaths, host: HostState, subject: Subject, pid: int | None) -> Gathered:
    """
    Read one container, of which `pid` is the first process; None where nothing runs in it.

    Raises nothing of what cannot be read: it is missing in the facts.
    """
    failures = Failures()
    spec: Spec | None = None
    process: ProcessState | None = None
    try:
        directories = bundle_directories(paths, subject.container, pid, subject.cgroup.path)
        spec = first(directories, read_spec)
    except READ_FAILURES as error:
        failures.add("", error)
    try:
        process = None if pid is None else read_process(paths.proc, pid)
    except READ_FAILURES as error:
        failures.add("", error)
    facts = facts_of(
        container=subject.container,
        host=host,
        spec=spec,
        process=process,
        limits=limits_of(subject.readings),
    )
    return Gathered(facts, failures.messages())


def is_starting(proc: str, pid: int) -> bool | None:
    """Whether `pid` is still the runtime's own program. None: it is gone."""
    stat = read(f"{proc}/{pid}/stat", parse_pid_stat)
    return None if stat is None else stat.comm.startswith(_STARTING)


def limits_of(readings: Sequence[CgroupReading]) -> Limits:
    """The limits that hold for a container: its own, where it has none its pod's."""
    return Limits(
        memory=_first_limit([reading.memory_max for reading in readings]),
        cpu=_first_limit(
            [reading.cpu_max.quota_usec if reading.cpu_max else None for reading in readings]
        ),
        pids=_first_limit([reading.pids_max for reading in readings]),
    )


def _first_limit(limits: Sequence[Limit | None]) -> Limit | None:
    """The first number; what is told of the container itself where there is none."""
    return next(
        (limit for limit in limits if limit is not None and limit is not UNLIMITED),
        limits[0] if limits else None,
    )
