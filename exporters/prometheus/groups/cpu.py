"""CPU time, and what the limit did."""

from __future__ import annotations

from agent.cgroupfs.cpu import CpuStat
from agent.model import Sample
from exporters.prometheus.groups.spec import quota
from exporters.prometheus.metric import Column, Metric, counter, field, key, one_row, seconds


def limited(sample: Sample) -> CpuStat | None:
    """cpu.stat, where a quota is set: only there has cAdvisor the bandwidth counters."""
    return None if quota(sample) is None else sample.reading.cpu_stat


_LIMITED = one_row(CpuStat._fields, limited)

METRICS: tuple[Metric, ...] = (
    counter(
        "container_cpu_usage_seconds_total",
        "cpu.stat usage_usec",
        "CPU time used, in seconds.",
        seconds(key("cpu_stat", "usage_usec")),
        labels=(("cpu", "total"),),
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
        Column(_LIMITED, "nr_periods"),
    ),
    counter(
        "container_cpu_cfs_throttled_periods_total",
        "cpu.stat nr_throttled",
        "Enforcement periods in which the CPU limit stopped the container.",
        Column(_LIMITED, "nr_throttled"),
    ),
    counter(
        "container_cpu_cfs_throttled_seconds_total",
        "cpu.stat throttled_usec",
        "Time for which the CPU limit stopped the container, summed over CPUs, in seconds.",
        Column(_LIMITED, "throttled_usec", usec=True),
    ),
    counter(
        "container_cpu_throttled_seconds_total",
        "cpu.stat.local throttled_usec",
        "Time for which a CPU limit, of the container or its pod, stopped it while it had work, "
        "summed over CPUs, in seconds.",
        seconds(field("cpu_local_throttled_usec")),
    ),
    counter(
        "container_cpu_cfs_burst_periods_total",
        "cpu.stat nr_bursts",
        "Enforcement periods in which more than the quota was used, out of what was saved.",
        Column(_LIMITED, "nr_bursts"),
    ),
    counter(
        "container_cpu_cfs_burst_seconds_total",
        "cpu.stat burst_usec",
        "CPU time used above the quota, out of what was saved, in seconds.",
        Column(_LIMITED, "burst_usec", usec=True),
    ),
)
