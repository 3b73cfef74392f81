"""Charts: gaps stay gaps, limits are drawn where they say something, the markup is well-formed."""

from __future__ import annotations

import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.webpage.chart import Line, Point, chart, sparkline

SERIES = st.lists(st.none() | st.floats(0, 1e15, allow_nan=False), min_size=1, max_size=30).map(
    lambda values: [(100.0 + 5 * place, value) for place, value in enumerate(values)]
)


def drawn(values: list[float | None]) -> list[Point]:
    return [(float(place), value) for place, value in enumerate(values)]


def paths(markup: str) -> list[str]:
    return [path.get("d", "") for path in ET.fromstring(markup).iter("path")]


def test_a_value_that_is_not_known_is_a_gap_and_a_lone_one_a_dot() -> None:
    (path,) = paths(sparkline(drawn([1.0, None, 1.0, 1.0]), 1.0))
    assert path == "M0 0.8h0M42.7 0.8h0L64 0.8"


def test_one_value_is_no_line() -> None:
    assert sparkline(drawn([1.0, None]), 1.0) == ""


def test_a_chart_says_the_latest_values_and_the_peak() -> None:
    markup = chart("CPU", [Line("", drawn([1.0, 3.0, 2.0]))], lambda v: f"{v:g}c")
    root = ET.fromstring(markup)
    caption = root.find("figcaption")
    assert caption is not None
    assert "".join(caption.itertext()) == "CPU 2c3c"


def test_a_limit_is_drawn_unless_it_is_far_away() -> None:
    line = [Line("", drawn([1.0, 1.5]))]
    assert "limit" in chart("CPU", line, str, top=2.0)
    assert "limit" not in chart("CPU", line, str, top=64.0)
    # What is over its limit (a burst, a limit set lower) is still all on the chart.
    assert "limit" not in chart("CPU", line, str, top=1.0)


@pytest.mark.parametrize(
    ("length", "times"),
    [
        (60.0, ["03:12:00", "03:12:30", "03:13:00"]),
        (3600.0, ["03:12", "03:42", "04:12"]),
        (86400.0, ["03:12", "15:12", "03:12"]),
    ],
)
def test_below_a_chart_stand_the_times_it_is_about(length: float, times: list[str]) -> None:
    begin = time.mktime((2026, 11, 24, 3, 12, 0, 0, 0, -1))
    points: list[Point] = [(begin, None), (begin + length / 3, 1.0), (begin + length, 2.0)]
    root = ET.fromstring(chart("CPU", [Line("", points)], str))
    assert [mark.text for mark in root.iter("time")] == times


def test_nothing_known_says_why() -> None:
    assert "not permitted" in chart("Disks", [Line("", drawn([None]))], str, none="not permitted")


@given(SERIES, st.text(), st.none() | st.floats(0.1, 1e12))
def test_markup_is_well_formed_whatever_is_drawn(
    points: list[Point], label: str, top: float | None
) -> None:
    # XML has no control characters at all; HTML shows them as they are.
    label = "".join(sign for sign in label if sign.isprintable())
    ET.fromstring(chart(label, [Line(label, points)], str, top=top))
    small = sparkline(points, 1.0)
    assert not small or ET.fromstring(small) is not None
