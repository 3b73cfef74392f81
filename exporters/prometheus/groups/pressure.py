"""Pressure stall information."""

from __future__ import annotations

import operator
from typing import Literal

from agent.cgroupfs.pressure import Pressure, Stall
from agent.model import Sample
from exporters.prometheus.metric import Column, Metric, counter, one_row


def stalled(resource: str, line: Literal["some", "full"]) -> Column:
    """A pressure file's total, in seconds."""
    get = operator.attrgetter(f"reading.{resource}_pressure")
    place = Pressure._fields.index(line)

    def stall(sample: Sample) -> Stall | None:
        pressure: Pressure | None = get(sample)
        return None if pressure is None else pressure[place]

    return Column(one_row(Stall._fields, stall), "total_usec", usec=True)


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
