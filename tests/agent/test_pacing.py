"""agent.pacing: what is due, in which order, and where it stops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pacing import Pace


class Work:
    """Each step takes a second of the clock it is also."""

    def __init__(self, steps: int = 1) -> None:
        self.now = 0.0
        self.steps = steps
        self.done: list[str] = []

    def clock(self) -> float:
        return self.now

    def __call__(self, key: str) -> Iterator[None]:
        for _ in range(self.steps - 1):
            self.now += 1.0
            yield
        self.now += 1.0
        self.done.append(key)


def test_new_keys_are_due_at_once_and_the_budget_ends_a_run() -> None:
    work = Work()
    pace: Pace[str] = Pace(60.0, 2.0, work.clock)
    pace.run("abc", work)
    assert work.done == ["a", "b"]
    pace.run("abc", work)
    assert work.done == ["a", "b", "c"]


def test_nothing_is_done_again_before_its_time() -> None:
    work = Work()
    pace: Pace[str] = Pace(60.0, 10.0, work.clock)
    pace.run("ab", work)
    pace.run("ab", work)
    assert work.done == ["a", "b"]
    work.now = 60.5
    pace.run("ab", work)
    assert work.done == ["a", "b", "a", "b"]


def test_work_that_is_longer_than_the_budget_goes_on_in_the_next_run() -> None:
    work = Work(steps=5)
    pace: Pace[str] = Pace(60.0, 2.0, work.clock)
    for _ in range(2):
        pace.run("a", work)
        assert work.done == []
    pace.run("a", work)
    assert work.done == ["a"]


def test_a_step_is_made_even_when_the_budget_is_too_small_for_it() -> None:
    work = Work()
    pace: Pace[str] = Pace(60.0, 0.5, work.clock)
    pace.run("ab", work)
    pace.run("ab", work)
    assert work.done == ["a", "b"]


def test_a_key_that_is_gone_is_left_in_the_middle_and_is_new_when_it_comes_back() -> None:
    work = Work(steps=3)
    pace: Pace[str] = Pace(60.0, 1.0, work.clock)
    pace.run("a", work)
    pace.run("", work)
    pace.run("a", work)
    pace.run("a", work)
    pace.run("a", work)
    assert work.done == ["a"]


def test_work_that_fails_is_dropped_and_the_failure_comes_through() -> None:
    pace: Pace[str] = Pace(60.0, 10.0, lambda: 0.0)

    def broken(key: str) -> Iterator[None]:
        if key:
            raise RuntimeError(key)
        yield

    with pytest.raises(RuntimeError):
        pace.run("a", broken)
    pace.run("a", broken)  # not due again yet


@given(st.integers(1, 20), st.integers(1, 6), st.integers(1, 8))
def test_every_key_gets_its_turn_before_any_gets_a_second(
    keys: int, steps: int, budget: int
) -> None:
    work = Work(steps)
    names = [chr(ord("a") + number) for number in range(keys)]
    pace: Pace[str] = Pace(0.0, float(budget), work.clock)
    while len(work.done) < 2 * keys:
        before = work.now
        pace.run(names, work)
        assert work.now - before <= budget + 1
    assert sorted(work.done[:keys]) == names
