"""Frames on a beat, made in a thread of their own: no key waits for a sweep of the kernel's files.

The thread owns the sampler while it runs. Handing over is replacing one reference; a Frame never
changes. What the sampler raises ends the thread and is kept for the one who looks.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from agent.kernelfile import UnexpectedText, read
from agent.model import Snapshot
from agent.top.frame import Frame, OwnCost, make_frame

_FIRST_WINDOW: Final = 0.25
"""Seconds. The first rates come after this at the latest: long enough for several CFS periods."""


class Source(Protocol):
    """What reads the host: agent.sampler.Sampler."""

    def snapshot(self) -> Snapshot:
        """Read once."""


class FrameMaker:
    """Reads a Source and makes Frames; each has the rates since the one before."""

    def __init__(self, source: Source, delay: float) -> None:
        self._source = source
        self._delay = delay
        self._before: Snapshot | None = None
        self._hostname = os.uname().nodename
        self._cost = _CostMeter()

    def next(self) -> Frame:
        """Read once more."""
        after = self._source.snapshot()
        frame = make_frame(
            self._before,
            after,
            hostname=self._hostname,
            clock=time.strftime("%H:%M:%S", time.localtime(after.wall_time)),
            delay=self._delay,
            own=self._cost.read(),
        )
        self._before = after
        return frame


class Feed:
    """The thread. `wake` is called in it after each frame, and when it ends by an error."""

    def __init__(self, maker: FrameMaker, delay: float, wake: Callable[[], None]) -> None:
        self._maker = maker
        self._delay = delay
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self.frame: Frame | None = None
        """The newest one."""
        self.count = 0
        """Frames made so far."""
        self.error: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a sweep that is running is let finish."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                self.frame = self._maker.next()
                self.count += 1
                self._wake()
                pause = self._delay if self.count > 1 else min(self._delay, _FIRST_WINDOW)
                # A sweep that took longer than the delay is not caught up with.
                due = max(due + pause, time.monotonic())
                self._stop.wait(due - time.monotonic())
        except Exception as error:  # noqa: BLE001 raised again by the loop that draws
            self.error = error
            self._wake()


class _CostMeter:
    """What this process used since it was last asked."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._page_size = os.sysconf("SC_PAGE_SIZE")

    def read(self) -> OwnCost:
        now = time.process_time(), time.monotonic()
        cores = None
        if self._last is not None and now[1] > self._last[1]:
            cores = (now[0] - self._last[0]) / (now[1] - self._last[1])
        self._last = now
        pages = read("/proc/self/statm", _parse_resident)
        return OwnCost(cores, None if pages is None else pages * self._page_size)


def _parse_resident(text: str) -> int:
    """The second number of /proc/PID/statm: resident pages."""
    fields = text.split()
    if len(fields) < 2 or not fields[1].isdigit():
        raise UnexpectedText(text)
    return int(fields[1])
