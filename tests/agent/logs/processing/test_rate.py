"""agent/logs/processing/rate.py"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.entry import Entry
from agent.logs.processing.rate import BURST, RateLimit, sampled

SECOND = 10**9


def entry(at: float, text: bytes = b"x") -> Entry:
    return int(at * SECOND), "stdout", text, None, False


def test_a_burst_and_then_the_rate() -> None:
    limit = RateLimit(lines=10, size=0)
    admitted = [limit.admit(entry(100 + number / 100)) for number in range(2000)]
    assert all(admitted[:100])
    # 20 s of 100 lines/s: the burst, then ten a second.
    assert sum(admitted) == pytest.approx(10 * BURST + 20 * 10, abs=2)


def test_bytes_count_as_well() -> None:
    limit = RateLimit(lines=0, size=100)
    assert [limit.admit(entry(0, b"x" * 400)) for _ in range(4)] == [True, True, False, False]


def test_a_line_larger_than_the_bucket_passes_when_it_is_full() -> None:
    limit = RateLimit(lines=0, size=1)
    assert limit.admit(entry(0, b"x" * 50))
    assert not limit.admit(entry(1, b"x"))


def test_a_clock_that_goes_back_gives_nothing_and_blocks_nothing() -> None:
    limit = RateLimit(lines=1, size=0)
    assert sum(limit.admit(entry(1000)) for _ in range(20)) == 10
    assert not limit.admit(entry(10))
    assert limit.admit(entry(12))


def test_waiting_is_as_long_as_the_debt() -> None:
    limit = RateLimit(lines=10, size=0)
    lines = [entry(0)] * 100
    assert limit.charge(lines, 0) == 0.0
    assert limit.charge(lines, 0) == pytest.approx(10.0)
    assert limit.charge([], 4 * SECOND) == pytest.approx(6.0)


def test_sampling_keeps_about_the_share_and_the_same_lines_each_time() -> None:
    lines = [entry(number / 1000, f"line {number}".encode()) for number in range(20_000)]
    kept = [sampled(line, 0.1) for line in lines]
    assert 0.08 < sum(kept) / len(kept) < 0.12
    assert kept == [sampled(line, 0.1) for line in lines]
    same = [entry(number / 1000, b"same text") for number in range(20_000)]
    assert 0.08 < sum(sampled(line, 0.1) for line in same) / 20_000 < 0.12


@given(st.binary(), st.integers(0, 2**62))
def test_all_and_none_are_exact(text: bytes, at: int) -> None:
    line: Entry = (at, "stdout", text, None, False)
    assert sampled(line, 1.0)
    assert not sampled(line, 0.0)
