"""Round trips of open TCP connections, as windows of the probe rtt see them."""

from __future__ import annotations

from collections.abc import Iterable

from agent.bpf.rtt_counts import RttCounts
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import log2_histogram
from exporters.prometheus.metric import AnyMetric, Histogram, HistogramMetric, Labels


def trips(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    """Where there were any."""
    counts = sample.probes.get(RttCounts)
    if counts is not None and counts.trips.segments:
        yield (), log2_histogram(counts.trips.buckets, counts.trips.ns)


METRICS: tuple[AnyMetric, ...] = (
    HistogramMetric(
        name="container_tcp_open_rtt_seconds",
        source="BPF tcp_probe, tcp_sock.srtt_us",
        help="Smoothed round trip of open TCP connections in seconds, at each segment that arrived "
        "in a window of the probe.",
        read=trips,
    ),
)
