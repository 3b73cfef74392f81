"""Where to begin reading a container's files, for a reader who wants only the last of them.

Answers are `FileRecord`s, as a checkpoint has them: what they say was read is passed over. Formats
without lines (Docker's `local`) and compressed files are read whole, or passed over whole.

`since` trusts the times in a file to rise, as runtimes write them; it looks into files by halves
and begins a little early. A clock that was set back can hide lines from it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from agent.logs.checkpoint import FileRecord
from agent.logs.fingerprint import HEAD_SIZE, head_of
from agent.logs.inflate import Inflated
from agent.logs.lag import first_time
from agent.logs.siblings import COMPRESSED, chain_order
from agent.records import NamedTuple

_BY_LINES: Final = ("docker", "cri", "plain")
_STEP: Final = 64 * 1024
_EARLY: Final = 256 * 1024
"""Bytes before the place found by halves: stdout and stderr are not written in exact order."""


class _File(NamedTuple):
    fd: int
    status: os.stat_result
    compressed: bool


def begin_at_last(path: str, log_format: str, lines: int) -> tuple[list[FileRecord], bool]:
    """
    Pass over all but the last `lines` lines, pieces counted one by one.

    Also returns whether that passes over anything. Raises OSError.
    """
    if log_format not in _BY_LINES:
        return [], False
    records: list[FileRecord] = []
    left = lines
    for file in _newest_first(path):
        size = _content_size(file)
        if left <= 0:
            records.append(_record(path, file, size))
        elif not file.compressed:
            offset, left = _last_lines(file.fd, size, left)
            if offset:
                records.append(_record(path, file, offset))
        # A compressed one that is reached is read whole; then older ones are not needed.
        else:
            left = 0
    return records, bool(records)


def begin_since(path: str, log_format: str, since_ns: int) -> list[FileRecord]:
    """Pass over what was written before `since_ns`, or a part of it. Raises OSError."""
    records: list[FileRecord] = []
    older = False
    for file in _newest_first(path):
        size = _content_size(file)
        if older or file.status.st_mtime_ns < since_ns:
            # Nothing was written to it since then; of a copy the time is that of copying.
            records.append(_record(path, file, size))
        elif not file.compressed and log_format in ("docker", "cri"):
            offset = _by_halves(file.fd, log_format, size, since_ns)
            if offset:
                records.append(_record(path, file, offset))
                older = True
    return records


def _newest_first(path: str) -> Iterator[_File]:
    directory, base = os.path.split(os.path.realpath(path))
    for name in reversed(chain_order(base, os.listdir(directory))):
        try:
            fd = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:  # rotated away meanwhile
            continue
        try:
            yield _File(fd, os.fstat(fd), name.endswith(COMPRESSED))
        finally:
            os.close(fd)


def _content_size(file: _File) -> int:
    return Inflated(file.fd).size(0) if file.compressed else file.status.st_size


def _record(path: str, file: _File, offset: int) -> FileRecord:
    if file.compressed:
        head = Inflated(file.fd).read(HEAD_SIZE, 0)
    else:
        head = os.pread(file.fd, HEAD_SIZE, 0)
    return FileRecord(path, file.status.st_ino, head_of(head), offset, done=True)


def _last_lines(fd: int, size: int, lines: int) -> tuple[int, int]:
    """Offset of the last `lines` lines, and how many are missing where there are not so many."""
    at = size
    # The newline at the end ends a line, it begins none.
    wanted = lines + 1 if size and os.pread(fd, 1, size - 1) == b"\n" else lines
    while at > 0:
        begin = max(0, at - _STEP)
        block = os.pread(fd, at - begin, begin)
        count = block.count(b"\n")
        if count >= wanted:
            index = len(block)
            for _line in range(wanted):
                index = block.rfind(b"\n", 0, index)
            return begin + index + 1, 0
        wanted -= count
        at = begin
    return 0, max(0, wanted - 1)


def _by_halves(fd: int, log_format: str, size: int, since_ns: int) -> int:
    """Where some line begins, before the first one that is not older than `since_ns`."""
    low, high = 0, size
    while high - low > _EARLY:
        middle = (low + high) // 2
        block = os.pread(fd, _EARLY, middle)
        newline = block.find(b"\n")
        time_ns = first_time(log_format, block[newline + 1 :]) if newline >= 0 else None
        if time_ns is None or time_ns >= since_ns:
            high = middle
        else:
            low = middle
    low = max(0, low - _EARLY)
    if low == 0:
        return 0
    newline = os.pread(fd, _EARLY, low).find(b"\n")
    return low + newline + 1 if newline >= 0 else 0
