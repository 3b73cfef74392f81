"""Limits, as they are set."""

from __future__ import annotations

from agent.container.container import Kind, Requests
from agent.kernelfile import UNLIMITED
from agent.model import Sample
from exporters.prometheus.metric import (
    Metric,
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
    gauge(
        "container_spec_memory_limit_bytes",
        "memory.max",
        "Memory limit in bytes; 0 is no limit.",
        limit("memory_max"),
    ),
    gauge(
        "container_spec_memory_reservation_limit_bytes",
        "memory.low",
        "Memory protected from reclaim, in bytes; 0 is none.",
        limit("memory_low"),
    ),
    gauge(
        "container_spec_memory_swap_limit_bytes",
        "memory.swap.max",
        "Swap limit in bytes; 0 is no limit.",
        limit("memory_swap_max"),
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
