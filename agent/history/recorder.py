"""The thread that writes the history: whoever samples never waits for a disk.

    recorder.add(snapshot)     kept where `interval` has passed since the last one kept
    recorder.event(event)      kept, and so is a Note

A disk that is slower than that loses Snapshots, which `counts` tells; so does one that is full,
and the recorder tries again with the next.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from agent.diagnosis.note import Note
from agent.faults import told
from agent.history.ring import Ring
from agent.history.values import NotStorable
from agent.lifecycle.events import Event
from agent.model import Snapshot

T = TypeVar("T")

log = logging.getLogger(__name__)

_EARLY: Final = 0.1
"""A beat may come a tenth of `interval` early and is the one that was meant."""
_STRETCH: Final = 6.0
"""How many times `interval` two kept Snapshots may be apart where the ring is too small."""
_WAITING: Final = 2
"""Snapshots that wait for the disk; more would keep them all in memory."""
_EVENTS_WAITING: Final = 10_000


class Recorder:
    """Owns the ring from `start` to `stop`. `add`, `event` and the counters: from any thread."""

    def __init__(self, ring: Ring, interval: float) -> None:
        """interval: seconds, see `interval`."""
        self._ring = ring
        self._interval = interval
        self._last: float | None = None
        self._snapshots: deque[Snapshot] = deque()
        self._events: deque[Event | Note] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self.problem = ""
        """Why the last write failed."""
        self._counts = {"written": 0, "late": 0, "failed": 0}
        self._thread = threading.Thread(target=self._run, name="history")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, end the segment, end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def add(self, snapshot: Snapshot) -> None:
        """Take a Snapshot if it is time for one."""
        if self._last is not None and (
            snapshot.taken_at - self._last < self.interval * (1 - _EARLY)
        ):
            return
        self._last = snapshot.taken_at
        with self._wake:
            if len(self._snapshots) >= _WAITING:
                self._counts["late"] += 1
                return
            self._snapshots.append(snapshot)
            self._wake.notify()

    def event(self, event: Event | Note) -> None:
        """Take an Event or a Note."""
        with self._wake:
            if len(self._events) < _EVENTS_WAITING:
                self._events.append(event)
            else:
                self._counts["late"] += 1
            self._wake.notify()

    @property
    def interval(self) -> float:
        """Seconds between two Snapshots that are kept, by what they take and may take."""
        each = self._ring.bytes_each
        if each is None:
            return self._interval
        bounds = self._ring.bounds
        fits = each * bounds.seconds / bounds.max_bytes
        return min(max(self._interval, fits), self._interval * _STRETCH)

    def counts(self) -> Mapping[str, int]:
        """Snapshots, Events and Notes: written, lost as the disk was late, failed to be written."""
        return dict(self._counts)

    def levels(self) -> Mapping[str, int]:
        """Bytes on disk, and seconds between two Snapshots."""
        return {"bytes": self._ring.bytes, "interval_seconds": round(self.interval)}

    def _run(self) -> None:
        stopping = False
        while not stopping:
            with self._wake:
                while not (self._snapshots or self._events or self._stopping):
                    self._wake.wait()
                snapshots, events = list(self._snapshots), list(self._events)
                self._snapshots.clear()
                self._events.clear()
                stopping = self._stopping
            self._write(snapshots, events)
        try:
            self._ring.close()
        except OSError as error:
            self._failed(error)

    def _write(self, snapshots: list[Snapshot], events: list[Event | Note]) -> None:
        for snapshot in snapshots:
            self._try(self._ring.add, snapshot)
        for event in events:
            self._try(self._ring.event, event)

    def _try(self, write: Callable[[T], None], what: T) -> None:
        try:
            write(what)
        except (OSError, NotStorable) as error:
            self._failed(error)
        else:
            self._counts["written"] += 1
            if self.problem:
                self.problem = ""
                log.info("the history is written again")

    def _failed(self, error: Exception) -> None:
        # The same fault again is counted, not repeated.
        if not self.problem:
            log.error("the history cannot be written: %s", told(error))
        self.problem = told(error)
        self._counts["failed"] += 1
