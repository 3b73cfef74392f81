"""agent/logs/processing/level.py"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.processing import level
from agent.logs.processing.level import _WORDS, level_of, level_of_value


@pytest.mark.parametrize(
    ("text", "said"),
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
def test_the_level_a_line_says(text: str, said: str | None) -> None:
    assert level_of(text.encode()) == said


FRAGMENTS = st.sampled_from(
    [*_WORDS, *(word.upper() for word in _WORDS), *(word.title() for word in _WORDS), "level",
     "severity", "LVL", "loglevel", "log_level", "levelName", "=", ":", '"', "[", "]", "(", ")",
     "<", ">", "<3>", "E1124 03:16:16", " ", "x", "50", "-", ".", "x" * 250]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_no_level_is_missed_by_the_first_look(text: str) -> None:
    found = (level._said(match) for match in level._PATTERN.finditer(text.encode(), 0, 256))
    assert level_of(text.encode()) == next((one for one in found if one is not None), None)


@pytest.mark.parametrize(
    ("value", "said"), [("Info", "info"), (30, "info"), (True, None), (None, None), (7, None)]
)
def test_the_level_a_member_says(value: object, said: str | None) -> None:
    assert level_of_value(value) == said


@given(st.binary(max_size=400))
def test_any_bytes_have_a_level_or_none(content: bytes) -> None:
    assert level_of(content) in (None, "trace", "debug", "info", "warning", "error", "fatal")
