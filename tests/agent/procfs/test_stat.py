from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.stat import CpuTimes, parse_stat
from tests.fixtures.host_trees import HYBRID


def test_the_line_of_all_cpus_is_read() -> None:
    text = "cpu  10132153 290696 3084719 46828483 16683 0 25195 7 175628 0\ncpu0 1 2 3\n"
    assert parse_stat(text) == CpuTimes(10132153, 290696, 3084719, 46828483, 16683, 0, 25195, 7)


def test_a_captured_machine_is_read() -> None:
    times = parse_stat((HYBRID / "proc/stat").read_text())
    assert times.user > 0
    assert times.idle > times.user


@pytest.mark.parametrize("text", ["", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3", "cpu 1 2 3 4 5 6 7 x"])
def test_a_damaged_first_line_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_stat(f"{text}\n")


@given(st.text() | st.text("cpu 0123\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for line in (text, f"cpu {text}"):
        try:
            parse_stat(line)
        except UnexpectedText:
            continue
