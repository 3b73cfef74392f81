from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.trace.buckets import human_ns, human_quantile, quantile, quantile_seconds


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=32), st.floats(0.01, 1))
def test_a_quantile_lies_in_the_bucket_that_holds_it(buckets: list[int], part: float) -> None:
    ns = quantile(buckets, part)
    if not any(buckets):
        assert ns is None
        return
    assert ns is not None
    below = sum(count for power, count in enumerate(buckets) if 1 << (power + 1) <= ns)
    assert below <= part * sum(buckets) + 1e-6


def test_nothing_measured_is_not_zero() -> None:
    assert quantile([0, 0], 0.5) is None
    assert quantile_seconds([0, 0], 0.5) is None
    assert human_quantile([0, 0], 0.5) == "-"


def test_a_quantile_in_seconds_and_for_a_person() -> None:
    buckets = [0] * 20 + [4]
    assert quantile_seconds(buckets, 0.5) == pytest.approx(1.5 * 2**20 / 1e9)
    assert human_quantile(buckets, 0.5) == "1.6ms"


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0ns"), (340, "340ns"), (1200, "1.2us"), (18_000_000, "18ms"), (2.5e9, "2.5s")],
)
def test_a_time_for_a_person(ns: float, text: str) -> None:
    assert human_ns(ns) == text
