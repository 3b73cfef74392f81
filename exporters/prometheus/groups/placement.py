"""Which CPUs and memory nodes may be used, and on which the memory is: cpuset and memory_numa."""

from __future__ import annotations

import resource
from collections.abc import Iterable

from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Labels, Metric, Number, field, gauge

_PAGE = resource.getpagesize()


def pages_by_node(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """cAdvisor's unit is pages; cgroup v2 tells the hierarchy alone."""
    for found in sample.reading.memory_numa or ():
        labels = (("node", str(found.node)), ("scope", found.scope), ("type", found.kind))
        yield labels, found.bytes // _PAGE


CPUSET: tuple[Metric, ...] = (
    gauge(
        "container_cpuset_cpus",
        "cpuset.cpus.effective",
        "Number of CPUs the container may run on.",
        field("cpuset_cpus"),
    ),
    gauge(
        "container_cpuset_memory_nodes",
        "cpuset.mems.effective",
        "Number of NUMA nodes whose memory the container may use.",
        field("cpuset_mems"),
    ),
    gauge(
        "container_memory_migrate",
        "cpuset.memory_migrate",
        "1 if memory follows a changed cpuset, 0 if not; cgroup v1 alone has the switch.",
        field("cpuset_memory_migrate"),
    ),
)
MEMORY_NUMA: tuple[Metric, ...] = (
    Metric(
        name="container_memory_numa_pages",
        type="gauge",
        source="memory.numa_stat",
        help="Pages of memory by NUMA node.",
        read=pages_by_node,
        labels=("node", "scope", "type"),
    ),
)
