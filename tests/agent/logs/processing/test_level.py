"""agent/logs/processing/level.py"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.processing.level import _WORDS, STEMS, level_of, level_of_value


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('{"level":"warn","msg":"x"}', "warning"),
        ('{"severity": "ERROR"}', "error"),
        ('{"time":1,"level":50}', "error"),
        ("level=error msg=x", "error"),
        ("ts=1 lvl=dbg", "debug"),
        ("2026-11-24 03:16:16,105 ERROR shop.Cart: no cart", "error"),
        ("2026/11/24 03:16:16 [error] 12#12: *1 open() failed", "error"),
        ("[WARN ] slow", "warning"),
        ("INFO:root:started", "info"),
        ("E1124 03:16:16.105173       1 cart.go:42] no cart", "error"),
        ("<3>disk is full", "error"),
        ("CRITICAL", "fatal"),
        ("level=strange WARNING: x", "warning"),
        ("GET /error 200", None),
        ("no errors found", None),
        ("TERROR", None),
        ("x" * 300 + " ERROR", None),
        ("", None),
    ],
)
def test_the_level_a_line_says(text: str, level: str | None) -> None:
    assert level_of(text.encode()) == level


def test_no_word_is_missed_by_the_first_look() -> None:
    for word in (*_WORDS, "level", "severity", "lvl", "loglevel", "log_level", "levelname"):
        assert any(stem.decode() in word for stem in STEMS), word


@pytest.mark.parametrize(
    ("value", "level"), [("Info", "info"), (30, "info"), (True, None), (None, None), (7, None)]
)
def test_the_level_a_member_says(value: object, level: str | None) -> None:
    assert level_of_value(value) == level


@given(st.binary(max_size=400))
def test_any_bytes_have_a_level_or_none(content: bytes) -> None:
    assert level_of(content) in (None, "trace", "debug", "info", "warning", "error", "fatal")
