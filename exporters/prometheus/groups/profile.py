"""Samples of CPU time, as the profile probe takes them."""

from __future__ import annotations

from agent.bpf.profile_counts import ProfileCounts
from agent.model import Sample
from exporters.prometheus.metric import AnyMetric, counters


def user(sample: Sample) -> int | None:
    """In user mode."""
    counts = sample.probes.get(ProfileCounts)
    return None if counts is None else counts.user


def kernel(sample: Sample) -> int | None:
    """In kernel mode."""
    counts = sample.probes.get(ProfileCounts)
    return None if counts is None else counts.kernel


METRICS: tuple[AnyMetric, ...] = (
    counters(
        "container_cpu_samples_total",
        "BPF perf_event cpu-clock",
        "Times a CPU was found busy for the container, at 49 looks a second, by mode.",
        ((("mode", "user"),), user),
        ((("mode", "kernel"),), kernel),
    ),
)
