from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.pressure import Pressure, Stall, parse_pressure
from agent.kernelfile import UnexpectedText

CAPTURED = """\
some avg10=5.84 avg60=1.12 avg300=0.23 total=790895
full avg10=5.70 avg60=1.09 avg300=0.23 total=784583
"""


def test_both_lines_are_read() -> None:
    assert parse_pressure(CAPTURED) == Pressure(
        some=Stall(5.84, 1.12, 0.23, 790895), full=Stall(5.7, 1.09, 0.23, 784583)
    )


def test_the_cpu_file_of_an_old_kernel_has_no_full_line() -> None:
    assert parse_pressure(CAPTURED.splitlines()[0]).full is None


def test_irq_pressure_has_no_some_line() -> None:
    assert parse_pressure(CAPTURED.splitlines()[1]).some is None


def test_a_kind_from_a_newer_kernel_is_skipped() -> None:
    assert parse_pressure(f"most avg10=1\n{CAPTURED}") == parse_pressure(CAPTURED)


def test_a_pair_from_a_newer_kernel_is_skipped() -> None:
    longer = CAPTURED.replace("\n", " avg900=0.10\n")
    assert parse_pressure(longer) == parse_pressure(CAPTURED)


@pytest.mark.parametrize(
    "line",
    [
        "some",
        "some total=1",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=-1",
        "some avg10=. avg60=0.00 avg300=0.00 total=1",
        "some avg10=nan avg60=0.00 avg300=0.00 total=1",
        f"some avg10=0.00 avg60=0.00 avg300=0.00 total={'9' * 5000}",
    ],
)
def test_a_damaged_line_is_refused_and_quoted(line: str) -> None:
    with pytest.raises(UnexpectedText) as caught:
        parse_pressure(f"{line}\n")
    assert caught.value.text == line


@given(st.text() | st.text("somefulavgt0136=. \n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for line in (text, f"some {text}", f"full avg10={text}"):
        try:
            parse_pressure(line)
        except UnexpectedText:
            continue
