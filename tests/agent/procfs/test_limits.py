from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UNLIMITED, Limit, UnexpectedText
from agent.procfs.limits import parse_max_open_files

# Linux 6.18.
LIMITS = (
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max processes             96364                96364                processes \n"
    "Max open files            {soft:<20} 524288               files     \n"
    "Max locked memory         8388608              8388608              bytes     \n"
)


@pytest.mark.parametrize(("soft", "limit"), [("1024", 1024), ("0", 0), ("unlimited", UNLIMITED)])
def test_the_soft_limit_is_taken(soft: str, limit: Limit) -> None:
    assert parse_max_open_files(LIMITS.format(soft=soft)) == limit


@pytest.mark.parametrize("text", ["", "Max open files\n", "Max open files            x 1 files\n"])
def test_a_file_without_that_limit_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_max_open_files(text)


@given(st.text() | st.text("Max open files 123unlimited\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_max_open_files(text)
    except UnexpectedText:
        return
