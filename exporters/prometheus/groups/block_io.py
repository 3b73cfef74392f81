"""Requests to block devices, as the block_io probe sees them."""

from __future__ import annotations

from agent.bpf.block_io_counts import BlockIoCounts
from exporters.prometheus.durations import histogram
from exporters.prometheus.metric import AnyMetric, HistogramMetric, Metric
from exporters.prometheus.probe_values import counted_by, timed_by

METRICS: tuple[AnyMetric, ...] = (
    HistogramMetric(
        name="container_block_io_latency_seconds",
        source="BPF block_rq_issue, block_rq_complete",
        help="Time from sending a request to a block device to its end, by operation, in seconds.",
        read=timed_by(
            BlockIoCounts,
            "operation",
            lambda counts: {op: histogram(of.latency) for op, of in counts.ops.items()},
        ),
        labels=("operation",),
    ),
    Metric(
        name="container_block_io_bytes_total",
        type="counter",
        source="BPF block_rq_issue, block_rq_complete",
        help="Bytes of requests to block devices since the probe was loaded, by operation.",
        read=counted_by(
            BlockIoCounts,
            "operation",
            lambda counts: {op: of.bytes for op, of in counts.ops.items()},
        ),
        labels=("operation",),
    ),
    Metric(
        name="container_block_io_errors_total",
        type="counter",
        source="BPF block_rq_complete",
        help="Requests to block devices that failed since the probe was loaded, by operation.",
        read=counted_by(
            BlockIoCounts,
            "operation",
            lambda counts: {op: of.errors for op, of in counts.ops.items()},
        ),
        labels=("operation",),
    ),
)
