"""Memory and page faults."""

from __future__ import annotations

from collections.abc import Iterable

from agent.model import Sample, Snapshot
from exporters.prometheus.metric import (
    NO_LABELS,
    Labels,
    Metric,
    Number,
    counter,
    counters,
    field,
    gauge,
    key,
    untyped,
)


def memory_usage(sample: Sample) -> int | None:
    """memory.current; the v2 root has no such file, there anon + file as cAdvisor does."""
    if sample.reading.memory_current is not None:
        return sample.reading.memory_current
    stat = sample.reading.memory_stat
    if sample.cgroup.path != "/" or stat is None or stat.anon is None or stat.file is None:
        return None
    return stat.anon + stat.file


def _swap(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """memory.swap.current; the v2 root has no such file, there the machine's as cAdvisor does."""
    swap, meminfo = sample.reading.memory_swap_current, snapshot.host.meminfo
    if swap is None and sample.cgroup.path == "/" and meminfo is not None:
        total, free = meminfo.swap_total, meminfo.swap_free
        swap = None if total is None or free is None else total - free
    yield NO_LABELS, swap


def memory_working_set(sample: Sample) -> int | None:
    """Usage less the file pages that were not used of late; what the kubelet evicts by."""
    usage, stat = memory_usage(sample), sample.reading.memory_stat
    if usage is None or stat is None or stat.inactive_file is None:
        return None
    return max(0, usage - stat.inactive_file)


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
        unit="bytes",
    ),
    gauge(
        "container_memory_cache",
        "memory.stat file",
        "Page cache, tmpfs and shared memory included, in bytes.",
        key("memory_stat", "file"),
        unit="bytes",
    ),
    gauge(
        "container_memory_mapped_file",
        "memory.stat file_mapped",
        "File pages mapped by processes, in bytes.",
        key("memory_stat", "file_mapped"),
        unit="bytes",
    ),
    gauge(
        "container_memory_kernel_usage",
        "memory.stat kernel",
        "Memory the kernel holds for the container, in bytes.",
        key("memory_stat", "kernel"),
        unit="bytes",
    ),
    Metric(
        name="container_memory_swap",
        type="gauge",
        source="memory.swap.current; SwapTotal - SwapFree for / on v2",
        help="Swap in use, in bytes.",
        read=_swap,
        unit="bytes",
    ),
    gauge(
        "container_memory_max_usage_bytes",
        "memory.peak",
        "Most memory ever in use, in bytes.",
        field("memory_peak"),
    ),
    gauge(
        "container_memory_total_active_file_bytes",
        "memory.stat active_file",
        "File pages used of late, in bytes.",
        key("memory_stat", "active_file"),
    ),
    gauge(
        "container_memory_total_inactive_file_bytes",
        "memory.stat inactive_file",
        "File pages not used of late, which go first when memory is short, in bytes.",
        key("memory_stat", "inactive_file"),
    ),
    gauge(
        "container_memory_file_dirty_bytes",
        "memory.stat file_dirty",
        "File pages that are changed and not yet written to disk, in bytes.",
        key("memory_stat", "file_dirty"),
    ),
    gauge(
        "container_memory_file_writeback_bytes",
        "memory.stat file_writeback",
        "File pages that are being written to disk, in bytes.",
        key("memory_stat", "file_writeback"),
    ),
    untyped(
        "container_memory_failcnt",
        "memory.events max",
        "How often usage hit the memory limit.",
        key("memory_events", "max"),
    ),
    counters(
        "container_memory_failures_total",
        "memory.stat pgfault, pgmajfault",
        "Page faults by kind; they hold the cgroups below, so both scopes are the same.",
        *(
            ((("failure_type", kind), ("scope", scope)), key("memory_stat", kind))
            for kind in ("pgfault", "pgmajfault")
            for scope in ("container", "hierarchy")
        ),
    ),
    counter(
        "container_memory_events_high_total",
        "memory.events high",
        "How often usage went over memory.high and tasks were slowed down to free memory.",
        key("memory_events", "high"),
    ),
    counter(
        "container_memory_events_max_total",
        "memory.events max",
        "How often usage was about to go over the memory limit.",
        key("memory_events", "max"),
    ),
    counter(
        "container_memory_pgscan_total",
        "memory.stat pgscan",
        "Pages looked at to free memory.",
        key("memory_stat", "pgscan"),
    ),
    counter(
        "container_memory_pgsteal_total",
        "memory.stat pgsteal",
        "Pages taken away to free memory.",
        key("memory_stat", "pgsteal"),
    ),
    counter(
        "container_memory_workingset_refault_file_total",
        "memory.stat workingset_refault_file",
        "File pages that were taken away and needed again soon after.",
        key("memory_stat", "workingset_refault_file"),
    ),
    counter(
        "container_memory_workingset_refault_anon_total",
        "memory.stat workingset_refault_anon",
        "Anonymous pages that were swapped out and needed again soon after.",
        key("memory_stat", "workingset_refault_anon"),
    ),
)
