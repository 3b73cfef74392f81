from __future__ import annotations

import argparse

import pytest

from agent.cli.numbers import count, seconds


@pytest.mark.parametrize(("least", "text"), [(0, "0"), (1, "1"), (1, "20000")])
def test_a_count_is_a_whole_number(least: int, text: str) -> None:
    assert count(least)(text) == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", ""])
def test_what_is_no_count_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a whole number from 1 on"):
        count()(text)


@pytest.mark.parametrize(("text", "found"), [("1", 1.0), ("0.5", 0.5), ("60", 60.0)])
def test_seconds_may_have_a_fraction(text: str, found: float) -> None:
    assert seconds(0.5, 60)(text) == found


@pytest.mark.parametrize("text", ["0.4", "61", "nan", "inf", "-1", "long", ""])
def test_seconds_out_of_bounds_are_refused_with_the_bounds(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"a number of seconds from 0\.5 to 60"):
        seconds(0.5, 60)(text)
