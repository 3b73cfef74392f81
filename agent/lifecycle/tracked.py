"""One cgroup that may be a container, as the watcher follows it: what to look at next, and when.

before the end   its first process (a pidfd tells when it ends) and its name, every few
                 milliseconds at first, then ever more seldom
after it         its last counters at once; then status, name and the runtime's record until the
                 run has said EXITED, at the latest after `PATIENCE`
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container import containerd
from agent.container.container import Container
from agent.container.discovery import with_path
from agent.container.failures import READ_FAILURES, Failures
from agent.container.identity import CgroupIdentity, CgroupKind
from agent.container.lookup import Found, Lookup, by_path
from agent.container.supervisor import Supervisor, find_supervisor
from agent.container.told import ContainerSource, ToldContainer
from agent.kernelfile import read
from agent.lifecycle import podman_health, record
from agent.lifecycle.last_look import LastLook
from agent.lifecycle.members import find_first, members, sees_own_pids
from agent.lifecycle.pidfd import may_ptrace, status_of_reaped, status_of_zombie
from agent.lifecycle.run import Recorded, Run
from agent.records import replace

PATIENCE: Final = 3.0
"""Seconds after the end in which Docker writes config.v2.json down, also on a busy machine."""
NAME_PATIENCE: Final = 1.0
"""Seconds after the start in which an image may still turn up, before STARTED is said without."""
WAITS: Final = (0.002, 0.004, *(0.005,) * 4, *(0.01,) * 6, *(0.02,) * 2)
"""Seconds between looks for the first process; runc takes 5 to 40 ms to make it."""
_LATER_WAITS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
_END_WAITS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
PREPARING_WAITS: Final = (*(0.005,) * 10, *(0.01,) * 100, *(0.05,) * 20, 0.5, 2.0)
"""Seconds between looks at a first process that waits for the runtime's word to become the
container's own program; the last one for good. What it uses from there on is the container's."""
_BUSY_WAIT: Final = 0.003
"""The same while it still sets things up: that is not the container's, and counted up to the look
before the program begins."""
_IDLE_USEC: Final = 100
_STAGES: Final = ("runc:[", "crun")
"""Names of the first process before it becomes the container's own program: "runc:[2:INIT]"."""
_ASK_AGAIN: Final = 8
"""Looks after which the name is asked for each time: from then on they are 10 ms apart or more."""
_ASK_FOR_FIRST: Final = 4
"""Of those, every how many where only the first process is wanted."""


class Tracked:
    """One cgroup. Owned by the watcher's thread."""

    __slots__ = (
        "began",
        "conmon",
        "due",
        "end_looks",
        "ended_at",
        "found",
        "health_log",
        "health_watch",
        "identity",
        "idle_looks",
        "looks",
        "name_looks",
        "number",
        "path",
        "pid",
        "pidfd",
        "preparing_looks",
        "record_of",
        "record_watch",
        "run",
        "seen_at",
        "set_up_usec",
        "there",
        "told",
        "watches",
    )  # fmt: skip

    def __init__(self, path: str, identity: CgroupIdentity, run: Run, now: float) -> None:
        self.path = path
        self.identity = identity
        self.run = run
        self.found: Found | None = None
        self.pid: int | None = None
        self.pidfd = -1
        self.number = 0
        """Inode of its directory in the cgroup2 hierarchy, where the kernel told; 0: it did not."""
        self.watches: list[int] = []
        """inotify watches that are this container's."""
        self.record_watch = -1
        """The one on the directory of the runtime's record."""
        self.record_of = ""
        """CRI's status file, where the runtime has one and told where."""
        self.told: ToldContainer | None = None
        """What the runtime's API said when it was last asked whether there is news."""
        self.conmon: Supervisor | None = None
        """The one that writes down how it ends, its paths as this process sees them."""
        self.health_log: str | None = None
        """Of `podman_health`, as this process sees it."""
        self.health_watch = -1
        self.seen_at = now
        """Monotonic seconds."""
        self.set_up_usec: int | None = None
        """CPU time used when it was last looked at while it was set up."""
        self.ended_at: float | None = None
        """Monotonic seconds."""
        self.began = False
        """Its own program runs, or ran."""
        self.looks = 0
        self.name_looks = 0
        self.preparing_looks = 0
        self.idle_looks = 0
        self.end_looks = 0
        self.due: float | None = now
        """When to look next, monotonic; None: when something happens."""
        self.there = True
        """Whether the cgroup is."""

    @property
    def subject(self) -> str:
        """What a failure is said to be of."""
        return f"cgroup {self.path}"

    @property
    def nameless(self) -> bool:
        """Whether a better name may still be told."""
        container = self.run.container
        return container is None or not container.complete

    def began_at(self, now: float) -> float:
        """Unix seconds when its program began, if that was seen `now`."""
        if not self.run.adopted:
            return now
        if self.preparing_looks:
            # Made, but not started when we came: its start is news.
            self.run.adopted = False
            return now
        container = self.run.container
        told = container.started if container is not None else None
        return self.run.cgroup.created if told is None else told

    @property
    def runs(self) -> bool:
        """Whether a container runs in it, as far as was said."""
        return self.run.said_start and not self.run.ended

    def name_is_due(self, *, attached: bool, populated: bool) -> bool:
        """
        Whether to ask who it is: at once, when its first process is there, and then more seldom.

        A cgroup whose path says nothing is asked about once somebody is in it. The answer may also
        be which process is the first, where that has no pid namespace of its own.
        """
        if self.name_looks == 0:
            return populated or self.identity.kind is CgroupKind.CONTAINER
        late = populated and self.looks >= _ASK_AGAIN
        if self.nameless:
            return attached or late
        return late and self.pidfd < 0 and self.looks % _ASK_FOR_FIRST == 0

    def take_time(self) -> None:
        """It was there before: if it starts a container at all, then not in the next instant."""
        self.looks = len(WAITS)

    def wait(self) -> float | None:
        """Seconds to the next look before the end; None: no more of them."""
        self.looks += 1
        if self.looks <= len(WAITS):
            return WAITS[self.looks - 1]
        later = self.looks - len(WAITS) - 1
        return _LATER_WAITS[later] if later < len(_LATER_WAITS) else None

    @property
    def prepares(self) -> bool:
        """Whether its first process is there and not known to be its own program yet."""
        return self.pidfd >= 0 and not self.began

    def is_idle(self, usec: int | None) -> bool:
        """Whether it used nothing since it was looked at: it waits for the runtime's word."""
        known = self.set_up_usec
        return usec is not None and known is not None and usec - known < _IDLE_USEC

    def preparing_wait(self, *, idle: bool) -> float:
        """Seconds to the next look while the runtime sets it up."""
        self.preparing_looks += 1
        if not idle:
            return _BUSY_WAIT
        self.idle_looks += 1
        return PREPARING_WAITS[min(self.idle_looks, len(PREPARING_WAITS)) - 1]

    def end_wait(self) -> float:
        """Seconds to the next look after the end."""
        self.end_looks += 1
        return _END_WAITS[min(self.end_looks, len(_END_WAITS)) - 1]

    def close(self) -> None:
        """Close the pidfd."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


class Looker:
    """Looks at processes, files and records for the watcher. Not thread-safe."""

    def __init__(
        self, paths: HostPaths, hierarchies: Hierarchies, engine: ContainerSource | None = None
    ) -> None:
        self.failures = Failures()
        self._paths = paths
        self._hierarchies = hierarchies
        self._lookup = Lookup(paths, self.failures, engine)
        self._engine = engine
        self._last_look = LastLook(hierarchies)
        self.read_counters = self._last_look.read
        self.cpu_usec = self._last_look.cpu_usec
        self.has_pidfds = sees_own_pids(paths.proc)
        """Whether the pids in /proc are this process' own, so that a pidfd can be had."""
        self._trusted = may_ptrace(paths.proc)

    def cgroup(self, path: str) -> Cgroup | None:
        """The cgroup at `path`, None where it is gone."""
        return self._last_look.cgroup(path)

    def members(self, path: str) -> tuple[int, ...]:
        """Processes of the cgroup, () where there are none or they may not be told."""
        try:
            return members(self._hierarchies, path)
        except READ_FAILURES as error:
            self.failures.add(f"cgroup {path}", error)
            return ()

    def name(self, tracked: Tracked, cgroup: Cgroup, pids: Sequence[int]) -> Container | None:
        """Who it is. None: nobody claims it, or nothing better than before is known."""
        tracked.name_looks += 1
        self.failures.clear(tracked.subject)
        try:
            found = self._lookup.find(cgroup, tracked.identity, lambda: pids, tracked.subject)
        except READ_FAILURES as error:
            self.failures.add(tracked.subject, error)
            found = None
        if found is not None:
            tracked.found = found
            self._note_record(tracked, found)
            return with_path(tracked.identity, found.container)
        if tracked.run.container is None and tracked.identity.kind is CgroupKind.CONTAINER:
            return with_path(tracked.identity, by_path(cgroup, tracked.identity))
        return None

    def first_process(self, tracked: Tracked, pids: Sequence[int]) -> int | None:
        """The container's first process, once it is there."""
        pid = find_first(self._paths.proc, pids)
        known = tracked.found.container.pid if tracked.found is not None else None
        return known if pid is None else pid

    def is_preparing(self, pid: int) -> bool:
        """Whether the first process is still the runtime's, not the container's own program."""
        try:
            comm = read(f"{self._paths.proc}/{pid}/comm", str)
        except READ_FAILURES:
            return False
        return comm is not None and comm.startswith(_STAGES)

    def pidfd(self, pid: int) -> int | None:
        """A pidfd of it; None where it is gone, or where pids here are not this process' own."""
        if not self.has_pidfds:
            return None
        try:
            return os.pidfd_open(pid)
        except OSError:
            return None  # ended; or ENOSYS before Linux 5.3, EMFILE: `Removed` tells the end then

    def status(self, tracked: Tracked) -> int | None:
        """How the first process ended; None where it is not known (yet)."""
        if tracked.pidfd < 0 or tracked.pid is None:
            return None
        zombie = status_of_zombie(self._paths.proc, tracked.pid)
        if zombie is None:
            return status_of_reaped(tracked.pidfd)
        return zombie if self._trusted or zombie else None

    def record(self, tracked: Tracked, at: float) -> Recorded | None:
        """What the runtime wrote down about this run; None where it writes nothing down."""
        began = tracked.run.began
        docker = tracked.found.watch if tracked.found is not None else ""
        try:
            told = self._told(tracked)
            if docker:
                written = record.read_docker(docker, at, began)
                if written is None or told is None:
                    return written
                return replace(written, health=record.parse_docker(told.record, at, began).health)
            if tracked.record_of:
                return record.read_cri(tracked.record_of, at, began)
            if told is not None:
                return record.parse_docker(told.record, at, began)
            if tracked.conmon is not None and tracked.run.ended:
                return record.read_conmon(tracked.conmon, at, began)
        except READ_FAILURES as error:
            self.failures.add(tracked.subject, error)
        return self._health(tracked, at)

    def forget(self, tracked: Tracked) -> None:
        """Nothing about it is to be said any more."""
        self.failures.clear(tracked.subject)
        self.failures.clear(f"health of {tracked.path}")

    def _health(self, tracked: Tracked, at: float) -> Recorded | None:
        if tracked.health_log is None or tracked.run.ended:
            return None
        subject = f"health of {tracked.path}"
        try:
            found = podman_health.read_health(tracked.health_log, at, _started(tracked))
        except READ_FAILURES as error:
            # Where it is being written, until the next look.
            self.failures.add(subject, error)
            return None
        self.failures.clear(subject)
        return found

    def is_told_anew(self, tracked: Tracked) -> bool:
        """Whether the runtime's API says something else of it than when this was asked last."""
        before, tracked.told = tracked.told, self._told(tracked)
        return tracked.told is not None and tracked.told is not before

    def _told(self, tracked: Tracked) -> ToldContainer | None:
        if self._engine is None or tracked.found is None:
            return None
        return self._engine.get(tracked.found.container.id)

    def _note_record(self, tracked: Tracked, found: Found) -> None:
        container = found.container
        if found.supervisor is not None and found.supervisor.kind == "conmon":
            tracked.conmon = self._seen_from_here(found.supervisor)
            log = podman_health.health_log(found.supervisor, container)
            tracked.health_log = log and self._paths.host(log)
        if tracked.record_of or container.runtime != "containerd" or not container.pod:
            return
        roots = list(self._paths.containerd)
        shim = found.supervisor
        if shim is not None and shim.bundle:
            bundle = f"{os.path.dirname(self._paths.host(shim.bundle))}/{container.id}"
            roots.insert(0, containerd.root_of(bundle))
        for root in filter(None, roots):
            path = f"{self._paths.host(root)}/{record.CRI_STATUS.format(id=container.id)}"
            if os.path.exists(path):
                tracked.record_of = path
                return

    def find_conmon(self, tracked: Tracked) -> None:
        """Of one whose name stood in the storage before its conmon was seen, look for that now."""
        found, pid = tracked.found, tracked.pid
        if tracked.conmon is not None or found is None or pid is None:
            return
        if found.container.runtime not in ("podman", "cri-o"):
            return
        try:
            conmon = find_supervisor(self._paths.proc, pid)
        except READ_FAILURES as error:
            self.failures.add(tracked.subject, error)
            return
        if conmon is not None and conmon.id == found.container.id:
            self._note_record(tracked, found._replace(supervisor=conmon))

    def _seen_from_here(self, conmon: Supervisor) -> Supervisor:
        host = self._paths.host
        return conmon._replace(
            bundle=conmon.bundle and host(conmon.bundle),
            exit_file=conmon.exit_file and host(conmon.exit_file),
            persist=conmon.persist and host(conmon.persist),
        )


def _started(tracked: Tracked) -> float:
    """Unix seconds: of one that ran before we came and is only now named, as its process says."""
    run = tracked.run
    if not run.adopted or tracked.began or tracked.found is None:
        return run.began
    return tracked.found.container.started or 0.0
