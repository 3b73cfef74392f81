"""When to ask which container for its files' sizes: often while they grow, ever more rarely while
they do not.

Most of thousands are silent, and to ask each of them whether it is time cost more than all the
rest: so they stand in the order of their times, and only those whose time has come are looked at.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import Final

from agent.logs.tailed import POLL_MAX, POLL_MIN, Tailed

POLLS_A_SECOND: Final = 1000
"""Of files in which nothing happens: where there are more, each is looked at more rarely, so that
thousands cost what one thousand does, a few thousandths of a core."""
_BEAT: Final = 0.25
"""Seconds. They are looked at together: waking up costs more than asking for a size."""


class Agenda:
    """The containers by the time at which to come to each."""

    def __init__(self) -> None:
        self._plans: list[tuple[float, int, Tailed]] = []
        """A heap (heapq)."""
        self._planned = 0

    def plan(self, tailed: Tailed, at: float) -> None:
        """Let `due` come to it at that time. What was planned for it before stays, and is passed
        over when its time comes."""
        self._planned += 1
        heappush(self._plans, (at, self._planned, tailed))

    def due(self, now: float, count: int) -> list[Tailed]:
        """Return the containers with something to read, of those whose time has come. count: how
        many there are in all."""
        ready = []
        longest = max(POLL_MAX, count / POLLS_A_SECOND)
        plans = self._plans
        while plans and plans[0][0] <= now:
            _at, _number, tailed = heappop(plans)
            if tailed.poll_at > now or tailed.forgotten:
                continue  # it was looked at since, or is gone
            held = max(tailed.nameless_until, tailed.held_until)
            if held > now:
                self.plan(tailed, held)
                continue
            if tailed.chain.next_unread(now) is not None:
                tailed.interval = POLL_MIN
                ready.append(tailed)
            else:
                tailed.interval = min(tailed.interval * 1.5, longest)
            tailed.poll_at = now + tailed.interval
            if tailed.silent:
                tailed.poll_at = math.ceil(tailed.poll_at / _BEAT) * _BEAT
            self.plan(tailed, tailed.poll_at)
        return ready

    def next_poll(self, now: float) -> float:
        """Seconds until the next container is due."""
        soonest = self._plans[0][0] if self._plans else now + POLL_MAX
        return max(soonest - now, POLL_MIN)
