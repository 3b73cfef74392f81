"""The loop of a log worker: files → chunks → destination → acknowledgement → checkpoint.

Four tasks share one event loop. The reader asks the files for their sizes, reads blocks (what a
disk must be waited for in a thread, one hop for all files of a turn, aiofiles), parses and encodes
them. The dispatcher (dispatch.py) sends, the keeper (keeper.py) writes the checkpoint after
acknowledgements, the scout (scout.py) looks for new containers and rotated files.

Fairness: each turn takes at most one block from each container that has something to read, in turn.
Back-pressure: the reader stops when the window of the dispatcher is full; the scout goes on, so
rotated files are held open meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import aiofiles.os

from agent.logs.batch import Batch
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk import Destination
from agent.logs.chunk_builder import ChunkBuilder, Pending
from agent.logs.dispatch import Dispatcher
from agent.logs.faults import FaultLog
from agent.logs.intake import Intake
from agent.logs.journal.intake import JournalIntake, Stream
from agent.logs.keeper import Keeper
from agent.logs.scout import Scout, Sources
from agent.logs.spool import Spool
from agent.logs.stats import DestinationCounters, WorkerCounters, WorkerStats
from agent.logs.tail import Block, TailedFile
from agent.logs.tailed import Tailed
from agent.records import dataclass

TURN_BYTES: Final = 1024 * 1024
"""Bytes read in one turn, from all files."""
BLOCK: Final = 64 * 1024
"""Bytes read from one file in a turn that many files share."""
FLUSH_AFTER: Final = 1.0
"""Seconds an entry may wait for its chunk to fill."""
RETIRE_EVERY: Final = 1.0
DRAIN: Final = 5.0
"""Seconds a stop waits for acknowledgements. What has none by then is sent again next time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one file's read ended."""

    tailed: Tailed
    file: TailedFile
    block: Block | OSError


class Pipeline:
    """One destination's pipeline."""

    def __init__(
        self,
        sources: Sources,
        intake: Intake,
        destination: Destination,
        checkpoint_path: str,
        faults: FaultLog,
        *,
        destination_type: str = "",
        spool: Spool | None = None,
        journal: JournalIntake | None = None,
        drain: float = DRAIN,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.worker = WorkerCounters()
        self.delivery = DestinationCounters(destination_type)
        self._intake = intake
        self._destination = destination
        self._faults = faults
        self._clock = clock
        self._wall_ns = wall_ns
        self._drain_seconds = drain
        self._spool = spool
        self._journal = journal
        self._journal_news = journal is not None
        self._builder = ChunkBuilder(destination.chunk_bytes)
        self._dirty = asyncio.Event()
        self._dispatcher = Dispatcher(destination, self.delivery, faults, self._dirty.set)
        self._wake = asyncio.Event()
        self._scout = Scout(sources, intake, self.worker, faults, self._wake.set, clock)
        self._keeper = Keeper(
            checkpoint_path, self._records, self._dispatcher, self.worker, faults, clock
        )
        self._buffer = bytearray(TURN_BYTES)
        self._read_blocks = aiofiles.os.wrap(_read_blocks)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then wait a bounded time for acknowledgements."""
        try:
            self._await_journal()
            await self._scout.begin()
            if self._journal is not None:
                # Where reading begins: killed before anything is acknowledged, the next process
                # must not begin later.
                self._dirty.set()
            async with asyncio.TaskGroup() as group:
                scout = group.create_task(self._scout.run(), name="scout")
                sender = group.create_task(self._dispatcher.run(), name="dispatcher")
                keeper = group.create_task(self._keeper.run(self._dirty), name="keeper")
                reader = group.create_task(self._read(), name="reader")
                await stop.wait()
                reader.cancel()
                scout.cancel()
                await asyncio.wait((reader, scout))
                await self._drain()
                sender.cancel()
                keeper.cancel()
            if self._spool is not None:
                await asyncio.to_thread(self._intake.spool, self._spool, self._clock())
            await self._keeper.save()
        finally:
            self._scout.close()
            if self._journal is not None:
                asyncio.get_running_loop().remove_reader(self._journal.fd)
                self._journal.close()
            self._intake.close()
            await self._destination.close()

    def stats(self) -> WorkerStats:
        """All totals, now."""
        self.delivery.connected = self._destination.connected
        self.worker.faults = self._faults.count
        self.worker.held_bytes = self._intake.held_bytes
        self.worker.files = sum(
            len(tailed.chain.rotation.files) for tailed in self._intake.tailed.values()
        )
        wall_ns = self._wall_ns()
        containers = self._intake.counters(self._clock(), wall_ns)
        if self._journal is not None:
            containers += self._journal.counters(wall_ns)
        return WorkerStats(containers, self.delivery, self.worker)

    def _records(self) -> list[FileRecord]:
        records = self._intake.records()
        return records if self._journal is None else records + self._journal.records()

    # The reader.

    async def _read(self) -> None:
        ready: deque[Tailed] = deque()
        retire_at = self._clock() + RETIRE_EVERY
        while True:
            now = self._clock()
            waiting = set(map(id, ready))
            ready.extend(tailed for tailed in self._intake.due(now) if id(tailed) not in waiting)
            if ready:
                await self._turn(ready)
            if now >= retire_at:
                retire_at = now + RETIRE_EVERY
                await self._take(self._intake.retire(now, self._wall_ns()))
                if self._journal is not None:
                    await self._take_journal(self._journal.retire(now, self._wall_ns()))
            more = await self._journal_turn(now)
            await self._flush_if_old()
            if not ready and not more:
                await self._sleep()

    async def _turn(self, ready: deque[Tailed]) -> None:
        """Read one block from as many containers as fit, in turn; those with more come again."""
        now = self._clock()
        wanted: list[tuple[Tailed, TailedFile]] = []
        while ready and len(wanted) * BLOCK < TURN_BYTES:
            tailed = ready.popleft()
            unread = tailed.chain.next_unread(now)
            if unread is None:
                continue
            file, size = unread
            if size < 0:
                await self._begin_anew(tailed, file)
                ready.append(tailed)
            else:
                file.busy = True
                wanted.append((tailed, file))
        if not wanted:
            return
        limit = TURN_BYTES // len(wanted)
        outcomes: list[Outcome] = []
        elsewhere: list[tuple[Tailed, TailedFile]] = []
        try:
            for tailed, file in wanted:
                # Only a block that is alone is the buffer itself: smaller ones are copies.
                block = _at_once(file, self._buffer, limit)
                if block is None:
                    elsewhere.append((tailed, file))
                else:
                    outcomes.append(Outcome(tailed, file, block))
            if elsewhere:
                outcomes += await self._read_blocks(elsewhere, limit)
        finally:
            for _tailed, file in wanted:
                file.busy = False
        for outcome in outcomes:
            await self._digest(outcome, limit, ready)
        await asyncio.sleep(0)  # the destination's turn

    async def _digest(self, outcome: Outcome, limit: int, ready: deque[Tailed]) -> None:
        tailed, file, block = outcome.tailed, outcome.file, outcome.block
        if isinstance(block, OSError):
            self._faults.report(
                "error", f"read {tailed.chain.path}", "A log file cannot be read.",
                path=tailed.chain.path, error=block,
            )  # fmt: skip
            return
        if not block.intact:
            await self._begin_anew(tailed, file)
            ready.append(tailed)
            return
        batches = tailed.chain.take(file, block.data, self._wall_ns())
        await self._take((tailed, batch) for batch in batches)
        pause = tailed.chain.stage.wait if tailed.chain.stage is not None else 0.0
        if pause > 0:
            tailed.held_until = self._clock() + pause
            tailed.chain.ledger.counters.throttled_seconds += pause
        elif len(block.data) == limit or file.offset < file.size:
            ready.append(tailed)

    async def _begin_anew(self, tailed: Tailed, file: TailedFile) -> None:
        batches = tailed.chain.begin_anew(file, self._clock(), self._wall_ns())
        await self._take((tailed, batch) for batch in batches)

    async def _take(self, batches: Iterable[tuple[Tailed, Batch]]) -> None:
        """Encode batches and hand on the chunks they fill. Waits only when all are encoded, so that
        nothing changes a chain while its iterator runs."""
        now = self._clock()
        filled: list[Pending] = []
        for tailed, batch in batches:
            filled += self._builder.add(tailed.chain.ledger, tailed.encoder, batch, now)
        for pending in filled:
            await self._dispatcher.submit(pending)

    # The journal, in the reader's turns: one thread at a time may use it.

    async def _journal_turn(self, now: float) -> bool:
        """Read a turn of the journal if it has news; return whether it has more."""
        journal = self._journal
        if journal is None or not self._journal_news or not journal.ready(now):
            return False
        try:
            turn = await asyncio.to_thread(journal.read)
        except OSError as error:  # tried again in the next turn, at most a poll away
            self._faults.report("error", "journal", "The journal cannot be read.", error=error)
            return False
        self._journal_news = turn.more
        await self._take_journal(journal.take(turn, now, self._wall_ns()))
        if not turn.more:
            self._await_journal()
        return turn.more

    async def _take_journal(self, batches: Iterable[tuple[Stream, Batch]]) -> None:
        now = self._clock()
        filled: list[Pending] = []
        for stream, batch in batches:
            filled += self._builder.add(stream.ledger, stream.encoder, batch, now)
        for pending in filled:
            await self._dispatcher.submit(pending)

    def _await_journal(self) -> None:
        if self._journal is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._journal.fd, self._journal_noticed, self._journal.fd)

    def _journal_noticed(self, fd: int) -> None:
        # It stays readable until the next turn takes note of the change.
        asyncio.get_running_loop().remove_reader(fd)
        self._journal_news = True
        self._wake.set()

    async def _flush_if_old(self) -> None:
        if self._builder.waiting and self._clock() - self._builder.opened_at >= FLUSH_AFTER:
            pending = self._builder.seal()
            if pending is not None:
                await self._dispatcher.submit(pending)

    async def _sleep(self) -> None:
        self._wake.clear()
        pause = self._intake.next_poll(self._clock())
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _drain(self) -> None:
        pending = self._builder.seal()
        try:
            async with asyncio.timeout(self._drain_seconds):
                if pending is not None:
                    await self._dispatcher.submit(pending)
                await self._dispatcher.drained()
        except TimeoutError:
            self._faults.report(
                "warning", "drain", "Stopped before every chunk was acknowledged: they come again.",
                chunks=self.delivery.in_flight_chunks,
            )  # fmt: skip


def _at_once(file: TailedFile, buffer: bytearray, limit: int) -> Block | OSError | None:
    try:
        return file.read_cached(buffer, limit)
    except OSError as error:
        return error


def _read_blocks(wanted: Sequence[tuple[Tailed, TailedFile]], limit: int) -> list[Outcome]:
    outcomes = []
    for tailed, file in wanted:
        try:
            block: Block | OSError = file.read(limit)
        except OSError as error:
            block = error
        outcomes.append(Outcome(tailed, file, block))
    return outcomes
