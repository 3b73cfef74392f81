"""Memory of devices, above all of graphics cards (dmem controller, Linux 6.14; xe and amdgpu)."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from agent.kernelfile import UNLIMITED
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Column, Labels, Metric, Row, Table, gauge


def _column(field: str) -> Column:
    """A file's regions; one without a limit has no row."""
    get = operator.attrgetter(f"reading.{field}")

    def rows(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
        return [
            ((("region", region.region),), (region.bytes,))
            for region in get(sample) or ()
            if region.bytes is not UNLIMITED
        ]

    return Column(Table(("bytes",), rows, ("region",)), "bytes")


METRICS: tuple[Metric, ...] = (
    gauge(
        "container_device_memory_usage_bytes",
        "dmem.current",
        "Memory in use on a device, in bytes.",
        _column("dmem_current"),
    ),
    gauge(
        "container_device_memory_max_usage_bytes",
        "dmem.peak",
        "Most memory ever in use on a device, in bytes.",
        _column("dmem_peak"),
    ),
    gauge(
        "container_device_memory_limit_bytes",
        "dmem.max",
        "Limit of memory on a device, in bytes; no series without a limit.",
        _column("dmem_max"),
    ),
    gauge(
        "container_device_memory_capacity_bytes",
        "dmem.capacity",
        "Memory the device has, in bytes, at the root cgroup alone.",
        _column("dmem_capacity"),
    ),
)
