"""Page faults, as windows of the probe faults see them."""

from __future__ import annotations

from collections.abc import Iterable

from agent.bpf.faults_counts import FaultsCounts
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


def faults(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """By kind."""
    if (counts := sample.probes.get(FaultsCounts)) is not None:
        yield (("kind", "major"),), counts.major
        yield (("kind", "minor"),), counts.minor


def latency(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    """Where there were any."""
    counts = sample.probes.get(FaultsCounts)
    if counts is not None and counts.latency is not None and counts.latency.faults:
        yield (), log2_histogram(counts.latency.buckets, counts.latency.ns)


METRICS: tuple[AnyMetric, ...] = (
    Metric(
        name="container_page_faults_total",
        type="counter",
        source="BPF page-faults-min, page-faults-maj",
        help="Page faults that windows of the probe saw, by kind: minor, or major, which are read "
        "from a disk. container_memory_failures_total has all there were.",
        read=faults,
        labels=("kind",),
    ),
    HistogramMetric(
        name="container_major_page_fault_latency_seconds",
        source="BPF page_fault_user, page_fault_kernel, page-faults-maj",
        help="How long a program waited for a page to be read from a disk, in seconds, in windows "
        "of the probe.",
        read=latency,
    ),
)
