"""table and columns: order, markers, levels."""

from __future__ import annotations

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import CgroupReading
from agent.top.columns import BY_KEY, COLUMNS, Column
from agent.top.filter import parse_filter
from agent.top.glyphs import ASCII, UNICODE, Glyphs
from agent.top.table import Cell, Level, arrange, select, write_cell
from agent.usage import Usage, usages
from tests.agent.snapshots import MIB, WALL, docker, interface, reading, sample, snapshot
from tests.agent.top.scene import frame


def use(name: str, before: CgroupReading, after: CgroupReading, inode: int = 1) -> Usage:
    container = docker(name)
    earlier = sample(before, inode=inode, container=container, at=0.0)
    later = sample(after, inode=inode, container=container, at=1.0)
    return usages(snapshot(earlier), snapshot(later))[0]


def busy(name: str, cores: float, inode: int) -> Usage:
    return use(name, reading(), reading(usage_usec=int(cores * 1_000_000)), inode)


def written(key: str, usage: Usage, glyphs: Glyphs = UNICODE) -> Cell:
    return write_cell(BY_KEY[key], usage, now=WALL, glyphs=glyphs)


def names(rows: list[Usage]) -> list[str]:
    return [row.container.name for row in rows if row.container]


def test_the_busiest_comes_first_and_equal_ones_by_name_both_ways() -> None:
    rows = [busy("b", 1, 1), busy("z", 2, 2), busy("a", 1, 3)]
    assert names(arrange(rows, BY_KEY["cpu"])) == ["z", "a", "b"]
    assert names(arrange(rows, BY_KEY["cpu"], reverse=True)) == ["a", "b", "z"]


def test_what_is_not_known_comes_last_both_ways() -> None:
    rows = [use("blind", CgroupReading(), CgroupReading(), 1), busy("idle", 0, 2), busy("x", 1, 3)]
    assert names(arrange(rows, BY_KEY["cpu"])) == ["x", "idle", "blind"]
    assert names(arrange(rows, BY_KEY["cpu"], reverse=True)) == ["idle", "x", "blind"]


def test_names_go_from_a_to_z_until_reversed() -> None:
    rows = [busy("b", 1, 1), busy("a", 2, 2)]
    assert names(arrange(rows, BY_KEY["name"])) == ["a", "b"]
    assert names(arrange(rows, BY_KEY["name"], reverse=True)) == ["b", "a"]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.key)
def test_every_column_sorts_every_kind_of_row(column: Column) -> None:
    rows = frame().usages
    assert set(map(id, arrange(rows, column))) == set(map(id, rows))


def test_no_limit_no_permission_and_no_such_file_are_three_signs() -> None:
    limited = CpuMax(100_000, 100_000)
    half = use("x", reading(cpu_max=limited), reading(cpu_max=limited, usage_usec=500_000))
    denied = CgroupReading(denied=("cpu_max",))
    for glyphs, signs in ((UNICODE, "·?–"), (ASCII, ".?-")):
        assert written("cpu-limit", use("x", reading(), reading()), glyphs).text == signs[0]
        assert written("cpu-limit", use("x", denied, denied), glyphs).text == signs[1]
        nothing = use("x", CgroupReading(), CgroupReading())
        assert written("cpu-limit", nothing, glyphs).text == signs[2]
        assert written("cpu-limit", half, glyphs).text == "50"


def test_a_cell_of_several_values_marks_each_by_itself() -> None:
    usage = use(
        "x",
        CgroupReading(cpu_pressure=reading().cpu_pressure, denied=("memory_pressure",)),
        CgroupReading(
            cpu_pressure=reading(stalls=(580_000, 0, 0)).cpu_pressure, denied=("memory_pressure",)
        ),
    )
    assert written("pressure", usage).text == "58/ ?/ –"


def test_zero_is_a_number_and_is_drawn_faint() -> None:
    assert written("cpu", busy("x", 0, 1)) == Cell("0.00", Level.FAINT)
    assert written("pids", use("x", reading(), reading(pids=0))) == Cell("0", Level.FAINT)


@pytest.mark.parametrize(
    ("memory", "level"),
    [(69, Level.NORMAL), (70, Level.WARNING), (89, Level.WARNING), (90, Level.CRITICAL)],
)
def test_near_the_limit_is_marked_from_seventy_and_ninety_percent(
    memory: int, level: Level
) -> None:
    read = reading(memory=memory * MIB, memory_max=100 * MIB)
    assert written("memory-limit", use("x", read, read)) == Cell(str(memory), level)


def test_a_running_container_shows_its_age_and_the_others_their_state() -> None:
    assert written("state", busy("x", 1, 1)).text == "up 1h00m"
    frozen = reading(frozen=True)
    assert written("state", use("x", frozen, frozen)) == Cell("paused", Level.WARNING)
    empty = reading(populated=False)
    assert written("state", use("x", empty, empty)) == Cell("exited", Level.FAINT)


def test_a_start_in_the_future_is_no_negative_age() -> None:
    cell = write_cell(BY_KEY["state"], busy("x", 1, 1), now=WALL - 9999, glyphs=UNICODE)
    assert cell.text == "up 0s"


def test_only_containers_are_listed_unless_everything_is_asked_for() -> None:
    rows = frame().usages
    kept = select(rows, parse_filter(""))
    assert {usage.cgroup.path for usage in rows} - {usage.cgroup.path for usage in kept} == {
        "/",
        "/system.slice/ssh.service",
        "/kubepods/pod1/sandbox",
    }
    assert select(rows, parse_filter(""), everything=True) == list(rows)
    assert [usage.cgroup.path for usage in select(rows, parse_filter("search"))] == [
        "/docker/search"
    ]


def test_network_sorts_by_the_sum_of_both_directions() -> None:
    def talking(name: str, inode: int, receive: int, transmit: int) -> Usage:
        (usage,) = usages(
            snapshot(sample(inode=inode, container=docker(name), network=(interface(),))),
            snapshot(
                sample(
                    inode=inode,
                    container=docker(name),
                    at=1,
                    network=(interface("eth0", receive, transmit),),
                )
            ),
        )
        return usage

    rows = [talking("one-way", 1, 100, 0), talking("both", 2, 60, 60)]
    assert names(arrange(rows, BY_KEY["network"])) == ["both", "one-way"]
