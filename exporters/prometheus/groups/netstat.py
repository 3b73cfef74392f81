"""TCP, UDP and sockets of each network namespace, once, through the cgroup that answers for it.

Tcp counts IPv4 and IPv6 together, Udp IPv4 alone. A container on the host's network has none of
these: they would be the host's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from agent.model import Sample, Snapshot
from agent.netstack import NetworkStack
from agent.procfs.snmp import TcpCounters, TcpExt, UdpCounters
from agent.procfs.sockstat import Sockstat, Sockstat6
from exporters.prometheus.metric import (
    NO_LABELS,
    Column,
    Labels,
    Metric,
    Row,
    Table,
    counter,
    gauge,
    gauges,
)


def _table(fields: tuple[str, ...], get: Callable[[NetworkStack], Row | None]) -> Table:
    def rows(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
        row = None if sample.network_stack is None else get(sample.network_stack)
        return () if row is None else ((NO_LABELS, row),)

    return Table(fields, rows)


_TCP = _table(TcpCounters._fields, lambda stack: stack.tcp)
_UDP = _table(UdpCounters._fields, lambda stack: stack.udp)
_TCP_EXT = _table(TcpExt._fields, lambda stack: stack.tcp_ext)
_SOCKETS = _table(Sockstat._fields, lambda stack: stack.sockets)
_SOCKETS6 = _table(Sockstat6._fields, lambda stack: stack.sockets6)

_FILES = {
    "Tcp": (_TCP, "/proc/PID/net/snmp"),
    "Udp": (_UDP, "/proc/PID/net/snmp"),
    "TcpExt": (_TCP_EXT, "/proc/PID/net/netstat"),
}


def _counter(
    name: str, protocol: Literal["Tcp", "Udp", "TcpExt"], key: str, column: str, text: str
) -> Metric:
    table, file = _FILES[protocol]
    return counter(
        f"container_network_{name}_total",
        f"{file} {protocol} {key}",
        f"{text}, once per network namespace.",
        Column(table, column),
    )


def _by_version(protocol: Literal["tcp", "udp"], text: str) -> Metric:
    column = f"{protocol}_inuse"
    return gauges(
        f"container_network_{protocol}_sockets",
        f"/proc/PID/net/sockstat, sockstat6 {protocol.upper()} inuse",
        f"{text}, by version of IP, once per network namespace.",
        ((("ip_version", "4"),), Column(_SOCKETS, column)),
        ((("ip_version", "6"),), Column(_SOCKETS6, column)),
    )


METRICS: tuple[Metric, ...] = (
    _counter("tcp_sent_segments", "Tcp", "OutSegs", "out_segs", "TCP segments sent"),
    _counter("tcp_received_segments", "Tcp", "InSegs", "in_segs", "TCP segments received"),
    _counter(
        "tcp_retransmitted_segments",
        "Tcp",
        "RetransSegs",
        "retrans_segs",
        "TCP segments sent again",
    ),
    _counter("tcp_receive_errors", "Tcp", "InErrs", "in_errs", "Damaged TCP segments received"),
    _counter("tcp_resets_sent", "Tcp", "OutRsts", "out_rsts", "TCP segments with RST sent"),
    _counter(
        "tcp_active_opens", "Tcp", "ActiveOpens", "active_opens", "TCP connections begun from here"
    ),
    _counter(
        "tcp_passive_opens",
        "Tcp",
        "PassiveOpens",
        "passive_opens",
        "TCP connections begun by others",
    ),
    _counter(
        "tcp_failed_connections",
        "Tcp",
        "AttemptFails",
        "attempt_fails",
        "TCP connections that were never established",
    ),
    _counter(
        "tcp_reset_connections",
        "Tcp",
        "EstabResets",
        "estab_resets",
        "Established TCP connections that were reset",
    ),
    gauge(
        "container_network_tcp_established_connections",
        "/proc/PID/net/snmp Tcp CurrEstab",
        "TCP connections established or waiting to be closed here, once per network namespace.",
        Column(_TCP, "curr_estab"),
    ),
    _counter(
        "tcp_listen_overflows",
        "TcpExt",
        "ListenOverflows",
        "listen_overflows",
        "TCP connections refused since the listener's queue was full",
    ),
    _counter(
        "tcp_listen_drops",
        "TcpExt",
        "ListenDrops",
        "listen_drops",
        "TCP connections a listener dropped for any reason",
    ),
    _counter(
        "tcp_timeouts",
        "TcpExt",
        "TCPTimeouts",
        "timeouts",
        "TCP retransmission timers that ran out",
    ),
    _counter(
        "tcp_retransmitted_syns",
        "TcpExt",
        "TCPSynRetrans",
        "syn_retrans",
        "TCP segments with SYN sent again",
    ),
    _counter(
        "tcp_backlog_drops",
        "TcpExt",
        "TCPBacklogDrop",
        "backlog_drops",
        "TCP segments dropped since the socket's backlog was full",
    ),
    _counter(
        "udp_received_datagrams",
        "Udp",
        "InDatagrams",
        "in_datagrams",
        "UDP datagrams over IPv4 received",
    ),
    _counter(
        "udp_sent_datagrams", "Udp", "OutDatagrams", "out_datagrams", "UDP datagrams over IPv4 sent"
    ),
    _counter(
        "udp_no_port_datagrams",
        "Udp",
        "NoPorts",
        "no_ports",
        "UDP datagrams over IPv4 for a port nobody listened at",
    ),
    _counter(
        "udp_receive_errors",
        "Udp",
        "InErrors",
        "in_errors",
        "UDP datagrams over IPv4 received and not delivered",
    ),
    _counter(
        "udp_receive_buffer_errors",
        "Udp",
        "RcvbufErrors",
        "rcvbuf_errors",
        "UDP datagrams over IPv4 dropped since the receive buffer was full",
    ),
    _counter(
        "udp_send_buffer_errors",
        "Udp",
        "SndbufErrors",
        "sndbuf_errors",
        "UDP datagrams over IPv4 not sent since the send buffer was full",
    ),
    gauge(
        "container_network_sockets",
        "/proc/PID/net/sockstat sockets used",
        "Sockets of every family, Unix ones too, once per network namespace.",
        Column(_SOCKETS, "used"),
    ),
    _by_version("tcp", "TCP sockets, listening ones too, those in TIME_WAIT not"),
    gauge(
        "container_network_tcp_time_wait_sockets",
        "/proc/PID/net/sockstat TCP tw",
        "TCP connections in TIME_WAIT, of IPv4 and IPv6, once per network namespace.",
        Column(_SOCKETS, "tcp_tw"),
    ),
    _by_version("udp", "UDP sockets"),
)
