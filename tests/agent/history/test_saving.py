from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.history.reader import SavedFile, window
from agent.history.restore import Unreadable
from agent.history.saving import save
from agent.history.values import NotStorable
from agent.model import Snapshot
from tests.agent.history.test_ring import at
from tests.agent.history.test_segment import EVENT
from tests.agent.snapshots import WALL, docker, sample, snapshot


def test_a_file_is_a_past_of_its_own(tmp_path: Path) -> None:
    path = str(tmp_path / "slow.snap")
    rows = [at(0), at(10), at(20)]
    later = replace(EVENT, at=WALL + 100)
    size = save(path, rows, [later, EVENT])
    assert (tmp_path / "slow.snap").stat().st_size == size
    past = SavedFile(path)
    assert past.moments(0, 1e12) == (WALL, WALL + 10, WALL + 20)
    assert window(past, 0, 1e12) == rows
    assert list(past.events(0, 1e12)) == [EVENT, later]
    assert [file.name for file in tmp_path.iterdir()] == ["slow.snap"]


def test_what_is_secret_is_not_in_it(tmp_path: Path) -> None:
    path = str(tmp_path / "slow.snap")
    labels = {"note": "hunter2", "team": "hunter2"}
    web = replace(docker("web"), labels=labels)
    save(path, [snapshot(sample(container=web))], [replace(EVENT, container=web)])
    past = SavedFile(path)
    assert "hunter2" not in repr(window(past, 0, 1e12))
    assert "hunter2" not in repr(list(past.events(0, 1e12)))
    save(path, [snapshot(sample(container=web))], [], kept_labels=["team"])
    assert repr(window(SavedFile(path), 0, 1e12)).count("hunter2") == 1


def test_one_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    bad = Snapshot(1.0, 1.0, 0.0, {1, 2}, (), (), {})  # type: ignore[arg-type]
    with pytest.raises(NotStorable):
        save(str(tmp_path / "slow.snap"), [bad], [])
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("something else altogether")
    with pytest.raises(Unreadable, match="no history"):
        SavedFile(str(path))


def test_a_window_over_many_is_some_in_equal_steps(tmp_path: Path) -> None:
    path = str(tmp_path / "slow.snap")
    rows = [at(second) for second in range(100)]
    save(path, rows, [])
    found = window(SavedFile(path), 0, 1e12, most=12)
    assert len(found) == 12
    assert (found[0], found[-1]) == (rows[0], rows[-1])
