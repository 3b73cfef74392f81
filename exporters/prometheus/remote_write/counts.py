"""What remote write did, as the agent's own metrics."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from agent.families import Family, counter, single


class Counts:
    """Counted by the writing and the sending thread; read by the page."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sent = 0
        self._dropped: Counter[str] = Counter()
        self._retries: Counter[str] = Counter()
        self._newest = 0.0
        self.waiting: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """(samples, bytes) in the queue."""

    def send(self, samples: int, time: float) -> None:
        """`samples`, taken at unix seconds `time`, were written."""
        with self._lock:
            self._sent += samples
            self._newest = max(self._newest, time)

    def drop(self, cause: str, samples: int) -> None:
        """They will never be."""
        with self._lock:
            self._dropped[cause] += samples

    def retry(self, cause: str) -> None:
        """A request was not written and is tried again."""
        with self._lock:
            self._retries[cause] += 1

    def dropped(self) -> dict[str, int]:
        """Samples dropped, by cause."""
        with self._lock:
            return dict(self._dropped)

    def sent(self) -> int:
        """Samples written."""
        with self._lock:
            return self._sent

    def retries(self) -> dict[str, int]:
        """Attempts that failed, by cause."""
        with self._lock:
            return dict(self._retries)

    def collect(self) -> Iterator[Family]:
        """Read the numbers now."""
        samples, size = self.waiting()
        yield single(
            "counter",
            "agent_remote_write_samples",
            "Samples the receiver has written.",
            self.sent(),
        )
        dropped = counter(
            "agent_remote_write_dropped_samples",
            "Samples that were not written and never will be, by cause: full, damaged or disk of"
            " the queue, the receiver's status, not written (of a request it took).",
            ["cause"],
        )
        for cause, count in sorted(self.dropped().items()):
            dropped.add([cause], count)
        yield dropped
        retries = counter(
            "agent_remote_write_retries",
            "Requests that were not written and tried again, by cause.",
            ["cause"],
        )
        for cause, count in sorted(self.retries().items()):
            retries.add([cause], count)
        yield retries
        yield single("gauge", "agent_remote_write_queue_samples", "Samples that wait.", samples)
        yield single("gauge", "agent_remote_write_queue_bytes", "Bytes of the queue on disk.", size)
        if self._newest:
            yield single(
                "gauge",
                "agent_remote_write_behind_seconds",
                "Age of the newest sample that was written, in seconds.",
                max(0.0, self._clock() - self._newest),
            )
