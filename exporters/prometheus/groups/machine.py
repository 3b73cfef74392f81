"""The machine: what shares of it are computed with, and ids to tell machines apart.

The rest of a machine's metrics is node_exporter's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.model import HostSample, Snapshot
from exporters.prometheus.metric import Labels, Number, SnapshotMetric

_IDS = ("boot_id", "machine_id", "system_uuid")


def ids(host: HostSample) -> Labels:
    """cAdvisor's labels of the machine's series."""
    machine = host.machine
    if machine is None:
        return tuple((name, "") for name in _IDS)
    return (
        ("boot_id", machine.boot_id),
        ("machine_id", machine.machine_id),
        ("system_uuid", machine.system_uuid),
    )


def _gauge(
    name: str, source: str, text: str, get: Callable[[HostSample], Number | None]
) -> SnapshotMetric:
    return SnapshotMetric(
        name=f"machine_{name}",
        type="gauge",
        source=source,
        help=text,
        read=lambda snapshot: ((ids(snapshot.host), get(snapshot.host)),),
        labels=_IDS,
    )


def _version(snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    machine = snapshot.host.machine
    if machine is not None:
        yield (("kernel_version", machine.kernel), ("os_version", machine.os)), 1


def _failed(*sources: str) -> Callable[[Snapshot], Iterable[tuple[Labels, Number | None]]]:
    """1 if one of these sources had a failure this time, else 0."""

    def read(snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        failed = any(health.failures for health in snapshot.health if health.source in sources)
        yield (), int(failed)

    return read


METRICS: tuple[SnapshotMetric, ...] = (
    _gauge("cpu_cores", "online logical CPUs", "Online logical CPUs.", lambda host: host.cores),
    _gauge(
        "cpu_physical_cores",
        "/sys/devices/system/cpu/cpuN/topology",
        "Processor cores, each of which may be several logical CPUs.",
        lambda host: None if host.machine is None else host.machine.physical_cores,
    ),
    _gauge(
        "cpu_sockets",
        "/sys/devices/system/cpu/cpuN/topology",
        "Processor packages.",
        lambda host: None if host.machine is None else host.machine.sockets,
    ),
    _gauge(
        "memory_bytes",
        "/proc/meminfo MemTotal",
        "Memory of the machine, in bytes.",
        lambda host: None if host.meminfo is None else host.meminfo.total,
    ),
    _gauge(
        "swap_bytes",
        "/proc/meminfo SwapTotal",
        "Swap space of the machine, in bytes.",
        lambda host: None if host.meminfo is None else host.meminfo.swap_total,
    ),
    SnapshotMetric(
        name="machine_version_info",
        type="gauge",
        source="uname -r, /etc/os-release",
        help="1; its labels say what cadvisor_version_info says of the machine.",
        read=_version,
        labels=("kernel_version", "os_version"),
    ),
    SnapshotMetric(
        name="container_scrape_error",
        type="gauge",
        source="the agent's own reading",
        help="1 if a cgroup could not be listed or a file of one not read this time, else 0.",
        read=_failed("walk", "cgroup"),
    ),
    SnapshotMetric(
        name="machine_scrape_error",
        type="gauge",
        source="the agent's own reading",
        help="1 if a file about the machine could not be read this time, else 0.",
        read=_failed("host"),
    ),
)
