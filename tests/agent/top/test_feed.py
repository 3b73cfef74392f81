"""feed: frames on a beat, in a thread that starts and ends."""

from __future__ import annotations

import threading

import pytest

from agent.kernelfile import UnexpectedText
from agent.model import Snapshot
from agent.top.feed import Feed, FrameMaker, _parse_resident
from tests.agent.snapshots import reading, sample, snapshot


class FakeSource:
    """A host on which each reading is a second, and half a CPU second, after the one before."""

    def __init__(self) -> None:
        self.count = 0
        self.raises: Exception | None = None

    def snapshot(self) -> Snapshot:
        if self.raises is not None:
            raise self.raises
        self.count += 1
        read = reading(usage_usec=500_000 * self.count)
        return snapshot(sample(read, at=float(self.count)), at=float(self.count))


def test_the_first_frame_has_no_rates_and_the_next_ones_have() -> None:
    maker = FrameMaker(FakeSource(), delay=1.0)
    first, second = maker.next(), maker.next()
    assert first.usages[0].cpu_cores is None
    assert first.own.cpu_cores is None
    assert second.usages[0].cpu_cores == 0.5
    assert second.own.memory is not None
    assert second.own.memory > 1024**2
    assert second.own.cpu_cores is not None


def test_the_thread_wakes_for_each_frame_and_ends_when_told() -> None:
    woken = threading.Semaphore(0)
    feed = Feed(FrameMaker(FakeSource(), 0.01), 0.01, woken.release)
    feed.start()
    for _ in range(3):
        assert woken.acquire(timeout=10)
    feed.stop()
    assert feed.count >= 3
    assert feed.frame is not None
    assert not feed._thread.is_alive()


def test_a_long_delay_does_not_hold_up_the_end() -> None:
    woken = threading.Semaphore(0)
    feed = Feed(FrameMaker(FakeSource(), 3600), 3600, woken.release)
    feed.start()
    assert woken.acquire(timeout=10)
    feed.stop()
    assert not feed._thread.is_alive()


def test_what_the_sampler_raises_is_kept_and_ends_the_thread() -> None:
    source = FakeSource()
    source.raises = OSError("no such cgroup")
    woken = threading.Event()
    feed = Feed(FrameMaker(source, 1), 1, woken.set)
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
