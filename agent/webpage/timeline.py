"""One container over hours, from the history: what the charts of its page draw.

Promises
    - at most `POINTS` of each value, each the highest of its share of the time: no peak is lost;
    - a value that is not known, and time nobody wrote down, is a gap;
    - over an hour every Snapshot is read; over more the first of each file, so that rates are the
      averages of five minutes. Once read, only what is new is read again;
    - a container is known by its name over restarts, as everywhere.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Final

from agent.faults import told
from agent.history.reader import History
from agent.lifecycle.totals import Identity, identity_of
from agent.model import Snapshot
from agent.past import same_run
from agent.usage import Usage, usages
from agent.webpage.chart import Point

log = logging.getLogger(__name__)

RANGES: Final[Mapping[str, float]] = {"1h": 3600.0, "6h": 21600.0, "24h": 86400.0}
"""What may be asked for → seconds."""
POINTS: Final = 120
_FINE: Final = 3600.0
"""Seconds up to which every Snapshot is read."""
_AGAIN: Final = 10.0
"""Seconds until it is looked for news."""
_GAP: Final = 3
"""Shares of the time without a value that are a gap."""
_KEPT: Final = 8
"""Timelines that are kept."""

Timeline = Mapping[str, Sequence[Point]]
"""Field of Usage → its values, oldest first; each begins at the beginning of the time."""


class Timelines:
    """Thread-safe."""

    def __init__(
        self, directory: str, fields: Sequence[str], clock: Callable[[], float] = time.time
    ) -> None:
        """`directory`: of the history; "" for none. `fields`: of Usage, numbers."""
        self._directory = directory
        self._fields = tuple(fields)
        self._clock = clock
        self._lock = threading.Lock()
        self._said = ""
        self._history: History | None = None
        self._kept: OrderedDict[tuple[Identity, str], _Kept] = OrderedDict()

    def of(self, identity: Identity, range_: str) -> Timeline | None:
        """Over one of `RANGES`. None: there is no history, or the container is not in it."""
        with self._lock:
            history = self._open()
            if history is None:
                return None
            key = identity, range_
            kept = self._kept.pop(key, None) or _Kept(identity, RANGES[range_], self._fields)
            self._kept[key] = kept
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            try:
                return kept.at(history, self._clock())
            except OSError as error:
                # It was taken away: what is there again is found anew.
                self._history = None
                self._kept.clear()
                self._say(error)
                return None

    def _open(self) -> History | None:
        if self._history is None and self._directory:
            try:
                self._history = History(self._directory)
            except OSError as error:
                self._say(error)
        return self._history

    def _say(self, error: OSError) -> None:
        """Once, however often it is asked; that nothing was written yet is no fault."""
        if isinstance(error, FileNotFoundError) or told(error) == self._said:
            return
        self._said = told(error)
        log.warning("charts reach back a minute only: the history cannot be read: %s", self._said)


class _Kept:
    """One container's values over one length of time."""

    def __init__(self, identity: Identity, length: float, fields: tuple[str, ...]) -> None:
        self._identity = identity
        self._length = length
        self._fields = fields
        self._get = attrgetter(*fields)
        self._rows: list[tuple[float, tuple[float | None, ...]]] = []
        self._last: Snapshot | None = None
        self._looked = 0.0

    def at(self, history: History, now: float) -> Timeline | None:
        """The time until `now`."""
        since = now - self._length
        if not 0 <= now - self._looked < _AGAIN:
            self._looked = now
            self._read(history, since, now)
        rows = [row for row in self._rows if row[0] >= since]
        if not any(value is not None for _, values in rows for value in values):
            return None
        return {
            field: thinned([(at, values[place]) for at, values in rows], since, self._length)
            for place, field in enumerate(self._fields)
        }

    def _read(self, history: History, since: float, now: float) -> None:
        self._rows = [row for row in self._rows if row[0] >= since]
        after = since if self._last is None else max(since, self._last.wall_time + 0.001)
        there = history.moments if self._length <= _FINE else history.beginnings
        for moment in there(after, now):
            snapshot = history.snapshot(moment)
            if snapshot is None:
                continue
            before, self._last = self._last, snapshot
            if before is None or not same_run(before, snapshot):
                continue
            usage = self._usage(before, snapshot)
            if usage is not None:
                self._rows.append((snapshot.wall_time, self._get(usage)))

    def _usage(self, before: Snapshot, after: Snapshot) -> Usage | None:
        for usage in usages(before, after):
            container = usage.container
            if container is not None and identity_of(container) == self._identity:
                return usage
        return None


def thinned(points: Sequence[Point], since: float, length: float) -> list[Point]:
    """
    At most `POINTS` and the gaps between them, from `since` on. Rising times in, rising times out.
    """
    share = length / POINTS
    highest: dict[int, float] = {}
    for at, value in points:
        place = min(max(int((at - since) / share), 0), POINTS - 1)
        if value is not None:
            highest[place] = max(value, highest.get(place, value))
    found: list[Point] = [(since, None)]
    before = -1
    for place, value in highest.items():
        at = since + (place + 1) * share
        if place - before > _GAP:
            found.append((at - share, None))
        found.append((at, value))
        before = place
    if points and POINTS - 1 - before >= _GAP:
        found.append((since + length, None))
    return found
