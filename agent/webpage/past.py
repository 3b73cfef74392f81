"""The Usages of each cgroup over the Snapshots that are kept: what sparklines and charts draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from agent.model import Snapshot
from agent.usage import Usage, usages
from agent.webpage.chart import Point

Past = Mapping[int, Sequence[tuple[float, Usage]]]
"""A cgroup's inode → (Unix seconds, its Usage since the Snapshot before), oldest first."""


def past(snapshots: Sequence[Snapshot], only: int | None = None) -> Past:
    """Of all cgroups, or of one alone. Snapshots oldest first."""
    found: dict[int, list[tuple[float, Usage]]] = {}
    for before, after in pairwise(snapshots):
        for usage in usages(before, after):
            inode = usage.cgroup.inode
            if only is None or inode == only:
                found.setdefault(inode, []).append((after.wall_time, usage))
    return found


def points(
    of: Sequence[tuple[float, Usage]], value: Callable[[Usage], float | None]
) -> list[Point]:
    """One value of each."""
    return [(at, value(usage)) for at, usage in of]
