"""How many cgroups the host has, and how many come and go.

Those that are dying and stay make every other reading slow. The probe "cgroups" sees also those
that live shorter than a scrape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.bpf.cgroups_counts import CgroupsCounts
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Labels, Metric, Number, gauge, key


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
    gauge(
        "container_cgroup_descendants",
        "cgroup.stat nr_descendants",
        "Cgroups on the host, at the root cgroup alone.",
        key("cgroup_stat", "nr_descendants"),
    ),
    gauge(
        "container_cgroup_dying_descendants",
        "cgroup.stat nr_dying_descendants",
        "Cgroups that are removed and still charged for something, at the root cgroup alone.",
        key("cgroup_stat", "nr_dying_descendants"),
    ),
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
