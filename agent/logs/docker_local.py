"""Docker's `local` driver: framed protobuf messages, not lines.

    u32 BE length · LogEntry · the same length again          local-logs/container.log, .1.gz, .2.gz

Source  moby api/types/plugins/logdriver/entry.proto and daemon/logger/local:

    LogEntry                 source = 1 string, time_nano = 2 int64, line = 3 bytes,
                             partial = 4 bool, partial_log_metadata = 5
    PartialLogEntryMetadata  last = 1 bool, id = 2 string, ordinal = 3 int32

Pieces  As with json-file Docker cuts a line every 16 KiB; here each piece says that it is one, of
        which line, and whether it is the last. Output that ends without a newline has no last one:
        its end is a piece that is shorter (docker_json.py).
Damage  A frame whose two lengths differ is none: the bytes up to the next whole frame come out
        raw, as one line that does not parse.
"""

from __future__ import annotations

import struct
from typing import Final

from agent.logs import docker_json
from agent.logs.entry import STREAMS, UNPARSED, Entry
from agent.logs.framing import Bytes, Lines, Text
from agent.logs.timestamps import END
from agent.protobuf import read_fields
from agent.records import NamedTuple

MAX_RECORD: Final = 1_000_000
"""Docker's own limit for reading one back (maxMsgLen)."""
_OVERHEAD: Final = 8
_LENGTH: Final = struct.Struct(">I")


class LogEntry(NamedTuple):
    """One message."""

    source: str
    time_nano: int
    line: bytes
    partial: bool
    """Whether it is a piece of a line."""
    last: bool
    """Whether it is the last piece of its line."""


class LocalFramer:
    """The unfinished frame of one file. As framing.Framer, for frames."""

    max_line = MAX_RECORD

    def __init__(self, offset: int = 0) -> None:
        self.start = offset
        """Offset of the first byte that has not come out yet."""
        self._rest = b""
        self._searched = 0
        """Bytes of `_rest` that begin no whole frame, where its first byte does not."""

    @property
    def position(self) -> int:
        """Offset of the next byte to feed."""
        return self.start + len(self._rest)

    def take(self, block: Bytes) -> tuple[list[Lines], Text | None]:
        """Take the next bytes of the file; return the frames they finish, without their lengths."""
        data = self._rest + block
        out: list[Lines] = []
        records: list[bytes] = []
        at = 0
        while True:
            end = self._frame(data, at)
            if end > 0:
                records.append(data[at + 4 : end - 4])
                at = end
                continue
            if records:
                out.append(self._lines(records, at))
                records, data, at = [], data[at:], 0
            if end == 0:
                break
            found = self._next_frame(data)
            if found == 0:
                break
            out.append(Lines([data[:found]], self.start, self.start + found, 0, False, overhead=0))
            self.start += found
            data = data[found:]
        self._rest = data
        return out, None

    def finish(self) -> Lines | None:
        """Return what is left, for a file that will not grow any more."""
        if not self._rest:
            return None
        line = Lines([self._rest], self.start, self.position, 0, False, overhead=0)
        self.start, self._rest, self._searched = self.position, b"", 0
        return line

    def _lines(self, records: list[bytes], size: int) -> Lines:
        lines = Lines(records, self.start, self.start + size, 0, False, overhead=_OVERHEAD)
        self.start += size
        return lines

    @staticmethod
    def _frame(data: bytes, at: int) -> int:
        """Return where the frame at `at` ends; 0 if it is not all there, -1 if it is none."""
        if len(data) - at < 4:
            return 0
        (length,) = _LENGTH.unpack_from(data, at)
        if not 0 < length <= MAX_RECORD:
            return -1
        end: int = at + length + _OVERHEAD
        if end > len(data):
            return 0
        return end if data[end - 4 : end] == data[at : at + 4] else -1

    def _next_frame(self, data: bytes) -> int:
        """Return how many bytes of damage `data` begins with; 0 while that cannot be told."""
        # MAX_RECORD is below 2^24, so a frame begins with a zero.
        at = data.find(b"\0", max(1, self._searched))
        while at >= 0:
            if self._frame(data, at) > 0:
                self._searched = 0
                return at
            at = data.find(b"\0", at + 1)
        if len(data) > 2 * MAX_RECORD:
            self._searched = 0
            return len(data) - MAX_RECORD
        # A frame that is not all there may begin at any of these: look at them again then.
        self._searched = max(1, len(data) - MAX_RECORD - _OVERHEAD)
        return 0


class DockerLocalParser:
    """Messages of one container's files."""

    any_bytes = True

    def __init__(self) -> None:
        self.failures = 0
        """Messages that came out raw."""

    def parse(self, lines: list[bytes], read_ns: int) -> tuple[list[Entry], bool]:
        """Parse `lines`: one entry for each, in order, and whether any is a piece."""
        entries: list[Entry] = []
        partial = False
        for line in lines:
            try:
                found = decode(line)
            except ValueError:
                self.failures += 1
                entries.append((read_ns, "", line, {"note": UNPARSED}, False))
                continue
            piece = found.partial and not found.last and len(found.line) >= docker_json.PIECE
            partial = partial or piece
            entries.append((found.time_nano, found.source, found.line, None, piece))
        return entries, partial


def decode(message: bytes) -> LogEntry:
    """Decode one LogEntry. Fields that are not known are passed over. Raises ValueError."""
    source, time_nano, line, partial, last = b"", 0, b"", False, False
    for number, value in read_fields(message):
        match number, value:
            case 1, bytes():
                source = value
            case 2, int():
                time_nano = value
            case 3, bytes():
                line = value
            case 4, int():
                partial = bool(value)
            case 5, bytes():
                last = bool(dict(read_fields(value)).get(1))
    stream = source.decode("ascii", "replace")
    if stream not in STREAMS or not 0 <= time_nano < END:
        raise ValueError("not a log entry")
    return LogEntry(stream, time_nano, line, partial, last)
