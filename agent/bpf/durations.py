"""Histograms of times, as the network probes keep them in the kernel. Pure.

Slot i counts times up to `BOUNDS_NS[i]`, the last slot all longer ones: from 16 us in steps of four
to 67 s, which tells a neighbour from another continent and a resent SYN, in few series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.records import dataclass

BOUNDS_NS: Final = tuple(16_000 << 2 * i for i in range(12))
SLOTS: Final = len(BOUNDS_NS) + 1


@dataclass(frozen=True, slots=True)
class Durations:
    """How many events took how long. Only rises."""

    counts: Sequence[int]
    """By slot, not added up."""
    ns: int
    """All together."""

    @property
    def total(self) -> int:
        """How many events there were."""
        return sum(self.counts)


NONE: Final = Durations((0,) * SLOTS, 0)
