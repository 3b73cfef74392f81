"""How many cgroups the host has. Those that are dying and stay make every other reading slow."""

from __future__ import annotations

from exporters.prometheus.metric import Metric, gauge, key

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
)
