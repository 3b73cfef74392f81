"""The past, read from segments: `agent.past.Past`, the events, and what closer looks saw.

    History(directory)      the ring of an agent, which may be writing
    SavedFile(path)         one file of `agent snapshot save`

Nothing is locked and nothing kept open: a segment that is deleted meanwhile is not there any more.
What cannot be read is left out and counted in `problems`. Not thread-safe.
"""

from __future__ import annotations

import bisect
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agent.diagnosis.note import Note
from agent.history.restore import Unreadable
from agent.history.ring import Name, names
from agent.history.segment import EVENT, NOTE, SNAPSHOT, Records, Segment
from agent.history.track import Told
from agent.lifecycle.events import Event
from agent.model import Snapshot
from agent.past import Past, same_run
from agent.records import NamedTuple

_LATE = 60.0
"""Seconds that an event may be written after it happened."""


class _Scan(NamedTuple):
    """What a segment of some size holds."""

    size: int
    found: Records
    moments: tuple[float, ...]


class SegmentsPast:
    """The past in some files, whose list is asked for anew each time."""

    def __init__(self, segments: Callable[[], list[Name]]) -> None:
        """`segments`: oldest first."""
        self._segments = segments
        self._scans: dict[str, _Scan] = {}
        self._decoded: _Decoded | None = None
        self._problems: dict[str, str] = {}

    @property
    def problems(self) -> Mapping[str, int]:
        """Why a part could not be read → of how many segments."""
        return Counter(self._problems.values())

    def moments(self, since: float, until: float) -> tuple[float, ...]:
        """See `Past`."""
        found: list[float] = []
        segments = self._segments()
        there = {name.path for name in segments}
        for path in self._scans.keys() - there:
            del self._scans[path]
            self._problems.pop(path, None)
        for name in _between(segments, since, until):
            scan = self._scan(name)
            if scan is not None:
                found += (moment for moment in scan.moments if since <= moment <= until)
        return tuple(sorted(set(found)))

    def beginnings(self, since: float, until: float) -> tuple[float, ...]:
        """Of `moments` the first of each file: those that are read without any other."""
        found = []
        for name in _between(self._segments(), since, until):
            scan = self._scan(name)
            if scan is not None and scan.moments and since <= scan.moments[0] <= until:
                found.append(scan.moments[0])
        return tuple(found)

    def snapshot(self, at: float) -> Snapshot | None:
        """See `Past`."""
        for name in reversed(_between(self._segments(), at, at)):
            scan = self._scan(name)
            if scan is None:
                continue
            place = bisect.bisect_right(scan.moments, at)
            while place:
                place -= 1
                snapshot = self._snapshot(name, scan, place)
                if snapshot is not None:
                    return snapshot
        return None

    def events(self, since: float, until: float) -> Iterator[Event]:
        """What happened with since <= at <= until, as it was written."""
        return self._told(since, until, EVENT, Segment.events)

    def notes(self, since: float, until: float) -> Iterator[Note]:
        """What closer looks saw with since <= at <= until, as it was written."""
        return self._told(since, until, NOTE, Segment.notes)

    def _told(
        self, since: float, until: float, kind: int, told: Callable[[Segment], Iterator[Told]]
    ) -> Iterator[Told]:
        for name in _between(self._segments(), since, until + _LATE):
            with self._opened(name) as segment:
                if segment is None or not any(r.kind == kind for r in segment.found.records):
                    continue
                found: list[Told] = []
                try:
                    found.extend(one for one in told(segment) if since <= one.at <= until)
                except Unreadable as error:
                    self._problems[name.path] = str(error)
            yield from found

    def _scan(self, name: Name) -> _Scan | None:
        known = self._scans.get(name.path)
        try:
            if known is not None and os.stat(name.path).st_size == known.size:
                return known
        except FileNotFoundError:
            return None
        with self._opened(name) as segment:
            if segment is None:
                return None
            found = segment.found
        scan = _Scan(
            found.end + found.unread,
            found,
            tuple(record.at for record in found.records if record.kind == SNAPSHOT),
        )
        self._scans[name.path] = scan
        return scan

    def _snapshot(self, name: Name, scan: _Scan, place: int) -> Snapshot | None:
        """The one at `place` of a segment. None: it cannot be read."""
        decoded = self._decoded
        if decoded is None or decoded.path != name.path or decoded.size != scan.size:
            try:
                data = Path(name.path).read_bytes()[: scan.size]
                segment = Segment(lambda start, length: data[start : start + length], len(data))
            except FileNotFoundError:
                return None
            except Unreadable as error:
                self._problems[name.path] = str(error)
                return None
            self._decoded = decoded = _Decoded(name.path, scan.size, segment.snapshots())
        try:
            return decoded.get(place)
        except Unreadable as error:
            self._problems[name.path] = str(error)
            return None

    @contextmanager
    def _opened(self, name: Name) -> Iterator[Segment | None]:
        try:
            fd = os.open(name.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        try:
            try:
                segment = Segment(
                    lambda start, length: os.pread(fd, length, start), os.fstat(fd).st_size
                )
            except Unreadable as error:
                self._problems[name.path] = str(error)
                yield None
                return
            if segment.found.unread:
                self._problems[name.path] = "the end of a segment"
            else:
                self._problems.pop(name.path, None)
            yield segment
        finally:
            os.close(fd)


class _Decoded:
    """The segment that was looked at last: who steps stays in one for long."""

    def __init__(self, path: str, size: int, rest: Iterator[Snapshot]) -> None:
        self.path = path
        self.size = size
        self._snapshots: list[Snapshot] = []
        self._rest = rest

    def get(self, place: int) -> Snapshot | None:
        """The one at that place. None: what is before it is damaged, as was raised once."""
        while len(self._snapshots) <= place:
            following = next(self._rest, None)
            if following is None:
                return None
            self._snapshots.append(following)
        return self._snapshots[place]


class History(SegmentsPast):
    """The ring in a directory."""

    def __init__(self, directory: str) -> None:
        """Raises OSError where there is no such directory, or it may not be read."""
        names(directory)
        super().__init__(lambda: names(directory))


class SavedFile(SegmentsPast):
    """One file."""

    def __init__(self, path: str) -> None:
        """Raises OSError where it cannot be read, Unreadable where it is no such file."""
        with open(path, "rb") as file:
            fd = file.fileno()
            Segment(lambda start, length: os.pread(fd, length, start), os.fstat(fd).st_size)
        super().__init__(lambda: [Name(0.0, path)])


def window(past: Past, since: float, until: float, most: int = 360) -> list[Snapshot]:
    """
    Snapshots between two times that belong to the run of the last one, oldest first.

    Where there are over `most`, some in equal steps, the first and the last among them.
    """
    moments = past.moments(since, until)
    if len(moments) > most:
        step = (len(moments) - 1) / (most - 1)
        moments = tuple(moments[round(number * step)] for number in range(most))
    found: list[Snapshot] = []
    for moment in moments:
        snapshot = past.snapshot(moment)
        if snapshot is None:
            continue
        if found and not same_run(found[-1], snapshot):
            found.clear()
        found.append(snapshot)
    return found


def _between(segments: list[Name], since: float, until: float) -> list[Name]:
    """Those that may hold something of that time, and the one before."""
    starts = [name.start for name in segments]
    first = max(bisect.bisect_right(starts, since) - 1, 0)
    return segments[first : bisect.bisect_right(starts, until)]
