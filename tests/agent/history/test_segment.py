from __future__ import annotations

import zlib
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cgroupfs.reading import Cgroup
from agent.history.restore import Unreadable
from agent.history.segment import (
    HEADER_SIZE,
    MAGIC,
    RECORD_SIZE,
    OtherVersion,
    Segment,
    SegmentWriter,
)
from agent.lifecycle.events import Event, What
from agent.model import Snapshot
from tests.agent.snapshots import WALL, docker, reading, sample, snapshot

EVENT = Event(at=WALL + 15, what=What.STARTED, cgroup=Cgroup(1, "/a", 0.0), container=docker("a"))
ROW = tuple(
    snapshot(sample(reading(usage_usec=number * 1000), at=10.0 * number), at=10.0 * number)
    for number in range(3)
)


@cache
def _written() -> tuple[bytes, tuple[int, ...]]:
    """A segment, and where each of its Snapshots ends."""
    writer = SegmentWriter()
    data, ends = writer.begin(WALL), []
    for number, one in enumerate(ROW):
        data += writer.snapshot(one)
        ends.append(len(data))
        if number == 1:
            data += writer.event(EVENT)
    return data, tuple(ends)


def _read(data: bytes) -> list[Snapshot]:
    """All Snapshots up to what cannot be read."""
    found: list[Snapshot] = []
    try:
        segment = Segment(lambda start, length: data[start : start + length], len(data))
        for one in segment.snapshots():
            found.append(one)  # noqa: PERF402 what came before the damage counts
    except Unreadable:
        pass
    return found


def test_what_was_written_is_read() -> None:
    data, _ = _written()
    segment = Segment(lambda start, length: data[start : start + length], len(data))
    assert tuple(segment.snapshots()) == ROW
    assert list(segment.events()) == [EVENT]
    assert [record.at for record in segment.found.records] == [
        *(WALL, ROW[0].wall_time, ROW[1].wall_time, EVENT.at, ROW[2].wall_time)
    ]
    assert segment.found.unread == 0


def test_cut_at_every_byte_it_has_the_snapshots_before_the_cut() -> None:
    data, ends = _written()
    # Within the types nothing can be there but the header's own checks.
    first = ends[0] - 400
    for cut in (*range(0, first, 97), *range(first, len(data))):
        whole = [one for one, end in zip(ROW, ends, strict=True) if end <= cut]
        assert _read(data[:cut]) == whole, cut


def test_what_is_behind_the_last_good_record_is_told() -> None:
    data, ends = _written()
    cut = data[: ends[2] - 1]
    segment = Segment(lambda start, length: cut[start : start + length], len(cut))
    assert segment.found.unread == len(cut) - segment.found.end > 0


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_flipped_bits_give_a_wrong_snapshot(data: st.DataObject) -> None:
    written, _ = _written()
    damaged = bytearray(written)
    bits = data.draw(st.sets(st.integers(0, len(written) * 8 - 1), min_size=1, max_size=3))
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    found = _read(bytes(damaged))
    assert found == list(ROW[: len(found)])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=64))
def test_no_overwritten_piece_gives_a_wrong_snapshot(place: int, noise: bytes) -> None:
    written, _ = _written()
    place %= len(written)
    damaged = written[:place] + noise + written[place + len(noise) :]
    found = _read(damaged)
    assert found == list(ROW[: len(found)])


def test_a_tail_of_zeros_as_a_power_cut_leaves_it_is_no_record() -> None:
    data, _ = _written()
    assert _read(data + bytes(4096)) == list(ROW)


def test_a_record_left_out_ends_the_segment() -> None:
    data, ends = _written()
    assert _read(data[: ends[0]] + data[ends[1] :]) == [ROW[0]]


def test_another_version_is_told_apart_from_damage() -> None:
    header = MAGIC + bytes([2, 0, 0, 0])
    data = header + zlib.crc32(header).to_bytes(4, "little")
    with pytest.raises(OtherVersion, match="format 2"):
        Segment(lambda start, length: data[start : start + length], len(data))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(60), MAGIC + bytes(8)])
def test_what_is_no_segment_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(Unreadable):
        Segment(lambda start, length: data[start : start + length], len(data))


def test_the_format_is_as_the_module_says() -> None:
    data, _ = _written()
    assert data[:9] == bytes.fromhex("894147484953540a01")
    assert (HEADER_SIZE, RECORD_SIZE) == (16, 24)
    length = int.from_bytes(data[16:20], "little")
    assert data[20] == 1
    packed = data[40 : 40 + length]
    assert int.from_bytes(data[32:36], "little") == zlib.crc32(packed)
    assert b"CgroupReading" in zlib.decompressobj(-15).decompress(packed)
