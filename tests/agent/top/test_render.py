"""render: whole screens, at every size."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Kind
from agent.model import Sample, SourceHealth
from agent.top.columns import BY_KEY
from agent.top.frame import Frame, OwnCost, judge, make_frame
from agent.top.glyphs import ASCII, UNICODE, Glyphs
from agent.top.grouping import CYCLE
from agent.top.layout import Hit, choose_columns, hit, lay_out, page_size
from agent.top.rows import rows_of
from agent.top.screen import Screen
from agent.top.sets import SETS
from agent.top.trend import trends_of
from agent.top.view import Prompt, Show, View
from agent.top.width import display_width
from tests.agent.snapshots import WALL, reading, sample, snapshot
from tests.agent.top.scene import as_text, draw, frame
from tests.golden_file import assert_golden


def text_of(screen: Screen) -> list[str]:
    return ["".join(span.text for span in line) for line in screen.lines]


def assert_exact(screen: Screen) -> None:
    assert len(screen.lines) == screen.height
    for line in screen.lines:
        assert sum(display_width(span.text) for span in line) == screen.width


@pytest.mark.parametrize(
    ("name", "view", "width", "height"),
    [
        ("80x24", View(), 80, 24),
        ("120x30", View(everything=True, sort="mem", selected=5), 120, 30),
        ("200x50", View(everything=True, sort="name"), 200, 50),
        ("filter", View(prompt=Prompt("filter", "shop")), 80, 12),
        ("command", View(prompt=Prompt("command", "s")), 80, 12),
        ("command-value", View(prompt=Prompt("command", "group p")), 80, 12),
        ("mistake", View(prompt=Prompt("filter", "cpu>x")), 80, 12),
        ("grouped", View(group="runtime", collapsed=frozenset({"podman"})), 120, 20),
        ("paused", View(at=WALL + 11), 80, 12),
        ("faults", View(faults=True), 80, 12),
        ("sort-menu", View(menu="sort"), 80, 12),
        ("memory", View(columns=SETS[2].columns), 120, 14),
        ("limits", View(columns=SETS[5].columns), 100, 14),
        ("why", View(show=Show.WHY, selected=3), 80, 24),
        ("help", View(show=Show.HELP), 80, 24),
        ("help-end", View(show=Show.HELP, scroll=1000), 100, 24),
        ("help-command", View(show=Show.HELP, prompt=Prompt("command", "co")), 80, 12),
        ("columns", View(show=Show.COLUMNS, scroll=12), 80, 24),
        ("5x2", View(), 5, 2),
        ("20x6", View(), 20, 6),
    ],
)
def test_the_screen_is_the_golden_one(name: str, view: View, width: int, height: int) -> None:
    screen = draw(frame(), view, width, height, UNICODE)
    assert_exact(screen)
    assert_golden(f"top/{name}.txt", as_text(screen))


def test_in_ascii_there_is_nothing_but_ascii() -> None:
    for view in (
        View(everything=True, group="image"),
        View(show=Show.HELP),
        View(prompt=Prompt("filter", "é")),
    ):
        screen = draw(frame(), view, 160, 40, ASCII)
        assert_exact(screen)
        assert "".join(text_of(screen)).isascii()


def test_before_the_first_reading_there_is_a_screen() -> None:
    screen = draw(None, View(), 80, 24, UNICODE)
    assert_exact(screen)
    assert "first reading" in text_of(screen)[0]


def test_no_rows_are_explained() -> None:
    empty = dataclasses.replace(frame(), items=())
    assert "no container is running" in text_of(draw(empty, View(), 80, 24, UNICODE))[4]
    filtered = draw(frame(), View(filter="nowhere"), 80, 24, UNICODE)
    assert "nothing fits" in text_of(filtered)[4]


def test_the_footer_says_what_is_not_permitted() -> None:
    note = text_of(draw(frame(), View(), 80, 24, UNICODE))[-2]
    assert "? not permitted (try as root): cpu.of_limit, mem, mem.of_limit" in note


def test_a_failing_source_is_named_in_header_and_footer() -> None:
    broken = (SourceHealth("cgroup", 0.1, 3, "/docker/a/io.stat: cannot read 'x'"),)
    lines = text_of(draw(dataclasses.replace(frame(), health=broken), View(), 120, 24, UNICODE))
    assert "⚠3" in lines[1]
    assert "cgroup: 3 failed: /docker/a/io.stat" in lines[-2]


def test_a_kill_counted_by_a_pod_as_well_is_counted_once() -> None:
    def cgroup(inode: int, kind: Kind) -> Sample:
        container = Container(runtime="containerd", id="a", kind=kind, pod="p", container="c")
        return sample(reading(oom_kill=2), inode=inode, container=container)

    seen = make_frame(
        None,
        snapshot(cgroup(1, Kind.POD), cgroup(2, Kind.CONTAINER)),
        hostname="h",
        clock="",
        delay=1.0,
        own=OwnCost(None, None),
    )
    assert "OOM kills 2 " in text_of(draw(seen, View(), 120, 24, UNICODE))[1]


def test_escape_sequences_in_names_do_not_reach_the_terminal() -> None:
    lines = text_of(draw(frame(), View(everything=True), 200, 50, UNICODE))
    assert not any("\x1b" in line for line in lines)
    assert any("監視\ufffd[31m" in line for line in lines)


def test_the_sort_column_is_never_left_out() -> None:
    for chosen in SETS:
        for key in chosen.columns:
            view = View(sort="trouble" if key == "why" else key, columns=chosen.columns)
            kept = choose_columns(view, rows_of(frame(), view), 40, UNICODE)
            assert key in [each.key for each in kept]


def test_eighty_columns_hold_what_is_wrong_and_the_shares_of_limits() -> None:
    kept = choose_columns(View(), [], 80, UNICODE)
    assert [column.key for column in kept] == [
        *("name", "cpu", "cpu.of_limit", "cpu.throttled", "mem", "mem.of_limit", "why")
    ]
    assert sum(1 + column.width for column in kept) <= 80


def test_a_hundred_and_eighty_columns_hold_the_whole_overview() -> None:
    kept = choose_columns(View(), [], 180, UNICODE)
    assert tuple(column.key for column in kept) == SETS[0].columns


def test_a_click_finds_the_heading_and_the_row_under_it() -> None:
    view = View()
    rows = rows_of(frame(), view)
    screen = draw(frame(), view, 80, 24, UNICODE)
    heading = text_of(screen)[3]
    for column, word in (("name", "NAME"), ("cpu", "CPU"), ("why", "WHY")):
        at = heading.index(word), 3
        assert hit(view, rows, (80, 24), at, UNICODE) == Hit(column=column)
    for place, row in enumerate(rows):
        assert hit(view, rows, (80, 24), (5, 4 + place), UNICODE) == Hit(row=row.key)
    assert hit(view, rows, (80, 24), (5, 4 + len(rows)), UNICODE) == Hit()
    assert hit(view, rows, (80, 24), (5, 0), UNICODE) == Hit()


def test_a_page_and_the_other_parts_fill_the_height() -> None:
    for height in range(60):
        assert sum(lay_out(height)) == height
        assert page_size(View(), height) == lay_out(height).body


# Sizes a person can give a terminal, and more.
sizes = st.integers(0, 250)
names = st.text(max_size=30)
readings = st.one_of(
    st.builds(
        reading,
        usage_usec=st.integers(0, 2**60),
        periods=st.integers(0, 1000),
        throttled=st.integers(0, 1000),
        memory=st.integers(0, 2**60),
        memory_max=st.one_of(st.none(), st.integers(0, 2**60)),
        stalls=st.tuples(*[st.integers(0, 2**50)] * 3),
        pids=st.integers(0, 2**22),
        populated=st.booleans(),
        frozen=st.booleans(),
    ),
    st.builds(
        CgroupReading,
        denied=st.sets(
            st.sampled_from(["cpu_stat", "memory_current", "io_stat", "pids_current"])
        ).map(tuple),
    ),
)
containers = st.one_of(
    st.none(),
    st.builds(
        Container,
        runtime=names,
        id=names,
        kind=st.sampled_from(Kind),
        name=names,
        image=names,
        pod=names,
        namespace=names,
        started=st.one_of(st.none(), st.floats(0, 4e9)),
    ),
)


@st.composite
def frames(make: st.DrawFn) -> Frame:
    count = make(st.integers(0, 8))
    pairs = [
        ((make(readings), make(readings)), make(containers), make(names)) for _ in range(count)
    ]
    ticks = [
        snapshot(
            *(
                sample(read[tick], inode=inode, path=f"/{path}", container=container, at=tick)
                for inode, (read, container, path) in enumerate(pairs)
            ),
            at=float(tick),
        )
        for tick in (0, 1)
    ]
    return make_frame(
        make(st.sampled_from([None, ticks[0]])),
        ticks[1],
        judgement=make(st.sampled_from([None, judge(ticks)])),
        trends=trends_of(ticks),
        hostname=make(names),
        clock="00:00:00",
        delay=1.0,
        own=OwnCost(None, None),
    )


views = st.builds(
    View,
    sort=st.sampled_from(sorted(BY_KEY)),
    reverse=st.booleans(),
    filter=st.sampled_from(["", "a", "\u202e"]),
    prompt=st.one_of(st.none(), st.builds(Prompt, st.sampled_from(["filter", "jump"]), names)),
    everything=st.booleans(),
    faults=st.booleans(),
    group=st.sampled_from(CYCLE),
    columns=st.sampled_from([each.columns for each in SETS]),
    show=st.sampled_from([None, None, None, Show.HELP, Show.WHY, Show.COLUMNS]),
    scroll=st.integers(0, 100),
    menu=st.sampled_from(["", "sort"]),
    message=st.sampled_from(["", "x" * 300]),
    at=st.sampled_from([None, WALL]),
    selected=st.one_of(st.none(), st.integers(0, 9)),
    position=st.integers(0, 20),
    offset=st.integers(0, 20),
)


@given(frames(), views, sizes, sizes, st.sampled_from([UNICODE, ASCII]))
def test_any_frame_at_any_size_fills_exactly_the_screen(
    seen: Frame, view: View, width: int, height: int, glyphs: Glyphs
) -> None:
    screen = draw(seen, view, width, height, glyphs)
    assert (screen.width, screen.height) == (width, height)
    assert_exact(screen)
    assert all(character.isprintable() for line in text_of(screen) for character in line)


def test_the_same_facts_and_choices_give_the_same_screen() -> None:
    assert draw(frame(), View(), 80, 24, UNICODE) == draw(frame(), View(), 80, 24, UNICODE)
