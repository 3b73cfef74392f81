"""The catalogue: every metric of the page, by group.

Names, types and labels are cAdvisor's and the kubelet's (`/metrics/cadvisor`) for all that they
have too, oddities included: `cpu="total"`, and 0 where cAdvisor says "no limit" with 0. What
cAdvisor has not, has a name of ours, and no series where there is nothing to tell.

A group is what cAdvisor switches with --disable_metrics and --enable_metrics; its metrics are in
`groups/`, beside what they read.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.container.container import Container
from agent.model import Sample, Snapshot
from exporters.prometheus.groups import (
    cpu,
    disk_io,
    identity,
    lifecycle,
    memory,
    network,
    pressure,
    process,
    spec,
)
from exporters.prometheus.metric import Labels, Metric


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that are switched together."""

    name: str
    """cAdvisor's name for it where it has one."""
    metrics: tuple[Metric, ...]
    default: bool = True
    """Whether it is on the page unless the configuration says otherwise."""


GROUPS: tuple[Group, ...] = (
    Group("cpu", cpu.METRICS),
    Group("memory", memory.METRICS),
    Group("pressure", pressure.METRICS),
    Group("diskIO", disk_io.METRICS),
    Group("network", network.METRICS),
    Group("process", process.METRICS),
    Group("lifecycle", lifecycle.METRICS),
    Group("spec", spec.METRICS),
    Group("identity", identity.METRICS),
)
"""Every group, in the order of the page."""

METRICS: tuple[Metric, ...] = tuple(
    metric for group in GROUPS if group.default for metric in group.metrics
)
"""What is on the page by default."""


def base_labels(container: Container | None, path: str) -> Labels:
    """The kubelet's label set, exactly, in its order; "" where there is nothing to say."""
    if container is None:
        return (
            ("container", ""),
            ("id", path),
            ("image", ""),
            ("name", ""),
            ("namespace", ""),
            ("pod", ""),
        )
    return (
        ("container", container.container),
        ("id", path),
        ("image", container.image),
        ("name", container.name),
        ("namespace", container.namespace),
        ("pod", container.pod),
    )


def exported(snapshot: Snapshot) -> list[Sample]:
    """
    The samples that belong on the page: containers, pods, and what is above them.

    Other cgroups (systemd's services and slices) would only add series that no dashboard asks for.
    """
    above: set[str] = {"/"}
    for sample in snapshot.samples:
        if sample.container is not None:
            path = sample.cgroup.path
            while (cut := path.rfind("/")) > 0:
                path = path[:cut]
                above.add(path)
    return [
        sample
        for sample in snapshot.samples
        if sample.container is not None or sample.cgroup.path in above
    ]
