"""Limits, as they are set."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.container.container import Kind, Requests
from agent.kernelfile import UNLIMITED
from agent.model import Sample, Snapshot
from agent.procfs.meminfo import Meminfo
from exporters.prometheus.metric import (
    NO_LABELS,
    Labels,
    Metric,
    Number,
    Series,
    gauge,
    key,
    limit,
)


def quota(sample: Sample) -> int | None:
    """CPU time allowed in each period, in microseconds; None without a limit."""
    cpu_max = sample.reading.cpu_max
    return None if cpu_max is None or cpu_max.quota_usec is UNLIMITED else cpu_max.quota_usec


def shares(sample: Sample) -> int | None:
    """v1's cpu.shares; on v2 cAdvisor's linear inverse of the first OCI mapping to cpu.weight."""
    reading = sample.reading
    if reading.cpu_shares is not None:
        return reading.cpu_shares
    if reading.cpu_weight is None:
        return None
    return 2 + (reading.cpu_weight - 1) * 262142 // 9999


def cpu_request(sample: Sample) -> float | None:
    """Cores; None outside Kubernetes, or where it was not asked or asks for none."""
    requests = _requests(sample)
    return None if requests is None else requests.cpu


def memory_request(sample: Sample) -> int | None:
    """Bytes; None as for `cpu_request`."""
    requests = _requests(sample)
    return None if requests is None else requests.memory


def or_the_machines(name: str, of_machine: Callable[[Meminfo], int | None]) -> Series:
    """A limit of the reading; of the root cgroup, which has none, what the machine has."""
    own = limit(name)

    def series(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        if sample.cgroup.path != "/":
            return ((NO_LABELS, own(sample)),)
        meminfo = snapshot.host.meminfo
        return ((NO_LABELS, None if meminfo is None else of_machine(meminfo)),)

    return series


def _requests(sample: Sample) -> Requests | None:
    container = sample.container
    # A pod's sum is not told beside its parts: whoever adds up a namespace would count it twice.
    return None if container is None or container.kind is not Kind.CONTAINER else container.requests


METRICS: tuple[Metric, ...] = (
    gauge(
        "container_spec_cpu_period",
        "cpu.max",
        "Period of the CPU limit, in microseconds.",
        key("cpu_max", "period_usec"),
        unit="microseconds",
    ),
    gauge(
        "container_spec_cpu_quota",
        "cpu.max",
        "CPU time allowed in each period, in microseconds; no series without a limit.",
        quota,
        unit="microseconds",
    ),
    gauge(
        "container_spec_cpu_shares",
        "cpu.weight",
        "Share of CPU time under contention; cpu.weight on the scale of 2 to 262144.",
        shares,
    ),
    Metric(
        name="container_spec_memory_limit_bytes",
        type="gauge",
        source="memory.max; MemTotal for /",
        help="Memory limit in bytes; 0 is no limit. Of / the machine's memory.",
        read=or_the_machines("memory_max", lambda meminfo: meminfo.total),
    ),
    gauge(
        "container_spec_memory_reservation_limit_bytes",
        "memory.low",
        "Memory protected from reclaim, in bytes; 0 is none.",
        limit("memory_low"),
    ),
    Metric(
        name="container_spec_memory_swap_limit_bytes",
        type="gauge",
        source="memory.swap.max; SwapTotal for /",
        help="Swap limit in bytes; 0 is no limit. Of / the machine's swap space.",
        read=or_the_machines("memory_swap_max", lambda meminfo: meminfo.swap_total),
    ),
    gauge(
        "container_spec_cpu_request_cores",
        "resources.requests.cpu of the pod",
        "CPU that Kubernetes keeps free for the container, in cores; needs kubernetes.source.",
        cpu_request,
    ),
    gauge(
        "container_spec_memory_request_bytes",
        "resources.requests.memory of the pod",
        "Memory that Kubernetes keeps free for the container, in bytes; needs kubernetes.source.",
        memory_request,
    ),
)
