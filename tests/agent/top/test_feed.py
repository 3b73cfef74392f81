"""feed and making: frames on a beat, in a thread that starts and ends."""

from __future__ import annotations

import threading

import pytest

from agent.kernelfile import UnexpectedText
from agent.model import Snapshot
from agent.top.cost import _parse_resident
from agent.top.feed import Feed
from agent.top.making import FrameMaker, frame_at
from agent.top.past import MemoryPast
from tests.agent.snapshots import docker, reading, sample, snapshot


class FakeSource:
    """A host on which each reading is a second, and half a CPU second, after the one before."""

    def __init__(self) -> None:
        self.count = 0
        self.raises: Exception | None = None

    def snapshot(self) -> Snapshot:
        if self.raises is not None:
            raise self.raises
        self.count += 1
        read = reading(usage_usec=500_000 * self.count, oom_kill=self.count // 4, memory_max=2**30)
        return snapshot(
            sample(read, at=float(self.count), container=docker("web")), at=float(self.count)
        )


def test_the_first_frame_has_no_rates_and_the_next_ones_have() -> None:
    source, maker = FakeSource(), FrameMaker(delay=1.0)
    first, second = maker.next(source.snapshot()), maker.next(source.snapshot())
    assert first.items[0].usage is not None
    assert first.items[0].usage.cpu_cores is None
    assert first.own is not None
    assert first.own.cpu_cores is None
    assert second.items[0].usage is not None
    assert second.items[0].usage.cpu_cores == 0.5
    assert second.own is not None
    assert second.own.memory is not None
    assert second.own.memory > 1024**2
    assert second.own.cpu_cores is not None


def test_what_is_wrong_is_found_within_seconds_and_kept_between_two_looks() -> None:
    source, maker = FakeSource(), FrameMaker(delay=1.0)
    found = [[f.rule for f in maker.next(source.snapshot()).items[0].findings] for _ in range(8)]
    assert found[0] == found[1] == []
    assert found[-1] == found[-2] == ["oom_killed"]


def test_a_moment_of_the_past_has_its_own_rates_and_faults() -> None:
    source, past = FakeSource(), MemoryPast()
    maker = FrameMaker(1.0, past)
    frames = [maker.next(source.snapshot()) for _ in range(30)]
    then = frames[-5]
    again = frame_at(past, then.wall_time, hostname="h", delay=1.0)
    assert again is not None
    assert again.wall_time == then.wall_time
    assert again.items[0].usage == then.items[0].usage
    assert [finding.rule for finding in again.items[0].findings] == ["oom_killed"]
    assert again.own is None
    assert any(value == pytest.approx(0.5) for value in again.items[0].cpu_trend)
    assert frame_at(past, -1.0, hostname="h", delay=1.0) is None


def test_the_thread_wakes_for_each_frame_and_ends_when_told() -> None:
    woken, begun = threading.Semaphore(0), threading.Event()
    feed = Feed(FakeSource(), FrameMaker(0.01), 0.01, woken.release, begun=begun.set)
    feed.start()
    assert woken.acquire(timeout=10)
    assert not begun.is_set(), "before the first frame was drawn"
    feed.shown()
    for _ in range(2):
        assert woken.acquire(timeout=10)
    feed.stop()
    assert begun.is_set()
    assert feed.count >= 3
    assert feed.frame is not None
    assert not feed._thread.is_alive()


def test_a_long_delay_does_not_hold_up_the_end() -> None:
    woken = threading.Semaphore(0)
    feed = Feed(FakeSource(), FrameMaker(3600), 3600, woken.release)
    feed.start()
    assert woken.acquire(timeout=10)
    feed.shown()
    feed.stop()
    assert not feed._thread.is_alive()


def test_the_end_does_not_wait_for_a_frame_that_nobody_draws() -> None:
    woken = threading.Semaphore(0)
    feed = Feed(FakeSource(), FrameMaker(1), 1, woken.release)
    feed.start()
    assert woken.acquire(timeout=10)
    feed.stop()
    assert not feed._thread.is_alive()


def test_what_the_sampler_raises_is_kept_and_ends_the_thread() -> None:
    source = FakeSource()
    source.raises = OSError("no such cgroup")
    woken = threading.Event()
    feed = Feed(source, FrameMaker(1), 1, woken.set)
    feed.start()
    assert woken.wait(10)
    feed.stop()
    assert feed.error is source.raises
    assert feed.frame is None


def test_resident_pages_are_the_second_number() -> None:
    assert _parse_resident("5000 1234 800 1 0 600 0\n") == 1234
    for damaged in ("", "1", "a b"):
        with pytest.raises(UnexpectedText):
            _parse_resident(damaged)
