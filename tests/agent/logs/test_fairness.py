"""One container with a gigabyte to read does not keep fifty others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logs.batch import Batch
from agent.logs.chain import Chain
from agent.logs.framing import Bytes
from agent.logs.intake import Intake
from agent.logs.pipeline import BLOCK, TURN_BYTES, Pipeline
from agent.logs.tail import TailedFile
from tests.agent.logs.rig import FakeDestination, FakeSource, Said, cri, source, until

QUIET = 50
GIGABYTE = 1 << 30


class Sources:
    def __init__(self, found: list[FakeSource]) -> None:
        self.found = found

    def scan(self) -> list[FakeSource]:
        return self.found

    def directories(self) -> list[str]:
        return []

    def failures(self) -> list[str]:
        return []


def test_a_loud_container_delays_quiet_ones_by_a_bounded_number_of_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = tmp_path / "loud" / "0.log"
    quiet = [tmp_path / f"quiet-{number}" / "0.log" for number in range(QUIET)]
    for path in [loud, *quiet]:
        path.parent.mkdir()
    loud.write_bytes(cri("x" * 400) * 40_000)
    with loud.open("ab") as file:
        file.truncate(GIGABYTE)  # the rest is a hole: it takes no disk, and is read all the same
    for path in quiet:
        path.write_bytes(cri(f"from {path.parent.name}"))

    blocks: list[str] = []
    take = Chain.take

    def recorded(chain: Chain, file: TailedFile, block: Bytes, read_ns: int) -> Iterator[Batch]:
        blocks.append(chain.path)
        return take(chain, file, block, read_ns)

    monkeypatch.setattr(Chain, "take", recorded)
    destination = FakeDestination(chunk_bytes=1 << 20)

    async def whole() -> Intake:
        faults = Said().fault_log()
        intake = Intake((), destination.encoder, faults, from_start=True)
        sources = Sources([source(path) for path in [loud, *quiet]])
        state = str(tmp_path / "checkpoint.json")
        stop = asyncio.Event()
        async with asyncio.timeout(20):
            pipeline = Pipeline(sources, intake, destination, state, faults)
            running = asyncio.create_task(pipeline.run(stop))
            try:
                await until(lambda: len(blocks) - blocks.count(str(loud)) >= QUIET)
                left = GIGABYTE - intake.tailed[str(loud)].chain.rotation.files[0].offset
                assert left > GIGABYTE // 2, "it was still far behind when all others were read"
            finally:
                stop.set()
                await running
        return intake

    asyncio.run(whole())
    in_a_turn = TURN_BYTES // BLOCK
    rounds = -(-(1 + QUIET) // in_a_turn)
    for path in quiet:
        before = blocks[: blocks.index(str(path))].count(str(loud))
        assert before <= rounds, f"{path.parent.name} waited for {before} blocks"
    assert {f"from quiet-{number}" for number in range(QUIET)} <= set(destination.lines)
