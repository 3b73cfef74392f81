"""Rows that do not jump: what they are sorted by is smoothed, and held for two seconds.

A rate that swings from tick to tick would make rows change places faster than anybody reads. Only
the order is held; every number shown is that of its tick. A choice of the person's (another column,
a filter) takes effect at once.
"""

from __future__ import annotations

import math
from typing import Final

from agent.top.row import Key

HELD: Final = 2.0
"""Seconds at least between two orders."""
TIME_CONSTANT: Final = 3.0
"""Seconds: what was so long ago weighs 1/e."""


class Steady:
    """One person's order. Call `begin` before rows are sorted, `value` for each."""

    def __init__(self) -> None:
        self._choices: object = None
        self._at: float | None = None
        """Wall time of the frame seen last."""
        self._ordered_at = 0.0
        self._weight = 1.0
        """Of a new value against the smoothed one; 0 for a frame seen before."""
        self._smoothed: dict[Key, float] = {}
        self._held: dict[Key, float] = {}

    def begin(self, at: float, choices: object) -> None:
        """`at` is the frame's time, `choices` all of the view that the order depends on."""
        if choices != self._choices or self._at is None or at < self._at:
            self._choices, self._at, self._ordered_at = choices, at, at
            self._smoothed, self._held, self._weight = {}, {}, 1.0
            return
        self._weight = 1 - math.exp(-(at - self._at) / TIME_CONSTANT)
        self._at = at
        if at - self._ordered_at >= HELD:
            self._ordered_at = at
            # What was not asked for since is gone.
            self._smoothed = {key: self._smoothed[key] for key in self._held}
            self._held = {}

    def value(self, key: Key, now: float) -> float:
        """What to sort the row by, of which the column says `now`."""
        then = self._smoothed.get(key, now)
        self._smoothed[key] = smoothed = then + self._weight * (now - then)
        return self._held.setdefault(key, smoothed)
