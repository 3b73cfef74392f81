"""A file that only grows by whole lines, rotated by size.

    containers.jsonl  containers.jsonl.1  containers.jsonl.2 …   newest first, `max_files` in all

Durability  `append` returns after fsync: what is delivered survives a crash of the machine.
Whole lines A write that fails (disk full) is taken back; a line that a crash tore is cut off when
            the file is next opened. So every line is whole, and none is there that its writer was
            not told of, except one whose `append` was interrupted by the crash itself.
Not safe for two writers: the log worker's lock on its checkpoint sees to that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_MODE: Final = 0o640
_DIRECTORY_MODE: Final = 0o750
_SCAN: Final = 64 * 1024


class RotatedFile:
    """Blocking; the caller brings it to a thread."""

    def __init__(self, path: str, max_bytes: int, max_files: int) -> None:
        self.healed_bytes = 0
        """Bytes of torn last lines that were cut off."""
        self._path = path
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._fd = -1
        self._size = 0

    def append(self, lines: bytes) -> None:
        """Write whole lines and bring them to the disk. Raises OSError; nothing is added then."""
        if self._fd >= 0 and not self._still_there():
            self.close()
        if self._fd < 0:
            self._open()
        if self._size and self._size + len(lines) > self._max_bytes:
            self._rotate()
        written = 0
        view = memoryview(lines)
        try:
            while written < len(lines):
                written += os.write(self._fd, view[written:])
            os.fsync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += written

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        os.makedirs(os.path.dirname(self._path), _DIRECTORY_MODE, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self._path, flags, _MODE)
        self._size = os.lseek(self._fd, 0, os.SEEK_END)
        self._heal()
        _sync_directory(self._path)

    def _still_there(self) -> bool:
        """Whether the path is still this file: an operator may have moved or deleted it."""
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            return False
        mine = os.fstat(self._fd)
        return (now.st_dev, now.st_ino) == (mine.st_dev, mine.st_ino)

    def _heal(self) -> None:
        """Cut off a last line without a newline."""
        end = self._size
        while end > 0:
            begin = max(0, end - _SCAN)
            newline = os.pread(self._fd, end - begin, begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end != self._size:
            os.ftruncate(self._fd, end)
            self.healed_bytes += self._size - end
            self._size = end

    def _rotate(self) -> None:
        self.close()
        for number in range(self._max_files - 1, 0, -1):
            older = f"{self._path}.{number}"
            newer = Path(f"{self._path}.{number - 1}" if number > 1 else self._path)
            if newer.exists():
                newer.replace(older)
        if self._max_files == 1:
            Path(self._path).unlink()
        self._open()


def _sync_directory(path: str) -> None:
    fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
