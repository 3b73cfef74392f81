"""Bytes and requests by block device."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.cgroupfs.io import IoStat
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import (
    Labels,
    Metric,
    Number,
    Series,
)


def by_device(get: Callable[[IoStat], int | None]) -> Series:
    """A counter of io.stat for each device."""

    def series(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        # A device the kernel has no name for is "" as in cAdvisor; two of them would be the same
        # series, so only the first is told.
        seen: set[str] = set()
        for io in sample.reading.io_stat or ():
            device = snapshot.device_names.get((io.major, io.minor), "")
            if device not in seen:
                seen.add(device)
                yield (("device", device),), get(io)

    return series


METRICS: tuple[Metric, ...] = tuple(
    Metric(name=name, type="counter", source=source, help=text, read=by_device(get))
    for name, source, text, get in (
        (
            "container_fs_reads_bytes_total",
            "io.stat rbytes",
            "Bytes read from the device.",
            lambda io: io.rbytes,
        ),
        (
            "container_fs_reads_total",
            "io.stat rios",
            "Read requests completed by the device.",
            lambda io: io.rios,
        ),
        (
            "container_fs_writes_bytes_total",
            "io.stat wbytes",
            "Bytes written to the device.",
            lambda io: io.wbytes,
        ),
        (
            "container_fs_writes_total",
            "io.stat wios",
            "Write requests completed by the device.",
            lambda io: io.wios,
        ),
    )
)
