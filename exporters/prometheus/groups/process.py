"""Threads."""

from __future__ import annotations

from exporters.prometheus.metric import (
    Metric,
    field,
    gauge,
    limit,
)

METRICS: tuple[Metric, ...] = (
    gauge(
        "container_threads",
        "pids.current",
        "Threads running in the container.",
        field("pids_current"),
    ),
    gauge(
        "container_threads_max",
        "pids.max",
        "Limit of threads; 0 is no limit.",
        limit("pids_max"),
    ),
)
