"""Freeing memory before getting any, as the reclaim probe sees it."""

from __future__ import annotations

from collections.abc import Iterable

from agent.bpf.reclaim_counts import ReclaimCounts
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import histogram
from exporters.prometheus.metric import AnyMetric, Histogram, HistogramMetric, Labels


def stalls(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    """Of each kind there was."""
    if (counts := sample.probes.get(ReclaimCounts)) is not None:
        for kind, of in sorted(counts.stalls.items()):
            if of.total:
                yield (("kind", kind),), histogram(of)


METRICS: tuple[AnyMetric, ...] = (
    HistogramMetric(
        name="container_memory_reclaim_latency_seconds",
        source="BPF mm_vmscan_*_reclaim, mm_compaction",
        help="Time a process spent freeing memory before it got any, in seconds: direct where the "
        "host was short, memcg at a limit, compaction for pages side by side.",
        read=stalls,
        labels=("kind",),
    ),
)
