"""text: the table without a terminal."""

from __future__ import annotations

from agent.top.columns import COLUMNS, find_column
from agent.top.glyphs import ASCII, UNICODE
from agent.top.rows import rows_of
from agent.top.sets import DEFAULT
from agent.top.text import table_text
from agent.top.view import View
from tests.agent.top.scene import frame
from tests.golden_file import assert_golden

OVERVIEW = [find_column(key) for key in DEFAULT]


def test_the_table_is_the_golden_one() -> None:
    assert_golden("top/table.txt", table_text(rows_of(frame(), View()), OVERVIEW, glyphs=UNICODE))


def test_a_grouped_table_has_its_groups_above_their_members() -> None:
    rows = rows_of(frame(), View(group="runtime"))
    assert_golden("top/table-grouped.txt", table_text(rows, OVERVIEW, glyphs=UNICODE))


def test_names_are_whole_and_columns_line_up() -> None:
    rows = rows_of(frame(), View(sort="cpu"))
    text = table_text(rows, OVERVIEW[:3], glyphs=ASCII)
    lines = text.splitlines()
    assert lines[2].startswith("shop/checkout-7c9f/api  up 3h12m  1.95")
    assert text.isascii()
    assert len({len(line) for line in lines}) == 1


def test_without_rows_there_is_the_heading_alone_or_nothing() -> None:
    assert table_text([], COLUMNS[:2], glyphs=UNICODE) == "NAME  STATE\n"
    assert table_text([], COLUMNS[:2], glyphs=UNICODE, headers=False) == ""
