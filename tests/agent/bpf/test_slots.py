from __future__ import annotations

import re
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.probeset import DIRECTORY
from agent.bpf.slots import decode_slots

HEADER = (Path(DIRECTORY) / "slots.h").read_text()
IDS = st.integers(1, (1 << 64) - 1)


def first_place(cgroup: int, places: int) -> int:
    """SLOT_HASH of the header, among so many places."""
    (multiplier, shift) = re.findall(r"\* (0x\w+)ULL\) >> (\d+)\)", HEADER)[0]
    return ((cgroup * int(multiplier, 16) & (1 << 64) - 1) >> int(shift)) & (places - 1)


def test_the_ids_a_container_host_gives_find_a_place_in_a_table_half_full() -> None:
    """Directories made one after the other, each with its files between."""
    (tries,) = map(int, re.findall(r"^#define SLOT_TRIES (\d+)$", HEADER, re.MULTILINE))
    for files in (1, 38, 41, 64):
        taken: set[int] = set()
        for number in range(256):
            first = first_place(5000 + files * number, 512)
            places = [(first + i) % 512 for i in range(tries)]
            free = [place for place in places if place not in taken]
            assert free, (files, number)
            taken.add(free[0])


def words(slots: list[tuple[int, list[int]]]) -> memoryview:
    return memoryview(
        b"".join(struct.pack(f"={1 + len(each)}Q", owner, *each) for owner, each in slots)
    ).cast("Q")


def test_free_places_belong_to_nobody_and_the_others_are_added_up_by_owner() -> None:
    table = words([(0, [5, 5]), (77, [1, 2]), (1 << 40, [3, 4]), (77, [10, 20]), (0, [0, 0])])
    assert decode_slots(table, 16) == {77: (11, 22), 1 << 40: (3, 4)}


@given(st.lists(st.tuples(IDS, st.lists(st.integers(0, 1 << 50), min_size=3, max_size=3))))
def test_nothing_that_was_counted_is_lost(slots: list[tuple[int, list[int]]]) -> None:
    found = decode_slots(words(slots), 24)
    assert found.keys() == {owner for owner, _ in slots}
    for column in range(3):
        assert sum(each[column] for each in found.values()) == sum(
            counters[column] for _, counters in slots
        )
