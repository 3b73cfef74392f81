"""Freeing memory before getting any, as the reclaim probe sees it."""

from __future__ import annotations

from agent.bpf.reclaim_counts import ReclaimCounts
from exporters.prometheus.durations import histogram
from exporters.prometheus.metric import AnyMetric, HistogramMetric
from exporters.prometheus.probe_values import timed_by

METRICS: tuple[AnyMetric, ...] = (
    HistogramMetric(
        name="container_memory_reclaim_latency_seconds",
        source="BPF mm_vmscan_*_reclaim, mm_compaction",
        help="Time a process spent freeing memory before it got any, in seconds: direct where the "
        "host was short, memcg at a limit, compaction for pages side by side.",
        read=timed_by(
            ReclaimCounts,
            "kind",
            lambda counts: {kind: histogram(of) for kind, of in counts.stalls.items() if of.total},
        ),
        labels=("kind",),
    ),
)
