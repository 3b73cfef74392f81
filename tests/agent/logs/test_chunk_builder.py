"""agent/logs/chunk_builder.py"""

from __future__ import annotations

import base64

from agent.logs.batch import Batch, Packed
from agent.logs.chunk import Entry
from agent.logs.chunk_builder import ChunkBuilder, Pending, chunk_id
from agent.logs.fingerprint import head_of
from agent.logs.tail import FileMark
from tests.agent.logs.rig import TextEncoder, ledger


def mark(inode: int = 1) -> FileMark:
    return FileMark(inode, head_of(b"head"), 1, 0, 0, 0)


def entries(*texts: str) -> list[Entry]:
    return [(1, "stdout", text.encode(), None, False) for text in texts]


def add(builder: ChunkBuilder, batch: Batch) -> list[Pending]:
    return builder.add(ledger(), TextEncoder(), batch, 5.0)


def test_entries_of_many_containers_share_a_chunk() -> None:
    builder = ChunkBuilder(100)
    one, two = mark(1), mark(2)
    assert add(builder, Batch(entries("a"), [(one, 0, 10)])) == []
    assert add(builder, Batch(entries("b", "c"), [(two, 5, 20)])) == []
    assert builder.waiting
    assert builder.opened_at == 5.0
    pending = builder.seal()
    assert pending is not None
    assert pending.chunk.payload == b"a\nb\nc\n"
    assert pending.chunk.records == 3
    assert pending.marks == {one: 10, two: 20}
    assert builder.seal() is None


def test_a_full_chunk_is_sealed_and_the_next_begins() -> None:
    builder = ChunkBuilder(10)
    first = mark()
    assert add(builder, Batch(entries("12345678"), [(first, 0, 9)])) == []
    (full,) = add(builder, Batch(entries("abc"), [(first, 9, 13)]))
    assert full.chunk.payload == b"12345678\n"
    assert full.marks == {first: 9}, "not yet the second batch's"
    rest = builder.seal()
    assert rest is not None
    assert rest.sequence == full.sequence + 1
    assert rest.marks == {first: 13}


def test_a_batch_larger_than_a_chunk_is_divided_and_marked_with_its_last_part() -> None:
    builder = ChunkBuilder(10)
    one = mark()
    filled = add(builder, Batch(entries(*("abcd" for _ in range(8))), [(one, 0, 99)]))
    last = builder.seal()
    assert last is None or filled
    chunks = [*filled, last] if last is not None else filled
    assert b"".join(pending.chunk.payload for pending in chunks) == b"abcd\n" * 8
    assert all(len(pending.chunk.payload) <= 10 for pending in chunks)
    assert [pending.marks for pending in chunks] == [*({} for _ in chunks[1:]), {one: 99}]
    assert len({pending.chunk.id for pending in chunks}) == len(chunks)


def test_a_record_larger_than_a_chunk_goes_alone() -> None:
    builder = ChunkBuilder(10)
    (pending,) = add(builder, Batch(entries("x" * 50), [(mark(), 0, 51)]))
    assert pending.chunk.records == 1


def test_marks_without_entries_go_with_the_next_record() -> None:
    builder = ChunkBuilder(10)
    one = mark()
    add(builder, Batch([], [(one, 0, 7)]))
    add(builder, Batch(entries("a"), []))
    pending = builder.seal()
    assert pending is not None
    assert pending.marks == {one: 7}
    assert pending.chunk.records == 1


def test_marks_alone_make_a_chunk_without_records() -> None:
    builder = ChunkBuilder(10)
    one = mark()
    add(builder, Batch([], [(one, 0, 7)]))
    assert builder.waiting
    assert builder.opened_at == 5.0
    pending = builder.seal()
    assert pending is not None
    assert (pending.chunk.records, pending.chunk.payload, pending.marks) == (0, b"", {one: 7})
    assert not builder.waiting


def test_the_same_lines_in_the_same_place_have_the_same_id_in_another_process() -> None:
    here = chunk_id([b"x"], [(mark(), 0, 9)], "whatever came before")
    assert here == chunk_id([b"x"], [(mark(), 0, 9)], "")
    assert chunk_id([b"x"], [], "a") != chunk_id([b"x"], [], "b")
    names = {
        chunk_id([b"x"], [(mark(), 0, 9)], ""),
        chunk_id([b"y"], [(mark(), 0, 9)], ""),
        chunk_id([b"x"], [(mark(), 0, 8)], ""),
        chunk_id([b"x"], [(mark(2), 0, 9)], ""),
    }
    assert len(names) == 4
    assert all(len(base64.b64decode(name, validate=True)) == 16 for name in names)


def test_a_name_does_not_depend_on_how_a_range_is_divided() -> None:
    one, two = mark(1), mark(2)
    names = set()
    for ranges in (
        [(one, 0, 20), (two, 0, 9), (one, 20, 30)],
        [(one, 0, 5), (one, 5, 20), (two, 0, 4), (two, 4, 9), (one, 20, 30)],
    ):
        builder = ChunkBuilder(100)
        add(builder, Batch(entries("a"), ranges))
        pending = builder.seal()
        assert pending is not None
        assert pending.marks == {one: 30, two: 9}
        names.add(pending.chunk.id)
    assert len(names) == 1


def test_a_name_does_not_depend_on_how_the_bytes_are_divided() -> None:
    whole = bytes(range(256)) * 100
    name = chunk_id([whole], [(mark(), 0, 9)], "")
    for cut in (1, 1023, 1024, 10_000, len(whole) - 1):
        assert chunk_id([whole[:cut], whole[cut:]], [(mark(), 0, 9)], "") == name


def test_few_large_pieces_stay_as_they_are_and_many_small_ones_are_joined() -> None:
    for size, parts in ((100_000, 3), (100, 1)):
        builder = ChunkBuilder(1 << 20)
        for number in range(3):
            add(builder, Batch([], [], Packed(b"%d" % number * size, 1)))
        pending = builder.seal()
        assert pending is not None
        assert len(pending.chunk.parts) == parts
        assert pending.chunk.payload == b"0" * size + b"1" * size + b"2" * size
        assert pending.chunk.size == 3 * size
