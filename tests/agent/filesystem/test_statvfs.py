"""agent.filesystem.statvfs: the numbers of statvfs(2), and a filesystem that does not answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.filesystem.statvfs import Answer, Asker, Hung, look
from agent.filesystem.usage import Space
from tests.host.daemon import wait_until

HERE = (8, 1)
SPACE = Space(100, 40, 30, 10, 5)


class Stuck:
    """A filesystem that answers when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked: list[str] = []

    def __call__(self, path: str) -> Answer:
        self.asked.append(path)
        if path.startswith("/dead"):
            self.let.wait(60)
        return Answer(HERE, True, SPACE)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    filesystem = Stuck()
    yield filesystem
    filesystem.let.set()


def test_the_numbers_are_statvfs_own(tmp_path: Path) -> None:
    answer = look(str(tmp_path))
    found = os.statvfs(tmp_path)
    assert answer.is_directory
    assert answer.device == (os.major(os.stat(tmp_path).st_dev), os.minor(os.stat(tmp_path).st_dev))
    assert answer.space.capacity == found.f_blocks * found.f_frsize
    assert answer.space.inodes == found.f_files


def test_a_file_is_not_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not look(str(tmp_path / "file")).is_directory


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    assert not look(str(tmp_path / "link")).is_directory


def test_what_is_not_there_is_an_error_each_time(tmp_path: Path) -> None:
    with closing(Asker(10)) as asker:
        for _ in range(2):
            with pytest.raises(FileNotFoundError):
                asker.ask(HERE, str(tmp_path / "none"))
        assert asker.quarantined == 0


def test_a_hung_filesystem_costs_one_timeout_and_no_other_filesystem(stuck: Stuck) -> None:
    with closing(Asker(0.05, stuck)) as asker:
        with pytest.raises(Hung, match="no answer from 0:40"):
            asker.ask((0, 40), "/dead/a")
        with pytest.raises(Hung, match="does not answer"):
            asker.ask((0, 40), "/dead/b")
        assert asker.ask((8, 1), "/alive").space == SPACE
        assert stuck.asked == ["/dead/a", "/alive"]
        assert (asker.timeouts, asker.quarantined) == (1, 1)


def test_a_filesystem_that_comes_back_is_asked_again(stuck: Stuck) -> None:
    with closing(Asker(0.05, stuck)) as asker:
        with pytest.raises(Hung):
            asker.ask((0, 40), "/dead/a")
        stuck.let.set()
        wait_until(lambda: asker.quarantined == 0, 10, "out of quarantine")
        assert asker.ask((0, 40), "/dead/b").space == SPACE


def test_no_more_than_eight_threads_are_given_up(stuck: Stuck) -> None:
    with closing(Asker(0.02, stuck)) as asker:
        for number in range(12):
            with pytest.raises(Hung):
                asker.ask((0, number), f"/dead/{number}")
        assert len(stuck.asked) == 8
        with pytest.raises(Hung):
            asker.ask((8, 1), "/alive")


def test_a_timeout_the_filesystem_itself_reports_is_no_hang() -> None:
    def timed_out(path: str) -> Answer:
        raise TimeoutError(110, "Connection timed out", path)

    with closing(Asker(10, timed_out)) as asker:
        with pytest.raises(TimeoutError) as raised:
            asker.ask(HERE, "/nfs")
        assert not isinstance(raised.value, Hung)
        assert asker.quarantined == 0
