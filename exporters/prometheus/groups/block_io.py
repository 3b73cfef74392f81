"""Requests to block devices, as the block_io probe sees them."""

from __future__ import annotations

from collections.abc import Iterable

from agent.bpf.block_io_counts import BlockIoCounts
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import histogram
from exporters.prometheus.metric import (
    AnyMetric,
    Histogram,
    HistogramMetric,
    Labels,
    Metric,
    Number,
)


def latencies(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    """Of each operation there was."""
    if (counts := sample.probes.get(BlockIoCounts)) is not None:
        for op, of in sorted(counts.ops.items()):
            yield (("operation", op),), histogram(of.latency)


def transferred(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Bytes by operation."""
    if (counts := sample.probes.get(BlockIoCounts)) is not None:
        for op, of in sorted(counts.ops.items()):
            yield (("operation", op),), of.bytes


def errors(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Failed requests by operation."""
    if (counts := sample.probes.get(BlockIoCounts)) is not None:
        for op, of in sorted(counts.ops.items()):
            yield (("operation", op),), of.errors


METRICS: tuple[AnyMetric, ...] = (
    HistogramMetric(
        name="container_block_io_latency_seconds",
        source="BPF block_rq_issue, block_rq_complete",
        help="Time from sending a request to a block device to its end, by operation, in seconds.",
        read=latencies,
        labels=("operation",),
    ),
    Metric(
        name="container_block_io_bytes_total",
        type="counter",
        source="BPF block_rq_issue, block_rq_complete",
        help="Bytes of requests to block devices since the probe was loaded, by operation.",
        read=transferred,
        labels=("operation",),
    ),
    Metric(
        name="container_block_io_errors_total",
        type="counter",
        source="BPF block_rq_complete",
        help="Requests to block devices that failed since the probe was loaded, by operation.",
        read=errors,
        labels=("operation",),
    ),
)
