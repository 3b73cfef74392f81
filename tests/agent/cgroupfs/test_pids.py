from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.pids import parse_pids_events
from agent.kernelfile import UnexpectedText


def test_refused_forks_are_counted() -> None:
    assert parse_pids_events("max 17\n") == 17


def test_a_key_of_a_newer_kernel_is_skipped() -> None:
    assert parse_pids_events("news 1\nmax 2\n") == 2


@pytest.mark.parametrize("text", ["", "max\n", "max max\n", "low 1\n"])
def test_a_file_without_the_count_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_pids_events(text)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_pids_events(text)
    except UnexpectedText:
        pass
