from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.governor import FIRST_WAIT, GOOD_FOR, LONGEST_WAIT, Round, govern

BUDGET = 0.01
MINUTE = 60.0

rates = st.dictionaries(
    st.sampled_from(["lifecycle", "syscalls", "sched", "block", "tcp"]),
    st.floats(0, 0.1, allow_nan=False),
)


def test_within_the_budget_nothing_is_stopped() -> None:
    decided = govern({"lifecycle": 0.004, "sched": 0.005}, Round(), BUDGET, 0.0)
    assert (decided.stop, decided.start, decided.stopped) == ((), (), frozenset())
    assert decided.before == decided.after == pytest.approx(0.009)


def test_the_costliest_goes_first_and_no_more_than_needed() -> None:
    decided = govern({"a": 0.003, "b": 0.02, "c": 0.008, "d": 0.002}, Round(), BUDGET, 0.0)
    assert decided.stop == ("b", "c")
    assert decided.after == pytest.approx(0.005)


def test_a_budget_of_zero_stops_all_that_cost_something() -> None:
    assert govern({"a": 0.003, "b": 0.0}, Round(), 0.0, 0.0).stop == ("a",)


def test_what_was_stopped_is_tried_again_later_and_each_time_later_still() -> None:
    decided = govern({"sched": 0.02}, Round(), BUDGET, 0.0)
    assert decided.stopped == {"sched"}
    now, waits = 0.0, []
    for _ in range(9):
        stopped_at = now
        while not decided.start:
            now += MINUTE
            decided = govern({}, decided, BUDGET, now)
        assert decided.start == ("sched",)
        assert decided.stopped == frozenset()
        waits.append(now - stopped_at)
        now += MINUTE
        decided = govern({"sched": 0.02}, decided, BUDGET, now)
        assert decided.stop == ("sched",)
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT


def test_a_probe_that_behaved_for_an_hour_starts_afresh() -> None:
    decided = govern({"sched": 0.02}, Round(), BUDGET, 0.0)
    decided = govern({}, decided, BUDGET, FIRST_WAIT)
    assert decided.start == ("sched",)
    decided = govern({"sched": 0.001}, decided, BUDGET, FIRST_WAIT + GOOD_FOR - 1)
    assert decided.known["sched"].times == 1
    decided = govern({"sched": 0.001}, decided, BUDGET, FIRST_WAIT + GOOD_FOR)
    assert decided.known == {}


def test_one_is_tried_at_a_time_the_cheapest_first_and_none_while_over_the_budget() -> None:
    decided = govern({"a": 0.03, "b": 0.02}, Round(), BUDGET, 0.0)
    assert decided.stop == ("a", "b")
    over = govern({"c": 0.02}, decided, BUDGET, FIRST_WAIT)
    assert (over.stop, over.start) == (("c",), ())
    decided = govern({}, decided, BUDGET, FIRST_WAIT)
    assert decided.start == ("b",)
    decided = govern({"b": 0.001}, decided, BUDGET, FIRST_WAIT + MINUTE)
    assert decided.start == ("a",)


@given(rates, st.floats(0, 0.2, allow_nan=False))
def test_what_goes_on_is_within_the_budget_and_what_was_stopped_was_needed(
    costs: dict[str, float], budget: float
) -> None:
    decided = govern(costs, Round(), budget, 0.0)
    on = [rate for name, rate in costs.items() if name not in decided.stop]
    assert sum(on) <= budget + 1e-9
    assert all(costs[name] >= rate for name in decided.stop for rate in on)
    if decided.stop:
        assert sum(on) + costs[decided.stop[-1]] > budget - 1e-9
