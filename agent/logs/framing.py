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

from typing import Final, NamedTuple

MAX_LINE: Final = 256 * 1024
"""Docker's and containerd's pieces are 16 KiB, conmon's 8; escaped as JSON at most six times that,
plus Docker's attrs."""


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


class Framer:
    """The unfinished line of one file."""

    def __init__(self, offset: int = 0, max_line: int = MAX_LINE) -> None:
        self.start = offset
        """Offset of the first byte that has not come out yet."""
        self._max_line = max_line
        self._rest = b""
        self._dropped = 0

    @property
    def position(self) -> int:
        """Offset of the next byte to feed."""
        return self.start + len(self._rest) + self._dropped

    def feed(self, block: bytes) -> list[Lines]:
        """Take the next bytes of the file; return the lines they finish."""
        out: list[Lines] = []
        begin = 0
        if self._dropped or len(self._rest) + len(block) > self._max_line:
            begin = self._finish_open_line(block, out)
            if begin < 0:
                return out
        last = block.rfind(b"\n", begin)
        if last < 0:
            self._keep(block[begin:])
            return out
        text = self._rest + block[begin:last]
        self._emit(text, out)
        self._rest = b""
        self._keep(block[last + 1 :])
        return out

    def finish(self) -> Lines | None:
        """Return the unfinished line, for a file that will not grow any more."""
        if not self._rest and not self._dropped:
            return None
        end = self.position
        line = Lines([self._rest], self.start, end, self._dropped, _is_utf8(self._rest))
        self.start, self._rest, self._dropped = end, b"", 0
        return line

    def _finish_open_line(self, block: bytes, out: list[Lines]) -> int:
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

    def _emit(self, text: bytes, out: list[Lines]) -> None:
        """Append the lines of `text`, whose last newline is taken off already."""
        utf8 = _is_utf8(text)
        lines = text.split(b"\n")
        if len(text) <= self._max_line or max(map(len, lines)) <= self._max_line:
            end = self.start + len(text) + 1
            out.append(Lines(lines, self.start, end, 0, utf8))
            self.start = end
            return
        good: list[bytes] = []
        begin = self.start
        for line in lines:
            end = self.start + len(line) + 1
            if len(line) > self._max_line:
                if good:
                    out.append(Lines(good, begin, self.start, 0, utf8))
                    good = []
                head = line[: self._max_line]
                out.append(Lines([head], self.start, end, len(line) - len(head), _is_utf8(head)))
                begin = end
            else:
                good.append(line)
            self.start = end
        if good:
            out.append(Lines(good, begin, self.start, 0, utf8))

    def _keep(self, piece: bytes) -> None:
        room = self._max_line - len(self._rest)
        if len(piece) > room:
            self._dropped += len(piece) - room
            piece = piece[:room]
        self._rest += piece


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
