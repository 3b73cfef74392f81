"""agent/logs/tail.py"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logs.fingerprint import head_of
from agent.logs.tail import Block, FileMark, NotALogFile, TailedFile, open_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_bytes(b"first\n")
    return path


@pytest.fixture
def tailed(log: Path) -> Iterator[TailedFile]:
    fd, status, head, _inflated = open_log(str(log))
    mark = FileMark(status.st_ino, head_of(head), 1, 0, 0, 0)
    file = TailedFile(fd, mark, head, 0.0)
    yield file
    file.close()


def read(file: TailedFile, limit: int = 1000) -> Block:
    block = file.read(limit)
    file.offset += len(block.data)
    return block


def test_it_reads_what_was_appended(log: Path, tailed: TailedFile) -> None:
    assert tailed.unread() == 6
    assert read(tailed) == Block(b"first\n", 0, True)
    assert tailed.unread() == 0
    with log.open("ab") as file:
        file.write(b"second\n")
    assert tailed.unread() == 7
    assert read(tailed, 3) == Block(b"sec", 6, True)


def test_the_head_grows_with_the_file_up_to_a_kilobyte(log: Path, tailed: TailedFile) -> None:
    read(tailed)
    with log.open("ab") as file:
        file.write(b"x" * 2000)
    read(tailed, 10)
    assert tailed.mark.head == head_of(b"first\n" + b"x" * 1018)
    assert tailed.mark.head.full


def test_a_rename_and_an_unlink_take_nothing_away(log: Path, tailed: TailedFile) -> None:
    log.rename(log.with_name("0.log.1"))
    assert not tailed.unlinked()
    log.with_name("0.log.1").unlink()
    assert tailed.unlinked()
    assert read(tailed).data == b"first\n"


def test_a_shorter_file_was_truncated(log: Path, tailed: TailedFile) -> None:
    read(tailed)
    os.truncate(log, 2)
    assert tailed.unread() < 0


def test_a_rewritten_file_is_noticed_though_it_is_longer(log: Path, tailed: TailedFile) -> None:
    read(tailed)
    log.write_bytes(b"anew, and longer than it was\n")
    assert tailed.unread() > 0
    assert read(tailed) == Block(b"", 6, False)


def test_a_file_of_another_user_is_not_opened_where_an_owner_is_asked_for(log: Path) -> None:
    log.write_text("secret")
    uid = log.stat().st_uid
    fd, _, head, _inflated = open_log(str(log), uid)
    os.close(fd)
    assert head == b"secret"
    with pytest.raises(NotALogFile, match=f"belongs to user {uid}, not to {uid + 1}"):
        open_log(str(log), uid + 1)


def test_only_regular_files_are_logs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(NotALogFile):
            open_log(str(path))


def test_whether_anybody_still_writes_to_a_deleted_file_is_known(
    log: Path, tailed: TailedFile
) -> None:
    with log.open("ab"):
        log.unlink()
        assert tailed.written()
    assert not tailed.written()
