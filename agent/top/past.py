"""Snapshots of before, to stop at and step through: those of this run, and how one is found.

`MemoryPast` is an `agent.past.Past` of this run, within a budget. `Joined` puts it behind what an
agent keeps on disk.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Final

from agent.model import Snapshot
from agent.past import Past
from agent.records import NamedTuple

BUDGET: Final = 2 * 1024 * 1024
"""Bytes: of 60 containers eight minutes."""
WHOLE: Final = 15
"""Snapshots."""
APART: Final = 5.0
"""Seconds between those before them."""
_REACHES: Final = (60.0, 3600.0, inf)
"""Seconds to look for the next moment in: on disk all moments of a day take a while to list."""


class _Packed(NamedTuple):
    at: float
    data: bytes


class MemoryPast:
    """The Snapshots of this run: the last ones as they are, those before packed, and fewer.

    Packing each would cost as much as all the rest of a tick. Thread-safe.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        """budget: bytes of those that are packed; the oldest go first."""
        self._budget = budget
        self._lock = threading.Lock()
        self._packed: deque[_Packed] = deque()
        self._size = 0
        self._last: deque[Snapshot] = deque()

    def add(self, snapshot: Snapshot) -> None:
        """Keep one more. A clock that was set back begins anew: the past has one order."""
        with self._lock:
            if self._last and snapshot.wall_time <= self._last[-1].wall_time:
                self._packed.clear()
                self._last.clear()
                self._size = 0
            self._last.append(snapshot)
            if len(self._last) > WHOLE:
                self._pack(self._last.popleft())

    def moments(self, since: float, until: float) -> tuple[float, ...]:
        """See `Past`."""
        with self._lock:
            every = [
                *(packed.at for packed in self._packed),
                *(snapshot.wall_time for snapshot in self._last),
            ]
        return tuple(at for at in every if since <= at <= until)

    def snapshot(self, at: float) -> Snapshot | None:
        """See `Past`."""
        with self._lock:
            for whole in reversed(self._last):
                if whole.wall_time <= at:
                    return whole
            data = next((packed.data for packed in reversed(self._packed) if packed.at <= at), None)
        if data is None:
            return None
        import pickle
        import zlib

        snapshot: Snapshot = pickle.loads(zlib.decompress(data))  # noqa: S301 we wrote it below
        return snapshot

    def _pack(self, snapshot: Snapshot) -> None:
        at = snapshot.wall_time
        if self._packed and at - self._packed[-1].at < APART:
            return
        import pickle
        import zlib

        # Level 1: a fifth of the size for less than pickle's own time.
        data = zlib.compress(pickle.dumps(snapshot, pickle.HIGHEST_PROTOCOL), 1)
        self._packed.append(_Packed(at, data))
        self._size += len(data)
        while self._size > self._budget and len(self._packed) > 1:
            self._size -= len(self._packed.popleft().data)


class Joined:
    """An older and a newer Past as one: from the newer's first moment on, the newer answers."""

    def __init__(self, older: Past, newer: MemoryPast) -> None:
        self._older = older
        self._newer = newer

    def moments(self, since: float, until: float) -> tuple[float, ...]:
        """See `Past`."""
        begun = next(iter(self._newer.moments(-inf, inf)), inf)
        older = [at for at in self._older.moments(since, min(until, begun)) if at < begun]
        return (*older, *self._newer.moments(since, until))

    def snapshot(self, at: float) -> Snapshot | None:
        """See `Past`."""
        found = self._newer.snapshot(at)
        return self._older.snapshot(at) if found is None else found


def nearest(past: Past, at: float) -> float | None:
    """The last moment that is not after `at`, else the first there is; None without any."""
    found = earlier(past, at, including=True)
    return found if found is not None else next(iter(past.moments(-inf, inf)), None)


def earlier(past: Past, at: float, *, including: bool = False) -> float | None:
    """The last moment before `at`."""
    for reach in _REACHES:
        found = [each for each in past.moments(at - reach, at) if each < at or including]
        if found:
            return found[-1]
    return None


def later(past: Past, at: float) -> float | None:
    """The first moment after `at`."""
    for reach in _REACHES:
        found = past.moments(at, at + reach)
        place = bisect_right(found, at)
        if place < len(found):
            return found[place]
    return None


def window(past: Past, at: float, length: float, apart: float) -> Sequence[float]:
    """
    Moments up to `at`, oldest first, `apart` seconds from each other or more; `at` is the last.

    The first is at least `length` seconds before, where there is one.
    """
    times = [each for each in past.moments(at - length - 2 * apart, at) if each < at]
    chosen = [at]
    for time in reversed(times):
        if chosen[-1] - time >= apart or (len(chosen) == 1 and time == times[0]):
            chosen.append(time)
        if at - chosen[-1] >= length:
            break
    return chosen[::-1]
