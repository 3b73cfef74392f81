"""The watcher in a thread of its own, and the totals it fills: what the daemon starts and stops.

A watcher that fails is said and counted, and a new one takes over after a while: it finds what runs
and goes on with the same totals.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from agent.cgroupfs.hierarchies import Hierarchies
from agent.config import HostPaths, LifecycleConfig
from agent.container.told import ContainerSource
from agent.lifecycle.events import Event
from agent.lifecycle.kernel_news import Teller
from agent.lifecycle.run import Counted
from agent.lifecycle.tally import Tally
from agent.lifecycle.totals import Lifetimes, Totals
from agent.lifecycle.watcher import Watcher

log = logging.getLogger(__name__)

_AGAIN_AFTER: Final = 10.0
"""Seconds."""
_HOUR: Final = 3600.0


class LifetimeKeeper:
    """Follows all containers from `start` to `stop`. `read` and the counters: from any thread."""

    def __init__(
        self,
        config: LifecycleConfig,
        paths: HostPaths,
        hierarchies: Hierarchies,
        recall: Callable[[int], Counted | None] = lambda _: None,
        engine: ContainerSource | None = None,
        told: Callable[[Event], None] = lambda _: None,
        teller: Teller | None = None,
    ) -> None:
        """recall, engine, teller: see `Watcher`. told: hears all events, in its thread."""
        self._told = told
        self._engine = engine
        self._teller = teller
        self._config = config
        self._paths = paths
        self._hierarchies = hierarchies
        self._recall = recall
        self._totals = Totals(most=config.identities, keep=config.keep_hours * _HOUR)
        self._lock = threading.Lock()
        self._watcher: Watcher | None = None
        self._tally = Tally()
        self._failed = 0
        """Watchers that ended in an error."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lifecycle")

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when the thread has ended."""
        self._stop.set()
        with self._lock:
            if self._watcher is not None:
                self._watcher.stop()
        if self._thread.is_alive():
            self._thread.join()

    def read(self) -> Lifetimes:
        """The totals of now."""
        return self._totals.read()

    def events(self) -> Mapping[str, int]:
        """Kind of event → how many there were."""
        return {what.value: count for what, count in dict(self._tally.events).items()}

    def missed(self) -> Mapping[str, int]:
        """What was not seen in time or not at all → how often."""
        counts = {missed.value: count for missed, count in dict(self._tally.missed).items()}
        return counts | {"identity": self._totals.forgotten, "watcher": self._failed}

    def levels(self) -> Mapping[str, int]:
        """How the watcher works; nothing before it has found what runs."""
        watcher = self._watcher
        if watcher is None or not watcher.wait_ready(0.0):
            return {}
        return {name: int(level) for name, level in watcher.levels()._asdict().items()}

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._watch()
            except Exception:  # the loop's edge: said, counted, and tried again
                self._failed += 1
                log.exception("containers' lives are not followed for %s s", _AGAIN_AFTER)
            self._stop.wait(_AGAIN_AFTER)

    def _take(self, event: Event) -> None:
        self._totals.add(event)
        self._told(event)

    def _watch(self) -> None:
        with Watcher(
            self._paths,
            self._hierarchies,
            self._take,
            realtime=self._config.realtime,
            recall=self._recall,
            engine=self._engine,
            teller=self._teller,
            tally=self._tally,
        ) as watcher:
            with self._lock:
                if self._stop.is_set():
                    return
                self._watcher = watcher
            try:
                watcher.run()
            finally:
                with self._lock:
                    self._watcher = None
