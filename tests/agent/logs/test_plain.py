"""agent/logs/plain.py"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.logs.plain import PlainParser


@given(st.lists(st.binary(max_size=50)))
def test_a_line_is_a_line(lines: list[bytes]) -> None:
    entries, partial = PlainParser().parse(lines, 7)
    assert not partial
    assert [(time, stream) for time, stream, *_rest in entries] == [(7, "")] * len(lines)
    assert [entry[2] for entry in entries] == [line.removesuffix(b"\r") for line in lines]
