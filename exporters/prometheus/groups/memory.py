"""Memory, page faults, OOM kills."""

from __future__ import annotations

from collections.abc import Iterable

from agent.model import Sample, Snapshot
from exporters.prometheus.metric import (
    Labels,
    Metric,
    Number,
    counter,
    field,
    gauge,
    key,
    one,
)


def memory_usage(sample: Sample) -> int | None:
    """memory.current; the v2 root has no such file, there anon + file as cAdvisor does."""
    if sample.reading.memory_current is not None:
        return sample.reading.memory_current
    stat = sample.reading.memory_stat
    if sample.cgroup.path != "/" or stat is None or stat.anon is None or stat.file is None:
        return None
    return stat.anon + stat.file


def memory_working_set(sample: Sample) -> int | None:
    """Usage less the file pages that were not used of late; what the kubelet evicts by."""
    usage, stat = memory_usage(sample), sample.reading.memory_stat
    if usage is None or stat is None or stat.inactive_file is None:
        return None
    return max(0, usage - stat.inactive_file)


def memory_failures(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Page faults. The counts hold the cgroups below, so both of cAdvisor's scopes are equal."""
    stat = sample.reading.memory_stat
    if stat is None:
        return
    for kind, count in (("pgfault", stat.pgfault), ("pgmajfault", stat.pgmajfault)):
        for scope in ("container", "hierarchy"):
            yield (("failure_type", kind), ("scope", scope)), count


METRICS: tuple[Metric, ...] = (
    gauge(
        "container_memory_usage_bytes",
        "memory.current",
        "Memory in use, page cache included, in bytes.",
        memory_usage,
    ),
    gauge(
        "container_memory_working_set_bytes",
        "memory.current - memory.stat inactive_file",
        "Memory in use less file pages not used of late, in bytes.",
        memory_working_set,
    ),
    gauge(
        "container_memory_rss",
        "memory.stat anon",
        "Anonymous memory, in bytes.",
        key("memory_stat", "anon"),
    ),
    gauge(
        "container_memory_cache",
        "memory.stat file",
        "Page cache, tmpfs and shared memory included, in bytes.",
        key("memory_stat", "file"),
    ),
    gauge(
        "container_memory_mapped_file",
        "memory.stat file_mapped",
        "File pages mapped by processes, in bytes.",
        key("memory_stat", "file_mapped"),
    ),
    gauge(
        "container_memory_swap",
        "memory.swap.current",
        "Swap in use, in bytes.",
        field("memory_swap_current"),
    ),
    gauge(
        "container_memory_max_usage_bytes",
        "memory.peak",
        "Most memory ever in use, in bytes.",
        field("memory_peak"),
    ),
    Metric(
        name="container_memory_failcnt",
        # A counter, by a name that no format allows a counter: OpenMetrics calls it unknown,
        # promtool complains of it, and Prometheus itself does not look at types.
        type="untyped",
        source="memory.events max",
        help="How often usage hit the memory limit.",
        read=one(key("memory_events", "max")),
    ),
    Metric(
        name="container_memory_failures_total",
        type="counter",
        source="memory.stat pgfault, pgmajfault",
        help="Page faults, by kind.",
        read=memory_failures,
    ),
    counter(
        "container_oom_events_total",
        "memory.events oom_kill",
        "Processes killed by the OOM killer.",
        key("memory_events", "oom_kill"),
    ),
)
