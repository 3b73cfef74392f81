"""agent/logs/tail.py"""

from __future__ import annotations

import errno
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


@pytest.fixture(params=["anywhere", "cached"])
def tailed(log: Path, request: pytest.FixtureRequest) -> Iterator[TailedFile]:
    """Read with `read`, or with `read_cached` where that can tell."""
    fd, status, head, _inflated = open_log(str(log))
    mark = FileMark(status.st_ino, head_of(head), 1, 0, 0, 0)
    file = TailedFile(fd, mark, head, 0.0)
    file._tells_cached &= request.param == "cached"
    yield file
    file.close()


def read(file: TailedFile, limit: int = 1000) -> Block:
    block = file.read_cached(bytearray(limit), limit) or file.read(limit)
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


@pytest.mark.parametrize("tailed", ["cached"], indirect=True)
def test_what_was_just_written_is_read_into_the_buffer_without_a_copy(tailed: TailedFile) -> None:
    buffer = bytearray(6)
    block = tailed.read_cached(buffer, 6)
    if block is None:
        pytest.skip("the filesystem of the test's directory cannot tell what is cached")
    assert block == Block(b"first\n", 0, True)
    assert block.data is buffer
    shorter = tailed.read_cached(bytearray(10), 3)
    assert shorter == Block(b"fir", 0, True)
    assert type(shorter.data) is bytes


@pytest.mark.parametrize("tailed", ["cached"], indirect=True)
@pytest.mark.parametrize(
    ("number", "asked"), [(errno.EAGAIN, 2), (errno.EOPNOTSUPP, 1), (errno.EINVAL, 1)]
)
def test_where_a_disk_might_be_waited_for_it_says_so(
    tailed: TailedFile, monkeypatch: pytest.MonkeyPatch, number: int, asked: int
) -> None:
    calls = []

    def refuse(fd: int, buffers: list[memoryview], offset: int, flags: int) -> int:
        calls.append(flags)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "preadv", refuse)
    assert tailed.read_cached(bytearray(100), 100) is None
    assert tailed.read_cached(bytearray(100), 100) is None
    assert calls == [os.RWF_NOWAIT] * asked, "a filesystem that cannot tell is not asked again"


@pytest.mark.parametrize("tailed", ["cached"], indirect=True)
def test_an_error_of_the_disk_is_no_answer(
    tailed: TailedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fd: int, buffers: list[memoryview], offset: int, flags: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(OSError, match="Input/output"):
        tailed.read_cached(bytearray(100), 100)


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
