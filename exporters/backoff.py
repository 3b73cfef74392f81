"""When a server that failed is tried again: 0.5 s, doubling up to 30 s, with jitter.

It begins anew at the first success, which is an acknowledgement and not a connection: a server that
takes connections and dies on our data is not hammered. Several requests at once that fail together
are one failure. One that began before it and succeeds does not end the wait, but the next wait is
the first again: a server that takes some of what it gets is busy, and not away.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""Seconds. A server may ask for more (Retry-After)."""


class Backoff:
    """One server's. Times are monotonic seconds, given by the caller."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self.reason = ""
        """Why it waits, in words."""
        self._chance = chance
        self._wait = FIRST_WAIT
        self._not_before = float("-inf")
        self._failed_at = float("-inf")

    def left(self, now: float) -> float:
        """Seconds until it may be tried; 0 when it may be now."""
        return max(0.0, self._not_before - now)

    def fail(
        self, now: float, reason: str, at_least: float = 0.0, began: float = float("inf")
    ) -> float:
        """
        Note a failure; return the seconds to wait.

        at_least: what the server asks for. began: when what failed was begun.
        """
        self.reason = reason
        if began < self._failed_at:
            self._not_before = max(self._not_before, now + at_least)
            return self.left(now)
        self._failed_at = now
        # Half fixed, half by chance: a thousand agents must not come back in the same moment.
        pause = max(self._wait * (0.5 + 0.5 * self._chance()), at_least)
        self._not_before = now + pause
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        return pause

    def succeed(self, began: float = float("inf")) -> None:
        """Begin anew; the wait goes on where it failed after this success was begun."""
        self._wait = FIRST_WAIT
        if began >= self._failed_at:
            self._not_before = float("-inf")
