from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.io import IoStat, parse_io_stat

GOOD = "8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 dios=3021"
GOOD_STAT = IoStat(8, 0, 90430464, 299008000, 8950, 1252, 50331648, 3021)
NVME = "259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"
NVME_STAT = IoStat(259, 0, 1, 2, 3, 4, 5, 6)


def test_each_device_is_one_entry() -> None:
    assert parse_io_stat(f"{GOOD}\n{NVME}\n") == (GOOD_STAT, NVME_STAT)


def test_an_empty_file_is_no_device() -> None:
    assert parse_io_stat("") == ()


@pytest.mark.parametrize(
    "ugly",
    [
        "7:0 ",
        "7:0",
        "7:7 7:6 7:5 7:4 ",
        "(unknown) rbytes=0 wbytes=4096 rios=0 wios=1 dbytes=0 dios=0",
        "259:0 (unknown) rbytes=0 wbytes=4096 rios=0 wios=1 dbytes=0 dios=0",
        "s=0 dbytes=0 dios=0",
        "12 dbytes=0 dios=0",
        "=12 dios=0",
        ":0 rbytes=5",
        "8: rbytes=5",
        "8:0 rbytes= wbytes=5",
        "8:0 rbytes=5x",
        "8:0 cost.vrate=12",
        f"8:0 rbytes={'9' * 5000}",
        "",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_ugly_line_loses_only_itself(ugly: str, place: int) -> None:
    lines = [GOOD, NVME]
    lines.insert(place, ugly)
    assert parse_io_stat("\n".join(lines) + "\n") == (GOOD_STAT, NVME_STAT)


def test_of_several_devices_on_one_line_the_last_has_the_numbers() -> None:
    text = "7:7 7:6 7:5 7:4 rbytes=556032 wbytes=0 rios=78 wios=0 dbytes=0 dios=0\n"
    assert parse_io_stat(text) == (IoStat(7, 4, 556032, 0, 78, 0, 0, 0),)


def test_counters_of_newer_kernels_are_skipped() -> None:
    assert parse_io_stat(f"{GOOD} cost.vrate=100.00 new=max\n") == (GOOD_STAT,)


def test_a_device_with_iocost_has_its_counters_too() -> None:
    costs = "cost.vrate=100.00 cost.usage=5 cost.wait=6 cost.indebt=7 cost.indelay=8"
    expected = GOOD_STAT._replace(cost_usage=5, cost_wait=6, cost_indebt=7, cost_indelay=8)
    assert parse_io_stat(f"{GOOD} {costs}\n") == (expected,)


def test_an_older_kernel_without_discards_leaves_them_none() -> None:
    assert parse_io_stat("8:0 rbytes=1 wbytes=2 rios=3 wios=4\n") == (IoStat(8, 0, 1, 2, 3, 4),)


def test_a_counter_is_not_found_inside_another_word() -> None:
    assert parse_io_stat("8:0 xrbytes=9 wbytes=2\n") == (IoStat(8, 0, wbytes=2),)


WORD = st.sampled_from(
    ["8:0", "259:12", "(unknown)", "rbytes=1", "wios=2", "rbytes=", "x=y", "=", "7:", "\x00", ""]
)


@given(st.text() | st.lists(WORD).map(" ".join), st.text())
def test_nothing_before_a_good_line_makes_it_disappear_and_nothing_is_raised(
    before: str, after: str
) -> None:
    devices = parse_io_stat(f"{before}\n{GOOD}\n{after}")
    assert GOOD_STAT in devices
