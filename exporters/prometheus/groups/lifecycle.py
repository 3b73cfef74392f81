"""What the lifecycle probe counts."""

from __future__ import annotations

from agent.bpf.lifecycle_counts import LifecycleCounts
from exporters.prometheus.metric import (
    AnyMetric,
    HistogramMetric,
    Metric,
    counter,
)
from exporters.prometheus.probe_values import counted, counted_by, timed

METRICS: tuple[AnyMetric, ...] = (
    counter(
        "container_execs_total",
        "BPF sched_process_exec",
        "Programs started since the probe was loaded.",
        counted(LifecycleCounts, "execs"),
    ),
    Metric(
        name="container_process_exits_total",
        type="counter",
        source="BPF sched_process_exit",
        help="Processes that ended by themselves since the probe was loaded, by exit code.",
        read=counted_by(LifecycleCounts, "code", lambda counts: counts.exits or {}),
        labels=("code",),
    ),
    Metric(
        name="container_process_signals_total",
        type="counter",
        source="BPF sched_process_exit",
        help="Processes that a signal ended since the probe was loaded, by its number.",
        read=counted_by(LifecycleCounts, "signal", lambda counts: counts.signals or {}),
        labels=("signal",),
    ),
    HistogramMetric(
        name="container_process_lifetime_seconds",
        source="BPF sched_process_exit",
        help="How long processes that ended had lived, in seconds.",
        read=timed(LifecycleCounts, "lifetimes"),
    ),
    counter(
        "container_oom_victims_total",
        "BPF mark_victim",
        "Processes of this cgroup the OOM killer chose since the probe was loaded.",
        counted(LifecycleCounts, "oom_kills"),
    ),
)
