"""exporters/file/rotated_file.py"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporters.file.rotated_file import RotatedFile

Open = Callable[..., RotatedFile]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "out.jsonl"


@pytest.fixture
def open_file(out: Path) -> Iterator[Open]:
    opened: list[RotatedFile] = []

    def make(max_bytes: int = 1000, max_files: int = 3) -> RotatedFile:
        opened.append(RotatedFile(str(out), max_bytes, max_files))
        return opened[-1]

    yield make
    for file in opened:
        file.close()


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir())


def test_lines_are_appended_also_by_the_next_process(out: Path, open_file: Open) -> None:
    open_file().append(b"one\n")
    open_file().append(b"two\n")
    assert out.read_bytes() == b"one\ntwo\n"
    assert out.stat().st_mode & 0o777 == 0o640


def test_it_rotates_by_size_and_keeps_so_many_files_in_all(out: Path, open_file: Open) -> None:
    file = open_file(max_bytes=10)
    for number in range(6):
        file.append(b"line %03d\n" % number)
    assert names(out) == ["out.jsonl", "out.jsonl.1", "out.jsonl.2"]
    assert out.read_bytes() == b"line 005\n"
    assert out.with_name("out.jsonl.2").read_bytes() == b"line 003\n"


def test_one_file_in_all_is_replaced(out: Path, open_file: Open) -> None:
    file = open_file(max_bytes=10, max_files=1)
    file.append(b"line 001\n")
    file.append(b"line 002\n")
    assert names(out) == ["out.jsonl"]
    assert out.read_bytes() == b"line 002\n"


def test_the_size_counts_what_an_earlier_process_wrote(out: Path, open_file: Open) -> None:
    open_file(max_bytes=10).append(b"line 001\n")
    open_file(max_bytes=10).append(b"line 002\n")
    assert out.with_name("out.jsonl.1").read_bytes() == b"line 001\n"


@pytest.mark.parametrize("torn", [b"torn", b"x" * 200_000])
def test_a_torn_last_line_is_cut_off(out: Path, open_file: Open, torn: bytes) -> None:
    out.parent.mkdir()
    out.write_bytes(b"one\n" + torn)
    file = open_file(max_bytes=1_000_000)
    file.append(b"two\n")
    assert out.read_bytes() == b"one\ntwo\n"
    assert file.healed_bytes == len(torn)


def test_a_file_of_one_torn_line_is_emptied(out: Path, open_file: Open) -> None:
    out.parent.mkdir()
    out.write_bytes(b"torn")
    open_file().append(b"one\n")
    assert out.read_bytes() == b"one\n"


def test_a_file_taken_away_is_made_again(out: Path, open_file: Open) -> None:
    file = open_file()
    file.append(b"one\n")
    out.unlink()
    file.append(b"two\n")
    assert out.read_bytes() == b"two\n"


def test_a_full_disk_adds_nothing_and_the_next_try_does(
    out: Path, open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = open_file()
    file.append(b"one\n")
    real_write = os.write

    def half_then_full(fd: int, data: memoryview) -> int:
        if len(data) > 4:
            return real_write(fd, data[:4])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(OSError, match="No space"):
        file.append(b"two two\n")
    assert out.read_bytes() == b"one\n"
    monkeypatch.undo()
    file.append(b"two two\n")
    assert out.read_bytes() == b"one\ntwo two\n"


def test_a_failed_sync_adds_nothing(
    out: Path, open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = open_file()
    file.append(b"one\n")

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        file.append(b"two\n")
    assert out.read_bytes() == b"one\n"


def test_a_symbolic_link_is_not_followed(out: Path, open_file: Open, tmp_path: Path) -> None:
    out.parent.mkdir()
    out.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        open_file().append(b"one\n")
