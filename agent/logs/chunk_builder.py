"""Entries of any containers, encoded, gathered into chunks of one size.

A chunk holds entries of many containers where each writes little. What it finishes (`marks`) is
applied when it and all earlier chunks are acknowledged.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from agent.logs.batch import Batch
from agent.logs.chunk import Chunk, EntryEncoder
from agent.logs.entry import Entry
from agent.logs.ledger import Ledger
from agent.logs.tail import FileMark
from agent.records import dataclass, field

_ENDS: Final = 1024
_PIECE: Final = 32 * 1024
"""Bytes of a part, on average, from which it is not worth to join them."""


@dataclass(slots=True, eq=False)
class Pending:
    """A chunk on its way, and what its acknowledgement means here."""

    sequence: int
    chunk: Chunk
    marks: dict[FileMark, int]
    """File → offset up to which everything is in this or an earlier chunk."""
    records: dict[int, tuple[Ledger, int]]
    """id of the ledger → whose records, and how many."""
    settled: bool = False
    """Acknowledged or refused; it waits for earlier ones."""

    def apply(self) -> None:
        """Move the files' acknowledged offsets."""
        for mark, offset in self.marks.items():
            mark.acknowledged = offset


@dataclass(slots=True)
class _Open:
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    count: int = 0
    ranges: list[tuple[FileMark, int, int]] = field(default_factory=list)
    records: dict[int, tuple[Ledger, int]] = field(default_factory=dict)

    def extend(self, mark: FileMark, begin: int, up_to: int) -> None:
        """Take a range of a file, with the one before it as one where it goes on from there."""
        if self.ranges:
            last, first, end = self.ranges[-1]
            if last is mark and end == begin:
                self.ranges[-1] = (mark, first, up_to)
                return
        self.ranges.append((mark, begin, up_to))


class ChunkBuilder:
    """The chunk being filled."""

    def __init__(self, chunk_bytes: int) -> None:
        self.opened_at = 0.0
        """Monotonic seconds when its first entry came."""
        self._limit = chunk_bytes
        self._sequence = 0
        self._last_id = ""
        self._open = _Open()

    @property
    def waiting(self) -> bool:
        """Whether anything waits: records, or marks past lines of which no record came."""
        return bool(self._open.count or self._open.ranges)

    def add(self, ledger: Ledger, encoder: EntryEncoder, batch: Batch, now: float) -> list[Pending]:
        """Encode a batch into the chunk; return the chunks it filled."""
        filled: list[Pending] = []
        if batch.packed is not None:
            self._append(ledger, *batch.packed, now, filled)
        self._add(ledger, encoder, batch.entries, now, filled)
        if batch.marks and not self.waiting:
            self.opened_at = now
        for mark, begin, up_to in batch.marks:
            self._open.extend(mark, begin, up_to)
        if self._open.size >= self._limit:
            filled.append(self._seal())
        return filled

    def seal(self) -> Pending | None:
        """Return the chunk as it is, if anything is in it; without records where rules left every
        line out."""
        return self._seal() if self.waiting else None

    def _add(
        self,
        ledger: Ledger,
        encoder: EntryEncoder,
        entries: Sequence[Entry],
        now: float,
        filled: list[Pending],
    ) -> None:
        if not entries:
            return
        payload = encoder.encode(entries)
        if len(payload) > self._limit and len(entries) > 1:
            if self._open.count:
                filled.append(self._seal())
            middle = len(entries) // 2
            self._add(ledger, encoder, entries[:middle], now, filled)
            self._add(ledger, encoder, entries[middle:], now, filled)
            return
        self._append(ledger, payload, len(entries), now, filled)

    def _append(
        self, ledger: Ledger, payload: bytes, records: int, now: float, filled: list[Pending]
    ) -> None:
        if self._open.size + len(payload) > self._limit and self._open.count:
            filled.append(self._seal())
        chunk = self._open
        if not chunk.count and not chunk.ranges:
            self.opened_at = now
        chunk.parts.append(payload)
        chunk.size += len(payload)
        chunk.count += records
        _ledger, count = chunk.records.get(id(ledger), (ledger, 0))
        chunk.records[id(ledger)] = (ledger, count + records)

    def _seal(self) -> Pending:
        chunk, self._open = self._open, _Open()
        parts = tuple(chunk.parts)
        if len(parts) * _PIECE > chunk.size:
            parts = (b"".join(parts),)
        self._sequence += 1
        self._last_id = chunk_id(parts, chunk.ranges, self._last_id)
        return Pending(
            self._sequence,
            Chunk(self._last_id, parts, chunk.count),
            {mark: up_to for mark, _begin, up_to in chunk.ranges},
            chunk.records,
        )


def chunk_id(
    parts: Sequence[bytes], ranges: Sequence[tuple[FileMark, int, int]], before: str
) -> str:
    """
    Name a chunk: 128 bits, base64, from the place of its lines in the log files and its bytes.

    The same lines cut into the same chunk get the same name, also in another process. A chunk that
    finishes no line's place (a part of a batch) is named after the one `before` it instead: two
    parts with the same bytes are two chunks.

    Of the bytes the number, and both ends: they hold times to the nanosecond. To read all of them
    took a sixth of the worker's CPU time.
    """
    first, last = _ends(parts)
    digest = blake2b(first, digest_size=16)
    digest.update(last)
    digest.update(sum(map(len, parts)).to_bytes(8, "big"))
    if not ranges:
        digest.update(before.encode())
    for mark, begin, up_to in ranges:
        digest.update(f"{mark.inode} {mark.head.digest} {begin} {up_to};".encode())
    return b64encode(digest.digest()).decode()


def _ends(parts: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both ends of what the parts are together, however it is divided."""
    first = last = b""
    for part in parts:
        first += part[: _ENDS - len(first)]
        if len(first) == _ENDS:
            break
    for part in reversed(parts):
        last = part[len(last) - _ENDS :] + last
        if len(last) == _ENDS:
            break
    return first, last
