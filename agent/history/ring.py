"""The ring on disk: segments in a directory, the oldest deleted first.

    <directory>/<Unix milliseconds of the first Snapshot, 15 digits>.history

One process writes, any number read, without a lock: a segment only grows, and a deleted one stays
readable where it is open. A new segment begins every `SEGMENT_SECONDS`, when the clock was set
back, and after a failed write. Kept are at most `max_bytes` and `seconds`, whichever ends first;
the segment that is written is never deleted.

Nothing is lost when the agent is killed. When the machine stops, what the kernel had not written
yet is, half a minute as a rule; a segment that is complete is on the disk.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.diagnosis.note import Note
from agent.history.segment import SegmentWriter
from agent.lifecycle.events import Event
from agent.model import Snapshot
from agent.records import NamedTuple

SUFFIX: Final = ".history"
SEGMENT_SECONDS: Final = 300.0
"""One must be read from its start: 30 Snapshots of 100 containers take a quarter of a second. Its
first Snapshot is told whole, which costs as much as two others."""
_MOST_WAITING: Final = 1000
"""Events before the first Snapshot."""


class Name(NamedTuple):
    """A segment's file."""

    start: float
    """Unix seconds of its first Snapshot."""
    path: str


class Bounds(NamedTuple):
    """How much is kept: whichever ends first."""

    max_bytes: int
    seconds: float


def names(directory: str) -> list[Name]:
    """The segments there are, oldest first. Raises OSError."""
    found = []
    for file in os.listdir(directory):
        digits = file.removesuffix(SUFFIX)
        if digits != file and digits.isascii() and digits.isdecimal():
            found.append(Name(int(digits) / 1000, f"{directory}/{file}"))
    return sorted(found)


class Ring:
    """Writes. One thread at a time; every method raises OSError."""

    def __init__(self, directory: str, bounds: Bounds) -> None:
        """Make the directory where it is not there, for its owner alone."""
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._directory = directory
        self.bounds = bounds
        self._sizes: dict[str, int] = {}
        """Of the other segments, the oldest first."""
        self._open: _Open | None = None
        self._waiting: list[Event | Note] = []
        self.bytes = sum(size for _, size in self._others())
        """Of all segments."""
        self.bytes_each: float | None = None
        """Of a Snapshot, on the average of the segment before. None: there was none."""

    def add(self, snapshot: Snapshot) -> None:
        """Append a Snapshot. After OSError the next one begins a new segment."""
        current = self._open
        if current is not None and not 0 <= snapshot.wall_time - current.start < SEGMENT_SECONDS:
            self.close()
            current = None
        if current is None:
            current = self._begin(snapshot.wall_time)
        self._append(current, current.writer.snapshot(snapshot))
        current.snapshots += 1
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self._append(current, current.writer.event(event))
        self._prune(snapshot.wall_time)

    def event(self, event: Event | Note) -> None:
        """Append an Event or a Note; before the first Snapshot of a segment it waits for that."""
        if self._open is None:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.append(event)
            return
        self._append(self._open, self._open.writer.event(event))

    def close(self) -> None:
        """End the segment that is written: it is on the disk then."""
        current, self._open = self._open, None
        if current is None:
            return
        if current.snapshots:
            self.bytes_each = current.size / current.snapshots
        try:
            os.fdatasync(current.fd)
        finally:
            os.close(current.fd)

    def _begin(self, at: float) -> _Open:
        self._sizes = dict(self._others())
        writer = SegmentWriter()
        milliseconds = int(at * 1000)
        while True:
            path = f"{self._directory}/{milliseconds:015}{SUFFIX}"
            try:
                fd = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
                )
            except FileExistsError:
                milliseconds += 1  # written just before the clock was set back
                continue
            break
        self._open = current = _Open(path, fd, at, writer)
        self._append(current, writer.begin(at))
        return current

    def _append(self, current: _Open, data: bytes) -> None:
        try:
            written = os.write(current.fd, data)
            if written < len(data):
                raise OSError(0, f"{written} of {len(data)} bytes written", current.path)
        except OSError:
            # The stream inside the segment goes on behind what is not there: it ends here.
            self._open = None
            os.close(current.fd)
            raise
        current.size += written

    def _prune(self, now: float) -> None:
        assert self._open is not None
        kept = self._open.size + sum(self._sizes.values())
        others = list(self._sizes)
        for path, following in itertools.pairwise([*others, self._open.path]):
            too_old = _start(following) < now - self.bounds.seconds
            if not too_old and kept <= self.bounds.max_bytes:
                break
            Path(path).unlink(missing_ok=True)  # somebody may have tidied up
            kept -= self._sizes.pop(path)
        self.bytes = kept

    def _others(self) -> Iterator[tuple[str, int]]:
        for name in names(self._directory):
            try:
                yield name.path, os.stat(name.path).st_size
            except FileNotFoundError:
                continue


class _Open:
    """The segment that is written."""

    __slots__ = ("fd", "path", "size", "snapshots", "start", "writer")

    def __init__(self, path: str, fd: int, start: float, writer: SegmentWriter) -> None:
        self.path = path
        self.fd = fd
        self.start = start
        self.writer = writer
        self.size = 0
        self.snapshots = 0


def _start(path: str) -> float:
    return int(os.path.basename(path).removesuffix(SUFFIX)) / 1000
