"""What the tcp probe counts: connections, how they began, failed and ended.

A reason, and a histogram, is there once something happened: most containers open few connections.
"""

from __future__ import annotations

from typing import Final

from agent.bpf.tcp_counts import TcpCounts
from exporters.prometheus.metric import (
    AnyMetric,
    HistogramMetric,
    Metric,
    counter,
    counters,
)
from exporters.prometheus.probe_values import counted, counted_by, timed

_STATE: Final = "BPF inet_sock_set_state"


METRICS: tuple[AnyMetric, ...] = (
    counter(
        "container_tcp_connects_total",
        _STATE,
        "TCP connections opened by this side since the probe was loaded.",
        counted(TcpCounts, "connects"),
    ),
    counter(
        "container_tcp_accepts_total",
        _STATE,
        "TCP connections opened by the other side since the probe was loaded.",
        counted(TcpCounts, "accepts"),
    ),
    Metric(
        name="container_tcp_connect_failures_total",
        type="counter",
        source=_STATE,
        help="Attempts to open a TCP connection that failed: refused, timed_out, unreachable,"
        " given_up by the program, or other.",
        read=counted_by(
            TcpCounts,
            "reason",
            lambda counts: {reason: n for reason, n in (counts.failures or {}).items() if n},
        ),
        labels=("reason",),
    ),
    HistogramMetric(
        name="container_tcp_connect_latency_seconds",
        source=_STATE,
        help="Seconds from the first SYN until the connection was there.",
        read=timed(TcpCounts, "connect_latency"),
    ),
    counter(
        "container_tcp_retransmits_total",
        "BPF tcp_retransmit_skb, tcp_retransmit_synack",
        "TCP segments sent again since the probe was loaded, SYN and SYN-ACK among them.",
        counted(TcpCounts, "retransmits"),
    ),
    counters(
        "container_tcp_resets_total",
        "BPF tcp_send_reset, tcp_receive_reset",
        "TCP resets that sockets sent and received since the probe was loaded.",
        ((("direction", "sent"),), counted(TcpCounts, "resets_sent")),
        ((("direction", "received"),), counted(TcpCounts, "resets_received")),
    ),
    counter(
        "container_tcp_closed_transmit_bytes_total",
        f"{_STATE}, tcp_sock.bytes_sent",
        "Payload bytes that TCP connections had sent when they were closed.",
        counted(TcpCounts, "bytes_sent"),
    ),
    counter(
        "container_tcp_closed_retransmit_bytes_total",
        f"{_STATE}, tcp_sock.bytes_retrans",
        "Payload bytes of these that were sent again.",
        counted(TcpCounts, "bytes_retransmitted"),
    ),
    counter(
        "container_tcp_closed_receive_bytes_total",
        f"{_STATE}, tcp_sock.bytes_received",
        "Payload bytes that TCP connections had received when they were closed.",
        counted(TcpCounts, "bytes_received"),
    ),
    HistogramMetric(
        name="container_tcp_rtt_seconds",
        source=f"{_STATE}, tcp_sock.srtt_us",
        help="Smoothed round trip of each TCP connection when it was closed.",
        read=timed(TcpCounts, "rtt"),
    ),
)
