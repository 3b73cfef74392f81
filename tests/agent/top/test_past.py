"""past and looking: Snapshots kept, found again, stepped through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from agent.model import Snapshot
from agent.top.looking import Looking
from agent.top.making import FrameMaker
from agent.top.past import Joined, MemoryPast, earlier, later, nearest, window
from agent.top.view import Prompt, View
from tests.agent.snapshots import WALL, docker, reading, sample, snapshot


def taken(second: int) -> Snapshot:
    return snapshot(
        sample(reading(usage_usec=second), at=float(second), container=docker("web")),
        at=float(second),
    )


def kept(*seconds: int, budget: int = 10**6) -> MemoryPast:
    past = MemoryPast(budget)
    for second in seconds:
        past.add(taken(second))
    return past


def test_a_snapshot_comes_back_as_it_was() -> None:
    past = kept(1, 2, 3)
    assert list(past.moments(-inf, inf)) == [WALL + 1, WALL + 2, WALL + 3]
    assert past.snapshot(WALL + 2) == taken(2)
    assert past.snapshot(WALL + 2.5) == taken(2)
    assert past.snapshot(WALL + 0.5) is None
    assert past.moments(WALL + 2, WALL + 2.5) == (WALL + 2,)


def test_the_last_are_all_there_and_those_before_are_packed_and_fewer() -> None:
    past = kept(*range(100))
    seconds = [at - WALL for at in past.moments(-inf, inf)]
    assert seconds == [*range(0, 85, 5), *range(85, 100)]
    assert past.snapshot(WALL + 20) == taken(20)
    assert past.snapshot(WALL + 23) == taken(20)
    assert past.snapshot(WALL + 93) == taken(93)


def test_the_oldest_go_when_the_budget_is_spent() -> None:
    seconds = [at - WALL for at in kept(*range(300), budget=4000).moments(-inf, inf)]
    assert 0 < seconds[0] < 280
    assert seconds[-15:] == list(range(285, 300))


def test_a_clock_set_back_begins_a_new_past() -> None:
    past = kept(10, 11)
    past.add(taken(5))
    assert list(past.moments(-inf, inf)) == [WALL + 5]


def test_of_two_the_newer_answers_where_both_know() -> None:
    joined = Joined(kept(1, 3, 5), kept(4, 5, 6))
    assert [time - WALL for time in joined.moments(-inf, inf)] == [1, 3, 4, 5, 6]
    assert joined.snapshot(WALL + 3) == taken(3)
    assert joined.snapshot(WALL + 6) == taken(6)
    assert list(Joined(kept(1), MemoryPast()).moments(-inf, inf)) == [WALL + 1]


def test_steps_stop_at_the_ends_and_begin_between_readings() -> None:
    past = kept(10, 11, 12, 5000)
    assert later(past, WALL + 11) == WALL + 12
    assert later(past, WALL + 11.5) == WALL + 12
    assert later(past, WALL + 12) == WALL + 5000
    assert later(past, WALL + 5000) is None
    assert earlier(past, WALL + 5000) == WALL + 12
    assert earlier(past, WALL + 11.5) == WALL + 11
    assert earlier(past, WALL + 10) is None


def test_the_nearest_is_the_last_one_before_and_else_the_first() -> None:
    past = kept(10, 11, 12, 20)
    assert nearest(past, WALL + 15) == WALL + 12
    assert nearest(past, WALL + 12) == WALL + 12
    assert nearest(past, WALL + 1) == WALL + 10
    assert nearest(MemoryPast(), 1.0) is None


class Times(MemoryPast):
    """Moments alone."""

    def __init__(self, times: Sequence[float]) -> None:
        super().__init__()
        self._times = times

    def moments(self, since: float, until: float) -> tuple[float, ...]:
        return tuple(time for time in self._times if since <= time <= until)


def test_a_window_has_steps_and_reaches_far_enough() -> None:
    every = [float(second) for second in range(200)]
    steps = [float(second) for second in range(40, 101, 5)]
    assert window(Times(every), 100.0, 60.0, 5.0) == steps
    assert window(Times(every[:3]), 2.0, 60.0, 5.0) == [0.0, 2.0]
    assert window(Times([7.0]), 7.0, 60.0, 5.0) == [7.0]


@given(st.lists(st.integers(0, 1000), min_size=1, unique=True).map(sorted), st.data())
def test_any_window_ends_at_its_moment_in_order(times: list[int], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(times))
    found = window(Times(times), at, 60.0, 5.0)
    assert list(found) == sorted(set(found))
    assert found[-1] == at
    assert set(found) <= set(times)


def looking(past: MemoryPast) -> Looking[Snapshot]:
    def moment(text: str) -> float:
        if not text.isdigit():
            raise ValueError(f"{text!r}: no time")
        return WALL + int(text)

    return Looking(past, FrameMaker(1.0), moment)


def test_pausing_stops_at_what_is_shown_and_stepping_moves_from_there() -> None:
    past = kept(1, 2, 3)
    look, maker = looking(past), FrameMaker(1.0)
    live = maker.next(taken(3))
    view = look.pause(View(), live)
    assert view.at == WALL + 3
    back = look.step(view, live, back=True)
    assert back.at == WALL + 2
    frame = look.frame(back, live)
    assert frame is not None
    assert frame.wall_time == WALL + 2
    past.add(taken(4))
    assert look.frame(back, maker.next(taken(4))) is frame
    oldest = look.step(look.step(back, live, back=True), live, back=True)
    assert oldest.at == WALL + 1
    assert "oldest" in oldest.message
    assert look.pause(back, live).at is None
    assert look.frame(View(), live) is live


def test_a_step_from_now_pauses() -> None:
    past = kept(1, 2, 3)
    live = FrameMaker(1.0).next(taken(3))
    assert looking(past).step(View(), live, back=True).at == WALL + 2


def test_a_jump_goes_where_it_says_or_says_why_not() -> None:
    look = looking(kept(10, 20, 30))

    def jump(text: str) -> View:
        return look.jump(View(prompt=Prompt("jump", text)))

    assert jump("25").at == WALL + 20
    assert jump("25").prompt is None
    early = jump("5")
    assert early.at == WALL + 10
    assert "oldest" in early.message
    assert "no time" in jump("soon").message
    assert jump("soon").prompt is not None
    assert jump("  ") == View()


def test_a_moment_dropped_meanwhile_leaves_the_frame_that_was_seen() -> None:
    past = kept(1, 2)
    look, live = looking(past), FrameMaker(1.0).next(taken(2))
    view = View(at=WALL + 1)
    frame = look.frame(view, live)
    past.add(taken(0))
    assert look.frame(view, live) is frame
    assert look.frame(replace(view, at=WALL + 2), live) is frame
