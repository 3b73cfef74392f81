"""CPU time, and what the limit did."""

from __future__ import annotations

from agent.model import Sample
from exporters.prometheus.groups.spec import quota
from exporters.prometheus.metric import (
    Metric,
    Number,
    Value,
    counter,
    key,
    one,
    seconds,
)


def with_quota(value: Value) -> Value:
    """cAdvisor has the bandwidth counters only where a quota is set."""

    def when_limited(sample: Sample) -> Number | None:
        return None if quota(sample) is None else value(sample)

    return when_limited


METRICS: tuple[Metric, ...] = (
    Metric(
        name="container_cpu_usage_seconds_total",
        type="counter",
        source="cpu.stat usage_usec",
        help="CPU time used, in seconds.",
        read=one(seconds(key("cpu_stat", "usage_usec")), (("cpu", "total"),)),
    ),
    counter(
        "container_cpu_user_seconds_total",
        "cpu.stat user_usec",
        "CPU time used in user mode, in seconds.",
        seconds(key("cpu_stat", "user_usec")),
    ),
    counter(
        "container_cpu_system_seconds_total",
        "cpu.stat system_usec",
        "CPU time used in kernel mode, in seconds.",
        seconds(key("cpu_stat", "system_usec")),
    ),
    counter(
        "container_cpu_cfs_periods_total",
        "cpu.stat nr_periods",
        "Enforcement periods of the CPU limit that have passed with something to run.",
        with_quota(key("cpu_stat", "nr_periods")),
    ),
    counter(
        "container_cpu_cfs_throttled_periods_total",
        "cpu.stat nr_throttled",
        "Enforcement periods in which the CPU limit stopped the container.",
        with_quota(key("cpu_stat", "nr_throttled")),
    ),
    counter(
        "container_cpu_cfs_throttled_seconds_total",
        "cpu.stat throttled_usec",
        "Time for which the CPU limit stopped the container, summed over CPUs, in seconds.",
        with_quota(seconds(key("cpu_stat", "throttled_usec"))),
    ),
)
