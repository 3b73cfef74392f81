from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.events import CgroupEvents, parse_cgroup_events
from agent.kernelfile import UnexpectedText


def test_a_cgroup_with_tasks_is_populated() -> None:
    assert parse_cgroup_events("populated 1\nfrozen 0\n") == CgroupEvents(True, False)


def test_an_empty_frozen_cgroup_says_so() -> None:
    assert parse_cgroup_events("populated 0\nfrozen 1\n") == CgroupEvents(False, True)


def test_a_kernel_before_5_2_does_not_say_frozen() -> None:
    assert parse_cgroup_events("populated 1\n") == CgroupEvents(True, None)


def test_a_key_of_a_newer_kernel_is_skipped() -> None:
    assert parse_cgroup_events("populated 1\nnews 7\nfrozen 0\n") == CgroupEvents(True, False)


def test_a_damaged_line_is_refused() -> None:
    with pytest.raises(UnexpectedText):
        parse_cgroup_events("populated yes\n")


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_cgroup_events(text)
    except UnexpectedText:
        pass
