"""The catalogue: every metric of the page, by group.

Names, types and labels are cAdvisor's and the kubelet's (`/metrics/cadvisor`) for all that they
have too, oddities included: `cpu="total"`, and 0 where cAdvisor says "no limit" with 0. What
cAdvisor has not, has a name of ours, and no series where there is nothing to tell.

A group is what cAdvisor switches with --disable_metrics and --enable_metrics; its metrics are in
`groups/`, beside what they read. On unless the configuration says otherwise is what the kubelet
has, and pressure, and what costs nothing to tell. What is always 0 has no group
(`cadvisor.WITHOUT`).
"""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Collection, Iterable

from agent.model import Sample, Snapshot
from agent.records import dataclass
from exporters.prometheus import cadvisor
from exporters.prometheus.metric import AnyMetric


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that are switched together."""

    name: str
    """cAdvisor's name for it where it has one."""
    place: str = ""
    """Module of `groups`, and what is called METRICS in it unless the place says otherwise; the
    group's name unless given."""
    default: bool = True
    """Whether it is on the page unless the configuration says otherwise."""
    why: str = ""
    """Why it is not."""
    probes: bool = False
    """Whether BPF probes alone fill it."""
    part_of: str = ""
    """The group that its metrics are in at cAdvisor's: without that it is off too."""

    @property
    def metrics(self) -> tuple[AnyMetric, ...]:
        """Loaded when first asked for: a page has a third of them or more that are off."""
        return _metrics_at(self.place or self.name)


class UnknownGroup(ValueError):
    """A group's name that says nothing here."""


GROUPS: tuple[Group, ...] = (
    Group("cpu"),
    Group("memory"),
    Group("memory_events"),
    Group(
        "memory_detail",
        default=False,
        why="23 series of every cgroup, for those who look into one",
    ),
    Group(
        "memory_numa",
        "placement.MEMORY_NUMA",
        default=False,
        why="one more file of every cgroup, for what only hosts with several nodes can act on",
    ),
    Group(
        "hugetlb",
        default=False,
        why="four more files of every cgroup and page size; few programs use the reserved pools",
    ),
    Group("dmem"),
    Group("oom_event"),
    Group("pressure"),
    Group("disk"),
    Group("diskIO", "disk_io"),
    Group("blkio", part_of="diskIO"),
    Group("network"),
    Group("netstat"),
    Group(
        "ipv6",
        default=False,
        why="one more file of every network namespace; TCP over IPv6 is in netstat",
    ),
    Group(
        "tcp",
        "socket_states.TCP",
        default=False,
        why="the kernel walks all connections of the machine, 2 ms a file: read once a minute",
    ),
    Group(
        "udp",
        "socket_states.UDP",
        default=False,
        why="9 series of every network namespace; netstat has the errors",
    ),
    Group(
        "advtcp",
        "socket_states.ADVTCP",
        default=False,
        why="140 series of every network namespace; netstat has those that are asked for",
    ),
    Group("process"),
    Group(
        "cpuset",
        "placement.CPUSET",
        default=False,
        why="two more files of every cgroup, for what hardly changes",
    ),
    Group(
        "rdma",
        "countable.RDMA",
        default=False,
        why="two more files of every cgroup, for RDMA alone",
    ),
    Group(
        "misc",
        "countable.MISC",
        default=False,
        why="two more files of every cgroup, for encrypted virtual machines alone",
    ),
    Group("cgroups"),
    Group("cgroup_changes", probes=True),
    Group("lifecycle", probes=True),
    Group("block_io", probes=True),
    Group("reclaim", probes=True),
    Group("profile", probes=True),
    Group("faults", probes=True),
    Group("page_cache", probes=True),
    Group("connections", probes=True),
    Group("rtt", probes=True),
    Group("traffic", probes=True),
    Group("dns", probes=True),
    Group("syscalls", probes=True),
    Group("scheduler", "sched", probes=True),
    Group("lifetimes"),
    Group("spec"),
    Group("identity"),
    Group("security"),
    Group("machine"),
)
"""Every group, in the order of the page."""


def select(enabled: Collection[str] = (), disabled: Collection[str] = ()) -> tuple[Group, ...]:
    """
    The default groups and those `enabled`, without those `disabled`, in the order of the page.

    A group of cAdvisor's that there is nothing for may be disabled (a list of --disable_metrics may
    be pasted as it is, with its commas) and not enabled. Raises UnknownGroup.
    """
    known = [group.name for group in GROUPS]
    enabled, disabled = _names(enabled), _names(disabled)
    for name in enabled:
        if name in cadvisor.WITHOUT:
            raise UnknownGroup(f"{name!r} has no metrics here: it {cadvisor.WITHOUT[name]}")
        _check(name, known)
    for name in disabled:
        _check(name, [*known, *cadvisor.GROUPS])
    if both := sorted(set(enabled) & set(disabled)):
        raise UnknownGroup(f"{both[0]!r} is enabled and disabled")
    return tuple(
        group
        for group in GROUPS
        if group.name in enabled
        or (group.default and group.name not in disabled and group.part_of not in disabled)
    )


def _names(written: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip() for text in written for name in text.split(",") if name.strip())


def metrics_of(groups: Iterable[Group]) -> tuple[AnyMetric, ...]:
    """Every metric of these groups."""
    return tuple(metric for group in groups for metric in group.metrics)


@functools.cache
def _metrics_at(place: str) -> tuple[AnyMetric, ...]:
    module, _, name = place.partition(".")
    found = importlib.import_module(f"exporters.prometheus.groups.{module}")
    metrics: tuple[AnyMetric, ...] = getattr(found, name or "METRICS")
    return metrics


def _check(name: str, known: list[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    raise UnknownGroup(f"unknown group {name!r}; {hint}")


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
