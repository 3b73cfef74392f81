"""What the dns probe counts: questions to name servers by UDP, and their answers."""

from __future__ import annotations

from agent.bpf.dns_counts import DnsCounts
from exporters.prometheus.metric import (
    AnyMetric,
    HistogramMetric,
    Metric,
    counter,
)
from exporters.prometheus.probe_values import counted, counted_by, timed

METRICS: tuple[AnyMetric, ...] = (
    counter(
        "container_dns_queries_total",
        "BPF cgroup_skb, UDP port 53",
        "DNS queries by UDP since the probe was loaded, each once.",
        counted(DnsCounts, "queries"),
    ),
    counter(
        "container_dns_retries_total",
        "BPF cgroup_skb, UDP port 53",
        "DNS queries sent again before an answer came.",
        counted(DnsCounts, "retries"),
    ),
    Metric(
        name="container_dns_responses_total",
        type="counter",
        source="BPF cgroup_skb, UDP port 53",
        help="Answers to DNS queries, by their code in dig's words: NOERROR, NXDOMAIN, SERVFAIL.",
        read=counted_by(DnsCounts, "rcode", lambda counts: counts.responses),
        labels=("rcode",),
    ),
    counter(
        "container_dns_timeouts_total",
        "BPF cgroup_skb, UDP port 53",
        "DNS queries without an answer for 5 seconds.",
        counted(DnsCounts, "timeouts"),
    ),
    HistogramMetric(
        name="container_dns_latency_seconds",
        source="BPF cgroup_skb, UDP port 53",
        help="Seconds from the first time a DNS query was sent until its answer.",
        read=timed(DnsCounts, "latency"),
    ),
)
