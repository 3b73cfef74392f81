from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.entries import UnexpectedRecord, entries

KEY = struct.Struct("=QII")
VALUE = struct.Struct("=Q")
NUMBERS = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS))))
def test_every_entry_is_found_again_in_its_order(
    expected: list[tuple[tuple[int, int, int], tuple[int]]],
) -> None:
    apart = [(KEY.pack(*key), VALUE.pack(*value)) for key, value in expected]
    together = [(b"".join(key for key, _ in apart), b"".join(value for _, value in apart))]
    assert list(entries(apart, KEY, VALUE)) == expected
    assert list(entries([*together, (b"", b"")], KEY, VALUE)) == expected


@pytest.mark.parametrize(
    ("keys", "values"),
    [(b"short", bytes(8)), (bytes(16), bytes(4)), (bytes(32), bytes(8)), (b"", bytes(8))],
)
def test_a_part_of_an_entry_is_refused(keys: bytes, values: bytes) -> None:
    whole = (bytes(KEY.size), bytes(VALUE.size))
    with pytest.raises(UnexpectedRecord, match=f"{len(keys)} bytes of keys with {len(values)}"):
        list(entries([whole, (keys, values)], KEY, VALUE))


@given(st.binary(), st.binary())
def test_any_bytes_are_unpacked_or_refused(keys: bytes, values: bytes) -> None:
    try:
        found = list(entries([(keys, values)], KEY, VALUE))
    except UnexpectedRecord:
        return
    assert len(found) * KEY.size == len(keys)
