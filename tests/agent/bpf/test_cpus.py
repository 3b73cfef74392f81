from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.cpus import cpu_ids, online_cpus, parse_cpus, possible_cpus


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0-3,8\n", (0, 1, 2, 3, 8)), ("0\n", (0,)), ("0,2-5\n", (0, 2, 3, 4, 5)), ("\n", ())],
)
def test_a_list_of_cpus(text: str, cpus: tuple[int, ...]) -> None:
    assert parse_cpus(text) == cpus


@given(st.lists(st.integers(0, 8191), unique=True).map(sorted))
def test_every_number_is_found_again(numbers: list[int]) -> None:
    assert parse_cpus(",".join(map(str, numbers))) == tuple(numbers)


@pytest.mark.parametrize(
    ("text", "ids", "count"), [("0", 1, 1), ("0-7", 8, 8), ("0,2-5", 6, 5), ("0-1,4", 5, 3)]
)
def test_a_gap_in_the_cpus_numbers_takes_room_in_an_array_by_number(
    tmp_path: Path, text: str, ids: int, count: int
) -> None:
    path = tmp_path / "possible"
    path.write_text(f"{text}\n")
    assert (cpu_ids(str(path)), possible_cpus(str(path))) == (ids, count)


def test_this_machine_has_at_least_as_many_possible_cpus_as_running_ones() -> None:
    assert possible_cpus() >= len(online_cpus()) >= len(os.sched_getaffinity(0))
