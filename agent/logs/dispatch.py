"""Chunks to the destination, several at once, and their acknowledgements back in order.

A chunk holds its place in the window from the moment it is sealed until it is acknowledged *and the
checkpoint that says so is on disk*. So what a killed worker sends twice is at most one window, and
a destination that is away stops the reading once the window is full: the log file is the buffer.
Its bytes are given up as soon as it is acknowledged.

Acknowledgements count in the order of the chunks: a mark moves when every earlier chunk is
acknowledged too. A chunk that is to be sent again goes before all later ones.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from agent.logs.chunk import Delivered, Destination, Outcome, Rejected, RetryAfter
from agent.logs.chunk_builder import Pending
from agent.logs.faults import FaultLog
from agent.logs.stats import DestinationCounters

WINDOW_CHUNKS: Final = 32
WINDOW_BYTES: Final = 8 * 1024 * 1024
"""In the window, and not acknowledged, at most; one chunk always may be. The bytes are most of a
worker's memory."""
_BUG_RETRY: Final = 5.0
"""Seconds before a chunk is sent again to a destination that raised what it should not have."""


class Dispatcher:
    """The window of chunks on their way to one destination."""

    def __init__(
        self,
        destination: Destination,
        counters: DestinationCounters,
        faults: FaultLog,
        on_applied: Callable[[], None],
        *,
        window_chunks: int = WINDOW_CHUNKS,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self._destination = destination
        self._counters = counters
        self._faults = faults
        self._on_applied = on_applied
        self._window_chunks = window_chunks
        self._window_bytes = window_bytes
        self._to_send: list[tuple[int, Pending]] = []
        self._unsettled: deque[Pending] = deque()
        self._applied = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before = 0.0
        self._sendable = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return not self._counters.in_flight_chunks

    async def submit(self, pending: Pending) -> None:
        """Take a chunk; wait until the window has room for it. One without records is not sent: it
        waits for the chunks before it."""
        counters = self._counters
        if not pending.chunk.records:
            counters.in_flight_chunks += 1
            self._unsettled.append(pending)
            self._settle(pending)
            return
        size = pending.chunk.size
        while counters.in_flight_chunks and (
            counters.in_flight_chunks >= self._window_chunks
            or counters.in_flight_bytes + size > self._window_bytes
        ):
            await self._wait_for_change()
        counters.in_flight_chunks += 1
        counters.in_flight_bytes += size
        self._unsettled.append(pending)
        self._queue(pending)

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._sendable.wait()
                pause = self._not_before - loop.time()
                if pause > 0:
                    await asyncio.sleep(pause)
                while self._to_send and self._not_before <= loop.time():
                    _sequence, pending = heapq.heappop(self._to_send)
                    task = asyncio.create_task(self._send(pending))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                if not self._to_send:
                    self._sendable.clear()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def take_applied(self) -> int:
        """Return how many chunks' marks have moved; `release` them when that is on disk."""
        applied, self._applied = self._applied, 0
        return applied

    def release(self, applied: int) -> None:
        """Free the places of so many chunks in the window."""
        self._counters.in_flight_chunks -= applied
        self._changed.set()

    async def drained(self) -> None:
        """Wait until nothing is on its way."""
        while not self.idle:
            await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _queue(self, pending: Pending) -> None:
        heapq.heappush(self._to_send, (pending.sequence, pending))
        self._sendable.set()

    async def _send(self, pending: Pending) -> None:
        loop = asyncio.get_running_loop()
        counters = self._counters
        outcome: Outcome
        began = loop.time()
        try:
            outcome = await self._destination.send(pending.chunk)
        except Exception as error:  # noqa: BLE001 one peer's bug must not stop the worker; said and retried
            outcome = RetryAfter(_BUG_RETRY, f"{type(error).__name__}: {error}")
        match outcome:
            case RetryAfter(seconds, reason):
                counters.retries += 1
                counters.refusing = reason or "it gives no reason"
                counters.failed(reason, time.time())
                self._faults.report(
                    "warning", "destination", "The log destination does not take chunks now.",
                    reason=reason,
                )  # fmt: skip
                self._not_before = max(self._not_before, loop.time() + seconds)
                self._queue(pending)
                return
            case Rejected(records, reason, fields_refused):
                counters.fields_refused += fields_refused
                self._reject(pending, records, reason)
            case Delivered(fields_refused, reason):
                if fields_refused:
                    self._note_fields_refused(fields_refused, reason)
                counters.acknowledged(loop.time() - began)
                counters.refusing = counters.rejecting = ""
                counters.chunks += 1
                counters.records += pending.chunk.records
                counters.bytes += pending.chunk.size
                self._faults.over("destination", "The log destination takes chunks again.")
        self._settle(pending)

    def _note_fields_refused(self, records: int, reason: str) -> None:
        self._counters.fields_refused += records
        self._counters.failed(reason, time.time())
        self._faults.report(
            "warning", "fields", "The log destination refused fields, and has them as text.",
            records=records, reason=reason,
        )  # fmt: skip

    def _settle(self, pending: Pending) -> None:
        pending.settled = True
        while self._unsettled and self._unsettled[0].settled:
            first = self._unsettled.popleft()
            first.apply()
            self._counters.in_flight_bytes -= first.chunk.size
            self._applied += 1
        if self._applied:
            self._changed.set()
            self._on_applied()

    def _reject(self, pending: Pending, records: int, reason: str) -> None:
        counters = self._counters
        counters.rejected += records
        counters.refusing, counters.rejecting = "", reason or "it gives no reason"
        counters.records += pending.chunk.records - records
        counters.failed(reason, time.time())
        owners = list(pending.records.values())
        if records == pending.chunk.records:
            for ledger, count in owners:
                ledger.counters.lose("rejected", lines=count)
        elif len(owners) == 1:
            owners[0][0].counters.lose("rejected", lines=records)
        else:  # it is not known whose they were
            counters.rejected_parts += 1
        self._faults.report(
            "error", "rejected", "The log destination refused records for good.",
            records=records, reason=reason,
        )  # fmt: skip
