"""A thread that follows a server for as long as the agent runs, again and again with a back-off."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Final

from agent.sources.client import Failure, Refused

log = logging.getLogger(__name__)

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
"""Seconds between two tries."""
_LASTED: Final = 30.0
"""Seconds of following after which the waits begin anew."""


class Follower:
    """Calls `follow`, which returns or raises when the connection ends, until `stop`."""

    def __init__(
        self,
        name: str,
        follow: Callable[[], None],
        abort: Callable[[], None],
        *,
        jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),  # noqa: S311 no secret
        first_wait: float = FIRST_WAIT,
    ) -> None:
        """name: the source's, as in agent_metadata_source_total. abort: ends a `follow`."""
        self.name = name
        self.failures = 0
        self.up = False
        """Whether it is being followed; set by who follows, once it has everything."""
        self._follow, self._abort = follow, abort
        self._jitter, self._first_wait = jitter, first_wait
        self._said = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when the thread has ended."""
        self._stop.set()
        self._abort()
        if self._thread.is_alive():
            self._thread.join()

    def wait(self, seconds: float) -> bool:
        """Wait; True when it is to stop."""
        return self._stop.wait(seconds)

    def _run(self) -> None:
        wait = self._first_wait
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._follow()
            except (*Failure, Refused) as error:
                self._failed(str(error) or type(error).__name__)
            except Exception:  # the loop's edge: said with its traceback, counted, tried again
                self.failures += 1
                log.exception("%s: a fault that should not be; trying again", self.name)
            else:
                self._said = ""
            self.up = False
            wait = self._first_wait if time.monotonic() - began > _LASTED else wait
            self._stop.wait(wait * self._jitter())
            wait = min(wait * 2, LONGEST_WAIT)

    def _failed(self, message: str) -> None:
        if self._stop.is_set():
            return
        self.failures += 1
        # The same fault again is counted; a new one is said.
        if message != self._said:
            self._said = message
            log.warning("%s: %s", self.name, message)
