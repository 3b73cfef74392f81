"""Work too dear for every tick, done a little at a time.

    pace = Pace(every=60.0, budget=0.01)
    pace.run(namespaces, count_states)        # each tick

`count_states(namespace)` is a generator that yields wherever it may be interrupted. Each key's work
starts again no sooner than `every` seconds after it last started; a key never seen before is due at
once; the one that waited longest goes first. `run` returns when nothing is due or the budget is
spent, and the next call goes on where it stopped. At least one step is made, so that slow steps
delay and never starve; a tick is late by at most the budget and one step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import Final, Generic, TypeVar

K = TypeVar("K")

_AT_ONCE: Final = float("-inf")


class Pace(Generic[K]):
    """When which key's work is done. Not thread-safe."""

    def __init__(
        self, every: float, budget: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`every` and `budget` in seconds; the budget is of one `run`."""
        self._every = every
        self._budget = budget
        self._clock = clock
        self._due: dict[K, float] = {}
        self._current: tuple[K, Iterator[None]] | None = None

    def run(self, keys: Collection[K], work: Callable[[K], Iterator[None]]) -> None:
        """Do what is due of `keys`, which are all there are; what `work` raises comes through."""
        now = self._clock()
        end = now + self._budget
        self._due = {key: self._due.get(key, _AT_ONCE) for key in keys}
        if self._current is not None and self._current[0] not in self._due:
            self._current = None
        waiting = sorted((due, place) for place, due in enumerate(self._due.values()) if due <= now)
        order = [*self._due]
        queue = iter([order[place] for _, place in waiting])
        while True:
            if self._current is None:
                key = next(queue, None)
                if key is None:
                    return
                self._due[key] = now + self._every
                self._current = key, work(key)
            try:
                next(self._current[1])
            except StopIteration:
                self._current = None
            except BaseException:
                self._current = None
                raise
            if self._clock() >= end:
                return
