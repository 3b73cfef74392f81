"""Disk I/O by device: reads over the axis, writes under it."""

from __future__ import annotations

from dashboards import queries as q
from dashboards.layout import Section, side_by_side
from dashboards.panels import Panel, Query, Style, graph


def section() -> Section:
    return Section(
        "Disk I/O",
        (
            side_by_side(
                _both_ways(
                    "Disk throughput",
                    "Bytes per second that reached a device: reads up, writes down. What the page "
                    "cache served is not in it, and writes appear when the kernel writes back.",
                    "Bps",
                    "bytes_total",
                ),
                _both_ways(
                    "Disk operations",
                    "Operations per second on a device: reads up, writes down.",
                    "iops",
                    "total",
                ),
            ),
        ),
    )


def _both_ways(title: str, description: str, unit: str, suffix: str) -> Panel:
    legend = f"{q.LEGEND} {{{{device}}}}"
    return graph(
        title,
        description,
        unit,
        [
            Query(_by_device(f"container_fs_reads_{suffix}"), f"read {legend}"),
            Query(_by_device(f"container_fs_writes_{suffix}"), f"write {legend}", Style.BELOW),
        ],
    )


def _by_device(metric: str) -> str:
    return q.total(q.rate(metric), "device")
