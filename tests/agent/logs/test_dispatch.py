"""agent/logs/dispatch.py"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from agent.logs.chunk import Chunk, Delivered, Outcome, Rejected, RetryAfter
from agent.logs.chunk_builder import Pending
from agent.logs.dispatch import Dispatcher
from agent.logs.fingerprint import head_of
from agent.logs.ledger import Ledger
from agent.logs.stats import DestinationCounters
from agent.logs.tail import FileMark
from agent.records import replace
from tests.agent.logs.rig import Said, TextEncoder, ledger, until


class Gate:
    """A destination whose answers the test gives, chunk by chunk."""

    chunk_bytes = 1000
    connected: bool | None = None

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: dict[str, asyncio.Future[Outcome]] = {}

    def encoder(self, fields: Mapping[str, str]) -> TextEncoder:
        return TextEncoder()

    async def send(self, chunk: Chunk) -> Outcome:
        self.asked.append(chunk.id)
        self.waiting[chunk.id] = asyncio.get_running_loop().create_future()
        return await self.waiting[chunk.id]

    def answer(self, chunk: str, outcome: Outcome | Exception) -> None:
        future = self.waiting.pop(chunk)
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    async def close(self) -> None:
        pass


class Rig:
    def __init__(self, *, window_chunks: int = 4, window_bytes: int = 1000) -> None:
        self.gate = Gate()
        self.counters = DestinationCounters("gate")
        self.said = Said()
        self.applied = 0
        self.mark = FileMark(1, head_of(b""), 1, 0, 0, 0)
        self.account: Ledger = ledger()
        self.dispatcher = Dispatcher(
            self.gate, self.counters, self.said.fault_log(), self.note,
            window_chunks=window_chunks, window_bytes=window_bytes,
        )  # fmt: skip

    def note(self) -> None:
        self.applied += 1

    def pending(self, number: int, size: int = 10) -> Pending:
        chunk = Chunk(f"c{number}", (b"x" * size,), 2)
        return Pending(number, chunk, {self.mark: number}, {1: (self.account, 2)})


def run(test: Callable[[Rig], Awaitable[None]], rig: Rig) -> None:
    async def whole() -> None:
        sender = asyncio.create_task(rig.dispatcher.run())
        try:
            async with asyncio.timeout(10):
                await test(rig)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    asyncio.run(whole())


def test_marks_move_in_the_order_of_the_chunks_though_acks_do_not() -> None:
    async def test(rig: Rig) -> None:
        for number in (1, 2, 3):
            await rig.dispatcher.submit(rig.pending(number))
        await until(lambda: len(rig.gate.waiting) == 3)
        rig.gate.answer("c3", Delivered())
        rig.gate.answer("c2", Delivered())
        await until(lambda: rig.counters.chunks == 2)
        assert rig.mark.acknowledged == 0
        assert rig.dispatcher.take_applied() == 0
        rig.gate.answer("c1", Delivered())
        await until(lambda: rig.counters.chunks == 3)
        assert rig.mark.acknowledged == 3
        assert rig.dispatcher.take_applied() == 3

    run(test, Rig())


def test_a_full_window_stops_the_reader_until_the_checkpoint_is_saved() -> None:
    async def test(rig: Rig) -> None:
        for number in (1, 2):
            await rig.dispatcher.submit(rig.pending(number))
        third = asyncio.create_task(rig.dispatcher.submit(rig.pending(3)))
        await until(lambda: len(rig.gate.waiting) == 2)
        rig.gate.answer("c1", Delivered())
        await until(lambda: rig.applied == 1)
        await asyncio.sleep(0)
        assert not third.done(), "acknowledged, but not in the checkpoint"
        rig.dispatcher.release(rig.dispatcher.take_applied())
        await third

    run(test, Rig(window_chunks=2))


def test_the_window_counts_bytes_too_but_one_chunk_always_fits() -> None:
    async def test(rig: Rig) -> None:
        await rig.dispatcher.submit(rig.pending(1, size=5000))
        second = asyncio.create_task(rig.dispatcher.submit(rig.pending(2, size=1)))
        await until(lambda: len(rig.gate.waiting) == 1)
        assert not second.done()
        rig.gate.answer("c1", Delivered())
        await second
        assert rig.counters.in_flight_chunks == 2, "its place is kept until the checkpoint is saved"
        assert rig.counters.in_flight_bytes == 1

    run(test, Rig())


def test_a_chunk_to_be_sent_again_goes_before_later_ones() -> None:
    async def test(rig: Rig) -> None:
        for number in (1, 2, 3):
            await rig.dispatcher.submit(rig.pending(number))
        await until(lambda: len(rig.gate.waiting) == 3)
        for chunk in ("c3", "c1", "c2"):
            rig.gate.answer(chunk, RetryAfter(0.01, "down"))
        await until(lambda: len(rig.gate.asked) == 6)
        assert rig.gate.asked[3:] == ["c1", "c2", "c3"]
        assert rig.counters.retries == 3
        assert rig.counters.refusing == rig.counters.last_error == "down"
        assert len(rig.said) == 1, "the same fault is said once"
        assert rig.mark.acknowledged == 0
        rig.gate.answer("c1", Delivered())
        await until(lambda: rig.counters.refusing == "")

    run(test, Rig())


def test_a_rejected_chunk_is_counted_and_holds_nobody_up() -> None:
    async def test(rig: Rig) -> None:
        await rig.dispatcher.submit(rig.pending(1))
        await until(lambda: "c1" in rig.gate.waiting)
        rig.gate.answer("c1", Rejected(2, "too old"))
        await until(lambda: rig.applied == 1)
        assert rig.mark.acknowledged == 1
        assert rig.counters.rejected == 2
        assert rig.counters.records == 0
        assert rig.account.counters.lost["rejected"].lines == 2
        assert rig.counters.rejecting == "too old"
        await rig.dispatcher.submit(rig.pending(2))
        await until(lambda: "c2" in rig.gate.waiting)
        rig.gate.answer("c2", Delivered())
        await until(lambda: rig.counters.rejecting == "")

    run(test, Rig())


def test_a_part_that_is_rejected_is_a_loss_too_of_whomever() -> None:
    async def test(rig: Rig) -> None:
        other = ledger()
        await rig.dispatcher.submit(rig.pending(1))
        both = {1: (rig.account, 1), 2: (other, 1)}
        await rig.dispatcher.submit(replace(rig.pending(2), records=both))
        await until(lambda: "c2" in rig.gate.waiting)
        rig.gate.answer("c1", Rejected(1, "too old"))
        await until(lambda: rig.applied == 1)
        assert rig.account.counters.lost["rejected"].lines == 1, "it is the only one in the chunk"
        assert rig.counters.rejected_parts == 0
        rig.gate.answer("c2", Rejected(1, "too old"))
        await until(lambda: rig.applied == 2)
        assert (rig.counters.rejected, rig.counters.rejected_parts) == (2, 1)
        assert rig.account.counters.lost["rejected"].lines == 1
        assert other.counters.lost == {}

    run(test, Rig())


def test_a_bug_in_a_destination_is_said_and_the_chunk_kept() -> None:
    async def test(rig: Rig) -> None:
        await rig.dispatcher.submit(rig.pending(1))
        await until(lambda: "c1" in rig.gate.waiting)
        rig.gate.answer("c1", ZeroDivisionError("oops"))
        await until(lambda: rig.counters.retries == 1)
        assert "ZeroDivisionError: oops" in rig.said[0]
        assert rig.counters.refusing == "ZeroDivisionError: oops"
        assert not rig.dispatcher.idle

    run(test, Rig())


def test_drained_waits_for_the_last_release() -> None:
    async def test(rig: Rig) -> None:
        await rig.dispatcher.submit(rig.pending(1))
        drained = asyncio.create_task(rig.dispatcher.drained())
        await until(lambda: "c1" in rig.gate.waiting)
        rig.gate.answer("c1", Delivered())
        await until(lambda: rig.applied == 1)
        assert not drained.done()
        rig.dispatcher.release(rig.dispatcher.take_applied())
        await drained
        assert rig.dispatcher.idle
        assert rig.counters.in_flight_bytes == 0

    run(test, Rig())
