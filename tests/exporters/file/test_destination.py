"""exporters/file/destination.py"""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent.file_destination import FileDestination
from agent.logs.chunk import Chunk, Delivered, RetryAfter
from exporters.file.destination import RETRY, JsonLinesFile


def test_chunks_are_on_the_disk_when_they_are_delivered(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"

    async def test() -> None:
        destination = JsonLinesFile(FileDestination(path=str(path)))
        chunks = [Chunk(str(number), (b'{"n":%d}\n' % number,), 1) for number in range(20)]
        outcomes = await asyncio.gather(*(destination.send(chunk) for chunk in chunks))
        assert outcomes == [Delivered()] * 20
        assert path.read_bytes() == b"".join(chunk.payload for chunk in chunks), "in order"
        await destination.close()
        await destination.close()

    asyncio.run(test())


def test_a_disk_that_refuses_is_a_retry_with_its_reason(tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / "in_the_way").write_text("a file, not a directory")
        path = str(tmp_path / "in_the_way" / "out.jsonl")
        destination = JsonLinesFile(FileDestination(path=path))
        outcome = await destination.send(Chunk("a", (b"{}\n",), 1))
        assert isinstance(outcome, RetryAfter)
        assert outcome.seconds == RETRY
        assert outcome.reason.startswith(f"cannot write {path}: ")
        await destination.close()

    asyncio.run(test())


def test_a_chunk_is_never_larger_than_the_file_may_be() -> None:
    destination = JsonLinesFile(FileDestination(path="/x", max_bytes=4096))
    assert destination.chunk_bytes == 4096
    assert destination.connected is None
