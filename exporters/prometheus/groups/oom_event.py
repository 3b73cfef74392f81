"""OOM kills, from memory.events: no kernel log to read, and nothing to miss."""

from __future__ import annotations

from exporters.prometheus.metric import Metric, counter, key

METRICS: tuple[Metric, ...] = (
    counter(
        "container_oom_events_total",
        "memory.events oom_kill",
        "Processes killed by the OOM killer.",
        key("memory_events", "oom_kill"),
    ),
)
