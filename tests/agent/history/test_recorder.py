from __future__ import annotations

import errno
import logging
import threading
from pathlib import Path

import pytest

from agent.history.reader import History
from agent.history.recorder import Recorder
from agent.history.ring import Bounds, Ring
from agent.model import Snapshot
from tests.agent.history.test_ring import at
from tests.agent.history.test_segment import EVENT
from tests.agent.snapshots import WALL

BOUNDS = Bounds(10**9, 3600.0)


def test_one_in_each_interval_is_kept_and_all_is_written_at_the_end(tmp_path: Path) -> None:
    recorder = Recorder(Ring(str(tmp_path), BOUNDS), 10.0)
    recorder.add(at(0))
    recorder.add(at(8))
    recorder.event(EVENT)
    recorder.add(at(9.5))
    recorder.start()
    recorder.stop()
    past = History(str(tmp_path))
    assert past.moments(0, 1e12) == (WALL, WALL + 9.5)
    assert list(past.events(0, 1e12)) == [EVENT]
    assert recorder.counts() == {"written": 3, "late": 0, "failed": 0}
    assert recorder.levels()["bytes"] > 0


class _Slow(Ring):
    """Its disk takes the first when it is let."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), BOUNDS)
        self.busy = threading.Event()
        self.let = threading.Event()

    def add(self, snapshot: Snapshot) -> None:
        self.busy.set()
        assert self.let.wait(30)
        super().add(snapshot)


def test_a_disk_that_is_late_loses_what_is_counted(tmp_path: Path) -> None:
    ring = _Slow(tmp_path)
    recorder = Recorder(ring, 10.0)
    recorder.start()
    recorder.add(at(0))
    assert ring.busy.wait(30)
    for seconds in (10, 20, 30, 40):
        recorder.add(at(seconds))
    ring.let.set()
    recorder.stop()
    assert History(str(tmp_path)).moments(0, 1e12) == (WALL, WALL + 10, WALL + 20)
    assert recorder.counts() == {"written": 3, "late": 2, "failed": 0}


class _Full(Ring):
    """Every second write fails."""

    writes = 0

    def add(self, snapshot: Snapshot) -> None:
        self.writes += 1
        if self.writes % 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().add(snapshot)


def test_a_write_that_fails_is_counted_and_the_next_is_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recorder = Recorder(_Full(str(tmp_path), BOUNDS), 10.0)
    recorder.add(at(0))
    recorder.add(at(10))
    recorder.start()
    recorder.stop()
    assert recorder.counts() == {"written": 1, "late": 0, "failed": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "the history cannot be written: No space left on device",
        "the history is written again",
    ]


def test_snapshots_that_would_not_fit_are_taken_less_often(tmp_path: Path) -> None:
    ring = Ring(str(tmp_path), Bounds(1_000_000, 86_400))
    recorder = Recorder(ring, 10.0)
    assert recorder.interval == 10.0
    for each, interval in ((100.0, 10.0), (231.0, 19.9584), (100_000.0, 60.0)):
        ring.bytes_each = each
        assert recorder.interval == interval
