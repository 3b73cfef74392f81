from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.procs import parse_procs
from agent.kernelfile import UnexpectedText


def test_each_process_is_named_once_and_one_of_another_pid_namespace_not_at_all() -> None:
    assert parse_procs("153\n0\n157\n153\n0\n") == (153, 157)


def test_an_empty_cgroup_has_no_process() -> None:
    assert parse_procs("") == ()


def test_what_is_not_a_pid_is_refused() -> None:
    with pytest.raises(UnexpectedText):
        parse_procs("153\nx\n")


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_procs(text)
    except UnexpectedText:
        pass
