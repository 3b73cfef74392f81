"""agent.snapshots: how old a Snapshot may be, and how often the host is read."""

from __future__ import annotations

import dataclasses
import threading

from agent.model import Snapshot
from agent.snapshots import Snapshots
from tests.agent.snapshots import snapshot


class FakeSampler:
    """A host whose clock moves only when told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lates: list[float] = []
        self.raises: Exception | None = None

    def snapshot(self, late: float = 0.0) -> Snapshot:
        self.lates.append(late)
        if self.raises is not None:
            raise self.raises
        return dataclasses.replace(snapshot(), taken_at=self.now, late=late)


def unexpected(error: Exception) -> None:
    """The beat's answer to a failure no test meant."""
    raise error


def test_a_snapshot_younger_than_asked_for_is_used_again() -> None:
    sampler = FakeSampler()
    snapshots = Snapshots(sampler, 10, clock=lambda: sampler.now)
    first = snapshots.fresh(max_age=1.0)
    sampler.now += 0.9
    assert snapshots.fresh(max_age=1.0) is first
    sampler.now += 0.2
    assert snapshots.fresh(max_age=1.0) is not first
    assert len(sampler.lates) == 2


def test_each_snapshot_is_seen_once() -> None:
    sampler = FakeSampler()
    seen: list[Snapshot] = []
    snapshots = Snapshots(sampler, 10, taken=seen.append, clock=lambda: sampler.now)
    snapshots.fresh()
    snapshots.fresh()
    assert seen == [snapshots.latest]


def test_scrapes_at_the_same_moment_read_the_host_once() -> None:
    entered, leave = threading.Event(), threading.Event()

    class SlowSampler(FakeSampler):
        def snapshot(self, late: float = 0.0) -> Snapshot:
            entered.set()
            assert leave.wait(30)
            return super().snapshot(late)

    sampler = SlowSampler()
    snapshots = Snapshots(sampler, 10, clock=lambda: sampler.now)
    got: list[Snapshot] = []
    threads = [threading.Thread(target=lambda: got.append(snapshots.fresh())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert entered.wait(30)
    leave.set()
    for thread in threads:
        thread.join()
    assert len(sampler.lates) == 1
    assert got == [snapshots.latest] * 4


class Beat(threading.Event):
    """A stop event whose waiting moves the sampler's clock, and that stops after some beats."""

    def __init__(self, sampler: FakeSampler, beats: int) -> None:
        super().__init__()
        self.sampler, self.beats, self.waits = sampler, beats, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.sampler.now += timeout
        if len(self.waits) == self.beats:
            self.set()
        return self.is_set()


def test_the_beat_reads_once_an_interval() -> None:
    sampler = FakeSampler()
    stop = Beat(sampler, 3)
    Snapshots(sampler, 10, clock=lambda: sampler.now).run(stop, unexpected)
    assert sampler.lates == [0.0, 0.0, 0.0]
    assert stop.waits == [10.0, 10.0, 10.0]


def test_a_beat_right_after_a_scrape_is_skipped() -> None:
    sampler = FakeSampler()
    snapshots = Snapshots(sampler, 10, clock=lambda: sampler.now)
    snapshots.fresh()
    sampler.now += 4
    snapshots.run(Beat(sampler, 1), unexpected)
    assert len(sampler.lates) == 1


def test_a_beat_that_fails_is_told_and_the_next_one_comes() -> None:
    sampler = FakeSampler()
    sampler.raises = OSError("gone")
    failures: list[Exception] = []
    Snapshots(sampler, 10, clock=lambda: sampler.now).run(Beat(sampler, 2), failures.append)
    assert failures == [sampler.raises] * 2


def test_a_late_beat_says_how_late() -> None:
    sampler = FakeSampler()

    class SlowBeat(Beat):
        def wait(self, timeout: float | None = None) -> bool:
            super().wait(timeout)
            self.sampler.now += 3
            return self.is_set()

    Snapshots(sampler, 10, clock=lambda: sampler.now).run(SlowBeat(sampler, 2), unexpected)
    assert sampler.lates == [0.0, 3.0]
