"""Snapshots of the past, as whoever looks at them sees them. Who keeps them is agent.history.

    past.moments(since, until)   when there is one: Unix seconds, oldest first
    past.snapshot(at)            the one of that moment, else the newest before it

Rates are between two Snapshots: take the moment before the one that is shown, and leave out what
`same_run` denies. A Past reads files: a moment may be gone (the ring is bounded) when it is asked
for a second time, which is None and no error.
"""

from __future__ import annotations

from typing import Protocol

from agent.model import Snapshot


class Past(Protocol):
    """Where Snapshots of the past come from."""

    def moments(self, since: float, until: float) -> tuple[float, ...]:
        """`wall_time` of each Snapshot that is kept with since <= wall_time <= until, rising."""

    def snapshot(self, at: float) -> Snapshot | None:
        """The newest whose `wall_time` is at most `at`; None: nothing so old is kept."""


def same_run(before: Snapshot, after: Snapshot) -> bool:
    """Whether both are of one boot, so that one's counters may be subtracted from the other's."""
    one, other = before.host, after.host
    if one.machine and other.machine and one.machine.boot_id and other.machine.boot_id:
        return one.machine.boot_id == other.machine.boot_id
    # btime is computed anew at each read, and moves when the clock is set.
    return abs(one.boot_time - other.boot_time) < 60 and before.taken_at <= after.taken_at
