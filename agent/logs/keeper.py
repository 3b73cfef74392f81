"""Writes the checkpoint after acknowledgements, of several at once, and then lets go of chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from agent.logs import checkpoint
from agent.logs.checkpoint import FileRecord
from agent.logs.dispatch import Dispatcher
from agent.logs.faults import FaultLog
from agent.logs.stats import WorkerCounters

_PAUSE: Final = 0.02
_SHARE: Final = 1.0
"""After a checkpoint, pause for as long as it took: at most half of a slow disk's time."""
_RETRY: Final = 1.0
"""Seconds."""


class Keeper:
    """One worker's checkpoint."""

    def __init__(
        self,
        path: str,
        records: Callable[[], list[FileRecord]],
        dispatcher: Dispatcher,
        counters: WorkerCounters,
        faults: FaultLog,
        clock: Callable[[], float],
    ) -> None:
        """records: what it must hold now."""
        self._path = path
        self._records = records
        self._dispatcher = dispatcher
        self._counters = counters
        self._faults = faults
        self._clock = clock

    async def run(self, due: asyncio.Event) -> None:
        """Save whenever it is `due`, until cancelled."""
        while True:
            await due.wait()
            due.clear()
            began = self._clock()
            saved = await self.save()
            pause = (self._clock() - began) * _SHARE if saved else _RETRY
            await asyncio.sleep(max(pause, _PAUSE))

    async def save(self) -> bool:
        """Save now; return whether that went well. Raises nothing of the disk."""
        applied = self._dispatcher.take_applied()
        try:
            await checkpoint.save(self._path, self._records())
        except OSError as error:
            self._counters.checkpoint_failures += 1
            self._faults.report(
                "error", "checkpoint",
                "The checkpoint cannot be written: a restart will send lines again.",
                path=self._path, error=error,
            )  # fmt: skip
            return False
        else:
            self._counters.checkpoints_saved += 1
            self._faults.over("checkpoint", "The checkpoint can be written again.")
            return True
        finally:
            # Also where it failed: a full disk must not stop the shipping of logs.
            self._dispatcher.release(applied)
