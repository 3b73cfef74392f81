"""render: whole screens, at every size."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Kind
from agent.model import Sample, SourceHealth
from agent.top.columns import BY_KEY, COLUMNS
from agent.top.frame import Frame, OwnCost, make_frame
from agent.top.glyphs import ASCII, UNICODE
from agent.top.render import choose_columns, lay_out, page_size, render, rows_of
from agent.top.screen import Screen
from agent.top.view import View
from agent.top.width import display_width
from tests.agent.snapshots import reading, sample, snapshot
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
        ("120x30", View(everything=True, sort="memory", selected=5), 120, 30),
        ("200x50", View(everything=True, sort="name"), 200, 50),
        ("filter", View(draft="shop"), 80, 12),
        ("help", View(help=0), 80, 24),
        ("help-end", View(help=1000), 100, 24),
        ("5x2", View(), 5, 2),
        ("20x6", View(), 20, 6),
    ],
)
def test_the_screen_is_the_golden_one(name: str, view: View, width: int, height: int) -> None:
    screen = draw(frame(), view, width, height, UNICODE)
    assert_exact(screen)
    assert_golden(f"top/{name}.txt", as_text(screen))


def test_in_ascii_there_is_nothing_but_ascii() -> None:
    for view in (View(everything=True), View(help=0), View(draft="é")):
        screen = draw(frame(), view, 160, 40, ASCII)
        assert_exact(screen)
        assert "".join(text_of(screen)).isascii()


def test_before_the_first_reading_there_is_a_screen() -> None:
    screen = draw(None, View(), 80, 24, UNICODE)
    assert_exact(screen)
    assert "first reading" in text_of(screen)[0]


def test_no_rows_are_explained() -> None:
    empty = dataclasses.replace(frame(), usages=())
    assert "no container is running" in text_of(draw(empty, View(), 80, 24, UNICODE))[4]
    filtered = draw(frame(), View(filter="nowhere"), 80, 24, UNICODE)
    assert "nothing matches" in text_of(filtered)[4]


def test_the_footer_says_what_is_not_permitted() -> None:
    note = text_of(draw(frame(), View(), 80, 24, UNICODE))[-2]
    assert "? not permitted (try as root): cpu-limit, memory, memory-limit, network" in note


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
    for column in COLUMNS:
        chosen = choose_columns(View(sort=column.key), frame().usages, 40)
        assert column.key in [each.key for each in chosen]


def test_eighty_columns_hold_everything_up_to_the_network() -> None:
    chosen = choose_columns(View(), [], 80)
    assert [column.key for column in chosen] == [column.key for column in COLUMNS[:9]]
    assert sum(1 + column.width for column in chosen) + 1 <= 80 + 1


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
    draft=st.one_of(st.none(), names),
    everything=st.booleans(),
    help=st.one_of(st.none(), st.integers(0, 100)),
    selected=st.one_of(st.none(), st.integers(0, 9)),
    position=st.integers(0, 20),
    offset=st.integers(0, 20),
)


@given(frames(), views, sizes, sizes, st.sampled_from([UNICODE, ASCII]))
def test_any_frame_at_any_size_fills_exactly_the_screen(
    seen: Frame, view: View, width: int, height: int, glyphs: object
) -> None:
    assert glyphs is UNICODE or glyphs is ASCII
    screen = render(seen, rows_of(seen, view), view, width, height, glyphs)
    assert (screen.width, screen.height) == (width, height)
    assert_exact(screen)
    assert all(character.isprintable() for line in text_of(screen) for character in line)


def test_the_same_facts_and_choices_give_the_same_screen() -> None:
    assert draw(frame(), View(), 80, 24, UNICODE) == draw(frame(), View(), 80, 24, UNICODE)
