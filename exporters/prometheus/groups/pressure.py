"""Pressure stall information."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Literal

from agent.cgroupfs.pressure import Stall
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import NO_LABELS, Column, Labels, Metric, Row, Table, counter


def stalled(resource: str, line: Literal["some", "full"]) -> Column:
    """A pressure file's total, in seconds."""
    get = operator.attrgetter(f"reading.{resource}_pressure")

    def rows(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
        pressure = get(sample)
        stall = None if pressure is None else getattr(pressure, line)
        return () if stall is None else ((NO_LABELS, stall),)

    return Column(Table(Stall._fields, rows), "total_usec", usec=True)


_STALLS: tuple[tuple[Literal["some", "full"], str, str], ...] = (
    ("some", "waiting", "at least one task"),
    ("full", "stalled", "every task that had work"),
)
METRICS: tuple[Metric, ...] = (
    *(
        counter(
            f"container_pressure_{resource}_{word}_seconds_total",
            f"{resource}.pressure {line}",
            f"Time for which {who} waited for {what}, in seconds.",
            stalled(resource, line),
        )
        for resource, what in (("cpu", "a CPU"), ("memory", "memory"), ("io", "I/O"))
        for line, word, who in _STALLS
    ),
    counter(
        "container_pressure_irq_stalled_seconds_total",
        "irq.pressure full",
        "Time for which interrupts kept every task that had work from running, in seconds.",
        stalled("irq", "full"),
    ),
)
