"""Snapshots → Frames: of now, one after the other, and of a moment in the past.

What is wrong is looked for over the last minute, and not at every tick: it hardly changes, and the
rules would be a third of the cost.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from agent.diagnosis.recent import SECONDS, STEP, Recent
from agent.model import Snapshot
from agent.past import Past, same_run
from agent.top.cost import CostMeter
from agent.top.frame import Frame, Judgement, judge, make_frame
from agent.top.past import MemoryPast, earlier, window
from agent.top.trend import NO_TRENDS, Trends, trends_of

JUDGED: Final = 3.0
"""Seconds between two diagnoses."""
LEAST: Final = 0.9
"""Seconds there must be to look at: over less, shares of time say nothing."""
_SAME: Final = 0.001
"""Seconds: moments are kept in text and in floats."""


class FrameMaker:
    """Makes Frames; each has the rates since the one before."""

    def __init__(self, delay: float, past: MemoryPast | None = None, hostname: str = "") -> None:
        """`past` gets every Snapshot. hostname: of the host they are of; "": of this one."""
        self._delay = delay
        self._past = past
        self._hostname = hostname or os.uname().nodename
        self._cost = CostMeter()
        self._recent = Recent()
        self._before: Snapshot | None = None
        self._judgement: Judgement | None = None
        self._judged_at = 0.0
        self._trends: Trends = NO_TRENDS

    def next(self, after: Snapshot) -> Frame:
        """The Frame of the newest Snapshot."""
        self._recent.add(after)
        if self._past is not None:
            self._past.add(after)
        if self._judgement is None or after.taken_at - self._judged_at >= JUDGED:
            self._judge(self._recent.window(), after.taken_at)
        frame = make_frame(
            self._before,
            after,
            hostname=self._hostname,
            delay=self._delay,
            judgement=self._judgement,
            trends=self._trends,
            own=self._cost.read(),
        )
        self._before = after
        return frame

    def recall(self, past: Past) -> None:
        """Take what `past` has of the last minute: as if this had run for so long already."""
        now = self._before
        if now is None:
            return
        recent = Recent()
        for snapshot in _window(past, now.wall_time, SECONDS):
            if same_run(snapshot, now):
                recent.add(snapshot)
        recent.add(now)
        self._recent = recent
        self._judge(recent.window(), now.taken_at)

    def at(self, past: Past, moment: float) -> Frame | None:
        """The Frame of a moment in the past, one of `past.times()`; None where it is gone."""
        return frame_at(past, moment, hostname=self._hostname, delay=self._delay)

    def _judge(self, seen: Sequence[Snapshot], at: float) -> None:
        if seen[-1].taken_at - seen[0].taken_at < LEAST:
            return
        self._judgement, self._judged_at = judge(seen), at
        self._trends = trends_of(seen)


def frame_at(past: Past, moment: float, *, hostname: str, delay: float) -> Frame | None:
    """The Frame of `moment`, with the rates since the Snapshot before it, if that is of its run."""
    after = past.snapshot(moment)
    if after is None or abs(after.wall_time - moment) > _SAME:
        return None  # dropped meanwhile
    seen = [each for each in _window(past, moment, SECONDS) if same_run(each, after)]
    seen.append(after)
    enough = after.taken_at - seen[0].taken_at >= LEAST
    return make_frame(
        _before(past, after),
        after,
        hostname=hostname,
        delay=delay,
        judgement=judge(seen) if enough else None,
        trends=trends_of(seen) if enough else NO_TRENDS,
    )


def _window(past: Past, until: float, length: float) -> list[Snapshot]:
    """Those before `until`, some seconds apart, oldest first."""
    moments = window(past, until, length, STEP)[:-1]
    return [found for at in moments if (found := past.snapshot(at)) is not None]


def _before(past: Past, after: Snapshot) -> Snapshot | None:
    at = earlier(past, after.wall_time)
    found = None if at is None else past.snapshot(at)
    return found if found is not None and same_run(found, after) else None
