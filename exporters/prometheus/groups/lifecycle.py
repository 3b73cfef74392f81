"""What the lifecycle probe counts."""

from __future__ import annotations

from collections.abc import Iterable

from agent.bpf.decode import LifecycleCounts
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import histogram
from exporters.prometheus.metric import (
    AnyMetric,
    Histogram,
    HistogramMetric,
    Labels,
    Metric,
    Number,
    counter,
)


def execs(sample: Sample) -> int | None:
    """Programs started, as the lifecycle probe counts them."""
    counts = sample.probes.get(LifecycleCounts)
    return None if counts is None else counts.execs


def oom_victims(sample: Sample) -> int | None:
    """Processes the OOM killer chose in this very cgroup, whoever's limit made it run."""
    counts = sample.probes.get(LifecycleCounts)
    return None if counts is None else counts.oom_kills


def exits(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Ended processes by exit code."""
    if (counts := sample.probes.get(LifecycleCounts)) is not None:
        for code, count in sorted((counts.exits or {}).items()):
            yield (("code", str(code)),), count


def fatal_signals(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Processes ended by a signal, by its number."""
    if (counts := sample.probes.get(LifecycleCounts)) is not None:
        for number, count in sorted((counts.signals or {}).items()):
            yield (("signal", str(number)),), count


def lifetimes(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    """How long ended processes had lived; nothing before the first end."""
    counts = sample.probes.get(LifecycleCounts)
    if counts is not None and counts.lifetimes is not None and counts.lifetimes.total:
        yield (), histogram(counts.lifetimes)


METRICS: tuple[AnyMetric, ...] = (
    counter(
        "container_execs_total",
        "BPF sched_process_exec",
        "Programs started since the probe was loaded.",
        execs,
    ),
    Metric(
        name="container_process_exits_total",
        type="counter",
        source="BPF sched_process_exit",
        help="Processes that ended by themselves since the probe was loaded, by exit code.",
        read=exits,
        labels=("code",),
    ),
    Metric(
        name="container_process_signals_total",
        type="counter",
        source="BPF sched_process_exit",
        help="Processes that a signal ended since the probe was loaded, by its number.",
        read=fatal_signals,
        labels=("signal",),
    ),
    HistogramMetric(
        name="container_process_lifetime_seconds",
        source="BPF sched_process_exit",
        help="How long processes that ended had lived, in seconds.",
        read=lifetimes,
    ),
    counter(
        "container_oom_victims_total",
        "BPF mark_victim",
        "Processes of this cgroup the OOM killer chose since the probe was loaded.",
        oom_victims,
    ),
)
