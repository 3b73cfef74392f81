"""Frames on a beat, made in a thread of their own: no key waits for a sweep of the kernel's files.

The thread owns the sampler while it runs. Handing over is replacing one reference; a Frame never
changes. What the sampler raises ends the thread and is kept for the one who looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from agent.past import Past
from agent.top.frame import Frame

_FIRST_WINDOW: Final = 0.25
"""Seconds. The first rates come after this at the latest: long enough for several CFS periods."""


Read = TypeVar("Read")
Given_co = TypeVar("Given_co", covariant=True)
Taken_contra = TypeVar("Taken_contra", contravariant=True)


class Source(Protocol[Given_co]):
    """What reads the host, agent.sampler.Sampler, or asks for what others read."""

    def snapshot(self) -> Given_co:
        """Read once."""


class Maker(Protocol[Taken_contra]):
    """What makes Frames of what a Source reads: making.FrameMaker."""

    def next(self, after: Taken_contra) -> Frame:
        """The Frame of what was read last."""

    def at(self, past: Past, moment: float, /) -> Frame | None:
        """The Frame of a moment in the past; None where it is gone."""


class Feed(Generic[Read]):
    """The thread. `wake` is called in it after each frame, and when it ends by an error."""

    def __init__(
        self,
        source: Source[Read],
        maker: Maker[Read],
        delay: float,
        wake: Callable[[], None],
        *,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """
        `begun` is called once, after the first frame is `shown`: for what may be slow to start, and
        would take the processor from drawing it.
        """
        self._source = source
        self._maker = maker
        self._delay = delay
        self._wake = wake
        self._begun = begun
        self._stop = threading.Event()
        self._shown = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self.frame: Frame | None = None
        """The newest one."""
        self.count = 0
        """Frames made so far."""
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin to make Frames."""
        self._thread.start()

    def shown(self) -> None:
        """The first frame is where it can be seen."""
        self._shown.set()

    def stop(self) -> None:
        """End the thread; a sweep that is running is let finish."""
        self._stop.set()
        self._shown.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                self.frame = self._maker.next(self._source.snapshot())
                self.count += 1
                self._wake()
                if self.count == 1:
                    self._shown.wait()
                    self._begun()
                pause = self._delay if self.count > 1 else min(self._delay, _FIRST_WINDOW)
                # A sweep that took longer than the delay is not caught up with.
                due = max(due + pause, time.monotonic())
                self._stop.wait(due - time.monotonic())
        except Exception as error:  # noqa: BLE001 raised again by the loop that draws
            self.error = error
            self._wake()
