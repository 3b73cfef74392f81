from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import (
    UNLIMITED,
    Denied,
    UnexpectedText,
    device_path,
    open_kept,
    parse_count,
    parse_limit,
    read,
    read_kept,
    read_table,
)


def test_max_is_unlimited_and_a_number_is_itself() -> None:
    assert parse_limit("max\n") is UNLIMITED
    assert parse_limit("67108864\n") == 67108864
    assert parse_limit("0\n") == 0


@given(st.text())
def test_any_text_is_a_number_or_refused(text: str) -> None:
    for parse in (parse_count, parse_limit):
        try:
            parse(text)
        except UnexpectedText:
            continue


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    assert read(str(tmp_path / "memory.max"), parse_limit) is None
    assert open_kept(str(tmp_path / "memory.max")) is None


def test_a_damaged_file_is_named_and_quoted(tmp_path: Path) -> None:
    path = tmp_path / "memory.max"
    path.write_text("much\n")
    with pytest.raises(UnexpectedText, match=r"memory\.max: cannot read 'much"):
        read(str(path), parse_limit)


def test_a_file_of_many_records_is_read_to_its_end() -> None:
    # maps hands out a page at a time, as net/dev, mountinfo and cgroup.procs do.
    lines = read("/proc/self/maps", lambda text: text.splitlines())
    assert lines is not None
    assert len("\n".join(lines)) > os.sysconf("SC_PAGE_SIZE"), "too few mappings to show anything"
    assert any(line.endswith("[stack]") for line in lines)
    assert lines[-1].endswith(("[vsyscall]", "[vdso]", "[stack]", "[vectors]"))


def test_a_kept_file_is_read_from_its_start_each_time(tmp_path: Path) -> None:
    path = tmp_path / "pids.current"
    path.write_text("7\n")
    fd = open_kept(str(path))
    assert fd is not None
    try:
        assert read_kept(fd, str(path), parse_count) == 7
        path.write_text("8\n")
        assert read_kept(fd, str(path), parse_count) == 8
    finally:
        os.close(fd)


def test_a_file_larger_than_one_read_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_text("x" * 40_000)
    assert read(str(path), len) == 40_000


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_refused_open_is_denied_and_names_the_file(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, flags: int) -> int:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Denied) as caught:
        read("/sys/fs/cgroup/memory.max", parse_limit)
    assert caught.value.filename == "/sys/fs/cgroup/memory.max"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP, errno.ESRCH])
def test_what_a_vanished_cgroup_process_or_feature_answers_is_absence(
    number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(fd: int, size: int, offset: int) -> bytes:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "io.pressure"
    path.touch()
    monkeypatch.setattr(os, "pread", refuse)
    assert read(str(path), parse_count) is None


def test_any_other_failure_is_raised(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read(str(tmp_path), parse_count)


@pytest.mark.parametrize("size", [0, 1, 3839, 3840, 4096, 16384, 50_000])
def test_a_table_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    (tmp_path / "tcp").write_text("x" * size)
    assert read_table(str(tmp_path / "tcp"), len) == size


def test_a_tables_end_is_not_asked_for_when_its_last_page_is_not_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tcp").write_text("x" * 300)
    reads = []
    real = os.pread

    def counted(fd: int, size: int, offset: int) -> bytes:
        reads.append(offset)
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", counted)
    assert read_table(str(tmp_path / "tcp"), len) == 300
    assert reads == [0]


def test_a_table_is_absent_denied_or_refused_as_any_file(tmp_path: Path) -> None:
    assert read_table(str(tmp_path / "tcp"), len) is None
    (tmp_path / "tcp").write_text("x")
    with pytest.raises(UnexpectedText, match="tcp: cannot read 'x'"):
        read_table(str(tmp_path / "tcp"), parse_count)


def test_a_device_is_called_by_the_link_below_sys(tmp_path: Path) -> None:
    (tmp_path / "254:0").symlink_to("../../devices/virtual/block/vda")
    (tmp_path / "104:0").symlink_to("../../devices/pci/block/cciss!c0d0")
    assert device_path(str(tmp_path), (254, 0)) == "/dev/vda"
    assert device_path(str(tmp_path), (104, 0)) == "/dev/cciss/c0d0"
    assert device_path(str(tmp_path), (8, 0)) is None
