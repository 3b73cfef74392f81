"""One look at a probe's maps: its own counts of each cgroup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Literal, TypeVar

from agent.records import dataclass, field

C = TypeVar("C")
Hierarchy = Literal["unified", "blkio"]


@dataclass(frozen=True, slots=True)
class Reading(Generic[C]):
    """One look at a probe's maps."""

    cgroups: Mapping[int, C]
    """Cgroup id (inode of its cgroup2 directory) -> counts, which only rise. Only cgroups where
    something happened; `of` answers for the others."""
    zero: C
    """The counts of a cgroup where nothing happened."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Map -> events that could not be counted because it was full. Above 0, counts are too low."""

    def of(self, cgroup: int) -> C:
        """The counts of any cgroup."""
        return self.cgroups.get(cgroup, self.zero)
