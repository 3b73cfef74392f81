"""Each entry's place, for destinations that name records by it (chunk.OffsetEncoder)."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.logs.chain import Chain
from agent.logs.chunk import EntryEncoder
from agent.logs.entry import Entry
from agent.logs.intake import Intake
from tests.agent.logs.rig import Said, TextEncoder, cri, ledger, source

LINES = [
    cri("one"),
    b"not a line\n",
    cri("t\xe9", "stderr"),
    cri("a piece ", tag="P"),
    cri("between", "stderr"),
    cri("and its end"),
    cri("last"),
]
STARTS = [sum(map(len, LINES[:number])) for number in range(len(LINES))]


def read(log: Path, limit: int, *, offsets: bool = True) -> list[Entry]:
    chain = Chain(str(log), "cri", ledger(Said()), [])
    chain.offsets = offsets
    entries = []
    try:
        chain.rotation.look(0.0)
        while (unread := chain.next_unread(0.0)) is not None:
            file, _size = unread
            for batch in chain.take(file, file.read(limit).data, 7):
                entries += batch.entries
    finally:
        chain.close()
    return entries


@pytest.mark.parametrize("limit", [1, 7, 64, 1 << 20])
def test_an_entry_says_where_its_line_begins_however_the_file_is_read(
    tmp_path: Path, limit: int
) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(b"".join(LINES))
    found = [(content, extra) for _time, _stream, content, extra, _ in read(log, limit)]
    assert [content for content, _ in found] == [
        b"one", b"not a line", "té".encode(), b"between", b"a piece and its end", b"last",
    ]  # fmt: skip
    assert [extra and extra["offset"] for _, extra in found] == [
        str(STARTS[number]) for number in (0, 1, 2, 4, 5, 6)
    ]
    assert found[1][1] == {"note": "unparsed", "offset": str(STARTS[1])}


def test_where_nobody_asks_there_is_none(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(cri("one"))
    assert read(log, 100, offsets=False)[0][3] is None


@pytest.mark.parametrize("asks", [True, False])
def test_an_encoder_that_asks_gets_them(tmp_path: Path, asks: bool) -> None:
    class Asking(TextEncoder):
        needs_offsets = True

    def make(fields: object) -> EntryEncoder:
        return Asking() if asks else TextEncoder()

    path = tmp_path / "0.log"
    path.touch()
    intake = Intake((), make, Said().fault_log(), from_start=True)
    try:
        intake.update([source(path)], 0.0)
        assert intake.tailed[str(path)].chain.offsets is asks
    finally:
        intake.close()
