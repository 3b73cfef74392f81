"""agent/logs/watch.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logs.watch import Change, DirectoryWatch
from tests.agent.logs.rig import Said


@pytest.fixture
def inotify() -> Iterator[DirectoryWatch]:
    inotify = DirectoryWatch.open(Said().fault_log())
    assert inotify is not None
    yield inotify
    inotify.close()


def test_what_is_made_renamed_and_deleted_is_told(inotify: DirectoryWatch, tmp_path: Path) -> None:
    assert inotify.watch([str(tmp_path)])
    assert inotify.read() == []
    (tmp_path / "0.log").touch()
    (tmp_path / "0.log").rename(tmp_path / "0.log.1")
    (tmp_path / "0.log.1").unlink()
    (tmp_path / "pod").mkdir()
    directory = str(tmp_path)
    assert inotify.read() == [
        Change(directory, "0.log", False),
        Change(directory, "0.log", False),
        Change(directory, "0.log.1", False),
        Change(directory, "0.log.1", False),
        Change(directory, "pod", True),
    ]


def test_writing_to_a_file_is_no_event(inotify: DirectoryWatch, tmp_path: Path) -> None:
    (tmp_path / "0.log").touch()
    inotify.watch([str(tmp_path)])
    (tmp_path / "0.log").write_text("x")
    assert inotify.read() == []


def test_a_second_watch_of_the_same_directories_is_nothing_new(
    inotify: DirectoryWatch, tmp_path: Path
) -> None:
    assert inotify.watch([str(tmp_path)])
    assert not inotify.watch([str(tmp_path)])


def test_a_directory_that_is_not_wanted_any_more_is_silent(
    inotify: DirectoryWatch, tmp_path: Path
) -> None:
    inotify.watch([str(tmp_path)])
    inotify.watch([])
    (tmp_path / "x").touch()
    assert inotify.read() == []


def test_a_deleted_directory_can_be_watched_again(inotify: DirectoryWatch, tmp_path: Path) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    inotify.watch([str(directory)])
    directory.rmdir()
    inotify.read()
    directory.mkdir()
    assert inotify.watch([str(directory)])


def test_a_directory_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    said = Said()
    inotify = DirectoryWatch.open(said.fault_log())
    assert inotify is not None
    assert not inotify.watch([str(tmp_path / "gone")])
    inotify.close()
    assert said == []


def test_lost_events_are_told_apart_from_none(inotify: DirectoryWatch, tmp_path: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    inotify.watch([str(tmp_path)])
    one, two = tmp_path / "1", tmp_path / "2"
    one.touch()
    for _ in range(limit // 4 + 2):
        one.rename(two)
        two.rename(one)
    assert inotify.read() is None
