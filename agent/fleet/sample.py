"""One cgroup's series → its Sample: cAdvisor's names, back to the kernel's. Pure.

The inverse of exporters/prometheus, as far as a diagnosis needs it; pages of cAdvisor and of the
kubelet have these names too. What has no series is None, so the rules that need it say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.events import CgroupEvents
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.pressure import Pressure, Stall
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.container.container import Container, Kind
from agent.container.identity import identify
from agent.fleet.prometheus import Series
from agent.kernelfile import UNLIMITED, Limit
from agent.model import Sample
from agent.netstack import NetworkStack
from agent.processes import ProcessCounts
from agent.procfs.net_dev import NetDev
from agent.procfs.snmp import TcpCounters, TcpExt

METRICS: Final = (
    "container_cpu_usage_seconds_total",
    "container_cpu_cfs_periods_total",
    "container_cpu_cfs_throttled_periods_total",
    "container_cpu_cfs_throttled_seconds_total",
    "container_spec_cpu_quota",
    "container_spec_cpu_period",
    "container_memory_usage_bytes",
    "container_memory_working_set_bytes",
    "container_memory_rss",
    "container_memory_cache",
    "container_memory_kernel_usage",
    "container_memory_max_usage_bytes",
    "container_memory_failures_total",
    "container_memory_workingset_refault_file_total",
    "container_memory_workingset_refault_anon_total",
    "container_spec_memory_limit_bytes",
    "container_oom_events_total",
    "container_pressure_cpu_waiting_seconds_total",
    "container_pressure_cpu_stalled_seconds_total",
    "container_pressure_memory_waiting_seconds_total",
    "container_pressure_memory_stalled_seconds_total",
    "container_pressure_io_waiting_seconds_total",
    "container_pressure_io_stalled_seconds_total",
    "container_fs_reads_bytes_total",
    "container_fs_writes_bytes_total",
    "container_threads",
    "container_threads_max",
    "container_forks_refused_total",
    "container_processes",
    "container_file_descriptors",
    "container_ulimits_soft",
    "container_start_time_seconds",
    "container_network_receive_bytes_total",
    "container_network_receive_packets_total",
    "container_network_receive_errors_total",
    "container_network_receive_packets_dropped_total",
    "container_network_transmit_bytes_total",
    "container_network_transmit_packets_total",
    "container_network_transmit_errors_total",
    "container_network_transmit_packets_dropped_total",
    "container_network_tcp_sent_segments_total",
    "container_network_tcp_retransmitted_segments_total",
    "container_network_tcp_listen_overflows_total",
    "container_info",
)
"""Of each cgroup: with the label `id`, its path."""
_INTERFACE: Final = tuple(
    f"container_network_{way}_{what}_total"
    for way in ("receive", "transmit")
    for what in ("bytes", "packets", "errors", "packets_dropped")
)


class CgroupSeries:
    """The series of one cgroup at one moment, by name."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._by_name: dict[str, list[Series]] = {}
        for one in series:
            self._by_name.setdefault(one.labels.get("__name__", ""), []).append(one)

    def value(self, name: str, **labels: str) -> float | None:
        """The sum over the series with these labels. None: there is none."""
        found = [
            one.value
            for one in self._by_name.get(name, ())
            if all(one.labels.get(label) == value for label, value in labels.items())
        ]
        return sum(found) if found else None

    def whole(self, name: str, **labels: str) -> int | None:
        """The same as an integer."""
        value = self.value(name, **labels)
        return None if value is None else round(value)

    def usec(self, name: str) -> int | None:
        """Of seconds, microseconds. cAdvisor once had a series for each CPU: their sum."""
        total = self.value(name, cpu="total")
        value = self.value(name) if total is None else total
        return None if value is None else round(value * 1e6)

    def by(self, label: str, names: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Label value → name → value, of the series that have the label."""
        found: dict[str, dict[str, int]] = {}
        for name in names:
            for one in self._by_name.get(name, ()):
                if label in one.labels:
                    found.setdefault(one.labels[label], {})[name] = round(one.value)
        return found

    def label(self, name: str, label: str) -> str:
        """Of the first series that has it; "" where none does."""
        for one in self._by_name.get(name, ()):
            if one.labels.get(label):
                return one.labels[label]
        return ""


def sample_of(host: str, labels: Mapping[str, str], series: CgroupSeries, at: float) -> Sample:
    """`labels`: what all series of the cgroup share. `at`: Unix seconds of its scrape."""
    path = labels.get("id", "")
    return Sample(
        cgroup=Cgroup(
            _number(host, path), path, series.value("container_start_time_seconds") or 0.0
        ),
        container=container_of(labels, series),
        reading=_reading(series),
        read_at=at,
        network=_network(series),
        network_stack=_stack(series),
        processes=_processes(series),
    )


def _number(host: str, path: str) -> int:
    """In the inode's place: the same for the same cgroup, and another on each host."""
    digest = hashlib.blake2b(f"{host}\0{path}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def container_of(labels: Mapping[str, str], series: CgroupSeries) -> Container | None:
    """Who it is by the kubelet's labels or cAdvisor's. None: the root, a slice, a service."""
    path = labels.get("id", "")
    name, pod = labels.get("name", ""), labels.get("pod", "")
    container = labels.get("container", "")
    if not name and not pod:
        return None
    if not name and not container:
        kind = Kind.POD
    elif pod and container in ("", "POD"):
        kind = Kind.SANDBOX
    else:
        kind = Kind.CONTAINER
    found = identify(path)
    attempt = series.label("container_info", "attempt")
    return Container(
        runtime=series.label("container_info", "runtime") or found.runtime or "",
        id=found.id or name,
        kind=kind,
        name=name,
        image=labels.get("image", ""),
        image_id=series.label("container_info", "image_id"),
        container="" if container == "POD" else container,
        pod=pod,
        namespace=labels.get("namespace", ""),
        pod_uid=found.pod_uid or "",
        attempt=int(attempt) if attempt.isdecimal() else None,
        started=series.value("container_start_time_seconds"),
    )


def _reading(series: CgroupSeries) -> CgroupReading:
    return CgroupReading(
        cpu_stat=_cpu_stat(series),
        cpu_max=_cpu_max(series),
        memory_current=series.whole("container_memory_usage_bytes"),
        memory_peak=series.whole("container_memory_max_usage_bytes"),
        memory_max=_limit(series, "container_spec_memory_limit_bytes"),
        memory_stat=_memory_stat(series),
        memory_events=_memory_events(series),
        io_stat=_io_stat(series),
        pids_current=series.whole("container_threads"),
        pids_max=_limit(series, "container_threads_max"),
        pids_events_max=series.whole("container_forks_refused_total"),
        cpu_pressure=_pressure(series, "cpu"),
        memory_pressure=_pressure(series, "memory"),
        io_pressure=_pressure(series, "io"),
        # It was scraped: there is something in it.
        cgroup_events=CgroupEvents(populated=True, frozen=False),
    )


def _cpu_stat(series: CgroupSeries) -> CpuStat | None:
    usage = series.usec("container_cpu_usage_seconds_total")
    if usage is None:
        return None
    periods = series.whole("container_cpu_cfs_periods_total")
    limit = _cpu_max(series)
    if periods is None and limit is not None and limit.quota_usec is UNLIMITED:
        # Pages leave these series out where there is no limit: nothing was throttled then.
        return CpuStat(usage_usec=usage, nr_periods=0, nr_throttled=0, throttled_usec=0)
    return CpuStat(
        usage_usec=usage,
        nr_periods=periods,
        nr_throttled=series.whole("container_cpu_cfs_throttled_periods_total"),
        throttled_usec=series.usec("container_cpu_cfs_throttled_seconds_total"),
    )


def _cpu_max(series: CgroupSeries) -> CpuMax | None:
    period = series.whole("container_spec_cpu_period")
    if not period:
        return None
    quota = series.whole("container_spec_cpu_quota")
    return CpuMax(quota if quota and quota > 0 else UNLIMITED, period)


def _limit(series: CgroupSeries, name: str) -> Limit | None:
    """0 is cAdvisor's word for no limit."""
    value = series.whole(name)
    return UNLIMITED if value == 0 else value


def _memory_stat(series: CgroupSeries) -> MemoryStat | None:
    current = series.whole("container_memory_usage_bytes")
    working_set = series.whole("container_memory_working_set_bytes")
    if current is None or working_set is None:
        return None
    return MemoryStat(
        anon=series.whole("container_memory_rss"),
        file=series.whole("container_memory_cache"),
        kernel=series.whole("container_memory_kernel_usage"),
        # The working set is what is in use without this: so it is told, and so it is taken back.
        inactive_file=max(current - working_set, 0),
        pgmajfault=series.whole(
            "container_memory_failures_total", failure_type="pgmajfault", scope="hierarchy"
        ),
        workingset_refault_file=series.whole("container_memory_workingset_refault_file_total"),
        workingset_refault_anon=series.whole("container_memory_workingset_refault_anon_total"),
    )


def _memory_events(series: CgroupSeries) -> MemoryEvents | None:
    kills = series.whole("container_oom_events_total")
    return None if kills is None else MemoryEvents(oom_kill=kills)


def _io_stat(series: CgroupSeries) -> tuple[IoStat, ...] | None:
    reads, writes = "container_fs_reads_bytes_total", "container_fs_writes_bytes_total"
    devices = series.by("device", (reads, writes))
    if not devices:
        return None
    # Devices have names here and no numbers; what adds them up asks for neither.
    return tuple(
        IoStat(0, number, said.get(reads), said.get(writes))
        for number, (_, said) in enumerate(sorted(devices.items()))
    )


def pressure_of(waiting: int | None, stalled: int | None) -> Pressure | None:
    """From totals in microseconds; the averages are nobody's business here."""
    if waiting is None:
        return None
    full = None if stalled is None else Stall(0.0, 0.0, 0.0, stalled)
    return Pressure(Stall(0.0, 0.0, 0.0, waiting), full)


def _pressure(series: CgroupSeries, resource: str) -> Pressure | None:
    start = f"container_pressure_{resource}"
    return pressure_of(
        series.usec(f"{start}_waiting_seconds_total"), series.usec(f"{start}_stalled_seconds_total")
    )


def _network(series: CgroupSeries) -> tuple[NetDev, ...] | None:
    interfaces = series.by("interface", _INTERFACE)
    if not interfaces:
        return None

    def counts(said: Mapping[str, int], way: str) -> tuple[int, int, int, int]:
        start = f"container_network_{way}"
        return (
            said.get(f"{start}_bytes_total", 0),
            said.get(f"{start}_packets_total", 0),
            said.get(f"{start}_errors_total", 0),
            said.get(f"{start}_packets_dropped_total", 0),
        )

    return tuple(
        NetDev(name, *counts(said, "receive"), *counts(said, "transmit"))
        for name, said in sorted(interfaces.items())
    )


def _stack(series: CgroupSeries) -> NetworkStack | None:
    sent = series.whole("container_network_tcp_sent_segments_total")
    if sent is None:
        return None
    return NetworkStack(
        tcp=TcpCounters(
            out_segs=sent,
            retrans_segs=series.whole("container_network_tcp_retransmitted_segments_total"),
        ),
        tcp_ext=TcpExt(
            listen_overflows=series.whole("container_network_tcp_listen_overflows_total")
        ),
    )


def _processes(series: CgroupSeries) -> ProcessCounts | None:
    processes = series.whole("container_processes")
    if processes is None:
        return None
    return ProcessCounts(
        processes=processes,
        file_descriptors=series.whole("container_file_descriptors"),
        max_open_files=series.whole("container_ulimits_soft", ulimit="max_open_files"),
    )
