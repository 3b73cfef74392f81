from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.cpuset import parse_list_count
from agent.kernelfile import UnexpectedText


@pytest.mark.parametrize(
    ("text", "count"), [("0-4,6,8-10\n", 9), ("0\n", 1), ("0-1\n", 2), ("\n", 0), ("", 0)]
)
def test_a_list_says_how_many_numbers_it_holds(text: str, count: int) -> None:
    assert parse_list_count(text) == count


def test_what_is_no_list_is_refused_and_quoted() -> None:
    with pytest.raises(UnexpectedText, match="0-x"):
        parse_list_count("0-x\n")


@given(st.sets(st.integers(0, 1023)))
def test_any_set_of_cpus_written_as_the_kernel_does_has_its_size(cpus: set[int]) -> None:
    assert parse_list_count(_as_the_kernel_writes(sorted(cpus))) == len(cpus)


@given(st.text() | st.text("0123456789,-\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_list_count(text)
    except UnexpectedText:
        return


def _as_the_kernel_writes(numbers: list[int]) -> str:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ",".join("-".join(map(str, ends)) for ends in ranges) + "\n"
