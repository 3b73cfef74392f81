"""width: what a text costs in columns, and what may not be in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.top.width import clean, cut, display_width, fit


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("web-1", "web-1"),
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("a\u202eb", "a\ufffdb"),
        ("line\nbreak\t", "line\ufffdbreak\ufffd"),
        ("e\u0301", "é"),
        ("x\u0336", "x"),
        ("\udcff", "\ufffd"),
    ],
)
def test_cleaning_leaves_only_what_is_seen(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_in_ascii_a_foreign_letter_is_not_a_question_mark() -> None:
    assert clean("naïve 監", ascii_only=True) == "na_ve _"


def test_wide_characters_take_two_columns_and_are_never_halved() -> None:
    assert display_width("監視") == 4
    assert cut("監視abc", 4) == "監…"
    assert fit("監視", 3, ellipsis="") == "監 "
    assert fit("監視", 6, right=True) == "  監視"


def test_what_is_cut_is_seen_to_be_cut() -> None:
    assert cut("checkout-7c9f", 8) == "checkou…"
    assert cut("checkout", 8) == "checkout"
    assert cut("checkout", 0) == ""


@given(st.text(), st.integers(0, 40), st.booleans(), st.sampled_from(["…", "~", ""]))
def test_a_fitted_text_is_exactly_as_wide_as_asked(
    text: str, width: int, right: bool, ellipsis: str
) -> None:
    fitted = fit(clean(text), width, right=right, ellipsis=ellipsis)
    assert display_width(fitted) == width
    assert clean(fitted) == fitted
