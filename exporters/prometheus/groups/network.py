"""Interfaces, once for each network namespace."""

from __future__ import annotations

from collections.abc import Iterable

from agent.model import Sample, Snapshot
from agent.procfs.net_dev import NetDev
from exporters.prometheus.metric import Column, Labels, Metric, Row, Table, counter

_HOSTS_OWN = ("lo", "veth", "docker", "nerdctl")
"""Prefixes of interfaces cAdvisor leaves out: loopback, and the host's ends of the containers'."""


def interfaces(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
    """The interfaces a container would call its own."""
    return [
        ((("interface", net.interface),), net)
        for net in sample.network or ()
        if not net.interface.startswith(_HOSTS_OWN)
    ]


_INTERFACES = Table(NetDev._fields, interfaces, ("interface",))

METRICS: tuple[Metric, ...] = tuple(
    counter(
        f"container_network_{direction}_{what}_total",
        f"/proc/PID/net/dev {direction} {column}",
        f"{text}, once per network namespace.",
        Column(_INTERFACES, f"{direction}_{key}"),
    )
    for direction, what, column, key, text in (
        ("receive", "bytes", "bytes", "bytes", "Bytes received"),
        ("receive", "packets", "packets", "packets", "Packets received"),
        ("receive", "errors", "errs", "errors", "Errors on receiving"),
        ("receive", "packets_dropped", "drop", "drops", "Packets dropped on receiving"),
        ("transmit", "bytes", "bytes", "bytes", "Bytes sent"),
        ("transmit", "packets", "packets", "packets", "Packets sent"),
        ("transmit", "errors", "errs", "errors", "Errors on sending"),
        ("transmit", "packets_dropped", "drop", "drops", "Packets dropped on sending"),
    )
)
