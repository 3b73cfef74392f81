"""agent/log_patterns.py"""

from __future__ import annotations

import time

import pytest

from agent.log_patterns import LONGEST, compile_any, compile_pattern


@pytest.mark.parametrize(
    "text",
    [
        r"(a+)+$",
        r"(\w+\s?)+$",
        r"(a|aa)+$",
        r"(?:x*)*y",
        r"(.*a){20,}",
        r"((ab)?c*)*",
        r"(?=(a+)+$)a",
        r"(a|b?)*c",
        r"^(?:(?:\d+)?,)*$",
    ],
)
def test_what_can_take_exponential_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="exponential"):
        compile_pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        r"^GET /healthz ",
        r"\b(error|warn)\b",
        r"(foo|bar)+baz",
        r"(?:\w+\s?)++$",
        r"(?>\w+)x",
        r"\d{4}-\d\d-\d\d",
        r"(?i)timeout.*upstream",
        r"(?:\d\d:){2}\d\d",
        r"([a-z]\d)*",
    ],
)
def test_usual_expressions_are_taken(text: str) -> None:
    assert compile_pattern(text).pattern == text.encode()


@pytest.mark.parametrize("text", ["(", "", "[a", "(?P<a>.)(?P<a>.)", "x" * (LONGEST + 1)])
def test_what_is_no_expression_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError):
        compile_pattern(text)


def test_a_taken_expression_that_never_goes_back_is_fast_where_the_refused_one_is_not() -> None:
    pattern = compile_pattern(r"^(?:\w+\s?)++$")
    began = time.process_time()
    assert pattern.search(b"word " * 2000 + b"!") is None
    assert time.process_time() - began < 1.0


def test_several_expressions_become_one() -> None:
    pattern = compile_any(["^a", "b$"])
    assert pattern is not None
    assert pattern.search(b"ax")
    assert pattern.search(b"xb")
    assert not pattern.search(b"xax")
    assert compile_any([]) is None


def test_flags_that_would_be_for_all_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"\(\?i:"):
        compile_any(["(?i)a", "(?i)b"])
