"""text: the table without a terminal."""

from __future__ import annotations

from agent.top.columns import COLUMNS
from agent.top.glyphs import ASCII, UNICODE
from agent.top.render import rows_of
from agent.top.text import table_text
from agent.top.view import View
from tests.agent.top.scene import frame
from tests.golden_file import assert_golden


def test_the_table_is_the_golden_one() -> None:
    seen = frame()
    text = table_text(rows_of(seen, View()), COLUMNS, now=seen.wall_time, glyphs=UNICODE)
    assert_golden("top/table.txt", text)


def test_names_are_whole_and_columns_line_up() -> None:
    seen = frame()
    text = table_text(rows_of(seen, View()), COLUMNS[:3], now=seen.wall_time, glyphs=ASCII)
    lines = text.splitlines()
    assert lines[2].startswith("shop/checkout-7c9f/api  up 3h12m  1.95")
    assert text.isascii()
    assert len({len(line) for line in lines}) == 1


def test_without_rows_there_is_the_heading_alone() -> None:
    assert table_text([], COLUMNS[:2], now=0, glyphs=UNICODE) == "NAME  STATE\n"
