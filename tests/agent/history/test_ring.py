from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.history.reader import History, window
from agent.history.ring import SEGMENT_SECONDS, Bounds, Ring, names
from agent.machine import Machine
from agent.model import Snapshot
from tests.agent.history.test_segment import EVENT
from tests.agent.snapshots import WALL, reading, sample, snapshot

HOUR = 3600.0


def at(seconds: float, boot: str = "") -> Snapshot:
    made = snapshot(sample(reading(usage_usec=int(seconds * 1000)), at=seconds), at=seconds)
    if boot:
        made = replace(made, host=replace(made.host, machine=Machine(boot_id=boot)))
    return made


def _ring(path: Path, *, max_bytes: int = 10**9, seconds: float = HOUR) -> Ring:
    return Ring(str(path), Bounds(max_bytes, seconds))


def test_what_is_written_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    assert past.snapshot(WALL + 10) is None
    for seconds in (0, 10, 20):
        ring.add(at(seconds))
        assert past.moments(0, 1e12)[-1] == WALL + seconds
        assert past.snapshot(WALL + seconds) == at(seconds)
    assert past.moments(WALL + 5, WALL + 20) == (WALL + 10, WALL + 20)
    assert past.snapshot(WALL + 19.9) == at(10)
    assert past.snapshot(WALL - 0.1) is None
    assert past.problems == {}


def test_a_new_segment_begins_after_its_time(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    times = (0, SEGMENT_SECONDS - 1, SEGMENT_SECONDS, SEGMENT_SECONDS * 2 + 5)
    for seconds in times:
        ring.add(at(seconds))
    assert len(names(str(tmp_path))) == 3
    assert [past.snapshot(WALL + seconds) for seconds in times] == [at(s) for s in times]


def test_the_oldest_goes_when_its_time_is_over(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path, seconds=1000), History(str(tmp_path))
    for seconds in range(0, 3000, 100):
        ring.add(at(seconds))
    first, *_, last = past.moments(0, 1e12)
    assert last == WALL + 2900
    # As long as was asked for is there, and at most one segment more.
    assert 1000 <= last - first <= 1000 + SEGMENT_SECONDS


def test_it_never_takes_more_than_its_bytes_and_one_segment(tmp_path: Path) -> None:
    ring = _ring(tmp_path, max_bytes=20_000)
    for seconds in range(0, 9000, 100):
        ring.add(at(seconds))
        assert ring.bytes == sum(os.stat(name.path).st_size for name in names(str(tmp_path)))
        assert ring.bytes <= 20_000
    assert len(names(str(tmp_path))) > 2


def test_one_that_was_killed_is_followed_by_a_new_segment(tmp_path: Path) -> None:
    _ring(tmp_path).add(at(0))
    (name,) = names(str(tmp_path))
    with open(name.path, "ab") as file:
        file.write(b"torn")
    ring, past = _ring(tmp_path), History(str(tmp_path))
    ring.add(at(10))
    assert past.moments(0, 1e12) == (WALL, WALL + 10)
    assert past.snapshot(WALL + 5) == at(0)
    assert past.problems == {"the end of a segment": 1}


def test_a_damaged_snapshot_is_answered_by_the_one_before(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    for seconds in (0, 10, 20):
        ring.add(at(seconds))
    ring.close()
    (name,) = names(str(tmp_path))
    path = Path(name.path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert past.snapshot(WALL + 25) == at(10)
    assert list(past.problems.values()) == [1]


def test_the_clock_set_back_begins_a_new_segment(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    ring.add(at(1000))
    ring.add(at(500))
    ring.add(at(1000))
    assert past.moments(0, 1e12) == (WALL + 500, WALL + 1000)


def test_a_full_disk_costs_what_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    ring.add(at(0))
    write = os.write

    def torn(fd: int, data: bytes) -> int:
        write(fd, data[:30])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", torn)
    with pytest.raises(OSError, match="No space"):
        ring.add(at(10))
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:30]))
    with pytest.raises(OSError, match="30 of"):
        ring.add(at(20))
    monkeypatch.setattr(os, "write", write)
    ring.add(at(30))
    assert past.moments(0, 1e12) == (WALL, WALL + 30)


def test_events_are_kept_and_one_before_the_first_snapshot_waits(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    ring.event(EVENT)
    assert list(past.events(0, 1e12)) == []
    ring.add(at(20))
    later = replace(EVENT, at=WALL + 400)
    ring.add(at(400))
    ring.event(later)
    assert list(past.events(0, 1e12)) == [EVENT, later]
    assert list(past.events(WALL + 16, 1e12)) == [later]
    assert list(past.events(0, WALL + 16)) == [EVENT]


def test_a_window_is_of_one_boot(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    rows = [at(0, "a"), at(10, "a"), at(400, "b"), at(410, "b")]
    for one in rows:
        ring.add(one)
    assert window(past, WALL, WALL + 1000) == rows[2:]
    assert window(past, WALL, WALL + 300) == rows[:2]


def test_a_segment_that_went_meanwhile_is_not_there(tmp_path: Path) -> None:
    ring, past = _ring(tmp_path), History(str(tmp_path))
    for seconds in (0, 400):
        ring.add(at(seconds))
    assert past.moments(0, 1e12)
    Path(names(str(tmp_path))[0].path).unlink()
    assert past.moments(0, 1e12) == (WALL + 400,)
    assert past.snapshot(WALL + 300) is None


def test_only_its_owner_may_look(tmp_path: Path) -> None:
    ring = _ring(tmp_path / "history")
    ring.add(at(0))
    assert (tmp_path / "history").stat().st_mode & 0o777 == 0o700
    assert Path(names(str(tmp_path / "history"))[0].path).stat().st_mode & 0o777 == 0o600


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "x.history").write_text("mine")
    ring = _ring(tmp_path, seconds=1)
    for seconds in (0, 400, 800):
        ring.add(at(seconds))
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "x.history").exists()
