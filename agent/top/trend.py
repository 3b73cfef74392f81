"""The last minute of every cgroup, from the Snapshots kept of it: what the sparklines draw. Pure.

A step is the time between two kept Snapshots, an eighth of a minute; in it CPU is a mean, memory
what there was at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from agent.model import Snapshot
from agent.records import dataclass
from agent.selection.item import Trend
from agent.usage import busy_ratio, cores_used, working_set

STEPS: Final = 8
_NONE: Final[Trend] = (None,) * STEPS


@dataclass(frozen=True, slots=True)
class Trends:
    """By the inode of the cgroup; each has STEPS steps."""

    cpu: Mapping[int, Trend]
    memory: Mapping[int, Trend]
    host_cpu: Trend
    """Share of all cores."""

    def of_cpu(self, inode: int) -> Trend:
        """Cores."""
        return self.cpu.get(inode, _NONE)

    def of_memory(self, inode: int) -> Trend:
        """Bytes."""
        return self.memory.get(inode, _NONE)


NO_TRENDS: Final = Trends({}, {}, _NONE)


def trends_of(window: Sequence[Snapshot]) -> Trends:
    """`window` oldest first; the last STEPS of its steps are taken."""
    kept = window[-STEPS - 1 :]
    cpu: dict[int, list[float | None]] = {}
    memory: dict[int, list[float | None]] = {}
    host: list[float | None] = [None] * STEPS
    for place, (before, after) in enumerate(pairwise(kept), start=STEPS - len(kept) + 1):
        host[place] = busy_ratio(before.host.cpu, after.host.cpu)
        then = {sample.cgroup.inode: sample for sample in before.samples}
        for sample in after.samples:
            inode = sample.cgroup.inode
            cpu.setdefault(inode, [None] * STEPS)[place] = cores_used(then.get(inode), sample)
            memory.setdefault(inode, [None] * STEPS)[place] = working_set(sample.reading)
    return Trends(
        {inode: tuple(steps) for inode, steps in cpu.items()},
        {inode: tuple(steps) for inode, steps in memory.items()},
        tuple(host),
    )
