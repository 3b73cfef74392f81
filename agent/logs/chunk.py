"""Entries to a destination: what it is given, what it answers. All an exporter needs to know.

One pipeline per destination, so a slow one holds nobody else. A checkpoint moves when `send` says
`Delivered`, never before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from agent.logs.entry import Entry, Extra
from agent.logs.framing import Bytes
from agent.records import dataclass

__all__ = [
    "BlockEncoder",
    "Bytes",
    "Chunk",
    "Delivered",
    "Destination",
    "Entry",
    "EntryEncoder",
    "Extra",
    "LineEncoder",
    "OffsetEncoder",
    "Outcome",
    "Rejected",
    "RetryAfter",
]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one message carries and one acknowledgement confirms."""

    id: str
    """24 characters of base64, made from the chunk's place in the log files and its bytes: the same
    chunk sent again has the same id."""
    parts: tuple[bytes, ...]
    """What the destination's own encoder made, one entry after another. In a few pieces, which end
    anywhere: to join a megabyte took a tenth of the CPU time of all that is done with it."""
    records: int

    @property
    def payload(self) -> bytes:
        """Its bytes in one piece."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is the destination's now."""

    fields_refused: int = 0
    """Records whose fields it did not take: stored with these as text."""
    reason: str = ""
    """What it had against them."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Not now. The pipeline keeps the chunk and sends it again, in the old order."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Some or all records are refused for good: counted as lost, and the checkpoint moves."""

    records: int
    reason: str
    fields_refused: int = 0
    """As in Delivered, of those that are not refused."""


Outcome = Delivered | RetryAfter | Rejected


class EntryEncoder(Protocol):
    """Entries of one container to the destination's bytes. Encoded entries can be concatenated."""

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode whole entries. Never fails for entries as entry.py describes them."""
        ...


class BlockEncoder(Protocol):
    """Lines of one log format to the destination's bytes, without an Entry in between."""

    def encode(self, data: Bytes, begin: int, end: int) -> tuple[bytes, int, int]:
        """
        Encode lines of the usual shape from `data[begin]` on, until one that is not, or enough.

        `data[begin:end]` are whole lines. Return the payload, its records, one for each line, and
        the index after the last of them; (b"", 0, begin) where the first line is not usual. The
        payload is what `EntryEncoder.encode` makes of what the format's parser makes of the lines;
        a piece of a line, or one that does not parse, is never usual.
        """
        ...


@runtime_checkable
class LineEncoder(EntryEncoder, Protocol):
    """An encoder with a short way for lines that need nothing but encoding. Optional."""

    def block_encoder(self, log_format: str) -> BlockEncoder | None:
        """The short way for files of this format, if there is one."""
        ...


@runtime_checkable
class OffsetEncoder(EntryEncoder, Protocol):
    """An encoder whose records are named by their place. Optional. Each entry's extra has "offset"
    then: the first byte of its line, or of its last piece's, in its file, as text."""

    needs_offsets: bool


class Destination(Protocol):
    """Where chunks go."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes of payload a chunk should have. One record alone may be larger."""
        ...

    @property
    def connected(self) -> bool | None:
        """None: has no connection to speak of, or has not tried yet."""
        ...

    def encoder(self, fields: Mapping[str, str]) -> EntryEncoder:
        """Make the encoder of one container, whose records all carry `fields`."""
        ...

    async def send(self, chunk: Chunk) -> Outcome:
        """Deliver one chunk. Called for several chunks at once, in their order."""
        ...

    async def close(self) -> None:
        """Give up what is held open. Idempotent."""
        ...
