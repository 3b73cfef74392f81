"""System calls, as windows of the probes syscalls and syscall_times see them.

Counters rise while a window is open, so a rate is their rise over that of
agent_probe_window_seconds_total{probe="syscalls"}.
"""

from __future__ import annotations

from agent.bpf.syscall_counts import BUCKETS, SyscallCounts, SyscallTimes
from agent.bpf.syscall_names import CLASS_OF
from exporters.prometheus.durations import log2_histogram
from exporters.prometheus.metric import AnyMetric, Histogram, HistogramMetric, Metric
from exporters.prometheus.probe_values import counted_by, timed_by


def latencies(counts: SyscallTimes) -> dict[str, Histogram]:
    """By class, of those that were called."""
    buckets: dict[str, list[int]] = {}
    ns: dict[str, int] = {}
    for name, times in counts.calls.items():
        of = CLASS_OF.get(name, "other")
        seen = buckets.get(of, [0] * BUCKETS)
        buckets[of] = [a + b for a, b in zip(seen, times.buckets, strict=True)]
        ns[of] = ns.get(of, 0) + times.ns
    return {of: log2_histogram(buckets[of], ns[of]) for of in buckets}


METRICS: tuple[AnyMetric, ...] = (
    Metric(
        name="container_syscalls_total",
        type="counter",
        source="BPF sys_exit",
        help="System calls that windows of the probe saw, by class. "
        "agent_probe_window_seconds_total says how long windows were open.",
        read=counted_by(
            SyscallCounts,
            "class",
            lambda counts: {name: each.calls for name, each in counts.classes.items()},
        ),
        labels=("class",),
    ),
    Metric(
        name="container_syscall_errors_total",
        type="counter",
        source="BPF sys_exit",
        help="System calls that failed with an errno, of those that windows saw, by class.",
        read=counted_by(
            SyscallCounts,
            "class",
            lambda counts: {name: each.errors for name, each in counts.classes.items()},
        ),
        labels=("class",),
    ),
    HistogramMetric(
        name="container_syscall_latency_seconds",
        source="BPF sys_enter, sys_exit",
        help="How long system calls took that began and ended in a window, in seconds, by class; "
        "those that wait for something are among them.",
        read=timed_by(SyscallTimes, "class", latencies),
        labels=("class",),
    ),
)
