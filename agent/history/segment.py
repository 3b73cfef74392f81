r"""The file format of the history: one segment, appended to and never changed.

    file     header, then records until its end
    header   8 bytes  89 41 47 48 49 53 54 0A  ("\x89AGHIST\n")
             1 byte   version of this format: 1
             3 bytes  0
             4 bytes  CRC-32 of the 12 bytes before
    record   4 bytes  length of the payload
             1 byte   kind: 1 types, 2 Snapshot, 3 Event, 4 Note; others are passed over
             1 byte   0
             2 bytes  number of the record in the file, from 0, modulo 65,536
             8 bytes  Unix time, a double: the Snapshot's wall time, when the Event happened
             or the Note was made
             4 bytes  CRC-32 of the payload as it is in the file
             4 bytes  CRC-32 of the 20 bytes before
             payload  the next piece of the file's one deflate stream (RFC 1951), flushed, so that
                      all records up to this one can be inflated

All numbers little-endian. The first record holds the types, the second a Snapshot. What payloads
hold once inflated is in `track.py` and `values.py`.

A record is written with one write. Whatever follows the last good record (a torn write, a damaged
sector) is not read, and told as `Records.unread`: a record cannot be understood without all before
it. CRC-32 finds every error of up to 32 bits in a row and every one of up to 3 bits in a record
under 11 KB; of any other damage it lets through one in four billion, for header and payload each.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Literal, Protocol

from agent.diagnosis.note import Note
from agent.history.restore import Unreadable
from agent.history.track import Told, TrackReader, TrackWriter
from agent.lifecycle.events import Event
from agent.model import Snapshot
from agent.records import NamedTuple

try:
    # A fifth of zlib's CPU at level 1 and as small; both write the same format.
    from isal.isal_zlib import compressobj  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from zlib import compressobj  # type: ignore[assignment,unused-ignore]

MAGIC: Final = b"\x89AGHIST\n"
VERSION: Final = 1
TYPES: Final = 1
SNAPSHOT: Final = 2
EVENT: Final = 3
NOTE: Final = 4
Kind = Literal[1, 2, 3, 4]

_HEADER: Final = struct.Struct("<8sB3x")
_RECORD: Final = struct.Struct("<IBxHdI")
_CRC: Final = struct.Struct("<I")
HEADER_SIZE: Final = _HEADER.size + _CRC.size
RECORD_SIZE: Final = _RECORD.size + _CRC.size
_LEVEL: Final = 1
"""Of deflate: level 6 makes a tenth less for 15 times the CPU."""
_MOST: Final = 64 * 1024 * 1024
"""Bytes of one inflated payload: a Snapshot of 10,000 cgroups takes 9 MB."""


class OtherVersion(Unreadable):
    """A segment of a format that this agent does not know."""


class SegmentWriter:
    """Makes the bytes of one segment; append each to the file as it is."""

    def __init__(self) -> None:
        self._track = TrackWriter()
        self._deflate: _Deflate = compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._number = 0

    def begin(self, at: float) -> bytes:
        """The header and the types. `at`: Unix seconds."""
        header = _HEADER.pack(MAGIC, VERSION)
        return header + _CRC.pack(zlib.crc32(header)) + self._record(TYPES, at, self._track.types())

    def snapshot(self, snapshot: Snapshot) -> bytes:
        """The next Snapshot. Raises `values.NotStorable`; the writer is then as it was."""
        return self._record(SNAPSHOT, snapshot.wall_time, self._track.snapshot(snapshot))

    def event(self, event: Event | Note) -> bytes:
        """The next Event or Note; a Snapshot must be there already. Raises as `snapshot`."""
        kind: Kind = EVENT if isinstance(event, Event) else NOTE
        return self._record(kind, event.at, self._track.event(event))

    def _record(self, kind: Kind, at: float, payload: bytes) -> bytes:
        packed = self._deflate.compress(payload) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        head = _RECORD.pack(len(packed), kind, self._number & 0xFFFF, at, zlib.crc32(packed))
        self._number += 1
        return head + _CRC.pack(zlib.crc32(head)) + packed


class _Deflate(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self, mode: int, /) -> bytes: ...


class Record(NamedTuple):
    """Where one record is."""

    kind: int
    at: float
    """Unix seconds."""
    start: int
    """Of its payload in the file."""
    length: int
    crc: int
    """That its payload must have."""


class Records(NamedTuple):
    """What is in a segment."""

    records: tuple[Record, ...]
    end: int
    """Where the last good one ends."""
    unread: int
    """Bytes after it."""


def scan(read: Callable[[int, int], bytes], size: int) -> Records:
    """
    Find the records of a file of `size` bytes; `read(start, length)` reads a piece.

    Headers are checked, payloads are not: `Segment` does that. Raises Unreadable where the file is
    no segment, OtherVersion where it is one of another version.
    """
    header = read(0, HEADER_SIZE)
    _check_header(header)
    records: list[Record] = []
    end = HEADER_SIZE
    while end < size:
        head = read(end, RECORD_SIZE)
        if len(head) < RECORD_SIZE or _crc(head[-4:]) != zlib.crc32(head[:-4]):
            break
        length, kind, number, time, crc = _RECORD.unpack(head[:-4])
        if number != len(records) & 0xFFFF or end + RECORD_SIZE + length > size:
            break
        records.append(Record(kind, time, end + RECORD_SIZE, length, crc))
        end += RECORD_SIZE + length
    return Records(tuple(records), end, size - end)


class Segment:
    """Reads one segment from its start."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        """As `scan`, and raises as it."""
        self._read = read
        self.found = scan(read, size)

    def snapshots(self) -> Iterator[Snapshot]:
        """Each Snapshot, in order, up to what cannot be read: then raises Unreadable."""
        track: TrackReader | None = None
        for record, payload in self._payloads():
            if track is None:
                track = _track(record, payload)
            elif record.kind == SNAPSHOT:
                yield track.snapshot(payload)

    def events(self) -> Iterator[Event]:
        """Each Event, likewise."""
        return self._told(EVENT, Event)

    def notes(self) -> Iterator[Note]:
        """Each Note, likewise."""
        return self._told(NOTE, Note)

    def _told(self, number: Kind, kind: type[Told]) -> Iterator[Told]:
        track: TrackReader | None = None
        for record, payload in self._payloads():
            if track is None:
                track = _track(record, payload)
            elif record.kind == number:
                yield track.event(payload, kind)

    def _payloads(self) -> Iterator[tuple[Record, bytes]]:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        for record in self.found.records:
            packed = self._read(record.start, record.length)
            if len(packed) != record.length or zlib.crc32(packed) != record.crc:
                raise Unreadable(f"the record at byte {record.start} is damaged")
            try:
                payload = inflate.decompress(packed, _MOST)
            except zlib.error as error:
                raise Unreadable(str(error)) from error
            if inflate.unconsumed_tail:
                raise Unreadable(f"the record at byte {record.start} is over {_MOST} bytes")
            yield record, payload


def _track(record: Record, payload: bytes) -> TrackReader:
    if record.kind != TYPES:
        raise Unreadable("the types are not there")
    return TrackReader(payload)


def _check_header(header: bytes) -> None:
    if len(header) < HEADER_SIZE or not header.startswith(MAGIC):
        raise Unreadable("this is no history of the agent")
    if _crc(header[-4:]) != zlib.crc32(header[:-4]):
        raise Unreadable("the header is damaged")
    _, version = _HEADER.unpack(header[:-4])
    if version != VERSION:
        raise OtherVersion(f"format {version}; this agent reads {VERSION}")


def _crc(data: bytes) -> int:
    (crc,) = _CRC.unpack(data)
    return int(crc)
