"""Looks for new containers and rotated files: at once when inotify says so, and every few seconds
in any case, for inotify may miss something.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from agent.logs.faults import FaultLog
from agent.logs.intake import Intake
from agent.logs.stats import WorkerCounters
from agent.logs.tailed import Source
from agent.logs.watch import DirectoryWatch

RESCAN: Final = 5.0
"""Seconds between scans for new containers, whatever inotify says."""
_SCAN_SHARE: Final = 300
"""A scan is followed by a pause of so many times its CPU time, where that is longer than RESCAN:
inotify tells what is new at once, also of thousands of containers."""
UNNAMED_RESCAN: Final = 0.5
"""The same, while a new container has no name yet."""
SCAN_AT_MOST: Final = 0.2
"""Seconds between scans that inotify asks for."""


class Sources(Protocol):
    """Discovery of containers' log files."""

    def scan(self) -> Sequence[Source]:
        """Find every container's log now."""
        ...

    def directories(self) -> Sequence[str]:
        """Return the directories in which new containers appear."""
        ...

    def failures(self) -> Sequence[str]:
        """Return what the last scan could not read, in words."""
        ...


class Scout:
    """Keeps an intake's containers and files current."""

    def __init__(
        self,
        sources: Sources,
        intake: Intake,
        counters: WorkerCounters,
        faults: FaultLog,
        on_news: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """on_news: called when there may be something to read."""
        self._sources = sources
        self._intake = intake
        self._counters = counters
        self._faults = faults
        self._on_news = on_news
        self._clock = clock
        self._inotify = DirectoryWatch.open(faults)
        self._scan_wanted = asyncio.Event()
        self._scan_cost = 0.0

    async def begin(self) -> None:
        """Look for the first time, and listen to inotify from now on. `close` ends that."""
        if self._inotify is not None:
            asyncio.get_running_loop().add_reader(self._inotify.fd, self._noticed, self._inotify)
        await self._scan()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._pause()):
                    await self._scan_wanted.wait()
            except TimeoutError:
                pass
            self._scan_wanted.clear()
            await self._scan()
            self._intake.look(self._clock())
            self._intake.enforce_budget()
            self._on_news()
            await asyncio.sleep(SCAN_AT_MOST)

    def close(self) -> None:
        """Stop listening."""
        if self._inotify is not None:
            asyncio.get_running_loop().remove_reader(self._inotify.fd)
            self._inotify.close()

    def _pause(self) -> float:
        if self._intake.unnamed(self._clock()):
            return UNNAMED_RESCAN
        return RESCAN if self._inotify is None else max(RESCAN, _SCAN_SHARE * self._scan_cost)

    async def _scan(self) -> None:
        for _twice in range(2):  # a file made between the scan and the watch is seen by the second
            try:
                found, self._scan_cost = await asyncio.to_thread(_timed, self._sources.scan)
                directories = await asyncio.to_thread(self._sources.directories)
            except OSError as error:
                self._counters.discovery_failures += 1
                self._faults.report(
                    "error", "discovery", "Containers' logs cannot be found.", error=error
                )
                return
            self._faults.over("discovery", "Containers' logs are found again.")
            for failure in self._sources.failures():
                self._counters.discovery_failures += 1
                self._faults.report(
                    "warning", failure, "A container's log cannot be found.", reason=failure
                )
            self._intake.update(found, self._clock())
            if self._inotify is None:
                return
            if not self._inotify.watch({*directories, *self._intake.directories()}):
                return

    def _noticed(self, inotify: DirectoryWatch) -> None:
        """Inotify has news."""
        changes = inotify.read()
        if changes is None:  # too many at once: some are lost, so look everywhere
            self._scan_wanted.set()
            return
        known = self._intake.directories()
        rotated: set[str] = set()
        for change in changes:
            if change.directory not in known or change.is_directory:
                self._scan_wanted.set()
            elif ".log" in change.name:  # not Docker's config.v2.json, written at each health check
                rotated.add(change.directory)
                path = f"{change.directory}/{change.name}"
                if change.name.endswith(".log") and path not in self._intake.tailed:
                    self._scan_wanted.set()
        for directory in rotated:
            self._intake.look(self._clock(), directory)
            self._on_news()


def _timed(scan: Callable[[], Sequence[Source]]) -> tuple[Sequence[Source], float]:
    """What it found, and the CPU seconds of this thread."""
    began = time.thread_time()
    found = scan()
    return found, time.thread_time() - began
