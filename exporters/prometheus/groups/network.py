"""Interfaces, once for each network namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.model import Sample, Snapshot
from agent.procfs.net_dev import NetDev
from exporters.prometheus.metric import (
    Labels,
    Metric,
    Number,
    Series,
)

_HOSTS_OWN = ("lo", "veth", "docker", "nerdctl")
"""Prefixes of interfaces cAdvisor leaves out: loopback, and the host's ends of the containers'."""


def by_interface(get: Callable[[NetDev], int]) -> Series:
    """A counter of net/dev for each interface a container would call its own."""

    def series(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        for net in sample.network or ():
            if not net.interface.startswith(_HOSTS_OWN):
                yield (("interface", net.interface),), get(net)

    return series


METRICS: tuple[Metric, ...] = tuple(
    Metric(
        name=f"container_network_{direction}_{what}_total",
        type="counter",
        source=f"/proc/PID/net/dev {direction} {field}",
        help=f"{text} {word}, once per network namespace.",
        read=by_interface(get),
    )
    for direction, word, what, field, text, get in (
        ("receive", "received", "bytes", "bytes", "Bytes", lambda n: n.receive_bytes),
        ("receive", "received", "packets", "packets", "Packets", lambda n: n.receive_packets),
        ("receive", "on receiving", "errors", "errs", "Errors", lambda n: n.receive_errors),
        (
            "receive",
            "on receiving",
            "packets_dropped",
            "drop",
            "Packets dropped",
            lambda n: n.receive_drops,
        ),
        ("transmit", "sent", "bytes", "bytes", "Bytes", lambda n: n.transmit_bytes),
        ("transmit", "sent", "packets", "packets", "Packets", lambda n: n.transmit_packets),
        ("transmit", "on sending", "errors", "errs", "Errors", lambda n: n.transmit_errors),
        (
            "transmit",
            "on sending",
            "packets_dropped",
            "drop",
            "Packets dropped",
            lambda n: n.transmit_drops,
        ),
    )
)
