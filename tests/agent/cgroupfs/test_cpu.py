from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.cpu import CpuMax, CpuStat, parse_cpu_max, parse_cpu_stat, parse_cpu_stat_local
from agent.kernelfile import UNLIMITED, UnexpectedText

WITH_CONTROLLER = """\
usage_usec 2779941
user_usec 225042
system_usec 2554898
nr_periods 180
nr_throttled 116
throttled_usec 13536737
nr_bursts 0
burst_usec 0
"""
WITHOUT_CONTROLLER = """\
usage_usec 123059339
user_usec 89237600
system_usec 33821739
nice_usec 0
"""


def test_cpu_stat_with_the_controller_has_all_fields() -> None:
    assert parse_cpu_stat(WITH_CONTROLLER) == CpuStat(
        2779941, 225042, 2554898, 180, 116, 13536737, 0, 0
    )


def test_cpu_stat_without_the_controller_says_nothing_of_throttling() -> None:
    stat = parse_cpu_stat(WITHOUT_CONTROLLER)
    assert stat == CpuStat(123059339, 89237600, 33821739)
    assert stat.nr_throttled is None


def test_a_key_of_a_newer_kernel_is_skipped_wherever_it_stands() -> None:
    lines = WITH_CONTROLLER.splitlines()
    for place in range(len(lines) + 1):
        text = "\n".join([*lines[:place], "core_sched.force_idle_usec 9", *lines[place:]])
        assert parse_cpu_stat(text) == parse_cpu_stat(WITH_CONTROLLER)


def test_the_order_of_keys_does_not_matter() -> None:
    backwards = "\n".join(reversed(WITH_CONTROLLER.splitlines()))
    assert parse_cpu_stat(backwards) == parse_cpu_stat(WITH_CONTROLLER)


@pytest.mark.parametrize("text", ["usage_usec", "usage_usec \n", "usage_usec many\n", "\n"])
def test_a_damaged_cpu_stat_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_cpu_stat(text)


def test_cpu_max_is_a_quota_in_a_period() -> None:
    limit = parse_cpu_max("20000 100000\n")
    assert limit == CpuMax(20000, 100000)
    assert limit.cores == 0.2


def test_cpu_max_without_a_limit_has_no_cores() -> None:
    limit = parse_cpu_max("max 100000\n")
    assert limit.quota_usec is UNLIMITED
    assert limit.cores is None


@pytest.mark.parametrize("text", ["", "max", "20000", "20000 0", "-1 100000", "max max", "1 2 3"])
def test_a_cpu_max_that_is_not_two_numbers_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_cpu_max(text)


@given(st.text() | st.text("maxusge_ 0123456789-\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_cpu_stat, parse_cpu_max):
        try:
            parse(text)
        except UnexpectedText:
            continue


@given(
    st.lists(
        st.none() | st.integers(0, 2**64 - 1),
        min_size=len(CpuStat._fields),
        max_size=len(CpuStat._fields),
    ),
)
def test_whatever_keys_a_kernel_has_come_back_in_their_fields(
    values: list[int | None],
) -> None:
    stat = CpuStat(*values)
    text = "".join(f"{key} {value}\n" for key, value in stat._asdict().items() if value is not None)
    assert parse_cpu_stat(text) == stat


def test_a_limit_of_the_cgroup_above_is_felt_in_cpu_stat_local_alone() -> None:
    # Linux 6.12: two busy processes in a cgroup without a limit, below one with a tenth of a core.
    stat = parse_cpu_stat(
        "usage_usec 1289515\nuser_usec 588961\nsystem_usec 700554\nnice_usec 0\nnr_periods 0\n"
        "nr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n"
    )
    assert (stat.nr_throttled, stat.throttled_usec) == (0, 0)
    assert parse_cpu_stat_local("throttled_usec 24390167\n") == 24390167


def test_cpu_stat_local_is_empty_without_the_controller() -> None:
    assert parse_cpu_stat_local("") is None  # Linux 6.18
