"""Read everything once: one tick, one Snapshot.

Promises: what vanishes during a tick drops only itself; a source that fails is counted with its
message in `Snapshot.health` and the others go on; nothing is invented for what was not read.

Children are read before their parents, so that one flush of the kernel's per-CPU counters
(cgroup_rstat_flush) at the leaves leaves little to do above. One reader, no parallel reads: flushes
share one lock in the kernel.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from agent.attribution import Attribution
from agent.bpf.counts import NO_COUNTS, ProbesReading
from agent.bpf.reading import Hierarchy
from agent.cgroupfs.hierarchies import Hierarchies, find_hierarchies
from agent.cgroupfs.hugetlb import page_sizes
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.cgroupfs.swept import Swept
from agent.cgroupfs.tree import CgroupTree
from agent.config import HostPaths
from agent.container.container import Container, Kind
from agent.container.discovery import Discovery
from agent.container.told import ContainerSource, PodSource
from agent.container.unplaced import Unplaced
from agent.faults import told
from agent.filesystem.target import Target
from agent.filesystem.usage import FilesystemReading
from agent.garbage import Garbage
from agent.host import Host
from agent.kernelfile import read
from agent.lifecycle.totals import Lifetimes
from agent.model import Sample, Snapshot, SourceHealth
from agent.network import Candidate, NetworkReading, Networks
from agent.processes import GROUP as PROCESS_GROUP
from agent.processes import ProcessCounts, Processes, members
from agent.procfs.mountinfo import parse_mountinfo

if TYPE_CHECKING:
    from agent.security.gather import Subject
    from agent.security.posture import Posture
    from agent.security.reports.images import Images
    from agent.security.source import Reading as SecurityReading

_HUGE_PAGES = "/sys/kernel/mm/hugepages"
"""What sysfs says here is the machine's, in every container."""


class ProbeSource(Protocol):
    """The BPF probes."""

    def read(self, owners: Mapping[Hierarchy, Mapping[int, int]]) -> ProbesReading:
        """Read all; `owners`: id of each cgroup there is → the cgroup its counts belong to."""


class FilesystemSource(Protocol):
    """What measures filesystems in the background."""

    def update(self, targets: Iterable[Target]) -> FilesystemReading:
        """Say which containers there are now; take the newest results."""


class SecuritySource(Protocol):
    """What checks running containers."""

    def read(self, subjects: Iterable[Subject]) -> SecurityReading:
        """Say which containers there are now; look at those that are due."""


class ImageSource(Protocol):
    """What reads scans and verifications of images in the background."""

    def current(self) -> Images:
        """The newest."""


class LifetimeSource(Protocol):
    """What follows the starts and ends of containers."""

    def read(self) -> Lifetimes:
        """The sums of now."""


def host_hierarchies(paths: HostPaths) -> Hierarchies:
    """Where the host's cgroups are mounted. Raises `NoCgroups` where they are not."""
    mounts = read(f"{paths.proc}/self/mountinfo", parse_mountinfo) or ()
    if paths.cgroup:
        mounts = tuple(m for m in mounts if f"{m.mount_point}/".startswith(f"{paths.cgroup}/"))
    return find_hierarchies(mounts)


class Sampler:
    """Makes Snapshots. Not thread-safe: one caller at a time."""

    def __init__(
        self,
        paths: HostPaths,
        probes: ProbeSource | None = None,
        filesystem: FilesystemSource | None = None,
        security: SecuritySource | None = None,
        images: ImageSource | None = None,
        lifetimes: LifetimeSource | None = None,
        *,
        groups: Collection[str] = (),
        services: bool = False,
        swept: Swept | None = None,
        engine: ContainerSource | None = None,
        pods: PodSource | None = None,
    ) -> None:
        """
        Find the cgroup mounts; read nothing else yet. `probes` where they run.

        `groups` are the groups of metrics that are on: what only they need is read for them.
        `services`: systemd's services count as containers. `engine` and `pods`: see `Discovery`.

        Raises what `host_hierarchies` raises.
        """
        self._hierarchies = host_hierarchies(paths)
        self._garbage = Garbage()
        self._tree = CgroupTree(
            self._hierarchies, details=groups, page_sizes=page_sizes(_HUGE_PAGES), swept=swept
        )
        self._discovery = Discovery(paths, services=services, engine=engine, pods=pods)
        self._unplaced = Unplaced(paths)
        self._networks = Networks(paths.proc, groups)
        self._processes = Processes(paths.proc) if PROCESS_GROUP in groups else None
        self._host = Host(paths)
        self._probes = probes
        self._attribution = Attribution(self._hierarchies.v1.get("blkio"))
        self._filesystem = filesystem
        self._security = security
        self._images = images
        self._lifetimes = lifetimes

    @property
    def discovery(self) -> Discovery:
        """For its counters: which layer answered."""
        return self._discovery

    @property
    def unplaced(self) -> Unplaced:
        """Containers that have no cgroup, and so no Sample."""
        return self._unplaced

    def snapshot(self, late: float = 0.0) -> Snapshot:
        """Read the whole host once. `late` is how many seconds after its time the tick began."""
        taken_at, wall_time = time.monotonic(), time.time()
        health = _Health()
        with health.source("walk"):
            cgroups = self._tree.walk()
            for message in self._tree.unlisted:
                health.failed("walk", message)
        with health.source("cgroup"):
            readings = self._read_cgroups(cgroups, health)
        with health.source("identity"):
            containers = self._identify(cgroups, readings, health)
        with health.source("network"):
            network = self._read_networks(cgroups, containers)
            for message in network.failures:
                health.failed("network", message)
        with health.source("process"):
            processes = self._read_processes(cgroups, containers, readings, health)
        with health.source("host"):
            host = self._host.read(partial(health.failed, "host"))
        inodes = {cgroup.inode for cgroup in cgroups}
        with health.source("probe"):
            probes = self._read_probes(cgroups, containers, health)
        with health.source("filesystem"):
            filesystem = self._take_filesystems(cgroups, containers, readings, health)
        with health.source("security"):
            postures = self._check_security(cgroups, containers, readings, health)
        with health.source("images"):
            images = self._take_images(health)
        self._tree.retain(inodes)
        self._discovery.retain(inodes)
        self._garbage.settle(len(cgroups))
        samples = tuple(
            Sample(
                cgroup=cgroup,
                container=containers.get(cgroup.inode),
                reading=readings[cgroup.inode][1],
                read_at=readings[cgroup.inode][0],
                network=host.network
                if cgroup.path == "/"
                else network.interfaces.get(cgroup.inode),
                network_denied=cgroup.inode in network.denied,
                network_stack=network.stacks.get(cgroup.inode),
                processes=processes.get(cgroup.inode),
                probes=probes.cgroups.get(cgroup.inode, NO_COUNTS),
                filesystem=filesystem.host
                if cgroup.path == "/"
                else filesystem.containers.get(cgroup.inode),
                security=postures.get(cgroup.inode),
            )
            for cgroup in cgroups
            if cgroup.inode in readings
        )
        return Snapshot(
            taken_at=taken_at,
            wall_time=wall_time,
            late=late,
            host=host,
            samples=samples,
            health=health.result(),
            device_names=self._host.device_names(
                {(io.major, io.minor) for each in samples for io in each.reading.io_stat or ()}
            ),
            lifetimes=None if self._lifetimes is None else self._lifetimes.read(),
            images=images,
        )

    def pids(self, cgroup: Cgroup) -> tuple[int, ...]:
        """Processes of a cgroup: see `CgroupTree.pids`."""
        return self._tree.pids(cgroup)

    def close(self) -> None:
        """Close every kept file."""
        self._tree.close()

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_cgroups(
        self, cgroups: list[Cgroup], health: _Health
    ) -> dict[int, tuple[float, CgroupReading]]:
        readings: dict[int, tuple[float, CgroupReading]] = {}
        for cgroup in reversed(cgroups):
            try:
                reading = self._tree.read(cgroup)
            except OSError as error:
                health.failed("cgroup", f"{cgroup.path}: {told(error)}")
                continue
            if reading is None:
                continue
            readings[cgroup.inode] = time.monotonic(), reading
            for _, message in reading.failed:
                health.failed("cgroup", message)
            for field in reading.denied:
                health.failed("cgroup", f"{cgroup.path}: {field}: permission denied")
        return readings

    def _identify(
        self,
        cgroups: list[Cgroup],
        readings: dict[int, tuple[float, CgroupReading]],
        health: _Health,
    ) -> dict[int, Container]:
        containers: dict[int, Container] = {}
        # Members first: they tell the name of their pod's cgroup.
        for cgroup in reversed(cgroups):
            if cgroup.inode not in readings:
                continue
            container = self._discovery.container_of(cgroup, partial(self._tree.pids, cgroup))
            if container is not None:
                containers[cgroup.inode] = container
        self._unplaced.look(
            lambda: {cgroup.path for cgroup in cgroups if cgroup.inode in containers}
        )
        for message in (*self._discovery.failures(), *self._unplaced.failures()):
            health.failed("identity", message)
        return containers

    def _read_networks(
        self, cgroups: list[Cgroup], containers: dict[int, Container]
    ) -> NetworkReading:
        return self._networks.read(
            Candidate(cgroup, containers[cgroup.inode], partial(self._tree.pids, cgroup))
            for cgroup in cgroups
            # A pod's own cgroup holds no process; its sandbox answers.
            if cgroup.inode in containers and containers[cgroup.inode].id
        )

    def _read_processes(
        self,
        cgroups: list[Cgroup],
        containers: dict[int, Container],
        readings: dict[int, tuple[float, CgroupReading]],
        health: _Health,
    ) -> dict[int, ProcessCounts]:
        if self._processes is None:
            return {}
        reading = self._processes.read(
            members(
                cgroups,
                {inode: reading for inode, (_, reading) in readings.items()},
                # A pod's own cgroup holds no process.
                {inode: found.pid for inode, found in containers.items() if found.id},
            )
        )
        for message in reading.failures:
            health.failed("process", message)
        return reading.counts

    def _read_probes(
        self, cgroups: list[Cgroup], containers: dict[int, Container], health: _Health
    ) -> ProbesReading:
        if self._probes is None:
            return ProbesReading({})
        reading = self._probes.read(self._attribution.owners(cgroups, containers))
        for message in reading.failures:
            health.failed("probe", message)
        return reading

    def _take_filesystems(
        self,
        cgroups: list[Cgroup],
        containers: dict[int, Container],
        readings: dict[int, tuple[float, CgroupReading]],
        health: _Health,
    ) -> FilesystemReading:
        if self._filesystem is None:
            return FilesystemReading({}, None)
        # On v1 the kernel counts only unbuffered writes with the cgroup that made them.
        counted = self._hierarchies.version == "v2"
        taken = self._filesystem.update(
            Target(
                inode=cgroup.inode,
                pid=container.pid,
                pids=partial(self._tree.pids, cgroup),
                in_pod=bool(container.pod_uid),
                log_path=container.log_path,
                written=_written(readings[cgroup.inode][1]) if counted else None,
            )
            for cgroup in cgroups
            if (container := containers.get(cgroup.inode)) is not None and container.id
        )
        for message in taken.failures:
            health.failed("filesystem", message)
        return taken

    def _check_security(
        self,
        cgroups: list[Cgroup],
        containers: dict[int, Container],
        readings: dict[int, tuple[float, CgroupReading]],
        health: _Health,
    ) -> Mapping[int, Posture]:
        if self._security is None:
            return {}
        from agent.security.gather import Subject

        pods = {
            cgroup.path: readings[cgroup.inode][1]
            for cgroup in cgroups
            if cgroup.inode in containers and containers[cgroup.inode].kind is Kind.POD
        }
        subjects = []
        for cgroup in cgroups:
            container = containers.get(cgroup.inode)
            if container is None or container.kind is not Kind.CONTAINER:
                continue
            own = readings[cgroup.inode][1]
            pod = pods.get(cgroup.path.rpartition("/")[0])
            limits = (own,) if pod is None else (own, pod)
            subjects.append(Subject(cgroup, container, partial(self._tree.pids, cgroup), limits))
        reading = self._security.read(subjects)
        for message in reading.failures:
            health.failed("security", message)
        return reading.postures

    def _take_images(self, health: _Health) -> Images | None:
        if self._images is None:
            return None
        images = self._images.current()
        for problem in images.problems:
            health.failed("images", problem)
        return images


def _written(reading: CgroupReading) -> int | None:
    """Bytes written to any device; None where nobody counts them."""
    if reading.io_stat is None:
        return None
    return sum(io.wbytes or 0 for io in reading.io_stat)


class _Health:
    """Collects one tick's SourceHealth."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._messages: dict[str, str] = {}

    @contextmanager
    def source(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = time.monotonic() - start

    def failed(self, source: str, message: str) -> None:
        self._failures[source] = self._failures.get(source, 0) + 1
        self._messages.setdefault(source, message)

    def result(self) -> tuple[SourceHealth, ...]:
        return tuple(
            SourceHealth(
                source, seconds, self._failures.get(source, 0), self._messages.get(source, "")
            )
            for source, seconds in self._seconds.items()
        )
