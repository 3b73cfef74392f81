"""Pressure stall information."""

from __future__ import annotations

from typing import Literal

from agent import units
from agent.model import Sample
from exporters.prometheus.metric import (
    Metric,
    Number,
    Value,
    counter,
)


def stalled(resource: str, line: Literal["some", "full"]) -> Value:
    """A pressure file's total, in seconds."""

    def value(sample: Sample) -> Number | None:
        pressure = getattr(sample.reading, f"{resource}_pressure")
        stall = None if pressure is None else getattr(pressure, line)
        return None if stall is None else units.seconds(stall.total_usec)

    return value


_STALLS: tuple[tuple[Literal["some", "full"], str, str], ...] = (
    ("some", "waiting", "at least one task"),
    ("full", "stalled", "every task that had work"),
)
METRICS: tuple[Metric, ...] = tuple(
    counter(
        f"container_pressure_{resource}_{word}_seconds_total",
        f"{resource}.pressure {line}",
        f"Time for which {who} waited for {what}, in seconds.",
        stalled(resource, line),
    )
    for resource, what in (("cpu", "a CPU"), ("memory", "memory"), ("io", "I/O"))
    for line, word, who in _STALLS
)
