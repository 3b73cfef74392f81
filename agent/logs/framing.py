"""Bytes of a log file in, whole lines out. No I/O, bounded memory.

Contract

- `feed` takes the file's bytes in order, in any pieces; `finish` says that no more will come.
- Every line comes out exactly once, with the offsets it had in the file. Lines of one `Lines` lie
  side by side: line i starts where line i - 1 ended, newline included.
- At most `max_line` bytes of an unfinished line are kept. A longer line comes out alone, cut to
  `max_line` bytes, when its newline has been seen; `dropped` says how many bytes went. Its
  neighbours are whole. Until then `start` stays at its first byte, so that a restart reads it anew.
"""

from __future__ import annotations

from typing import Final

from agent.records import NamedTuple

MAX_LINE: Final = 256 * 1024
"""Docker's and containerd's pieces are 16 KiB, conmon's 8; escaped as JSON at most six times that,
plus Docker's attrs."""


Bytes = bytes | bytearray
"""A block of a file. A bytearray is used again for the next one: what is kept of it is copied."""


class Lines(NamedTuple):
    """Consecutive lines of a file."""

    data: list[bytes]
    """Without their newlines."""
    start: int
    """Offset of the first byte of the first line."""
    end: int
    """Offset after the last line's newline; after its last byte where `finish` made it."""
    dropped: int = 0
    """Bytes cut from the end of the only line."""
    utf8: bool = True
    """All of it is valid UTF-8."""
    overhead: int = 1
    """Bytes of the file beside each line's own: its newline."""


class Text(NamedTuple):
    """Consecutive whole lines of a file, not taken apart: `data[begin:end]`."""

    data: Bytes
    begin: int
    end: int
    """After a newline."""
    start: int
    """Offset in the file of the first byte of the first line."""


class Framer:
    """The unfinished line of one file."""

    def __init__(self, offset: int = 0, max_line: int = MAX_LINE) -> None:
        self.start = offset
        """Offset of the first byte that has not come out yet."""
        self.max_line = max_line
        self._rest = b""
        self._dropped = 0

    @property
    def position(self) -> int:
        """Offset of the next byte to feed."""
        return self.start + len(self._rest) + self._dropped

    def feed(self, block: Bytes) -> list[Lines]:
        """Take the next bytes of the file; return the lines they finish."""
        out, text = self.take(block)
        if text is not None:
            out += lines_of(text, self.max_line)
        return out

    def take(self, block: Bytes) -> tuple[list[Lines], Text | None]:
        """Take the next bytes; return the line begun earlier, and those that lie in them whole.

        The latter as they are: `lines_of` takes them apart and cuts what is too long.
        """
        out: list[Lines] = []
        begin = self._finish_open_line(block, out)
        if begin < 0:
            return out, None
        end = block.rfind(b"\n", begin) + 1
        if not end:
            self._keep(block[begin:])
            return out, None
        text = Text(block, begin, end, self.start)
        self.start += end - begin
        self._keep(block[end:])
        return out, text

    def finish(self) -> Lines | None:
        """Return the unfinished line, for a file that will not grow any more."""
        if not self._rest and not self._dropped:
            return None
        end = self.position
        line = Lines([self._rest], self.start, end, self._dropped, _is_utf8(self._rest))
        self.start, self._rest, self._dropped = end, b"", 0
        return line

    def _finish_open_line(self, block: Bytes, out: list[Lines]) -> int:
        """Close the line begun earlier, which may be too long; return where the next one begins,
        or -1 where the block does not hold its end."""
        if not self._rest and not self._dropped:
            return 0
        newline = block.find(b"\n")
        if newline < 0:
            self._keep(block)
            return -1
        self._keep(block[:newline])
        line = self.finish()
        if line is None:  # the open line had bytes, or we had returned above
            raise AssertionError
        out.append(line._replace(end=line.end + 1))
        self.start += 1
        return newline + 1

    def _keep(self, piece: Bytes) -> None:
        room = self.max_line - len(self._rest)
        if len(piece) > room:
            self._dropped += len(piece) - room
            piece = piece[:room]
        self._rest += piece


def lines_of(text: Text, max_line: int = MAX_LINE) -> list[Lines]:
    """Take whole lines apart; one over `max_line` bytes comes out alone, cut."""
    data = bytes(memoryview(text.data)[text.begin : text.end - 1])
    utf8 = _is_utf8(data)
    lines = data.split(b"\n")
    start = text.start
    if len(data) <= max_line or max(map(len, lines)) <= max_line:
        return [Lines(lines, start, start + len(data) + 1, 0, utf8)]
    out: list[Lines] = []
    good: list[bytes] = []
    begin = start
    for line in lines:
        end = start + len(line) + 1
        if len(line) > max_line:
            if good:
                out.append(Lines(good, begin, start, 0, utf8))
                good = []
            head = line[:max_line]
            out.append(Lines([head], start, end, len(line) - len(head), _is_utf8(head)))
            begin = end
        else:
            good.append(line)
        start = end
    if good:
        out.append(Lines(good, begin, start, 0, utf8))
    return out


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
