"""Resources that are counted in pieces: RDMA handles and objects, and the misc controller's."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from agent.kernelfile import UNLIMITED
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Column, Labels, Metric, Row, Table, gauge


def _column(field: str, labels: tuple[str, ...]) -> Column:
    """A file's resources; one without a limit has no row."""
    get = operator.attrgetter(f"reading.{field}")

    def rows(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
        return [
            (tuple((name, getattr(found, name)) for name in labels), (found.quantity,))
            for found in get(sample) or ()
            if found.quantity is not UNLIMITED
        ]

    return Column(Table(("quantity",), rows, labels), "quantity")


RDMA: tuple[Metric, ...] = (
    gauge(
        "container_rdma_resources",
        "rdma.current",
        "RDMA handles and objects in use, by device.",
        _column("rdma_current", ("device", "resource")),
    ),
    gauge(
        "container_rdma_resources_limit",
        "rdma.max",
        "Limit of RDMA handles and objects, by device; no series without a limit.",
        _column("rdma_max", ("device", "resource")),
    ),
)
MISC: tuple[Metric, ...] = (
    gauge(
        "container_misc_resources",
        "misc.current",
        "Countable resources of the machine in use, such as ids of encrypted virtual machines.",
        _column("misc_current", ("resource",)),
    ),
    gauge(
        "container_misc_resources_limit",
        "misc.max",
        "Limit of countable resources; no series without a limit.",
        _column("misc_max", ("resource",)),
    ),
)
