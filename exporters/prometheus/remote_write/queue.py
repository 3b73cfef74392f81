"""Requests that wait to be sent, on disk, in order, within a bound.

    DIRECTORY/lock               flock'ed by the one agent that uses the directory
    DIRECTORY/0000000012.seg     a segment: records one after the other
    DIRECTORY/position           "12 4096\\n": segment and offset of the first record not yet sent

    record = "CARW" length samples milliseconds crc body        numbers little endian; crc32 of all
                                                                but itself

A segment is written once, from its start, and removed when the last of it was sent. An agent that
starts writes a new one: what an interrupted write left at the end of an old one is found by its
checksum when it is read, and the rest of that segment is given up and counted. Nothing is fsync'ed:
an agent that is killed loses nothing, a machine that loses power may lose the last seconds.

When it is full the oldest segment goes, for the newest numbers are worth most; what went is
counted in samples.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.records import NamedTuple, dataclass

_MAGIC: Final = b"CARW"
_HEADER: Final = struct.Struct("<4sIIQI")
_SEGMENTS: Final = 16
"""Into so many the bound is divided: what is dropped at once when it is full."""
_SUFFIX: Final = ".seg"


class Record(NamedTuple):
    """One request."""

    body: bytes
    samples: int
    milliseconds: int
    """Unix time of its samples."""
    segment: int
    end: int
    """Offset after it."""


class QueueInUse(OSError):
    """Another agent has the directory."""


@dataclass(slots=True)
class _Segment:
    """One file of the queue."""

    number: int
    size: int
    samples: int
    """In records not yet sent."""


class DiskQueue:
    """The queue. One thread appends, one takes."""

    def __init__(
        self, directory: str, max_bytes: int, dropped: Callable[[str, int], object]
    ) -> None:
        """
        Open `directory`, which is made where it is not there.

        dropped: told the cause ("full", "damaged", "disk") and the number of samples, 0 where that
        cannot be told. Raises QueueInUse and OSError.
        """
        self._directory = directory
        self._max_bytes = max_bytes
        self._segment_bytes = max(max_bytes // _SEGMENTS, 1)
        self._dropped = dropped
        self._changed = threading.Condition()
        self._woken = False
        self._writing: int | None = None
        self._reading: tuple[int, int] | None = None
        """(segment, descriptor)."""
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._lock = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise QueueInUse(error.errno, "another agent uses this queue", directory) from None
        try:
            numbers = sorted(
                int(name.removesuffix(_SUFFIX))
                for name in os.listdir(directory)
                if name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX).isdecimal()
            )
            at, self._offset = self._read_position()
            for number in numbers:
                if number < at:
                    Path(self._path(number)).unlink()
            if at not in numbers:
                self._offset = 0
            self._segments = deque(
                self._measure(number, self._offset if number == at else 0)
                for number in numbers
                if number >= at
            )
        except BaseException:
            os.close(self._lock)
            raise
        self._next = max([at, *numbers], default=0) + 1

    def append(self, body: bytes, samples: int, milliseconds: int) -> None:
        """Add a request. Drops the oldest where there is no room. Raises OSError of the disk."""
        head = _HEADER.pack(_MAGIC, len(body), samples, milliseconds, 0)[:-4]
        crc = zlib.crc32(body, zlib.crc32(head))
        record = head + crc.to_bytes(4, "little") + body
        with self._changed:
            if len(record) > self._max_bytes:
                self._dropped("full", samples)
                return
            while self._segments and self._size() + len(record) > self._max_bytes:
                self._drop_oldest()
            if self._writing is None or self._segments[-1].size >= self._segment_bytes:
                self._begin_segment()
            assert self._writing is not None
            segment = self._segments[-1]
            try:
                _write(self._writing, record)
            except OSError:
                os.ftruncate(self._writing, segment.size)
                os.lseek(self._writing, segment.size, os.SEEK_SET)
                raise
            segment.size += len(record)
            segment.samples += samples
            self._changed.notify()

    def first(self, timeout: float) -> Record | None:
        """The oldest request; None where none comes within `timeout` seconds, or on `wake`."""
        with self._changed:
            record = self._read()
            if record is None and timeout > 0 and not self._woken:
                self._changed.wait(timeout)
                record = self._read()
            self._woken = False
            return record

    def remove(self, record: Record) -> None:
        """It was sent, or will never be."""
        with self._changed:
            if not self._segments or self._segments[0].number != record.segment:
                return  # dropped meanwhile
            segment = self._segments[0]
            segment.samples -= record.samples
            self._offset = record.end
            if self._offset >= segment.size and (self._writing is None or len(self._segments) > 1):
                self._forget_first()
            self._write_position()

    def wake(self) -> None:
        """Let `first` return at once, now or when it is called next."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def size(self) -> int:
        """Bytes on disk."""
        with self._changed:
            return self._size()

    def samples(self) -> int:
        """Samples that wait."""
        with self._changed:
            return sum(segment.samples for segment in self._segments)

    def close(self) -> None:
        """Close the files; what waits stays."""
        with self._changed:
            for fd in (self._writing, self._reading[1] if self._reading else None, self._lock):
                if fd is not None:
                    os.close(fd)
            self._writing = self._reading = None

    def _read(self) -> Record | None:
        """The record at the position; damage is skipped."""
        while self._segments:
            segment = self._segments[0]
            if self._offset < segment.size:
                record = self._record(segment)
                if record is not None:
                    return record
                self._dropped("damaged", segment.samples)
                segment.samples = 0
                self._offset = segment.size
            if len(self._segments) == 1 and self._writing is not None:
                return None
            self._forget_first()
            self._write_position()
        return None

    def _record(self, segment: _Segment) -> Record | None:
        if self._reading is None or self._reading[0] != segment.number:
            if self._reading is not None:
                os.close(self._reading[1])
            fd = os.open(self._path(segment.number), os.O_RDONLY | os.O_CLOEXEC)
            self._reading = segment.number, fd
        fd = self._reading[1]
        head = os.pread(fd, _HEADER.size, self._offset)
        if len(head) < _HEADER.size:
            return None
        magic, length, samples, milliseconds, crc = _HEADER.unpack(head)
        end = self._offset + _HEADER.size + length
        if magic != _MAGIC or end > segment.size:
            return None
        body = os.pread(fd, length, self._offset + _HEADER.size)
        if len(body) < length or zlib.crc32(body, zlib.crc32(head[:-4])) != crc:
            return None
        return Record(body, samples, milliseconds, segment.number, end)

    def _measure(self, number: int, offset: int) -> _Segment:
        """Size and samples of a segment that is there, by its records' headers."""
        samples = 0
        with open(self._path(number), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            while offset + _HEADER.size <= size:
                magic, length, count, _, _ = _HEADER.unpack(
                    os.pread(file.fileno(), _HEADER.size, offset)
                )
                if magic != _MAGIC:
                    break
                samples += count
                offset += _HEADER.size + length
        return _Segment(number, size, samples)

    def _begin_segment(self) -> None:
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._writing = os.open(self._path(self._next), flags, 0o600)
        if not self._segments:
            self._offset = 0
        self._segments.append(_Segment(self._next, 0, 0))
        self._next += 1

    def _drop_oldest(self) -> None:
        self._dropped("full", self._segments[0].samples)
        if len(self._segments) == 1 and self._writing is not None:
            os.close(self._writing)
            self._writing = None
        self._forget_first()
        self._write_position()

    def _forget_first(self) -> None:
        gone = self._segments.popleft()
        self._offset = 0
        if self._reading is not None and self._reading[0] == gone.number:
            os.close(self._reading[1])
            self._reading = None
        Path(self._path(gone.number)).unlink()

    def _read_position(self) -> tuple[int, int]:
        try:
            with open(f"{self._directory}/position", encoding="ascii") as file:
                number, offset = file.read(64).split()
            return int(number), int(offset)
        except (FileNotFoundError, ValueError):
            # Sent once more rather than not at all: a receiver takes the same sample twice.
            return 0, 0

    def _write_position(self) -> None:
        number = self._segments[0].number if self._segments else self._next
        path = f"{self._directory}/position"
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.write(f"{number} {self._offset}\n")
        Path(f"{path}.new").replace(path)

    def _size(self) -> int:
        return sum(segment.size for segment in self._segments)

    def _path(self, number: int) -> str:
        return f"{self._directory}/{number:010}{_SUFFIX}"


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
