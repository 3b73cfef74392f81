"""System calls, as windows of the probes syscalls and syscall_times see them.

Counters rise while a window is open, so a rate is their rise over that of
agent_probe_window_seconds_total{probe="syscalls"}.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.bpf.syscall_counts import BUCKETS, SyscallCounts, SyscallTimes
from agent.bpf.syscall_names import CLASS_OF
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import log2_histogram
from exporters.prometheus.metric import (
    AnyMetric,
    Histogram,
    HistogramMetric,
    Labels,
    Metric,
    Number,
)


def calls(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """By class, of those that were called."""
    if (counts := sample.probes.get(SyscallCounts)) is not None:
        for name, each in sorted(counts.classes.items()):
            yield (("class", name),), each.calls


def errors(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """By class, of those that were called."""
    if (counts := sample.probes.get(SyscallCounts)) is not None:
        for name, each in sorted(counts.classes.items()):
            yield (("class", name),), each.errors


def latencies(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    """By class, of those that were called."""
    if (counts := sample.probes.get(SyscallTimes)) is None:
        return
    buckets: dict[str, list[int]] = {}
    ns: dict[str, int] = {}
    for name, times in counts.calls.items():
        of = CLASS_OF.get(name, "other")
        seen = buckets.get(of, [0] * BUCKETS)
        buckets[of] = [a + b for a, b in zip(seen, times.buckets, strict=True)]
        ns[of] = ns.get(of, 0) + times.ns
    for of in sorted(buckets):
        yield (("class", of),), log2_histogram(buckets[of], ns[of])


METRICS: tuple[AnyMetric, ...] = (
    Metric(
        name="container_syscalls_total",
        type="counter",
        source="BPF sys_exit",
        help="System calls that windows of the probe saw, by class. "
        "agent_probe_window_seconds_total says how long windows were open.",
        read=calls,
        labels=("class",),
    ),
    Metric(
        name="container_syscall_errors_total",
        type="counter",
        source="BPF sys_exit",
        help="System calls that failed with an errno, of those that windows saw, by class.",
        read=errors,
        labels=("class",),
    ),
    HistogramMetric(
        name="container_syscall_latency_seconds",
        source="BPF sys_enter, sys_exit",
        help="How long system calls took that began and ended in a window, in seconds, by class; "
        "those that wait for something are among them.",
        read=latencies,
        labels=("class",),
    ),
)
