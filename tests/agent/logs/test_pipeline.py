"""agent/logs/pipeline.py: the loop, with a destination that answers what the test wants."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.logs import checkpoint
from agent.logs.chunk import Delivered, RetryAfter
from agent.logs.intake import Intake
from agent.logs.pipeline import Pipeline
from tests.agent.logs.rig import FakeDestination, FakeSource, Said, cri, source, text_encoder, until


class Rig:
    """One directory with one container's log, and pipelines over it."""

    def __init__(self, root: Path) -> None:
        self.logs = root / "logs"
        self.logs.mkdir()
        self.log = self.logs / "0.log"
        self.sources: list[FakeSource] = [source(self.log)]
        self.state = str(root / "checkpoint.json")
        self.said = Said()
        self.destination = FakeDestination()

    def scan(self) -> list[FakeSource]:
        return [item for item in self.sources if Path(item.path).exists()]

    def directories(self) -> list[str]:
        return [str(self.logs)]

    def failures(self) -> list[str]:
        return []

    def write(self, *lines: str) -> None:
        with self.log.open("ab") as file:
            file.writelines(cri(line) for line in lines)

    def run(self, test: Callable[[Pipeline], Awaitable[None]]) -> Pipeline:
        async def whole() -> Pipeline:
            self.destination.closed = False
            faults = self.said.fault_log()
            intake = Intake(
                checkpoint.load(self.state).files, text_encoder, faults, from_start=True
            )
            pipeline = Pipeline(self, intake, self.destination, self.state, faults, drain=1.5)
            stop = asyncio.Event()
            task = asyncio.create_task(pipeline.run(stop))
            try:
                async with asyncio.timeout(20):
                    await test(pipeline)
                    stop.set()
                    await task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return pipeline

        return asyncio.run(whole())

    async def delivered(self, *lines: str) -> None:
        await until(lambda: self.destination.lines == list(lines))


def test_lines_are_delivered_and_the_checkpoint_follows(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.write("one", "two")

    async def test(pipeline: Pipeline) -> None:
        await rig.delivered("one", "two")
        rig.write("three")
        await rig.delivered("one", "two", "three")

    pipeline = rig.run(test)
    (record,) = checkpoint.load(rig.state).files
    assert record.offset == rig.log.stat().st_size
    assert rig.destination.closed
    assert pipeline.stats().destination.records == 3
    assert pipeline.stats().destination.in_flight_chunks == 0


def test_a_restart_sends_nothing_twice(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.write("one")

    async def first(pipeline: Pipeline) -> None:
        await rig.delivered("one")

    async def second(pipeline: Pipeline) -> None:
        rig.write("two")
        await rig.delivered("one", "two")

    rig.run(first)
    rig.run(second)
    assert len(rig.destination.chunks) == 2


def test_without_an_acknowledgement_the_checkpoint_stays(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.write("one")
    rig.destination.answers = [RetryAfter(3600, "down")]

    async def test(pipeline: Pipeline) -> None:
        await until(lambda: bool(rig.destination.chunks))

    rig.run(test)
    (record,) = checkpoint.load(rig.state).files
    assert record.offset == 0
    assert any("acknowledged" in line for line in rig.said)

    async def again(pipeline: Pipeline) -> None:
        await rig.delivered("one")

    rig.run(again)
    first, second = rig.destination.chunks
    assert first.id == second.id, "the same lines in the same chunk, in another process"


def test_a_destination_that_is_away_stops_the_reading_not_the_looking(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.destination.chunk_bytes = 10
    rig.destination.answers = [RetryAfter(0.5, "down") for _ in range(32)]
    lines = [f"line {number:06d}" for number in range(100)]
    rig.write(*lines)

    async def test(pipeline: Pipeline) -> None:
        await until(lambda: pipeline.delivery.in_flight_chunks >= 32)
        rig.log.rename(rig.logs / "0.log.20261124-031616")
        rig.write("after")
        (tailed,) = pipeline._intake.tailed.values()
        await until(lambda: len(tailed.chain.rotation.files) >= 2)
        assert pipeline.delivery.in_flight_chunks == 32
        (rig.logs / "0.log.20261124-031616").unlink()
        await rig.delivered(*lines, "after")

    pipeline = rig.run(test)
    assert pipeline.stats().total_lost() == {}


def test_a_new_containers_file_is_found_at_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    other = rig.logs / "1.log"
    rig.sources.append(source(other, "other"))

    async def test(pipeline: Pipeline) -> None:
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        other.write_bytes(cri("short-lived"))
        began = loop.time()
        await until(lambda: str(other) in pipeline._intake.tailed)
        other.unlink()
        assert loop.time() - began < 3, "not by the next rescan"
        await rig.delivered("short-lived")

    rig.run(test)


def test_a_state_directory_that_is_full_does_not_stop_the_shipping(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.destination.chunk_bytes = 10
    rig.state = str(tmp_path / "missing" / "checkpoint.json")
    lines = [f"line {number:06d}" for number in range(40)]
    rig.write(*lines)

    async def test(pipeline: Pipeline) -> None:
        await rig.delivered(*lines)

    pipeline = rig.run(test)
    assert pipeline.worker.checkpoint_failures > 0
    assert any("checkpoint cannot be written" in line for line in rig.said)


def test_a_busy_container_does_not_keep_a_quiet_one_waiting(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.destination.chunk_bytes = 4096
    quiet = rig.logs / "1.log"
    rig.sources.append(source(quiet, "quiet"))
    rig.write(*(f"busy {number:06d} {'x' * 100}" for number in range(20_000)))
    quiet.write_bytes(cri("quiet"))

    async def test(pipeline: Pipeline) -> None:
        await until(lambda: "quiet" in rig.destination.lines)
        assert len(rig.destination.lines) < 10_000

    rig.run(test)


def test_a_slow_ack_does_not_hold_up_the_next_chunks(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.destination.chunk_bytes = 10
    rig.destination.answers = [RetryAfter(0.05, "busy"), *(Delivered() for _ in range(5))]
    lines = [f"line {number:06d}" for number in range(6)]
    rig.write(*lines)

    async def test(pipeline: Pipeline) -> None:
        await until(lambda: len(rig.destination.lines) >= 6)
        assert sorted(rig.destination.lines) == lines

    rig.run(test)
    (record,) = checkpoint.load(rig.state).files
    assert record.offset == rig.log.stat().st_size


def test_a_full_disk_under_the_checkpoint_loses_nothing_and_is_over_when_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    rig.write("before")
    full = True
    sync = os.fsync

    def no_space(fd: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(fd)

    monkeypatch.setattr(os, "fsync", no_space)

    async def test(pipeline: Pipeline) -> None:
        nonlocal full
        await until(lambda: pipeline.worker.checkpoint_failures > 0)
        rig.write("while it is full")
        await rig.delivered("before", "while it is full")
        full = False
        rig.write("after")
        await rig.delivered("before", "while it is full", "after")
        await until(lambda: pipeline.worker.checkpoints_saved > 0)

    rig.run(test)
    (record,) = checkpoint.load(rig.state).files
    assert record.offset == rig.log.stat().st_size
    assert any("can be written again" in line for line in rig.said)
