"""Bytes and requests by block device.

The iocost counters (cost.*) are there only where blk-iocost is on for the device.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.cgroupfs.io import IoStat
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Column, Labels, Metric, Row, Table, counter


def devices(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Row]]:
    """
    The lines of io.stat.

    A device the kernel has no name for is "" as in cAdvisor; two of them would be the same series,
    so only the first is told.
    """
    found = sample.reading.io_stat
    if not found:
        return ()
    names = snapshot.device_names
    if len(found) == 1:
        return (((("device", names.get(found[0][:2], "")),), found[0]),)
    by_name: dict[str, IoStat] = {}
    for io in found:
        by_name.setdefault(names.get(io[:2], ""), io)
    return [((("device", name),), io) for name, io in by_name.items()]


_DEVICES = Table(IoStat._fields, devices, ("device",))


def _counter(name: str, key: str, text: str, *, usec: bool = False) -> Metric:
    column = Column(_DEVICES, key.replace(".", "_"), usec=usec)
    return counter(f"container_fs_{name}_total", f"io.stat {key}", text, column)


METRICS: tuple[Metric, ...] = (
    _counter("reads_bytes", "rbytes", "Bytes read from the device."),
    _counter("reads", "rios", "Read requests completed by the device."),
    _counter("writes_bytes", "wbytes", "Bytes written to the device."),
    _counter("writes", "wios", "Write requests completed by the device."),
    _counter(
        "io_cost_usage_seconds",
        "cost.usage",
        "Device time used, going by the cost model, in seconds.",
        usec=True,
    ),
    _counter(
        "io_cost_wait_seconds",
        "cost.wait",
        "Time for which requests waited for device time, in seconds.",
        usec=True,
    ),
    _counter(
        "io_cost_indebt_seconds",
        "cost.indebt",
        "Time for which device time was owed for requests that could not wait, in seconds.",
        usec=True,
    ),
    _counter(
        "io_cost_indelay_seconds",
        "cost.indelay",
        "Time for which tasks were slowed down for device time they owed, in seconds.",
        usec=True,
    ),
)
