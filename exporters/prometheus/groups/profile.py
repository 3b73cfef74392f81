"""Samples of CPU time, as the profile probe takes them."""

from __future__ import annotations

from agent.bpf.profile_counts import ProfileCounts
from exporters.prometheus.metric import AnyMetric, counters
from exporters.prometheus.probe_values import counted

METRICS: tuple[AnyMetric, ...] = (
    counters(
        "container_cpu_samples_total",
        "BPF perf_event cpu-clock",
        "Times a CPU was found busy for the container, at 49 looks a second, by mode.",
        ((("mode", "user"),), counted(ProfileCounts, "user")),
        ((("mode", "kernel"),), counted(ProfileCounts, "kernel")),
    ),
)
