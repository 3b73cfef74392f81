from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.decode import UnexpectedRecord
from agent.bpf.probeset import DIRECTORY
from agent.bpf.slots import SLOTS, TRIES, decode_owners, first_place, sum_cpus

HEADER = (Path(DIRECTORY) / "slots.h").read_text()


def test_the_sizes_are_those_of_the_header() -> None:
    assert dict(re.findall(r"^#define (SLOTS|SLOT_TRIES) (\d+)$", HEADER, re.MULTILINE)) == {
        "SLOTS": str(SLOTS),
        "SLOT_TRIES": str(TRIES),
    }


@given(st.integers(0, (1 << 64) - 1))
def test_a_place_is_within_the_table(cgroup: int) -> None:
    assert 0 <= first_place(cgroup) < SLOTS


def test_the_ids_a_container_host_gives_spread_over_the_table() -> None:
    """Directories made one after the other, each with its 40 files between."""
    places = [first_place(5000 + 41 * i) for i in range(300)]
    assert max(places.count(place) for place in set(places)) <= TRIES // 2


def test_free_places_belong_to_nobody() -> None:
    keys = struct.pack("=3I", 0, 1, 2)
    values = struct.pack("=3Q", 0, 77, 1 << 40)
    assert decode_owners([(keys, values), (b"", b"")]) == {1: 77, 2: 1 << 40}


@given(st.lists(st.lists(st.integers(0, (1 << 50)), min_size=3, max_size=3), min_size=1))
def test_cpus_are_added_up_counter_by_counter(cpus: list[list[int]]) -> None:
    values = b"".join(struct.pack("=3Q", *counters) for counters in cpus)
    assert sum_cpus(values, 24) == tuple(sum(column) for column in zip(*cpus, strict=True))


@given(st.binary(max_size=200), st.integers(0, 64))
def test_sizes_that_do_not_fit_are_refused(values: bytes, size: int) -> None:
    if size and size % 8 == 0 and values and len(values) % size == 0:
        return
    with pytest.raises(UnexpectedRecord):
        sum_cpus(values, size)


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_owners_of_any_bytes_are_read_or_refused(keys: bytes, values: bytes) -> None:
    try:
        owners = decode_owners([(keys, values)])
    except UnexpectedRecord:
        return
    assert all(owners.values())
