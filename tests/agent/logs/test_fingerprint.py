"""agent/logs/fingerprint.py"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.logs.fingerprint import HEAD_SIZE, head_of, still_has


@given(first=st.binary(max_size=50), more=st.binary(max_size=50))
def test_a_file_that_grew_still_has_its_head(first: bytes, more: bytes) -> None:
    assert still_has(head_of(first), first + more)


def test_another_file_has_not() -> None:
    assert not still_has(head_of(b"first line\n"), b"other line\n")
    assert not still_has(head_of(b"first line\n"), b"first")


def test_only_the_first_kilobyte_counts() -> None:
    data = b"x" * HEAD_SIZE
    assert head_of(data + b"more") == head_of(data)
    assert head_of(data).full
    assert not head_of(data[:-1]).full
