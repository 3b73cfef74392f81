"""cAdvisor's groups tcp, udp and advtcp: sockets by state, and every TCP counter there is.

For the states the kernel walks all connections of the machine, 2 ms a file, so they are read about
once a minute; their age is told beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.model import Sample, Snapshot
from agent.netstack import SocketStates
from agent.procfs.net_tcp import TcpStates, UdpSockets
from exporters.prometheus.metric import (
    NO_LABELS,
    Column,
    Labels,
    Metric,
    Number,
    Row,
    Table,
    gauges,
)

_OF_TCP = TcpStates._fields
_OF_UDP = UdpSockets._fields


def _states(sample: Sample) -> SocketStates | None:
    return None if sample.network_stack is None else sample.network_stack.states


def _gauge(
    file: str, label: str, fields: tuple[str, ...], get: Callable[[SocketStates], Row | None]
) -> Metric:
    def rows(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
        states = _states(sample)
        row = None if states is None else get(states)
        return () if row is None else ((NO_LABELS, row),)

    table = Table(fields, rows)
    return gauges(
        f"container_network_{file}_usage_total",
        f"/proc/PID/net/{file}",
        f"{file.upper()} sockets by state, read about once a minute, once per network namespace.",
        *(((((label, name),)), Column(table, name)) for name in fields),
    )


def _age(protocol: str, get: Callable[[SocketStates], object]) -> Metric:
    def read(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        states = _states(sample)
        if states is not None and get(states) is not None:
            yield NO_LABELS, round(max(0.0, snapshot.taken_at - states.read_at), 3)

    return Metric(
        name=f"container_network_{protocol}_usage_age_seconds",
        type="gauge",
        source="the agent's own clock",
        help=f"Time since the {protocol.upper()} sockets were counted by state, in seconds.",
        read=read,
    )


def _advanced(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    every = None if sample.network_stack is None else sample.network_stack.advanced
    for name, number in (every or {}).items():
        yield (("tcp_state", name),), number


TCP: tuple[Metric, ...] = (
    _gauge("tcp", "tcp_state", _OF_TCP, lambda states: states.tcp),
    _gauge("tcp6", "tcp_state", _OF_TCP, lambda states: states.tcp6),
    _age("tcp", lambda states: states.tcp),
)
UDP: tuple[Metric, ...] = (
    _gauge("udp", "udp_state", _OF_UDP, lambda states: states.udp),
    _gauge("udp6", "udp_state", _OF_UDP, lambda states: states.udp6),
    _age("udp", lambda states: states.udp),
)
ADVTCP: tuple[Metric, ...] = (
    Metric(
        name="container_network_advance_tcp_stats_total",
        type="gauge",
        source="/proc/PID/net/snmp Tcp, /proc/PID/net/netstat TcpExt",
        help="Every TCP counter of the kernel by its name in lower case, once per network "
        "namespace.",
        read=_advanced,
        labels=("tcp_state",),
    ),
)
