"""A compressed log file, read as what it was before: forwards only, in bounded memory.

    0.log.20261124-031616.gz     kubelet: gzip of the whole file, made when the next one is rotated
    ID-json.log.1.gz             Docker with compress=true

Size    The last four bytes of a gzip member are the length of its content, modulo 2^32 (RFC 1952).
        It is the size told here until the end is reached; several members are read one after
        another.
Damage  A file that ends in the middle, or is not gzip any more: what came before is good, `damage`
        says why there is no more.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
_INPUT: Final = 64 * 1024
_SKIP: Final = 8 * 1024 * 1024
"""Bytes passed over in one call on the way to where reading goes on: a few hundredths of a second,
so that nobody else waits for it."""
_SKIP_STEP: Final = 256 * 1024
_MODULUS: Final = 1 << 32


class Inflated:
    """The content of one open gzip file. `fd` stays the caller's."""

    def __init__(self, fd: int) -> None:
        self.position = 0
        """Of the content: bytes that were read or passed over."""
        self.ended = False
        self.damage = ""
        """Why it ended before its end; "" where it did not."""
        self._fd = fd
        self._at = 0
        self._decoder = zlib.decompressobj(_GZIP)
        self._input = b""
        self._told = _length(fd)

    def size(self, reached: int) -> int:
        """Bytes of content, as far as one can say before reading it; `reached` are known of."""
        if self.ended:
            return self.position
        least = max(reached, self.position)
        return least + (self._told - least) % _MODULUS

    def read(self, limit: int, offset: int) -> bytes:
        """
        Return at most `limit` bytes from `offset` on, which is never before what was read last.

        Empty at the end (`ended`), or while there is still much to pass over: ask again.
        """
        if offset < self.position:  # a failed read is repeated: begin again
            self._rewind()
        stop = self.position + _SKIP
        while self.position < offset and not self.ended:
            if self.position >= stop:
                return b""
            self._some(min(_SKIP_STEP, offset - self.position))
        parts: list[bytes] = []
        while limit > 0 and not self.ended:
            data = self._some(limit)
            parts.append(data)
            limit -= len(data)
        return b"".join(parts)

    def _rewind(self) -> None:
        self.position = self._at = 0
        self._decoder, self._input = zlib.decompressobj(_GZIP), b""
        self.ended = False

    def _some(self, limit: int) -> bytes:
        """Up to `limit` bytes of content; nothing at the end, and now and then before it."""
        if not self._input:
            self._input = os.pread(self._fd, _INPUT, self._at)
            self._at += len(self._input)
            if not self._input:
                self.ended = True
                if not self._decoder.eof:
                    self.damage = "it ends in the middle"
                return b""
        if self._decoder.eof:  # another member follows, or padding
            if not self._input.strip(b"\0"):
                self._input = b""
                return b""
            self._decoder = zlib.decompressobj(_GZIP)
        try:
            data = self._decoder.decompress(self._input, limit)
        except zlib.error as error:
            self.ended = True
            self.damage = str(error)
            return b""
        self._input = self._decoder.unused_data or self._decoder.unconsumed_tail
        self.position += len(data)
        return data


def _length(fd: int) -> int:
    size = os.fstat(fd).st_size
    if size < 18:  # not even an empty member
        return 0
    (length,) = struct.unpack("<I", os.pread(fd, 4, size - 4))
    return int(length)
