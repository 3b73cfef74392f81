"""Some minutes of Snapshots → what the rules look at: each container over the whole time.

    scene_of(snapshots)      oldest first, at least one

A container that came meanwhile is looked at from its first sample on. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.container.container import Container, Kind
from agent.lifecycle.events import Health
from agent.lifecycle.totals import Identity, Total, identity_of
from agent.model import Sample, Snapshot
from agent.records import dataclass, replace
from agent.usage import HostUsage, Usage, host_usage, usages

if TYPE_CHECKING:
    from agent.lifecycle.ended import Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One container, over the time looked at."""

    usage: Usage
    """From its first sample to its last."""
    samples: tuple[Sample, ...]
    """All of them, oldest first."""
    above: tuple[Usage, ...]
    """The cgroups it is in, the nearest first: its pod, slices. Not the root."""
    total: Total | None
    """Its ends and restarts, where somebody follows them."""
    restarts: int | None
    """Within the time looked at. None: nobody follows them."""
    health: Health | None
    """None: no health check, or nobody tells."""

    @property
    def container(self) -> Container:
        """Who it is."""
        assert self.usage.container is not None
        return self.usage.container

    @property
    def first(self) -> Sample:
        """The earliest sample."""
        return self.samples[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A container that ended and has no cgroup just now, such as one between two restarts."""

    identity: Identity
    total: Total
    restarts: int
    """Within the time looked at."""
    there: bool = True
    """Whether what would start it again is there: of Kubernetes' and Podman's, its pod."""
    ended: Ended | None = None
    """What the history or its runtime's records say of its end; None: nobody asked them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The host and all its containers."""

    host: HostUsage
    subjects: tuple[Subject, ...]
    gone: tuple[Gone, ...]
    seconds: float
    """From the first Snapshot to the last."""
    wall_time: float
    """Unix seconds of the last."""

    @property
    def idle_cores(self) -> float | None:
        """Cores nobody used."""
        if self.host.cpu_ratio is None:
            return None
        return self.host.cores * (1 - self.host.cpu_ratio)

    @property
    def cores_outside(self) -> float | None:
        """Cores that are used by what is in no container. None where one's use is not known."""
        used = [subject.usage.cpu_cores for subject in self.subjects]
        if self.host.cpu_ratio is None or None in used:
            return None
        inside = sum(cores for cores in used if cores is not None)
        return max(self.host.cores * self.host.cpu_ratio - inside, 0.0)


def scene_of(snapshots: Sequence[Snapshot]) -> Scene:
    """Raise ValueError without a Snapshot."""
    if not snapshots:
        raise ValueError("no snapshot to look at")
    first, last = snapshots[0], snapshots[-1]
    samples: dict[int, list[Sample]] = {}
    for snapshot in snapshots:
        for sample in snapshot.samples:
            samples.setdefault(sample.cgroup.inode, []).append(sample)
    earliest = replace(first, samples=tuple(seen[0] for seen in samples.values()))
    every = usages(earliest if len(snapshots) > 1 else None, last)
    by_path = {usage.cgroup.path: usage for usage in every}
    before = _totals(first)
    after = _totals(last)
    lifetimes = last.lifetimes
    subjects = []
    for usage in every:
        container = usage.container
        if container is None or container.kind not in (Kind.CONTAINER, Kind.SERVICE):
            continue
        total = after.get(identity_of(container))
        subjects.append(
            Subject(
                usage=usage,
                samples=tuple(samples[usage.cgroup.inode]),
                above=_above(usage.cgroup.path, by_path),
                total=total,
                restarts=None if lifetimes is None else _restarts(before, total),
                health=None if lifetimes is None else lifetimes.health.get(usage.cgroup.inode),
            )
        )
    live = {identity_of(subject.container) for subject in subjects}
    pods = pods_of(last)
    return Scene(
        host=host_usage(first if len(snapshots) > 1 else None, last),
        subjects=tuple(subjects),
        gone=tuple(
            Gone(
                identity=identity,
                total=total,
                restarts=_restarts(before, total),
                there=not identity.pod or identity[:2] in pods,
            )
            for identity, total in after.items()
            if identity not in live
        ),
        seconds=last.taken_at - first.taken_at,
        wall_time=last.wall_time,
    )


def pods_of(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    """(namespace, name) of each pod that has a cgroup: its own, its sandbox's, a container's."""
    return frozenset(
        (sample.container.namespace, sample.container.pod)
        for sample in snapshot.samples
        if sample.container is not None and sample.container.pod
    )


def _totals(snapshot: Snapshot) -> dict[Identity, Total]:
    if snapshot.lifetimes is None:
        return {}
    return {total.identity: total for total in snapshot.lifetimes.totals}


def _restarts(before: dict[Identity, Total], total: Total | None) -> int:
    if total is None:
        return 0
    known = before.get(total.identity)
    if known is None:
        # It came since, with the restarts that its runtime had counted: those seen had an end.
        return min(total.restarts, sum(total.exits.values()))
    return max(total.restarts - known.restarts, 0)


def _above(path: str, by_path: dict[str, Usage]) -> tuple[Usage, ...]:
    found = []
    parent = path.rpartition("/")[0]
    while parent:
        if parent in by_path:
            found.append(by_path[parent])
        parent = parent.rpartition("/")[0]
    return tuple(found)
