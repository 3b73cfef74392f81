"""Units: the borders where a digit more would break a column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import units

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def test_microseconds_are_divided_once() -> None:
    assert units.seconds(14_036_781) == 14.036781
    assert units.seconds(0) == 0.0


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (0.4, "<1"),
        (1, "1"),
        (1023, "1023"),
        (1023.4, "1023"),
        (1023.5, "1.00K"),
        (1024, "1.00K"),
        (9.99 * KIB, "9.99K"),
        (9.995 * KIB, "10.0K"),
        (99.94 * KIB, "99.9K"),
        (99.95 * KIB, "100K"),
        (999.95 * KIB, "1000K"),
        (1023 * KIB, "1023K"),
        (1023.5 * KIB, "1.00M"),
        (812 * MIB, "812M"),
        (3.97 * GIB, "3.97G"),
        (2**63, "8.00E"),
        (5000 * 2**60, "5000E"),
    ],
)
def test_a_size_has_three_digits_and_changes_unit_when_it_is_there(count: float, text: str) -> None:
    assert units.human_size(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (0.01, "<1"),
        (999, "999"),
        (999.4, "999"),
        (999.5, "1.0K"),
        (1023, "1.0K"),
        (1024, "1.0K"),
        (1.2 * MIB, "1.2M"),
        (9.94 * KIB, "9.9K"),
        (9.95 * KIB, "10K"),
        (999.95 * KIB, "1.0M"),
        (88 * KIB, "88K"),
    ],
)
def test_a_rate_fits_four_columns_at_every_border(count: float, text: str) -> None:
    assert units.human_rate(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (99_999, "99999"), (100_000, "100k"), (999_999, "999k"), (4_194_304, "4.2M")],
)
def test_a_count_is_exact_until_it_has_six_digits(count: int, text: str) -> None:
    assert units.human_count(count) == text


@pytest.mark.parametrize(
    ("cores", "text"),
    [
        (0, "0.00"),
        (1.984, "1.98"),
        (99.994, "99.99"),
        (99.995, "100.0"),
        (999.94, "999.9"),
        (999.95, "1000"),
    ],
)
def test_cores_lose_decimals_as_they_grow(cores: float, text: str) -> None:
    assert units.human_cores(cores) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0, "0"), (0.004, "0"), (0.64, "64"), (0.996, "100"), (1.2, "120")]
)
def test_a_ratio_is_whole_percent(ratio: float, text: str) -> None:
    assert units.human_percent(ratio) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (59.99, "59s"),
        (60, "1m00s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (3 * 3600 + 12 * 60 + 59, "3h12m"),
        (86399, "23h59m"),
        (86400, "1d00h"),
        (10 * 86400 - 1, "9d23h"),
        (41 * 86400, "41d"),
    ],
)
def test_a_duration_is_rounded_down_to_two_units(length: float, text: str) -> None:
    assert units.human_duration(length) == text


@given(st.floats(min_value=0, max_value=2**63))
def test_no_size_or_rate_is_wider_than_its_column(count: float) -> None:
    assert len(units.human_size(count)) <= 5
    assert len(units.human_rate(count)) <= 4


@given(st.floats(min_value=0, max_value=2**63, exclude_min=True))
def test_what_is_not_zero_never_reads_as_zero(count: float) -> None:
    assert units.human_size(count) != "0"
    assert units.human_rate(count) != "0"


@given(st.integers(min_value=0, max_value=2**22))
def test_no_count_of_tasks_is_wider_than_its_column(count: int) -> None:
    assert len(units.human_count(count)) <= 5


@given(st.floats(min_value=0, max_value=10**9))
def test_no_duration_is_wider_than_six_columns(length: float) -> None:
    assert len(units.human_duration(length)) <= 6
