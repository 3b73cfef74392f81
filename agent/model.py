"""The nouns of the metrics path: one tick's worth of facts, raw, in the kernel's names and units.

Immutable. Every output (page, table, JSON, diagnosis) is a function of Snapshots; none of them
reads the kernel. What it only names it does not load: `history.schema.hints_of` knows where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.bpf.counts import NO_COUNTS
from agent.records import dataclass

if TYPE_CHECKING:
    from agent.bpf.counts import ProbeCounts
    from agent.cgroupfs.pressure import Pressure
    from agent.cgroupfs.reading import Cgroup, CgroupReading
    from agent.container.container import Container
    from agent.filesystem.usage import FilesystemUsage
    from agent.lifecycle.totals import Lifetimes
    from agent.machine import Machine
    from agent.netstack import NetworkStack
    from agent.processes import ProcessCounts
    from agent.procfs.meminfo import Meminfo
    from agent.procfs.net_dev import NetDev
    from agent.procfs.stat import CpuTimes
    from agent.security.posture import Posture
    from agent.security.reports.images import Images


@dataclass(frozen=True, slots=True)
class Sample:
    """Raw counters of one cgroup at one instant."""

    cgroup: Cgroup
    container: Container | None
    """None: the root, a slice, a service; nothing a runtime made."""
    reading: CgroupReading
    read_at: float
    """Monotonic seconds when this cgroup was read: what rates are computed with."""
    network: tuple[NetDev, ...] | None = None
    """Interfaces of the network namespace this cgroup answers for. None: another cgroup of the same
    namespace answers for it, it is the host's, or it could not be read (`network_denied`)."""
    network_denied: bool = False
    network_stack: NetworkStack | None = None
    """TCP, UDP and sockets of that namespace. None: as `network`, or no group of metrics that is on
    needs it. The root cgroup has none: the host's own is node_exporter's."""
    processes: ProcessCounts | None = None
    """Of a container. None: none, not readable, or the group is off."""
    probes: ProbeCounts = NO_COUNTS
    """What the BPF probes counted in this cgroup since they were loaded, by type. Of a cgroup that
    a container made below its own: nothing, since it is the container's."""
    filesystem: FilesystemUsage | None = None
    """The newest of what is measured in the background; of the root cgroup, the host's. None: not
    measured yet, or not at all."""
    security: Posture | None = None
    """What the checks of the running container said when it was last looked at. None: no container,
    or not looked at yet, or not at all."""


@dataclass(frozen=True, slots=True)
class HostSample:
    """The machine itself at one instant. None: not readable here."""

    cores: int
    """Online logical CPUs."""
    boot_time: float
    """Unix seconds. 0: nobody tells, as on the page of another exporter."""
    cpu: CpuTimes | None
    meminfo: Meminfo | None
    network: tuple[NetDev, ...] | None
    cpu_pressure: Pressure | None
    memory_pressure: Pressure | None
    io_pressure: Pressure | None
    machine: Machine | None = None
    """What does not change until the next boot."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How one source of this tick fared. A failure is data: counted, exported, shown."""

    source: str
    """walk, cgroup, identity, network, process, host, probe, filesystem, security, images"""
    seconds: float
    """Time spent in it during this tick."""
    failures: int
    """What could not be read or understood, absent and vanished things not counted."""
    message: str = ""
    """The first failure, in words."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One tick."""

    taken_at: float
    """Monotonic seconds at the start of the tick."""
    wall_time: float
    """Unix seconds at the same moment: for labels, never for differences."""
    late: float
    """Seconds after it was due; 0 for a tick made on demand."""
    host: HostSample
    samples: tuple[Sample, ...]
    """In path order, parents before children."""
    health: tuple[SourceHealth, ...]
    device_names: dict[tuple[int, int], str]
    """(major, minor) → "/dev/NAME"."""
    lifetimes: Lifetimes | None = None
    """Starts and ends of containers, summed over restarts. None: nobody follows them."""
    images: Images | None = None
    """What scans and verifications say of images. None: nobody looks at them."""
