"""cells and columns: markers, levels, what each cell says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import CgroupReading
from agent.diagnosis.finding import Severity
from agent.selection.item import Item
from agent.top.cells import Cell, Level, write_cell
from agent.top.columns import BY_KEY, COLUMNS, find_column
from agent.top.glyphs import ASCII, UNICODE, Glyphs
from agent.top.row import Row
from agent.top.sets import SETS
from tests.agent.selection.items import finding, item
from tests.agent.snapshots import MIB, WALL, reading


def row(one: Item) -> Row:
    return Row(key=1, items=(one,), label=one.title)


def written(key: str, one: Item, glyphs: Glyphs = UNICODE) -> Cell:
    return write_cell(BY_KEY[key], row(one), glyphs)


def test_no_limit_no_permission_and_no_such_file_are_three_signs() -> None:
    half = item(cores=0.5, cpu_max=CpuMax(100_000, 100_000))
    denied = item(read=CgroupReading(denied=("cpu_max",)))
    for glyphs, signs in ((UNICODE, "·?–"), (ASCII, ".?-")):
        assert written("cpu.of_limit", item(), glyphs).text == signs[0]
        assert written("cpu.of_limit", denied, glyphs).text == signs[1]
        assert written("cpu.of_limit", item(read=CgroupReading()), glyphs).text == signs[2]
        assert written("cpu.of_limit", half, glyphs).text == "50"


def test_a_cell_of_several_values_marks_each_by_itself() -> None:
    partly = item(
        read=CgroupReading(cpu_pressure=reading().cpu_pressure, denied=("memory_pressure",))
    )
    assert written("psi", partly).text == " 0/ ?/ –"


def test_zero_is_a_number_and_is_drawn_faint() -> None:
    assert written("cpu", item(cores=0)) == Cell("0.00", Level.FAINT)
    assert written("pids", item(read=reading(pids=0))) == Cell("0", Level.FAINT)


@pytest.mark.parametrize(
    ("memory", "level"),
    [(69, Level.NORMAL), (70, Level.WARNING), (89, Level.WARNING), (90, Level.CRITICAL)],
)
def test_near_the_limit_is_marked_from_seventy_and_ninety_percent(
    memory: int, level: Level
) -> None:
    near = item(memory=memory * MIB, memory_max=100 * MIB)
    assert written("mem.of_limit", near) == Cell(str(memory), level)


def test_a_running_container_shows_its_age_and_the_others_their_state() -> None:
    assert written("state", item()).text == "up 1h00m"
    assert written("state", item(read=reading(frozen=True))) == Cell("paused", Level.WARNING)
    assert written("state", item(read=reading(populated=False))) == Cell("exited", Level.FAINT)
    gone = Item(cgroup=None, container=None, usage=None, ended="job")
    assert written("state", gone) == Cell("down", Level.WARNING)


def test_a_start_in_the_future_is_no_negative_age() -> None:
    assert written("state", replace(item(), wall_time=WALL - 9999)).text == "up 0s"


def test_why_is_the_worst_with_a_sign_and_how_many_more() -> None:
    assert written("why", item()) == Cell("")
    two = item(findings=(finding(), finding("restarted", Severity.WARNING)))
    assert written("why", two) == Cell("✖ throttled 64% of periods +1", Level.CRITICAL)
    assert written("why", two, ASCII).text == "X throttled 64% of periods +1"
    notice = item(findings=(finding("uses a lot", Severity.NOTICE),))
    assert written("why", notice) == Cell("• uses a lot", Level.NOTICE)


def test_a_trend_is_of_the_limit_where_there_is_one_and_else_of_its_own_most() -> None:
    limited = replace(item(cpu_max=CpuMax(200_000, 100_000)), cpu_trend=(None, 0.0, 1.0, 2.0))
    assert written("cpu.trend", limited).text == " " * 5 + "▁▄█"
    assert written("cpu.trend", limited, ASCII).text == " " * 5 + ".=#"
    free = replace(item(), cpu_trend=(0.2, 0.4))
    assert written("cpu.trend", free).text.endswith("▄█")
    # One that hardly does anything has a low line.
    assert written("cpu.trend", replace(item(), cpu_trend=(0.001,))).text.endswith("▁")


def test_a_group_shows_sums_its_members_states_and_its_worst() -> None:
    members = (item("a", cores=1.0), item("b", cores=0.5, findings=(finding(),)))
    group = Row(key="group:x", items=members, label="x", group="x", is_group=True)

    def cell(key: str) -> str:
        return write_cell(find_column(key), group, UNICODE).text

    assert cell("name") == "▾ x"
    assert cell("cpu") == "1.50"
    assert cell("state") == "2/2"
    assert cell("why") == "✖ throttled 64% of periods"
    assert cell("cpu.of_limit") == "·"
    assert cell("image") == "demo:1"
    assert cell("id") == ""


@pytest.mark.parametrize(
    "key", [column.key for column in COLUMNS] + ["id", "label.app", "severity"]
)
def test_every_column_writes_every_kind_of_row(key: str) -> None:
    column = find_column(key)
    gone = Item(cgroup=None, container=None, usage=None, ended="job", findings=(finding(),))
    every = [item(), gone, item(read=CgroupReading(denied=("cpu_stat", "memory_current")))]
    for one in (*map(row, every), Row(key="g", items=tuple(every), label="g", is_group=True)):
        for glyphs in (UNICODE, ASCII):
            assert isinstance(write_cell(column, one, glyphs).text, str)


def test_the_sets_name_columns_there_are_and_each_says_what_it_shows() -> None:
    for chosen in SETS:
        assert chosen.columns[0] == "name"
        assert set(chosen.columns) <= set(BY_KEY)
    assert all(column.says for column in COLUMNS)
