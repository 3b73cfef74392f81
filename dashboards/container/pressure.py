"""Pressure: the share of time in which its tasks could not go on, and for want of what."""

from __future__ import annotations

from dashboards import queries as q
from dashboards.layout import Section, side_by_side
from dashboards.panels import Panel, Query, Style, graph


def section() -> Section:
    return Section(
        "Pressure",
        (
            side_by_side(
                _pressure(
                    "CPU pressure",
                    "cpu",
                    "for a CPU. Throttling counts here too: compare with throttled periods before "
                    "blaming the host",
                ),
                _pressure("Memory pressure", "memory", "for reclaim, swap-in or refaults"),
                _pressure("I/O pressure", "io", "for a disk"),
            ),
        ),
    )


def _pressure(title: str, resource: str, waited_for: str) -> Panel:
    return graph(
        title,
        f"Share of time its tasks waited {waited_for}. some: at least one waited. Dashed, full: "
        "all that were not idle did, so nothing got done.",
        "percentunit",
        [
            Query(_share_of_time(resource, "waiting"), f"some {q.LEGEND}"),
            Query(_share_of_time(resource, "stalled"), f"full {q.LEGEND}", Style.DASHED),
        ],
    )


def _share_of_time(resource: str, kind: str) -> str:
    return q.total(q.rate(f"container_pressure_{resource}_{kind}_seconds_total"))
