"""
OOM kills, from memory.events: no kernel log to read, and nothing to miss.

A container's cgroup, and the counter with it, begins anew with each restart; the kills of its
earlier runs are added, so that the counter goes on. It never falls because of the kill it counts.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.container.container import Kind
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import NO_LABELS, Labels, Metric, Number


def oom_kills(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Of this run and the earlier ones."""
    events = sample.reading.memory_events
    if events is None or events.oom_kill is None:
        return
    lifetimes, container = snapshot.lifetimes, sample.container
    earlier = 0
    if lifetimes is not None and container is not None and container.kind is Kind.CONTAINER:
        earlier = lifetimes.earlier_oom_kills(sample.cgroup.inode, container)
    yield NO_LABELS, events.oom_kill + earlier


METRICS: tuple[Metric, ...] = (
    Metric(
        name="container_oom_events_total",
        type="counter",
        source="memory.events oom_kill",
        help="Processes killed by the OOM killer, also in the container's earlier runs, as far as"
        " this agent saw them.",
        read=oom_kills,
    ),
)
