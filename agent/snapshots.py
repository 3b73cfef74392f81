"""The newest Snapshot, never older than asked for.

One lock around the sampler: whoever needs a fresh Snapshot while another one is being read waits
for that one instead of reading the kernel again. Handing over is replacing one reference; a
Snapshot never changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from agent.model import Snapshot


class Reader(Protocol):
    """What reads the host: agent.sampler.Sampler."""

    def snapshot(self, late: float = 0.0) -> Snapshot:
        """Read once."""


class Snapshots:
    """Takes Snapshots on demand and on a beat."""

    def __init__(
        self,
        sampler: Reader,
        interval: float,
        *,
        taken: Callable[[Snapshot], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`taken` sees each new Snapshot once, in the thread that took it."""
        self._sampler = sampler
        self._interval = interval
        self._taken = taken
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None

    @property
    def latest(self) -> Snapshot | None:
        """The newest one, however old; None before the first."""
        return self._latest

    def fresh(self, max_age: float = 1.0) -> Snapshot:
        """The newest one if it is at most `max_age` seconds old, else a new one."""
        with self._lock:
            latest = self._latest
            if latest is None or self._clock() - latest.taken_at > max_age:
                latest = self._take(0.0)
            return latest

    def run(self, stop: threading.Event, failed: Callable[[Exception], None]) -> None:
        """
        Take one each `interval` seconds until `stop`.

        A tick that raises is handed to `failed` and the beat goes on. A tick that is due while the
        last one is younger than half an interval (a scrape took it) is skipped.
        """
        due = self._clock()
        while not stop.is_set():
            try:
                with self._lock:
                    latest, now = self._latest, self._clock()
                    if latest is None or now - latest.taken_at >= self._interval / 2:
                        self._take(max(0.0, now - due))
            except Exception as error:  # noqa: BLE001 the loop's edge: one bad tick, not the agent
                failed(error)
            due = max(due + self._interval, self._clock())
            stop.wait(due - self._clock())

    def _take(self, late: float) -> Snapshot:
        self._latest = snapshot = self._sampler.snapshot(late)
        self._taken(snapshot)
        return snapshot
