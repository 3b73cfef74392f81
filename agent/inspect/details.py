"""Everything `agent inspect` shows of one container, and where it is read.

Page and JSON are functions of `Details`. Reading needs no daemon and no socket, only files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import CgroupReading
from agent.config import HostPaths
from agent.container.container import Kind
from agent.inspect.image_config import ImageCommand, read_image_command
from agent.kernelfile import Limit
from agent.lifecycle.events import Event
from agent.model import Sample, Snapshot
from agent.records import dataclass
from agent.security.facts import Facts
from agent.security.gather import Subject, gather
from agent.security.host import read_host
from agent.security.posture import Posture, evaluate
from agent.security.reports.report import ImageReport


@dataclass(frozen=True, slots=True)
class CgroupLimits:
    """The limits of one cgroup. None: the kernel does not say."""

    path: str
    memory: Limit | None
    """Bytes."""
    memory_high: Limit | None
    swap: Limit | None
    cpu: CpuMax | None
    pids: Limit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One container at one moment."""

    sample: Sample
    now: float
    """Unix seconds."""
    facts: Facts
    posture: Posture | None
    """None for a sandbox or a pod: it is judged by its containers."""
    limits: tuple[CgroupLimits, ...]
    """Its own cgroup's, then those above it, the root's left out."""
    scan: ImageReport | None
    verified: bool | None
    looked_for_scans: bool
    """Whether there is a directory of scans to look into."""
    failures: tuple[str, ...]
    """What could not be read, in words."""
    image_command: ImageCommand | None = None
    """None: the image's config was not found."""
    events: tuple[Event, ...] | None = None
    """Its starts and ends in the last day, oldest first. None: nobody keeps them."""


def read_details(
    paths: HostPaths,
    snapshot: Snapshot,
    sample: Sample,
    pids: Callable[[], Sequence[int]],
    ignore: Collection[str] = (),
    events: Sequence[Event] | None = None,
) -> Details:
    """
    Read what a snapshot does not have of the container of `sample`.

    pids: processes of its cgroup, asked where the first one is not known. ignore: ids of checks
    not to tell. events: see `Details`. Raises like `read_host`.
    """
    container = sample.container
    if container is None:
        raise ValueError(f"{sample.cgroup.path} is no container")
    above = limits_above(snapshot, sample)
    subject = Subject(sample.cgroup, container, pids, _readings(snapshot, sample))
    gathered = gather(paths, read_host(paths), subject, subject.pid())
    images = snapshot.images
    spec = gathered.facts.spec
    return Details(
        sample=sample,
        now=snapshot.wall_time,
        facts=gathered.facts,
        posture=evaluate(gathered.facts, ignore) if container.kind is Kind.CONTAINER else None,
        limits=above,
        scan=images.scan_of(container.image_id, container.image) if images else None,
        verified=images.verification_of(container.image_id, container.image) if images else None,
        looked_for_scans=images is not None and images.scanning,
        failures=gathered.failures,
        image_command=read_image_command(
            paths, container, () if spec is None else [mount.source for mount in spec.mounts]
        ),
        events=None if events is None else tuple(events),
    )


def limits_above(snapshot: Snapshot, sample: Sample) -> tuple[CgroupLimits, ...]:
    """The limits of a cgroup and of every one above it, itself first."""
    by_path = {other.cgroup.path: other for other in snapshot.samples}
    found = []
    path = sample.cgroup.path
    while path not in ("", "/"):
        if (other := by_path.get(path)) is not None:
            found.append(_limits(path, other.reading))
        path = path.rpartition("/")[0]
    return tuple(found)


def _limits(path: str, reading: CgroupReading) -> CgroupLimits:
    return CgroupLimits(
        path=path,
        memory=reading.memory_max,
        memory_high=reading.memory_high,
        swap=reading.memory_swap_max,
        cpu=reading.cpu_max,
        pids=reading.pids_max,
    )


def _readings(snapshot: Snapshot, sample: Sample) -> tuple[CgroupReading, ...]:
    """Its own, and its pod's."""
    parent = sample.cgroup.path.rpartition("/")[0]
    pods = [
        other.reading
        for other in snapshot.samples
        if other.cgroup.path == parent
        and other.container is not None
        and other.container.kind is Kind.POD
    ]
    return (sample.reading, *pods)
