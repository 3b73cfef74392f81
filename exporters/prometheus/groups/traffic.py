"""What the bytes probe counts: packets and bytes of sockets, on the host's network too."""

from __future__ import annotations

from agent.bpf.traffic_counts import Traffic
from exporters.prometheus.metric import Metric, counter
from exporters.prometheus.probe_values import counted

METRICS: tuple[Metric, ...] = (
    counter(
        "container_network_bpf_receive_bytes_total",
        "BPF cgroup_skb/ingress",
        "Bytes that sockets received since the probe was loaded, from the IP header on.",
        counted(Traffic, "received_bytes"),
    ),
    counter(
        "container_network_bpf_receive_packets_total",
        "BPF cgroup_skb/ingress",
        "Packets that sockets received since the probe was loaded.",
        counted(Traffic, "received_packets"),
    ),
    counter(
        "container_network_bpf_transmit_bytes_total",
        "BPF cgroup_skb/egress",
        "Bytes that sockets sent since the probe was loaded, from the IP header on.",
        counted(Traffic, "sent_bytes"),
    ),
    counter(
        "container_network_bpf_transmit_packets_total",
        "BPF cgroup_skb/egress",
        "Packets that sockets sent since the probe was loaded.",
        counted(Traffic, "sent_packets"),
    ),
)
