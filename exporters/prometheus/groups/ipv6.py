"""What IPv6 of each network namespace counted, once, through the cgroup that answers for it.

Off by default: one more file of every namespace. TCP over IPv6 is in the group netstat, whose Tcp
counters have both versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agent.model import Sample, Snapshot
from agent.procfs.snmp6 import Ip6Counters
from exporters.prometheus.metric import NO_LABELS, Column, Labels, Metric, Row, Table, counter


def _rows(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
    stack = sample.network_stack
    return () if stack is None or stack.ip6 is None else ((NO_LABELS, stack.ip6),)


_TABLE: Final = Table(Ip6Counters._fields, _rows)


def _counter(name: str, key: str, column: str, text: str) -> Metric:
    return counter(
        f"container_network_{name}_total",
        f"/proc/PID/net/snmp6 {key}",
        f"{text}, once per network namespace.",
        Column(_TABLE, column),
    )


METRICS: tuple[Metric, ...] = (
    _counter(
        "udp6_received_datagrams",
        "Udp6InDatagrams",
        "udp_in_datagrams",
        "UDP datagrams over IPv6 received",
    ),
    _counter(
        "udp6_sent_datagrams",
        "Udp6OutDatagrams",
        "udp_out_datagrams",
        "UDP datagrams over IPv6 sent",
    ),
    _counter(
        "udp6_no_port_datagrams",
        "Udp6NoPorts",
        "udp_no_ports",
        "UDP datagrams over IPv6 for a port nobody listened at",
    ),
    _counter(
        "udp6_receive_errors",
        "Udp6InErrors",
        "udp_in_errors",
        "UDP datagrams over IPv6 received and not delivered",
    ),
    _counter(
        "udp6_receive_buffer_errors",
        "Udp6RcvbufErrors",
        "udp_rcvbuf_errors",
        "UDP datagrams over IPv6 dropped since the receive buffer was full",
    ),
    _counter(
        "udp6_send_buffer_errors",
        "Udp6SndbufErrors",
        "udp_sndbuf_errors",
        "UDP datagrams over IPv6 not sent since the send buffer was full",
    ),
    _counter(
        "ip6_receive_discards",
        "Ip6InDiscards",
        "ip_in_discards",
        "Good IPv6 packets received and dropped for want of memory",
    ),
    _counter(
        "ip6_transmit_discards",
        "Ip6OutDiscards",
        "ip_out_discards",
        "Good IPv6 packets not sent for want of memory",
    ),
    _counter(
        "ip6_receive_no_routes",
        "Ip6InNoRoutes",
        "ip_in_no_routes",
        "IPv6 packets received that had nowhere to go",
    ),
    _counter(
        "ip6_transmit_no_routes",
        "Ip6OutNoRoutes",
        "ip_out_no_routes",
        "IPv6 packets not sent since there was no route",
    ),
    _counter(
        "icmp6_receive_errors",
        "Icmp6InErrors",
        "icmp_in_errors",
        "Damaged ICMPv6 messages received",
    ),
    _counter(
        "icmp6_unreachable_received",
        "Icmp6InDestUnreachs",
        "icmp_in_dest_unreachs",
        "ICMPv6 messages received that a destination was unreachable",
    ),
    _counter(
        "icmp6_too_big_received",
        "Icmp6InPktTooBigs",
        "icmp_in_pkt_too_bigs",
        "ICMPv6 messages received that a packet was too big for its path",
    ),
)
