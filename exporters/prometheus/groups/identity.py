"""Who a container is and when it was seen."""

from __future__ import annotations

from collections.abc import Iterable

from agent.model import Sample, Snapshot
from exporters.prometheus.metric import (
    Labels,
    Metric,
    Number,
    gauge,
)


def started(sample: Sample) -> float:
    """Unix seconds: what the runtime says, else when the cgroup was made."""
    container = sample.container
    if container is not None and container.started is not None:
        return container.started
    return sample.cgroup.created


def last_seen(_: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Unix seconds of this reading."""
    yield (), int(snapshot.wall_time)


def info(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """1, with what the base labels leave out; nothing for what is not a container."""
    container = sample.container
    if container is not None and container.id:
        yield (
            (
                ("runtime", container.runtime),
                ("image_id", container.image_id),
                ("pod_uid", container.pod_uid),
                ("kind", container.kind.value),
            ),
            1,
        )


METRICS: tuple[Metric, ...] = (
    gauge(
        "container_start_time_seconds",
        "the runtime's start time, else mtime of the cgroup",
        "When the container was started, in Unix seconds.",
        started,
    ),
    Metric(
        name="container_last_seen",
        type="gauge",
        source="the agent's clock",
        help="When the container was last read, in Unix seconds.",
        read=last_seen,
    ),
    Metric(
        name="container_info",
        type="gauge",
        source="the runtime's files",
        help="1; its labels say which runtime, image id and pod uid, for joins.",
        read=info,
    ),
)
