"""Pieces of a long line joined again, per stream.

Runtimes cut lines (Docker and containerd at 16 KiB, conmon at each 8 KiB read) and the pieces of
stdout and stderr lie between each other in one file, so they are kept apart by stream. Pieces go on
in the next file after a rotation: one joiner serves all files of a container.

They are cut anywhere, also within a character: what goes in may be any bytes, and becomes valid
UTF-8 when it is whole, unless somebody wants it as it is.

A line is finished by its last piece, by the size cap (what is there goes out, noted "split", and
the rest follows), by lying open across `pin_limit` bytes of other output, or by `finish`, for a
container that writes no more. Never by a short timer.

Invariant: `floor` is the position of the first piece of the oldest open line. A checkpoint that
moved past it would lose that piece in a restart, so nothing from there on may be marked as done.
"""

from __future__ import annotations

from typing import Final

from agent.logs.entry import SPLIT, Entry, Extra, clean, with_note
from agent.records import NamedTuple

RECORD_CAP: Final = 512 * 1024
"""Bytes of one joined line. A quarter of the largest chunk."""
PIN_LIMIT: Final = 8 * 1024 * 1024
"""Bytes the container may write while a line lies open. All of them come again after a restart."""
IDLE: Final = 60.0
"""Seconds without a byte in any stream after which a line without an end goes out as it is: a
prompt, or the last words of a program that died."""


class Position(NamedTuple):
    """A place in a container's output."""

    serial: int
    """Which file: later files have higher numbers."""
    offset: int


class _Open:
    """A line of which not all pieces have come."""

    __slots__ = ("behind", "entry", "latest", "pieces", "position", "size")

    def __init__(self, entry: Entry, position: Position) -> None:
        self.entry = entry
        self.position = self.latest = position
        """Of its first piece, and of its newest."""
        self.pieces = [entry[2]]
        self.size = len(entry[2])
        self.behind = 0
        """Bytes of the container's output since its first piece."""

    def joined(self, last: bytes = b"") -> Entry:
        time_ns, stream, _content, extra, _partial = self.entry
        return time_ns, stream, b"".join((*self.pieces, last)), extra, False


class Joiner:
    """The open lines of one container, at most one per stream."""

    def __init__(
        self, cap: int = RECORD_CAP, pin_limit: int = PIN_LIMIT, *, raw: bool = False
    ) -> None:
        """raw: lines are handed on in their own bytes."""
        self.capped = 0
        """Lines that were split because they were too long, or lay open for too long."""
        self.invalid = 0
        """Lines that were not valid UTF-8."""
        self._cap = cap
        self._pin_limit = pin_limit
        self._raw = raw
        self._open: dict[str, _Open] = {}

    def __bool__(self) -> bool:
        """Whether any line is open."""
        return bool(self._open)

    @property
    def floor(self) -> Position | None:
        """Where the oldest open line begins; None where none is open."""
        if not self._open:  # nearly always, and asked for each batch
            return None
        return min(line.position for line in self._open.values())

    def feed(self, entry: Entry, position: Position, length: int) -> list[Entry]:
        """Take the next entry, which fills `length` bytes at `position`; return what is whole."""
        out = self._release_pinned(length)
        stream, content, partial = entry[1], entry[2], entry[4]
        line = self._open.get(stream)
        if line is not None and line.size + len(content) > self._cap:
            split, rest = _at_a_character(self._split(stream))
            out.append(self.valid(split))
            if rest:
                entry = (entry[0], stream, rest + content, entry[3], partial)
                position = line.latest
            line = None
        if line is None:
            if partial:
                self._open[stream] = _Open(entry, position)
            else:
                out.append(self.valid(entry))
        elif partial:
            line.pieces.append(content)
            line.size += len(content)
            line.latest = position
        else:
            del self._open[stream]
            out.append(self.valid(_with_extra(line.joined(content), entry[3])))
        return out

    def valid(self, entry: Entry) -> Entry:
        """The same with valid UTF-8 in it, counted where it had not."""
        content = entry[2]
        if self._raw or content.isascii() or (text := clean(content)) == content:
            return entry
        self.invalid += 1
        return entry[0], entry[1], text, entry[3], entry[4]

    def finish(self) -> list[Entry]:
        """Return every open line as it is: no more will come."""
        lines = sorted(self._open.values(), key=lambda line: line.position)
        self._open.clear()
        return [self.valid(line.joined()) for line in lines]

    def _split(self, stream: str) -> Entry:
        self.capped += 1
        return with_note(self._open.pop(stream).joined(), SPLIT)

    def _release_pinned(self, length: int) -> list[Entry]:
        out = []
        for stream, line in list(self._open.items()):
            line.behind += length
            if line.behind > self._pin_limit:
                out.append(self.valid(self._split(stream)))
        return out


def _at_a_character(entry: Entry) -> tuple[Entry, bytes]:
    """An entry without the bytes of a character that its end cuts in two, and these bytes."""
    time_ns, stream, content, extra, partial = entry
    for back in range(1, min(3, len(content)) + 1):
        byte = content[-back]
        if byte & 0xC0 == 0x80:
            continue
        if byte >= 0xC0 and back < 2 + (byte >= 0xE0) + (byte >= 0xF0):
            return (time_ns, stream, content[:-back], extra, partial), content[-back:]
        break
    return entry, b""


def _with_extra(entry: Entry, extra: Extra | None) -> Entry:
    """A note on the last piece ("cut") is a note on the whole."""
    if extra is None:
        return entry
    time_ns, stream, content, own, partial = entry
    return time_ns, stream, content, {**(own or {}), **extra}, partial
