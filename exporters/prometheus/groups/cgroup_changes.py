"""Cgroups that come and go, as the probe "cgroups" sees them: also those shorter than a scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.bpf.cgroups_counts import CgroupsCounts
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Labels, Metric, Number


def counted(
    number: Callable[[CgroupsCounts], int | None],
) -> Callable[[Sample, Snapshot], Iterable[tuple[Labels, Number | None]]]:
    """Of a cgroup that ever had any below it."""

    def read(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        counts = sample.probes.get(CgroupsCounts)
        if counts is not None and number(counts):
            yield (), number(counts)

    return read


METRICS: tuple[Metric, ...] = (
    Metric(
        name="container_child_cgroups_made_total",
        type="counter",
        source="BPF cgroup_mkdir",
        help="Cgroups made directly below this one since the probe was loaded: a container of a "
        "runtime's slice, or what a container makes for itself.",
        read=counted(lambda counts: counts.made),
    ),
    Metric(
        name="container_child_cgroups_removed_total",
        type="counter",
        source="BPF cgroup_rmdir",
        help="Cgroups removed directly below this one since the probe was loaded.",
        read=counted(lambda counts: counts.removed),
    ),
)
