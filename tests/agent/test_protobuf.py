from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.protobuf import Malformed, read_fields, read_varint
from exporters.prometheus.remote_write.protobuf import field, number_field, varint

NUMBERS = st.integers(1, (1 << 29) - 1)


@given(st.integers(0, (1 << 64) - 1))
def test_a_number_that_was_written_is_read_back(number: int) -> None:
    written = varint(number)
    assert read_varint(written, 0) == (number, len(written))


@given(
    st.lists(
        st.tuples(NUMBERS, st.integers(1, (1 << 64) - 1)) | st.tuples(NUMBERS, st.binary()),
        max_size=5,
    )
)
def test_fields_that_were_written_are_read_back(fields: list[tuple[int, int | bytes]]) -> None:
    message = b"".join(
        number_field(number, value) if isinstance(value, int) else field(number, value)
        for number, value in fields
    )
    assert list(read_fields(message)) == fields


def test_fields_of_fixed_length_are_bytes() -> None:
    message = varint(1 << 3 | 1) + b"12345678" + varint(2 << 3 | 5) + b"abcd"
    assert list(read_fields(message)) == [(1, b"12345678"), (2, b"abcd")]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"\x80", "a number without an end"),
        (b"\xff" * 11, "a number without an end"),
        (field(1, b"web")[:-1], "a field ends at byte 5 of 4"),
        (varint(1 << 3 | 3), "wire type 3"),
    ],
)
def test_what_is_no_message_is_refused(message: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        list(read_fields(message))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        list(read_fields(data))
    except Malformed:
        pass
