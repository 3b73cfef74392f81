"""Bytes by block device and direction, under the name of cgroup v1's blkio files.

It says what container_fs_reads_bytes_total and container_fs_writes_bytes_total say, with two series
more for each device. It is on as in the kubelet; Kubernetes' node conformance test asks for it;
a group of its own, so that those who need no second copy (kube-prometheus drops it for containers)
can switch it off without losing the first.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Labels, Metric, Number


def by_operation(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Read and written bytes of each device."""
    for io in sample.reading.io_stat or ():
        device = (
            ("device", snapshot.device_names.get((io.major, io.minor), "")),
            ("major", str(io.major)),
            ("minor", str(io.minor)),
        )
        yield (*device, ("operation", "Read")), io.rbytes
        yield (*device, ("operation", "Write")), io.wbytes


METRICS: tuple[Metric, ...] = (
    Metric(
        name="container_blkio_device_usage_total",
        type="counter",
        source="io.stat rbytes, wbytes",
        help="Bytes read from and written to the device.",
        read=by_operation,
        unit="bytes",
        labels=("device", "major", "minor", "operation"),
    ),
)
